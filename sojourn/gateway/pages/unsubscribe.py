"""``/u/{token}``: a page with one button, and the one-click unsubscription of mail providers.

RFC 8058: a POST of ``List-Unsubscribe=One-Click`` unsubscribes, without cookie, login or redirect
(https://www.rfc-editor.org/rfc/rfc8058). A GET never does, since scanners follow links.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sojourn.domain.errors import BadToken
from sojourn.domain.links import (
    Preferences,
    Unsubscribe,
    preferences_token,
    read_unsubscribe,
)
from sojourn.domain.messages import Reason
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import AWAY, RETRY_AWAY, Refusal, refusal
from sojourn.gateway.pages.description import FORM
from sojourn.gateway.pages.forms import read_form
from sojourn.gateway.pages.pages import PRIVATE, Pages
from sojourn.gateway.pages.routing import Described, form_routes
from sojourn.gateway.pages.traces import Traces
from sojourn.store import cards, consents, holds, ledger, people
from sojourn.store import refusals as by_address
from sojourn.store.tables import EventRow

log = structlog.stdlib.get_logger("sojourn.gateway")

LOOK_SECONDS = 1.0
"""Seconds that a page waits to learn the customer's language."""
TELL_SECONDS = 2.0
"""Seconds that an answer waits for the event to be stored; slower storing goes on."""
SENDER = "links"
"""The sender's name of customers who follow links, in the line for a place."""
_LINE: dict[str, Any] = {"content": {"text/html": {}, "text/plain": {}}}


class Wish(StrEnum):
    """The wish that a form expresses."""

    ONE_CLICK = "one-click"
    """Unsubscribe, as the mail provider asks for the customer."""
    UNSUBSCRIBE = "unsubscribe"
    STAY = "stay"

    @property
    def page(self) -> str:
        """The page that confirms the wish."""
        return "stayed" if self is Wish.STAY else "unsubscribed"


def router(backend: Backend, secrets: Sequence[str], pages: Pages) -> APIRouter:
    """Return the routes.

    Args:
        backend: takes consents and events.
        secrets: any of them may have signed a token.
        pages: the pages for customers.

    Returns:
        The routes under ``/u/{token}``.
    """
    endpoint = _Unsubscribing(backend, secrets, pages)
    described = Described(
        page="The page to unsubscribe on",
        deed="Unsubscribe with one click (RFC 8058), or by the page's button",
        done="Recorded.",
        form=FORM,
        answer=_LINE,
        away=False,
    )
    return form_routes("/u/{token}", endpoint.show, endpoint.take, described)


class _Unsubscribing:
    """The endpoints."""

    def __init__(self, backend: Backend, secrets: Sequence[str], pages: Pages) -> None:
        self._backend = backend
        self._store = backend.sojourn.store
        self._secrets = secrets
        self._pages = pages
        self._traces = Traces(backend.sojourn)

    async def show(self, request: Request, token: str) -> Response:
        """Show the page with the button."""
        try:
            link = read_unsubscribe(self._secrets, token)
        except BadToken:
            return self._damaged(request)
        return await self._page("unsubscribe", request, link)

    async def take(self, request: Request, token: str) -> Response:
        """Record the wish of a form.

        Raises:
            Refusal: it expresses no wish that is known here.
        """
        try:
            link = read_unsubscribe(self._secrets, token)
        except BadToken:
            return self._damaged(request)
        wish = _wish(await read_form(request, seconds=self._backend.settings.gateway_body_seconds))
        try:
            at = await self._backend.work.done(SENDER, self._record(link, wish))
            if wish is not Wish.STAY:
                await self._tell(link, at)
        except AWAY as error:
            if refusal(error) is None:  # a bug of ours
                raise
            log.warning("a wish could not be recorded", wish=wish, reason=type(error).__name__)
            return self._away(request, wish)
        if wish is Wish.ONE_CLICK:
            return PlainTextResponse("You are unsubscribed.\n", headers=PRIVATE)
        return await self._page(wish.page, request, link)

    async def _record(self, link: Unsubscribe, wish: Wish) -> datetime:
        """Record a consent or a refusal, unless it is on record; return its moment.

        It counts as the word of the person, and of the mailbox that the link was sent to. A message
        that waits for a consent asks again.
        """
        granted = wish is Wish.STAY
        origin = f"unsubscribe link of {link.reference}" if link.reference else "unsubscribe link"
        source = f"{origin}: {wish}"
        async with self._store.transaction() as session:
            person = await people.lock(session, link.customer_id)
            customer, now = cards.card(person), datetime.now(UTC)
            said = await consents.last(session, person.customer_id, link.channel, link.topic)
            if said is None and granted:  # no refusal to take back
                return now
            at = await consents.record(
                session, person, link.channel, granted=granted, source=source, topic=link.topic
            )
            sent_to = await ledger.sent_to(session, link.reference) if link.reference else None
            addresses = [sent_to] if sent_to else customer.addresses(link.channel)
            pairs = [(link.channel, one) for one in addresses]
            await by_address.hold(session, pairs if len(pairs) > 1 else ())
            news: Sequence[EventRow] = ()
            if granted:
                for address in addresses:
                    await by_address.lift(session, link.channel, address, link.topic)
                news = await holds.end(
                    session,
                    person.customer_id,
                    because=f"{wish} {at.isoformat()}",
                    at=at,
                    cured=[Reason.NO_CONSENT],
                )
            else:
                for address in addresses:
                    await by_address.add(
                        session, link.channel, address, topic=link.topic, at=now, source=source
                    )
        if news:
            self._backend.sojourn.tell_soon(news[0].customer_id)
        return at

    async def _tell(self, link: Unsubscribe, at: datetime) -> None:
        """Store the event. The refusal is on record, so nobody has to wait for event or runs."""
        told = self._traces.unsubscribed(link, at)
        try:
            await self._backend.work.within(TELL_SECONDS, told)
        except TimeoutError:
            log.info("still being stored", what="unsubscribed")

    async def _page(self, page: str, request: Request, link: Unsubscribe) -> Response:
        return self._pages.answer(
            page,
            locale=await self._locale(link.customer_id),
            accepted=request.headers.get("accept-language", ""),
            topic=link.topic,
            channel=link.channel.value,
            preferences=f"../preferences/{self._preferences_of(link)}",
        )

    def _preferences_of(self, link: Unsubscribe) -> str:
        wanted = Preferences(link.customer_id, link.reference)
        return preferences_token(self._secrets[0], wanted)

    async def _locale(self, customer_id: str) -> str:
        """Return the customer's language; empty if it is unknown, or the store is away."""

        async def find() -> str:
            async with self._store.reading() as session:
                customer = await cards.find(session, customer_id)
            return customer.locale if customer else ""

        try:
            return await self._backend.work.within(LOOK_SECONDS, find())
        except AWAY as error:
            log.warning("a customer's language is not known", reason=type(error).__name__)
            return ""

    def _damaged(self, request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        return self._pages.answer("damaged", status=404, accepted=accepted)

    def _away(self, request: Request, wish: Wish) -> Response:
        """Ask to try again: a mail provider reads the header, a person the page."""
        again = {"Retry-After": str(RETRY_AWAY)}
        if wish is Wish.ONE_CLICK:
            return PlainTextResponse("Please try again.\n", 503, headers={**PRIVATE, **again})
        accepted = request.headers.get("accept-language", "")
        page = self._pages.answer("away", status=503, accepted=accepted, says=wish.value)
        page.headers.update(again)
        return page


def _wish(form: dict[str, str]) -> Wish:
    """Return the wish of a form.

    Raises:
        Refusal: it expresses no wish that is known here.
    """
    if form.get("List-Unsubscribe") == "One-Click":
        return Wish.ONE_CLICK
    if form.get("wish") in (Wish.UNSUBSCRIBE, Wish.STAY):
        return Wish(form["wish"])
    raise Refusal(400, "body", "must be List-Unsubscribe=One-Click, or the form of the page")
