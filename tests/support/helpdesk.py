"""A helpdesk that listens, and a customer with a task."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlmodel import select
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.domain.tasks import Closing, Opening
from sojourn.sending.helpdesk import Helpdesk
from sojourn.settings import Settings
from sojourn.store import Store, people, tasks
from sojourn.store.tables import TaskRow
from sojourn.testkit.fakes.server import HOST, answering

OLD, NEW = ("whsec_" + text * 4 for text in ("b2xkIHNlY3JldCEh", "bmV3IHNlY3JldCEh"))
SECOND = timedelta(seconds=1)


class FakeHelpdesk:
    """A helpdesk that accepts signed requests, unless a test gives it another answer.

    Attributes:
        said: the events on the customer that it received, with their ids, in order.
        answers: the answers instead of a 204, in order: a status, seconds to wait, or a response.
        on_post: called when a post arrives.
        secret: the secret with which it checks signatures.
        url: its URL.
    """

    def __init__(self, store: Store, customer_id: str) -> None:
        self.store, self.customer_id = store, customer_id
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[int | float | Response] = []
        self.on_post: Callable[[], Awaitable[None]] | None = None
        self.secret = NEW
        self.url = ""
        self.now = datetime.now(UTC)

    async def take(self, request: Request) -> Response:
        """Answer ``POST /tasks``; an unsigned request is refused."""
        body = await request.body()
        Webhook(self.secret).verify(body, dict(request.headers))
        assert request.headers["idempotency-key"] == request.headers["webhook-id"]
        said = json.loads(body)
        if said["data"]["customer_id"] == self.customer_id:  # others' tests share the store
            self.said.append((request.headers["webhook-id"], said))
            if self.on_post:
                await self.on_post()
            if self.answers:
                answer = self.answers.pop(0)
                if isinstance(answer, Response):
                    return answer
                if isinstance(answer, float):
                    await asyncio.sleep(answer)
                else:
                    return Response("no luck, ada@shop.example", answer)
        return Response(status_code=204)

    @property
    def kinds(self) -> list[str]:
        """The types of the events that it received, in order."""
        return [said["type"] for _, said in self.said]

    async def tell(self, after: timedelta = SECOND) -> None:
        """Have a worker report what is due, this long after the last time."""
        self.now += after
        settings = Settings(
            tasks_webhook=self.url,
            tasks_webhook_secret=SecretStr(f"{NEW},{OLD}"),
            secret_key=SecretStr("a-secret-of-the-tests"),
        )
        told = Helpdesk.of(self.store, settings)
        assert told is not None
        await told.tell(self.now)

    async def row(self) -> TaskRow:
        """Return the customer's task."""
        async with self.store.reading() as session:
            query = select(TaskRow).where(TaskRow.customer_id == self.customer_id)
            return (await session.exec(query)).one()

    async def open(self, *, to_tell: bool = True) -> TaskRow:
        """Open a task about the customer."""
        said = Opening(
            run=f"what-now:{self.customer_id}:o1", customer_id=self.customer_id, enrolment="e",
            cause="e", now=self.now, journey="what-now", question="refund",
            text="Refund the order?", answers={"yes": "Refund it", "no": "Keep the money"},
            until=self.now + timedelta(hours=4),
        )  # fmt: skip
        async with self.store.transaction() as session:
            await tasks.open_one(session, said, to_tell=to_tell)
        return await self.row()

    async def answer(self) -> None:
        """Answer the task."""
        async with self.store.transaction() as session:
            person = await people.lock(session, self.customer_id)
            row = await tasks.required(session, (await self.row()).id or 0)
            await tasks.answer(session, person, row, "yes", by="Ann", at=self.now)

    async def expire(self) -> None:
        """Let the task's time run out."""
        row = await self.row()
        said = Closing(
            task=row.task, customer_id=self.customer_id, question="refund", occurrence=1,
            now=self.now,
        )  # fmt: skip
        async with self.store.transaction() as session:
            await tasks.close(session, said)


@asynccontextmanager
async def helpdesk_of(store: Store, customer_id: str) -> AsyncIterator[FakeHelpdesk]:
    """Run a helpdesk on loopback, on a free port, for as long as the block lasts."""
    desk = FakeHelpdesk(store, customer_id)
    sock = socket.create_server((HOST, 0))
    desk.url = f"http://{HOST}:{sock.getsockname()[1]}/tasks"
    async with answering(Starlette(routes=[Route("/tasks", desk.take, methods=["POST"])]), sock):
        yield desk
