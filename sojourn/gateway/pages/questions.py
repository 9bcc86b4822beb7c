"""Pages that ask a customer one thing: a signed link leads there, a button answers.

A GET changes nothing, since scanners follow links. A POST looks again, under the customer's lock:
changes since the page was shown decide what an answer still does. Its effect is an event, stored
like any event in the transaction that looked, once however often the button is pressed. The answer
is the page that the link leads to afterwards.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import structlog
from fastapi import APIRouter
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from sojourn.domain.errors import BadToken
from sojourn.domain.events import Event
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import AWAY, RETRY_AWAY, Refusal, refusal
from sojourn.gateway.pages.forms import read_form
from sojourn.gateway.pages.pages import Pages
from sojourn.gateway.pages.routing import PAGE, Described, form_routes
from sojourn.store import cards, ours, people
from sojourn.store.tables import CustomerRow, EventRow

log = structlog.stdlib.get_logger("sojourn.gateway")

LOOK_SECONDS = 5.0
"""Seconds that a page waits for the store."""
LOOK = "look"
"""The wish to see the page after it could not be shown: nobody answers what they have not read."""


class Link(Protocol):
    """The contents of a signed link."""

    @property
    def customer_id(self) -> str:
        """The customer who is asked."""


L = TypeVar("L", bound=Link)


@dataclass(frozen=True)
class Shown:
    """The page that a link leads to now.

    Args:
        page: its name: ``confirm``.
        status: the HTTP status; 410 if the link asks nothing any more.
        names: the page's variables.
        offers: the event behind each button, by its wish; the message id names the matter, so that
            the event is stored once.
    """

    page: str
    status: int = 200
    names: Mapping[str, Any] = field(default_factory=dict)
    offers: Mapping[str, Event] = field(default_factory=dict)


class Question(ABC, Generic[L]):
    """One kind of question, with the links that lead to it.

    Args:
        secrets: any of them may have signed a token.
    """

    path: ClassVar[str]
    """The route, with a ``{token}``."""
    page: ClassVar[str]
    """The title of the page in the OpenAPI document."""
    deed: ClassVar[str]
    """The effect of its buttons, as an imperative."""
    wishes: ClassVar[tuple[str, ...]]
    """The possible answers; empty if each page has its own."""
    for_customers: ClassVar[bool] = True
    """The page is in the customer's language; False: in the project's, for the shop's staff."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self.secrets = secrets

    @abstractmethod
    def read(self, token: str) -> L:
        """Read a link.

        Raises:
            BadToken: it was not made here, or is damaged.
        """

    @abstractmethod
    async def look(
        self, session: AsyncSession, person: CustomerRow | None, link: L, now: datetime
    ) -> Shown:
        """Return the page that a link leads to.

        Args:
            session: any session.
            person: the customer's row; None: nobody is known by the link's id.
            link: as it was signed.
            now: by the machine's clock.

        Returns:
            The page.
        """

    async def answer(
        self, session: AsyncSession, person: CustomerRow, link: L, wish: str, now: datetime
    ) -> Sequence[EventRow]:
        """Record an answer, if the page still offers it.

        Args:
            session: a writing transaction that holds the customer.
            person: the customer's row.
            link: as it was signed.
            wish: one of `wishes`.
            now: by the machine's clock.

        Returns:
            The events that runs are to be told.
        """
        event = (await self.look(session, person, link, now)).offers.get(wish)
        if event is None:
            return ()
        row, new = await ours.write(session, event)
        return (row,) if new else ()

    async def take(
        self,
        session: AsyncSession,
        person: CustomerRow,
        link: L,
        form: Mapping[str, str],
        now: datetime,
    ) -> Sequence[EventRow]:
        """Record a form, as `answer` does; a page with more fields than the wish reads them here.

        Args:
            session: as for `answer`.
            person: as for `answer`.
            link: as for `answer`.
            form: its fields; ``wish`` is one of `wishes`, if there are any.
            now: by the machine's clock.

        Returns:
            As `answer`.

        Raises:
            Refusal: it lacks something.
        """
        return await self.answer(session, person, link, form["wish"], now)


def router(question: Question[Any], backend: Backend, pages: Pages) -> APIRouter:
    """Return the routes of a question.

    Args:
        question: the question.
        backend: its store knows the matter.
        pages: the pages for customers.

    Returns:
        The routes under its path.
    """
    endpoint = _Asking(question, backend, pages)
    described = Described(
        page=question.page,
        deed=question.deed,
        done="Recorded.",
        form=_form(question.wishes),
        also={410: {"description": "The link asks nothing any more: a page.", **PAGE}},
    )
    return form_routes(question.path, endpoint.show, endpoint.take, described)


class _Asking(Generic[L]):
    """The endpoints."""

    def __init__(self, question: Question[L], backend: Backend, pages: Pages) -> None:
        self._question = question
        self._backend = backend
        self._store = backend.sojourn.store
        self._pages = pages
        # the sender's name of these customers, in the line for a place
        self._sender = question.path.removesuffix("/{token}").strip("/")

    async def show(self, request: Request, token: str) -> Response:
        """Show the page with the buttons, or with the state of the matter."""
        try:
            link = self._question.read(token)
        except BadToken:
            return self._answer(request, Shown("damaged", 404))

        async def look() -> tuple[Shown, str]:
            async with self._store.reading() as session:
                home = await people.resolve(session, link.customer_id)
                person = await session.get(CustomerRow, home)
                return await self._look(session, person, link)

        try:
            shown, locale = await self._backend.work.within(LOOK_SECONDS, look())
        except AWAY as error:
            return self._away(request, LOOK, error)
        return self._answer(request, shown, locale)

    async def take(self, request: Request, token: str) -> Response:
        """Record the answer of a form.

        Raises:
            Refusal: it has no answer that is known here.
        """
        try:
            link = self._question.read(token)
        except BadToken:
            return self._answer(request, Shown("damaged", 404))
        form = await read_form(request, seconds=self._backend.settings.gateway_body_seconds)
        wish = form.get("wish", "")
        if wish == LOOK:
            return await self.show(request, token)
        if not wish or wish not in (self._question.wishes or (wish,)):
            raise Refusal(400, "body", "must be the form of the page")
        try:
            done = self._backend.work.done(self._sender, self._record(link, form))
            shown, locale = await done
        except AWAY as error:
            return self._away(request, wish, error)
        return self._answer(request, shown, locale)

    async def _record(self, link: L, form: Mapping[str, str]) -> tuple[Shown, str]:
        """Record an answer; return the page that follows, and the customer's locale."""
        async with self._store.transaction() as session:
            if await cards.find(session, link.customer_id) is None:
                return await self._look(session, None, link)
            person = await people.lock(session, link.customer_id)
            now = datetime.now(UTC)
            news = await self._question.take(session, person, link, form, now)
            shown = await self._look(session, person, link)
            customer_id = person.customer_id
        if news:
            self._backend.sojourn.tell_soon(customer_id)
        return shown

    async def _look(
        self, session: AsyncSession, person: CustomerRow | None, link: L
    ) -> tuple[Shown, str]:
        shown = await self._question.look(session, person, link, datetime.now(UTC))
        return shown, (person.locale or "") if person else ""

    def _answer(self, request: Request, shown: Shown, locale: str = "") -> Response:
        accepted = request.headers.get("accept-language", "")
        if not self._question.for_customers:
            locale = accepted = ""
        return self._pages.answer(
            shown.page, status=shown.status, locale=locale, accepted=accepted, **shown.names
        )

    def _away(self, request: Request, wish: str, error: Exception) -> Response:
        """Ask to try again."""
        if refusal(error) is None:  # a bug of ours
            raise error
        log.warning("an answer could not be taken", of=self._sender, reason=type(error).__name__)
        page = self._answer(request, Shown("away", 503, {"says": wish}))
        page.headers["Retry-After"] = str(RETRY_AWAY)
        return page


def _form(wishes: Sequence[str]) -> dict[str, Any]:
    """Describe the form for the OpenAPI document."""
    one_of = {"enum": list(wishes)} if wishes else {}
    shape = {
        "type": "object",
        "properties": {"wish": {"type": "string", **one_of}},
        "required": ["wish"],
    }
    example = {"plain": {"value": {"wish": wishes[0] if wishes else "yes"}}}
    content = {"application/x-www-form-urlencoded": {"schema": shape, "examples": example}}
    return {"requestBody": {"required": True, "content": content}}
