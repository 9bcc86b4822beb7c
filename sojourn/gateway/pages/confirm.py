"""``/confirm/{token}``: a page on which customers confirm that they want messages.

A GET changes nothing, for scanners follow links; a button posts the answer. The yes is acknowledged
once it is committed, with the words that it is about, and ends the run that asks. A link holds for
seven days and for the mailbox that it was sent to.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog
from fastapi import APIRouter
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from sojourn.domain.addresses import normalised
from sojourn.domain.errors import BadToken
from sojourn.domain.links import Confirm, mailbox_mark, read_confirm
from sojourn.domain.messages import Reason
from sojourn.domain.opt_ins import Stage
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import AWAY, RETRY_AWAY, Refusal, refusal
from sojourn.gateway.pages.forms import read_form
from sojourn.gateway.pages.pages import Pages
from sojourn.gateway.pages.routing import PAGE, Described, form_routes
from sojourn.rendering.languages import fallbacks
from sojourn.rendering.words import clean, is_advertisement
from sojourn.store import cards, holds, opting, people
from sojourn.store.standing import address_of
from sojourn.store.tables import CustomerRow

log = structlog.stdlib.get_logger("sojourn.gateway")

LOOK_SECONDS = 5.0
"""Seconds that a page waits for the store."""
SENDER = "confirmations"
"""Customers who confirm, among those who wait for a place."""
LONGEST_WORDING = 1000
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {"wish": {"type": "string", "enum": ["confirm", "decline"]}},
                    "required": ["wish"],
                },
                "examples": {"plain": {"value": {"wish": "confirm"}}},
            }
        },
    }
}


class Wish(StrEnum):
    """The answer that a form expresses."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    LOOK = "look"
    """To see the page, after it could not be shown: nobody agrees to what they have not read."""


def router(backend: Backend, secrets: Sequence[str], pages: Pages) -> APIRouter:
    """Return the routes.

    Args:
        backend: whose store has the requests.
        secrets: any of them may have signed a token.
        pages: shown to customers.

    Returns:
        The routes under ``/confirm/{token}``.
    """
    endpoint = _Confirming(backend, secrets, pages)
    described = Described(
        page="The page to confirm on",
        deed="Confirm, or say no, by the page's buttons",
        done="Recorded.",
        form=_FORM,
        also={410: {"description": "The request is no longer open: a page.", **PAGE}},
    )
    return form_routes("/confirm/{token}", endpoint.show, endpoint.take, described)


class _Found:
    """A request that a link names, with the person whose it is."""

    def __init__(self, person: CustomerRow, asked: opting.Asked) -> None:
        self.person = person
        self.asked = asked
        self.stage = asked.stage
        self.locale = person.locale

    @property
    def wording(self) -> str:
        """The words that the customer agrees to, as the page shows them; may be empty."""
        # a stranger who filled the form in may have written an advertisement into it
        wording = clean(self.asked.opt_in.wording)
        is_shown = len(wording) <= LONGEST_WORDING and not is_advertisement(wording)
        return wording if is_shown else ""


class _Confirming:
    """The endpoints."""

    def __init__(self, backend: Backend, secrets: Sequence[str], pages: Pages) -> None:
        self._backend = backend
        self._store = backend.sojourn.store
        self._secrets = secrets
        self._pages = pages

    async def show(self, request: Request, token: str) -> Response:
        """Show the page with the buttons, or what became of the request."""
        try:
            link = read_confirm(self._secrets, token)
        except BadToken:
            return self._plain("damaged", request, 404)

        async def look() -> _Found | None:
            async with self._store.reading() as session:
                home = await people.resolve(session, link.customer_id)
                person = await session.get(CustomerRow, home)
                return await self._found(session, person, link)

        try:
            found = await self._backend.work.within(LOOK_SECONDS, look())
        except AWAY as error:
            return self._away(request, Wish.LOOK, error)
        shown = {Stage.OPEN: "confirm", Stage.AGREED: "confirmed", Stage.WITHDRAWN: "declined"}
        if found is None or found.stage not in shown:
            return self._plain("lapsed", request, 410, locale=found.locale if found else "")
        return self._page(shown[found.stage], request, found)

    async def take(self, request: Request, token: str) -> Response:
        """Record the answer of a form.

        Raises:
            Refusal: it expresses none that is known here.
        """
        try:
            link = read_confirm(self._secrets, token)
        except BadToken:
            return self._plain("damaged", request, 404)
        wish = _wish(await read_form(request, seconds=self._backend.settings.gateway_body_seconds))
        if wish is Wish.LOOK:
            return await self.show(request, token)
        try:
            page, found = await self._backend.work.done(SENDER, self._record(link, wish))
        except AWAY as error:
            return self._away(request, wish, error)
        if found is None or page == "lapsed":
            return self._plain("lapsed", request, 410, locale=found.locale if found else "")
        return self._page(page, request, found)

    async def _record(self, link: Confirm, wish: Wish) -> tuple[str, _Found | None]:
        """Record an answer, unless it is on record; return the page that acknowledges it."""
        async with self._store.transaction() as session:
            if await cards.find(session, link.customer_id) is None:
                return "lapsed", None
            person = await people.lock(session, link.customer_id)
            found = await self._found(session, person, link)
            if found is None:
                return "lapsed", None
            page, now = _page_after(found.stage, wish), datetime.now(UTC)
            told = await self._answer(session, found, wish, now)
        if told:
            self._backend.sojourn.tell_soon(person.customer_id)
        return page, found

    async def _answer(
        self, session: AsyncSession, found: _Found, wish: Wish, now: datetime
    ) -> bool:
        """Record an answer; return whether runs are to be told."""
        person, asked = found.person, found.asked
        if wish is Wish.CONFIRM and found.stage is Stage.OPEN:
            news = [*await opting.confirm(session, person, asked)]
            # a message that waits for a consent asks again
            news += await holds.end(
                session,
                person.customer_id,
                because=f"confirmed {asked.row.id}",
                at=now,
                cured=[Reason.NO_CONSENT],
            )
            return bool(news)
        if wish is Wish.DECLINE and found.stage in (Stage.OPEN, Stage.AGREED, Stage.EXPIRED):
            return bool(await opting.decline(session, person, asked, at=now))
        return False

    async def _found(
        self, session: AsyncSession, person: CustomerRow | None, link: Confirm
    ) -> _Found | None:
        if person is None:
            return None
        asked = await opting.numbered(session, person, link.request, datetime.now(UTC))
        if asked is None:
            return None
        found = _Found(person, asked)
        channel = asked.opt_in.channel
        has = normalised(channel, address_of(person, channel))
        if all(mailbox_mark(secret, has) != link.mailbox for secret in self._secrets):
            found.stage = Stage.MOVED
        return found

    def _page(self, page: str, request: Request, found: _Found) -> Response:
        accepted = request.headers.get("accept-language", "")
        opt_in = found.asked.opt_in
        return self._pages.answer(
            page,
            locale=found.locale,
            accepted=accepted,
            topic=opt_in.topic,
            channel=opt_in.channel.value,
            wording=found.wording,
            # a screen reader reads it by the rules of its own language
            wording_lang=next(iter(fallbacks([found.asked.row.locale or ""])), ""),
        )

    def _plain(self, page: str, request: Request, status: int, *, locale: str = "") -> Response:
        accepted = request.headers.get("accept-language", "")
        return self._pages.answer(page, status=status, locale=locale, accepted=accepted)

    def _away(self, request: Request, wish: Wish, error: Exception) -> Response:
        """Ask to try again."""
        if refusal(error) is None:  # a bug of ours
            raise error
        log.warning("a confirmation could not be taken", reason=type(error).__name__)
        accepted = request.headers.get("accept-language", "")
        page = self._pages.answer("away", status=503, accepted=accepted, says=wish.value)
        page.headers["Retry-After"] = str(RETRY_AWAY)
        return page


def _page_after(stage: Stage, wish: Wish) -> str:
    """Return the page that acknowledges an answer to a request of this stage."""
    if wish is Wish.DECLINE:
        return "lapsed" if stage is Stage.MOVED else "declined"
    match stage:
        case Stage.OPEN | Stage.AGREED:
            return "confirmed"
        case Stage.WITHDRAWN:
            return "declined"
        case _:
            return "lapsed"


def _wish(form: dict[str, str]) -> Wish:
    """Return the answer of a form.

    Raises:
        Refusal: it expresses none that is known here.
    """
    if form.get("wish") in list(Wish):
        return Wish(form["wish"])
    raise Refusal(400, "body", "must be the form of the page")
