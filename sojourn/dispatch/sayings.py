"""The activities by which runs say something: an event, or a statement on a card.

Both go the way of all others: the one intake of events, the one writer of cards.

Journeys that start each other could go on for ever without a customer doing anything. So there is a
limit to what is told of one customer in a day. An event above it is stored and set aside:
no run hears of it, `sojourn quarantine` lists it, and it can be sent on its way from there.
"""

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from sojourn.dispatch.aside import set_aside
from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.telling import Tells
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, SojournError, UnknownName
from sojourn.domain.events import Event, Events
from sojourn.domain.sayings import TOLD, TOLD_ON, Noting, Saying, Telling
from sojourn.journeys.temporal import NOTE_TRAITS, TELL_EVENT
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, events, people
from sojourn.store.tables import EventRow

MOST_TOLD = 500
"""Events of one name that runs tell of a customer in a day."""
MOST_TOLD_ON = 20
"""The same for runs that a told event has begun; their events are counted separately."""
A_DAY = timedelta(days=1)


class TooManyTold(SojournError):
    """Runs have told so many events of a customer that they probably start each other."""


class Sayings:
    """Takes in what runs say.

    Args:
        client: connected.
        store: open.
        settings: of this installation.
        project: its journeys and events.
        task_queue: of the journeys.
        teller: of runs that are not Temporal's; None: they are.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        project: Project,
        task_queue: str,
        *,
        teller: Tells | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._settings = settings
        self._project = project
        self._task_queue = task_queue
        self._teller = teller
        self._by_clock: dict[timedelta, Sojourn] = {}

    @activity.defn(name=TELL_EVENT)
    async def tell(self, said: Telling) -> bool:
        """Take an event in, once.

        Returns:
            False if it was set aside.

        Raises:
            ApplicationError: it cannot be taken in now; Temporal tries again.
        """
        try:
            event = event_of(said, self._project.events)
            if await self._is_too_much(said, event):
                return False
            await self._sojourn(said).publish(event)
        except BadEvent as error:
            activity.logger.error("%s tells no event that can be stored: %s", said.run, error)
            return False
        except Exception as error:
            raise _again(said, error) from None
        return True

    @activity.defn(name=NOTE_TRAITS)
    async def note(self, said: Noting) -> bool:
        """Write a statement on the customer's card, once; a newer word on the same trait stays.

        Returns:
            True.

        Raises:
            ApplicationError: it cannot be written now; Temporal tries again.
        """
        try:
            await self._sojourn(said).hear(identity_of(said))
        except Exception as error:
            raise _again(said, error) from None
        return True

    async def drain(self) -> None:
        """Wait until every event that was taken is routed, or left to the sweep."""
        for sojourn in self._by_clock.values():
            await sojourn.drain()

    def _sojourn(self, said: Saying) -> Sojourn:
        """Return the client with the clock of a run: in time travel, runs that begin share it."""
        if said.clock not in self._by_clock:
            travels = {"now": _any_moment, "clock": said.clock} if said.clock else {}
            self._by_clock[said.clock] = Sojourn(
                self._client,
                self._store,
                self._settings,
                self._project,
                task_queue=self._task_queue,
                teller=self._teller,
                **travels,  # type: ignore[arg-type]
            )
        return self._by_clock[said.clock]

    async def _is_too_much(self, said: Telling, event: Event) -> bool:
        """Tell whether an event is above the limit; then it is set aside."""
        prefix, most = (TOLD_ON, MOST_TOLD_ON) if said.is_told_on else (TOLD, MOST_TOLD)
        since = datetime.now(UTC) - A_DAY
        async with self._store.reading() as session:
            kept = await events.find(session, event.message_id)
            if kept is not None:
                return kept.aside_at is not None
            customer_id = await people.resolve(session, event.customer_id)
            told = await events.number_since(
                session, customer_id, event.event_name, since, prefix=prefix
            )
        if told < most:
            return False
        async with self._store.transaction() as session:
            person = await people.lock(session, event.customer_id)
            row = EventRow(
                message_id=event.message_id,
                customer_id=person.customer_id,
                name=event.event_name,
                occurred_at=event.occurred_at,
                received_at=datetime.now(UTC),
                properties=event.properties(),
            )
            row, stored = await events.add(session, row, self._project.events)
            if stored:
                fault = TooManyTold(
                    f"{said.run} told it: journeys have told {told} of this customer in a day, "
                    "which is likely a circle of journeys that start each other"
                )
                await set_aside(session, [(row, fault)])
        return True


def identity_of(said: Noting) -> Identity:
    """Return a statement as a call that introduces nobody.

    Args:
        said: of a run.
    """
    return Identity(
        customer_id=said.customer_id,
        message_id=said.message_id,
        at=said.now,
        received_at=said.now,
        card={},
        attributes=said.traits,
        consents={},
        introduces=False,
    )


def event_of(said: Telling, known: Events) -> Event:
    """Return an event that a run tells, typed.

    Args:
        said: of a run.
        known: the project's events, by wire name.

    Returns:
        The event.

    Raises:
        UnknownName: this worker's project has no such event; another worker's may.
    """
    kind = known.get(said.event)
    if kind is None:
        raise UnknownName("event", said.event, known)
    return kind.model_validate(
        {
            **said.fields,
            "message_id": said.message_id,
            "customer_id": said.customer_id,
            "occurred_at": said.now,
        }
    )


def _any_moment() -> datetime:
    return datetime.max.replace(tzinfo=UTC)


def _again(said: Saying, error: Exception) -> ApplicationError:
    """Return the error that makes Temporal try again; its kind alone, as a text may quote a row."""
    kind = type(error).__name__
    text = str(error) if isinstance(error, SojournError) else kind
    activity.logger.warning("%s cannot be taken in now: %s", said.what, text)
    return ApplicationError(f"{kind}: see the worker's log", type=kind)
