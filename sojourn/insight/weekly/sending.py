"""Sending the weekly report through the installation's provider of e-mail.

It is no customer's message: no gate is asked, no cap counts it and the ledger has no row of it. It
is handed over at least once: if a worker dies between the hand-over and its note, the same e-mail
goes once more under the same name. A provider that knows idempotency keys delivers it once; others
get the same Message-ID, by which a mailbox may know the second one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider, Providers
from sojourn.domain.calendar import zone
from sojourn.domain.content import Content
from sojourn.domain.errors import AmbiguousSend, BadSetting, PermanentError, ProviderError
from sojourn.domain.messages import Channel
from sojourn.insight.measuring import Measuring
from sojourn.insight.reporting.languages import language_of
from sojourn.insight.weekly.figures import read_week, week_before
from sojourn.insight.weekly.mail import Mail
from sojourn.insight.weekly.readers import named
from sojourn.insight.weekly.workflow import BEGIN, SEND, Letter, Week
from sojourn.project import Project
from sojourn.sending.handing import hand_over
from sojourn.sending.recording import kind_of
from sojourn.sending.whereabouts import whereabouts
from sojourn.settings import Settings
from sojourn.store import Store

KEEPS_NOTHING = "outbox"
SENT, PERHAPS, REFUSED, NOT_ALLOWED, GONE = "sent", "perhaps", "refused", "not_allowed", "gone"
"""Outcomes of an e-mail; ``gone``: its reader is not in the setting any more."""

log = structlog.stdlib.get_logger("sojourn.weekly")


def check_provider(settings: Settings) -> None:
    """Check that there is a provider that sends e-mails.

    Raises:
        BadSetting: there is none.
    """
    if settings.email_provider == KEEPS_NOTHING:
        raise BadSetting(
            "SOJOURN_EMAIL_PROVIDER is outbox, which sends nothing to anybody: name a provider "
            "first; `sojourn weekly show --html FILE` shows the report"
        )


class Weekly:
    """The activities.

    Args:
        store: open.
        settings: of the installation.
        project: its journeys and campaigns.
        carriers: the providers of the channels that are served here.
    """

    def __init__(
        self, store: Store, settings: Settings, project: Project, carriers: Providers
    ) -> None:
        self._store = store
        self._settings = settings
        self._project = project
        self._carriers = carriers
        self._tz = zone(settings.timezone)

    @activity.defn(name=BEGIN)
    async def begin(self, fired: datetime) -> Week:
        """Name the week that is reported on, and its readers."""
        with _told():
            async with self._store.reading() as session:
                found = await named(session, self._settings)
            return Week(first=week_before(fired, self._tz), readers=tuple(found))

    @activity.defn(name=SEND)
    async def send(self, letter: Letter) -> str:
        """Send the report to one reader, and say what became of it."""
        with _told():
            async with self._store.reading() as session:
                address = (await named(session, self._settings)).get(letter.reader)
            if address is None:
                return GONE
            only_to = self._settings.only_to
            if only_to is not None and not only_to.allows(Channel.EMAIL, address):
                return NOT_ALLOWED
            check_provider(self._settings)
            content = await self.content(letter.first)
            provider = self._carriers[Channel.EMAIL]
            return await _handed_over(
                provider, parcel(letter.first, letter.reader, address, content)
            )

    async def content(self, first: date, *, test: bool = False) -> Content:
        """Write the report of a week, after counting what is not counted yet.

        Args:
            first: its Monday.
            test: its subject says that it is a test.

        Returns:
            The e-mail.
        """
        await Measuring.of(self._store, self._settings, self._project).catch_up()
        async with self._store.reading() as session:
            found = await read_week(session, self._project, first, self._tz)
        lang = language_of(self._settings.weekly_language, self._settings.locale)
        mail = Mail(self._settings, lang)
        return mail.test(found) if test else mail.content(found)


def parcel(first: date, reader: str, address: str, content: Content) -> Parcel:
    """Return the report of a week on its way to a reader; its name is the same in every attempt.

    Args:
        first: the Monday of the week.
        reader: the digest of the address.
        address: the address.
        content: the e-mail.

    Returns:
        The parcel.
    """
    return Parcel(f"weekly-report/{first}/{reader}", address, content)


async def _handed_over(provider: Provider, letter: Parcel) -> str:
    try:
        await hand_over(provider, letter, Fence())
    except PermanentError as error:
        log.error("a reader gets no weekly report", why=kind_of(error), said=error.told)
        return REFUSED
    except AmbiguousSend as error:
        if provider.abilities.idempotent_for:
            raise  # it goes again, under a key that the provider knows
        log.warning("a weekly report was perhaps sent", why=kind_of(error))
        return PERHAPS
    return SENT


@contextmanager
def _told() -> Iterator[None]:
    """Tell Temporal the kind of an error alone, and the log what to do."""
    try:
        yield
    except Exception as error:
        name = kind_of(error)
        said = str(error) if isinstance(error, BadSetting) else ""
        if isinstance(error, ProviderError):
            said = error.told
        log.error("a weekly report waits", why=name, at=whereabouts(error), said=said)
        raise ApplicationError(f"{name}: see the worker's log", type=name) from None
