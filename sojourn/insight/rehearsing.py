"""Rehearse a run that is open, or one that an event would start now. Nothing is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import routing
from sojourn.dispatch.hearing import heard_since
from sojourn.dispatch.planning import Refused
from sojourn.dispatch.supposing import supposed
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadEvent, BadProject, UnknownName
from sojourn.domain.events import Event
from sojourn.domain.events.samples import AHEAD, made_up_fields
from sojourn.domain.messages import EDITION, Enrolment, Heard, Reason
from sojourn.insight.rehearsal import Rehearsal
from sojourn.journeys.in_process import Played, play
from sojourn.journeys.journey import Journey
from sojourn.journeys.terms import names
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.gate import Gate
from sojourn.settings import Settings
from sojourn.store import Store, cards, events, ledger, people, runs
from sojourn.store.tables import CustomerRow, EventRow, RunRow

NO_KEY = "a preview's links open nothing"
"""The key that signs the links of a preview, which no installation accepts."""
NAME = "preview"
"""The message id of the supposed event."""
AT_MOST = timedelta(days=800)
"""The longest time that is rehearsed."""


@dataclass(frozen=True)
class Run:
    """A run that was rehearsed.

    Args:
        workflow_id: its id.
        start: the event that enrolled the customer, or would.
        is_open: it was started already.
        now: the present, by the journey's clock.
        timezone: the customer's time zone.
        refused: why a supposed event would start no run.
        made_up: the fields of that event that were made up.
        like_the_last: its other fields are those of the customer's last such event.
        desk: has the messages.
        played: the run as it was played.
    """

    workflow_id: str
    start: Event
    is_open: bool
    now: datetime
    timezone: str
    refused: Refused | None
    made_up: tuple[str, ...]
    like_the_last: bool
    desk: Rehearsal
    played: Played


class Rehearsing:
    """Rehearses runs of one installation.

    Args:
        store: the open store.
        settings: the settings of the installation.
        project: has the journeys, events and templates.
    """

    def __init__(self, store: Store, settings: Settings, project: Project) -> None:
        self._store = store
        self._settings = settings
        self._project = project
        self._renderer = Renderer.of(settings, NO_KEY, project)
        self.policy = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
        self._gate = Gate.of(store, settings, project, self.policy, self._renderer.channels_of)

    async def open_run(self, journey: type[Journey], customer_id: str, now: datetime) -> Run | None:
        """Rehearse the customer's newest open run, as far as the store knows.

        Args:
            journey: the journey.
            customer_id: the id that holds everything.
            now: the present.

        Returns:
            The run; None if none is open.
        """
        async with self._store.reading() as session:
            noted = await runs.maybe_open(session, customer_id)
        for row in reversed([one for one in noted if one.journey == journey.name]):
            found = await self.again(journey, row, now)
            if found is not None and goes_on(found):
                return found
        return None

    async def again(self, journey: type[Journey], row: RunRow, now: datetime) -> Run | None:
        """Rehearse a run from its beginning; decisions in the ledger are taken as they are.

        Args:
            journey: the journey.
            row: the run.
            now: the present; messages without a decision are decided on then, or later.

        Returns:
            The run; None if the event that started it is gone, or cannot be read.
        """
        async with self._store.reading() as session:
            start = await events.find(session, row.enrolment)
            person = await people.read(session, row.customer_id)
            rows = await ledger.of_customer(session, person.customer_id)
            if start is None:
                return None
            try:
                event = events.typed(start, self._project.events)
            except (BadEvent, UnknownName):
                return None
            heard = await heard_since(
                session, self._project, row, start, within=self._settings.clock_skew
            )
        decided = [one.decided_at for one in rows if one.workflow_id == row.workflow_id]
        present = max([now, *decided])  # a run whose clock was moved is ahead
        return await self._run(
            journey,
            person,
            row,
            start=start,
            event=event,
            heard=heard,
            now=present,
            is_open=True,
        )

    async def new_run(self, journey: type[Journey], customer_id: str, now: datetime) -> Run:
        """Rehearse the run that an event would start.

        Args:
            journey: the journey.
            customer_id: the id that holds everything.
            now: when the event would happen.

        Returns:
            The run, with the reason if it would not start.

        Raises:
            BadInput: a field that the event needs cannot be made up.
        """
        async with self._store.reading() as session:
            person = await people.read(session, customer_id)
            start, fields, like = await self._start(session, journey, person.customer_id, now)
            event = events.typed(start, self._project.events)
            plan = await supposed(
                session,
                person,
                journey,
                start,
                event,
                project=self._project,
                settings=self._settings,
            )
            key = routing.key_of(journey, event)
            row = RunRow(
                workflow_id=routing.workflow_id(journey.name, person.customer_id, key),
                run_id="",
                journey=journey.name,
                customer_id=person.customer_id,
                key=key,
                enrolment=start.message_id,
                started_at=now,
            )
            heard = await heard_since(
                session, self._project, row, start, within=self._settings.clock_skew
            )
        refused = [*plan.refused, *(plan.plan.refused if plan.plan else ())]
        if journey.name in self._project.journeys.off:  # routing does not even consider it
            refused = [Refused(start, journey.name, row.workflow_id, Reason.SWITCHED_OFF)]
        return await self._run(
            journey,
            person,
            row,
            start=start,
            event=event,
            heard=heard,
            now=now,
            is_open=False,
            refused=refused[0] if refused else None,
            made_up=fields,
            like_the_last=like,
        )

    async def _start(
        self, session: AsyncSession, journey: type[Journey], customer_id: str, now: datetime
    ) -> tuple[EventRow, tuple[str, ...], bool]:
        """Make up an event that would start a run, like the customer's last one if there is one."""
        every = await events.of_customer(session, customer_id)
        starts, terms = names(journey.terms.starts_on), journey.terms
        last = next((row for row in reversed(every) if row.name in starts), None)
        kind = self._project.events.named(last.name if last else starts[0])
        given: dict[str, Any] = dict(last.properties) if last else {}
        if terms.anchor and not _is_ahead(given.get(terms.anchor), now):
            given.pop(terms.anchor, None)
        fields = made_up_fields(kind, also=terms.key, now=now)
        if terms.anchor and terms.anchor not in fields:
            fields[terms.anchor] = now + AHEAD
        missing = {name: value for name, value in fields.items() if not given.get(name)}
        row = EventRow(
            seq=max((one.seq or 0 for one in every), default=0) + 1,
            message_id=NAME,
            customer_id=customer_id,
            name=kind.event_name,
            occurred_at=now,
            received_at=now,
            routed_at=None,
            properties={**given, **_written(missing)},
        )
        return row, tuple(missing), last is not None

    async def _run(
        self,
        journey: type[Journey],
        person: CustomerRow,
        row: RunRow,
        *,
        start: EventRow,
        event: Event,
        heard: list[Heard],
        now: datetime,
        is_open: bool,
        refused: Refused | None = None,
        made_up: tuple[str, ...] = (),
        like_the_last: bool = False,
    ) -> Run:
        timezone = home_zone(cards.card(person), self._settings.timezone)
        enrolment = Enrolment(
            customer_id=row.customer_id,
            key=row.key,
            start=events.heard(start, event, within=self._settings.clock_skew),
            timezone=timezone,
            edition=EDITION,
        )
        desk = Rehearsal(
            self._store, self._gate, self._renderer, self._project, start=event, now=now
        )
        try:
            played = await play(
                journey, row.workflow_id, enrolment, desk, hears=heard, up_to=now + AT_MOST
            )
        except Exception as error:
            said = " ".join(str(error).split())
            raise BadProject(
                f"{journey.name}: its steps fail: {type(error).__name__}: {said}"
            ) from error
        return Run(
            workflow_id=row.workflow_id,
            start=event,
            is_open=is_open,
            now=now,
            timezone=timezone,
            refused=refused,
            made_up=made_up,
            like_the_last=like_the_last,
            desk=desk,
            played=played,
        )


def goes_on(run: Run) -> bool:
    """Tell whether a run is open at the present: it waits, or decides on a message, after that."""
    waits, messages = run.played.waits, run.desk.messages
    return (
        run.played.result is None
        or any(one.ended > run.now for one in waits)
        or any(one.row is None for one in messages)
    )


def _is_ahead(value: object, now: datetime) -> bool:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return False
    return isinstance(value, datetime) and value.tzinfo is not None and value > now


def _written(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as the JSON values that an event's row keeps."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in fields.items()
    }
