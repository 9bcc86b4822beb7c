"""``/preferences/{token}``: what a customer gets, and a form that changes it.

A GET changes nothing: scanners follow links. The form carries the choices that it showed, signed
for this customer alone: nobody can post it without having seen the page, and a change is measured
against what the customer saw. There is no cookie, and no script.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sojourn.dispatch import choosing
from sojourn.dispatch.choosing import Chosen, Origin, Standing
from sojourn.domain.consent import Statement
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadToken
from sojourn.domain.links import (
    Preferences,
    form_token,
    read_preferences,
)
from sojourn.domain.links import read_form as read_form_token
from sojourn.domain.messages import Channel
from sojourn.domain.preferences import Choices, Form
from sojourn.domain.topics import Topic
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import AWAY, RETRY_AWAY, Refusal, refusal
from sojourn.gateway.pages.choosing import Fields, with_needed, without_all
from sojourn.gateway.pages.description import CHOICES
from sojourn.gateway.pages.forms import read_form
from sojourn.gateway.pages.pages import Pages
from sojourn.gateway.pages.routing import PAGE, Described, form_routes
from sojourn.gateway.pages.traces import Traces
from sojourn.project import Project
from sojourn.store import suppressions

log = structlog.stdlib.get_logger("sojourn.gateway")

LOOK_SECONDS = 5.0
TELL_SECONDS = 2.0
"""Seconds that an answer waits for the events to be stored; slower storing goes on."""
SENDER = "links"
"""The sender's name of customers who follow links, in the line for a place."""
FORM_LIMIT, MOST_FIELDS = 256 << 10, 2000
"""The most bytes and fields of a form: a project may have hundreds of topics."""
BUSY = (429, 503)
"""Statuses that are answered with a page, since trying again helps."""
PATH = "/preferences/{token}"


class Deed(StrEnum):
    """A button of the page."""

    SAVE = "save"
    STOP = "stop"
    """Stop every promotional message, on every channel."""
    UNDO = "undo"


def router(backend: Backend, secrets: Sequence[str], pages: Pages) -> APIRouter:
    """Return the routes.

    Args:
        backend: takes choices. Its project lists the topics.
        secrets: any of them may have signed a token; the first signs forms.
        pages: the pages for customers.

    Returns:
        The routes under ``/preferences/{token}``.
    """
    endpoint = _Preferring(backend, secrets, pages)
    described = Described(
        page="The page of a customer's preferences",
        deed="Save what the page's form says",
        done="Stored: the page, with what holds now.",
        form=CHOICES,
        also={410: {"description": "Nothing is held under this link: a page.", **PAGE}},
    )
    return form_routes(PATH, endpoint.show, endpoint.take, described)


def listed_topics(project: Project) -> Sequence[Topic]:
    """Return the topics of a project: those in its file, or else those of its messages."""
    if project.topics.declared:
        return tuple(project.topics.values())
    found: dict[str, Topic] = {}
    for journey in project.journeys.values():
        for message in journey.messages:
            told = message.of(journey.topic)
            found.setdefault(told.topic, Topic(told.topic, {}, message_class=told.message_class))
    return tuple(found.values())


class _Preferring:
    """The endpoints."""

    def __init__(self, backend: Backend, secrets: Sequence[str], pages: Pages) -> None:
        self._backend = backend
        self._sojourn = backend.sojourn
        self._secrets = secrets
        self._pages = pages
        self._traces = Traces(backend.sojourn)
        topics, needed = with_needed(listed_topics(self._sojourn.project))
        languages = tuple(self._sojourn.project.languages)
        self._fields = Fields(topics, needed, languages, backend.settings.timezone)

    async def show(self, request: Request, token: str) -> Response:
        """Show the current choices, and the form."""
        try:
            link = read_preferences(self._secrets, token)
        except BadToken:
            return self._plain("damaged", 404, request)
        try:
            return await self._page(request, link)
        except (Refusal, *AWAY) as error:
            return self._busy(request, error)

    async def take(self, request: Request, token: str) -> Response:
        """Store the choices of a form, then show the current ones.

        Raises:
            Refusal: it has a value that the page does not offer.
        """
        try:
            link = read_preferences(self._secrets, token)
            said = await read_form(
                request,
                seconds=self._backend.settings.gateway_body_seconds,
                limit=FORM_LIMIT,
                fields=MOST_FIELDS,
            )
            customer_id, written = read_form_token(self._secrets, said.get("form", ""))
        except BadToken:
            return self._plain("damaged", 404, request)
        if customer_id != link.customer_id:  # a form of another customer's page
            return self._plain("damaged", 404, request)
        form, deed = Form.read(customer_id, written), _deed(said)
        lang = self._lang(request, form.was.locale)
        try:
            chosen = await self._backend.work.done(
                SENDER, self._store(link, form, said, deed, lang)
            )
            if chosen is None:
                return self._plain("nobody", 410, request)
            await self._tell(link, chosen)
            return await self._page(request, link, chosen, undone=deed is Deed.UNDO)
        except (Refusal, *AWAY) as error:
            return self._busy(request, error)

    async def _store(
        self, link: Preferences, form: Form, said: dict[str, str], deed: Deed, lang: str
    ) -> Chosen | None:
        """Store the choices of a form; return None if nothing is held about the customer."""
        async with self._sojourn.store.reading() as session:
            now = await choosing.standing(session, link.customer_id, self._fields.topics)
        if now is None:
            return None
        match deed:
            case Deed.SAVE:
                tz = home_zone(now.customer, self._fields.default_zone)
                want = self._fields.wanted(form.was, said, tz, datetime.now(UTC))
            case Deed.STOP:
                want = without_all(form.was)
            case Deed.UNDO:
                if form.want is None:
                    raise Refusal(400, "form", "has nothing to undo")
                want = form.want
        origin = self._origin(link, deed, lang)
        return await choosing.choose(self._sojourn, form, want, self._fields.topics, origin)

    def _origin(self, link: Preferences, deed: Deed, lang: str) -> Origin:
        names = self._pages.names(lang)

        def wording(word: Statement) -> str:
            if not word.topic:
                return names["channel"][word.channel.value] if word.channel else ""
            name, about = names["topic"].get(word.topic, word.topic), names["about"]
            return "\n".join(filter(None, (name, about.get(word.topic, ""))))

        by = f"preferences link of {link.reference}" if link.reference else "preferences link"
        return Origin(
            source=f"{by}: {deed}",
            proof=by,
            locale=lang,
            version=self._pages.version("preferences", lang),
            wording=wording,
        )

    async def _tell(self, link: Preferences, chosen: Chosen) -> None:
        """Store the events of refusals, which are on record already, so nobody has to wait."""
        if not chosen.refused:
            return
        told = self._traces.refused(link, chosen.refused, chosen.at)
        try:
            await self._backend.work.within(TELL_SECONDS, told)
        except AWAY as error:
            log.info("still being stored", what="refusals", reason=type(error).__name__)

    async def _page(
        self,
        request: Request,
        link: Preferences,
        chosen: Chosen | None = None,
        *,
        undone: bool = False,
    ) -> Response:
        standing = chosen.after if chosen else None

        async def find() -> tuple[Standing | None, frozenset[Channel]]:
            async with self._sojourn.store.reading() as session:
                found = standing or await choosing.standing(
                    session, link.customer_id, self._fields.topics
                )
                if found is None:
                    return None, frozenset()
                customer = found.customer
                reach = {
                    (one, address)
                    for one in customer.reachable
                    for address in customer.addresses(one)
                }
                alive = reach - await suppressions.suppressed(session, reach)
            return found, customer.reachable - {channel for channel, _ in alive}

        now, suppressed = await self._backend.work.within(LOOK_SECONDS, find())
        if now is None:
            return self._plain("nobody", 410, request)
        lang = self._lang(request, now.customer.locale)
        return self._pages.answer(
            "preferences",
            locale=now.customer.locale,
            accepted=request.headers.get("accept-language", ""),
            **self._fields.shown(now, suppressed, lang),
            form=self._form(link, now, now.choices),
            undo=self._undo(link, now, chosen) if chosen and not undone else "",
            saved=chosen is not None and not undone,
            undone=undone,
            overtaken=chosen is not None and chosen.overtaken,
        )

    def _form(
        self, link: Preferences, now: Standing, was: Choices, want: Choices | None = None
    ) -> str:
        form = Form(link.customer_id, now.at, was, want)
        return form_token(self._secrets[0], link.customer_id, form.written())

    def _undo(self, link: Preferences, now: Standing, chosen: Chosen) -> str:
        """Return the form that restores the former choices; empty if they are the current ones."""
        if chosen.before == now.choices:
            return ""
        return self._form(link, now, now.choices, chosen.before)

    def _lang(self, request: Request, locale: str) -> str:
        accepted = request.headers.get("accept-language", "")
        return self._pages.language("preferences", locale=locale, accepted=accepted)

    def _plain(self, page: str, status: int, request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        return self._pages.answer(page, status=status, accepted=accepted)

    def _busy(self, request: Request, error: Exception) -> Response:
        """Ask to try again.

        Raises:
            Exception: the fault is ours, or the request's, so trying again does not help.
        """
        known = refusal(error)
        if known is None or known.status not in BUSY:
            raise error
        log.warning("preferences are not at hand", reason=type(error).__name__)
        page = self._plain("busy", known.status, request)
        page.headers["Retry-After"] = str(known.retry_after or RETRY_AWAY)
        return page


def _deed(said: dict[str, str]) -> Deed:
    try:
        return Deed(said.get("do", Deed.SAVE))
    except ValueError:
        raise Refusal(400, "do", "is not a button of the page") from None
