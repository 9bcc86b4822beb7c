"""No byte is left of a code that has expired: database, log, histories."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlmodel import col, select

from sojourn.dispatch.forgetting import Forgetting
from sojourn.domain.content import Content
from sojourn.domain.events import SHIPPED, LoginCodeRequested
from sojourn.domain.messages import Channel
from sojourn.domain.states import MessageState
from sojourn.project import Project
from sojourn.store import Store, events, ledger, people, secrets, settling
from sojourn.store.tables import AttemptRow, ContentRow, EventRow, LedgerRow
from sojourn.testkit import JourneyTest
from tests.support.project import WHOLE
from tests.support.rows import delivery_of

MINUTE = timedelta(minutes=1)
CODE, VISITOR = "qzx482913", "203.0.113.7"


@pytest.fixture(scope="module")
def journey_project() -> Project:
    return replace(WHOLE, policy=None)


async def asks(journey: JourneyTest, request: str) -> None:
    await journey.publish(
        LoginCodeRequested,
        message_id=f"asked-{request}",
        request_id=request,
        code=CODE,
        expires_at=await journey.now() + 5 * MINUTE,
        ip=VISITOR,
    )


def files(folder: Path) -> bytes:
    """Return all that the database has on disk."""
    return b"".join(file.read_bytes() for file in folder.glob("journey.db*"))


async def test_of_a_code_that_has_expired_no_byte_is_left(
    journey: JourneyTest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="sojourn")
    for number in range(5):
        await asks(journey, f"r{number}")
    assert CODE.encode() in files(Path(journey.settings.home)), "the search finds it"
    await journey.after(6 * MINUTE)
    forgetting = Forgetting(journey.store, journey.project.events)
    assert await forgetting.sweep(datetime.now(UTC) + 4 * MINUTE) == 0, "they may still be used"
    assert CODE in (await journey.content("code"))["text"]
    assert await forgetting.sweep(datetime.now(UTC) + 7 * MINUTE) == 5
    left = files(Path(journey.settings.home))
    assert b"Login Code Requested" in left
    assert CODE.encode() not in left
    assert VISITOR.encode() not in left
    for history in await journey.histories():
        told = history.to_json()
        assert CODE not in told
        assert "203.0.113" not in told
    assert CODE not in caplog.text
    assert VISITOR not in caplog.text
    await asks(journey, "r0")  # the shop tells it once more: it is the same request
    assert journey.sent == ["code"] * 5


async def code_sent(store: Store, customer_id: str, n: int) -> EventRow:
    """Store a request and the message that it began, as the engine does, step by step."""
    now = datetime.now(UTC)
    text = f"{CODE} is your code {'x' * (n * 60)}"
    row = EventRow(
        message_id=uuid4().hex,
        customer_id=customer_id,
        name="Login Code Requested",
        occurred_at=now,
        received_at=now,
        properties={"request_id": str(n), "code": CODE, "expires_at": str(now + 5 * MINUTE)},
    )
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        await events.add(session, row)
        await secrets.note(session, [row], SHIPPED)
    async with store.transaction() as session:
        await events.mark_routed(session, [row.seq or 0], now)
    async with store.transaction() as session:
        sent = ledger.new_row(delivery_of(customer_id), Channel.SMS)
        sent.state, sent.attempt, sent.enrolment = MessageState.CLAIMED, 1, row.message_id
        session.add(sent)
        await session.flush()
        assert sent.id is not None
        assert await settling.submit(
            session, sent.id, 1, provider="outbox", address="+39", now=now,
            content=Content(channel=Channel.SMS, template="code", locale="en", text=text),
        )  # fmt: skip
    async with store.transaction() as session:
        await settling.settle(session, sent.id, MessageState.REJECTED, detail=f"400: {text}")
    return row


async def told(store: Store, rows: Sequence[EventRow]) -> str:
    """Return what the tables hold of events and of their messages."""
    ids = [row.message_id for row in rows]
    async with store.reading() as session:
        begun = select(LedgerRow).where(col(LedgerRow.enrolment).in_(ids))
        sent = (await session.exec(begun)).all()
        numbers = [row.id for row in sent]
        kept = (await session.exec(select(EventRow).where(col(EventRow.message_id).in_(ids)))).all()
        texts = select(ContentRow).where(col(ContentRow.ledger_id).in_(numbers))
        tries = select(AttemptRow).where(col(AttemptRow.ledger_id).in_(numbers))
        found = [*kept, *sent, *await session.exec(texts), *await session.exec(tries)]
    return " ".join(str(row.model_dump()) for row in found)


async def test_codes_are_forgotten_on_every_database(store: Store, customer_id: str) -> None:
    rows = [await code_sent(store, customer_id, n) for n in range(3)]
    assert (await told(store, rows)).count(CODE) >= 9
    assert await Forgetting(store, SHIPPED).sweep(datetime.now(UTC) + 7 * MINUTE) >= 3
    left = await told(store, rows)
    assert CODE not in left
    assert "request_id" in left


async def test_a_page_of_the_file_that_was_split_holds_no_code_either(
    tmp_path: Path, migrated_database: Path
) -> None:
    shutil.copy(migrated_database, tmp_path / "journey.db")
    async with await Store.open(f"sqlite:///{tmp_path / 'journey.db'}") as store:
        for n in range(40):
            await code_sent(store, f"c{n % 7}", n)
        forgetting = Forgetting(store, SHIPPED)
        assert await forgetting.sweep(datetime.now(UTC) + 7 * MINUTE) == 40
        assert files(tmp_path).count(CODE.encode()) == 0
