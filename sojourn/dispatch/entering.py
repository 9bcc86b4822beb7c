"""Entering: whether an event that could start a run of a journey may do so, and why not.

It is judged once, in the transaction that stores the event, by what holds at that moment. The
answer is kept, and read when the event is routed later, after an outage or a crash. An event
that may not start a run is still told to an open run that hears it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import limiting, routing
from sojourn.dispatch.beginning import revives, run_of
from sojourn.domain.calendar import zone
from sojourn.domain.customer import home_zone
from sojourn.domain.events import Event
from sojourn.domain.messages import Reason
from sojourn.domain.value_class import value_class
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.store import cards, entries
from sojourn.store.entries import Case
from sojourn.store.facts import one
from sojourn.store.tables import CustomerRow, EntryRow, EventRow

Pair = tuple[EventRow, Event]


@value_class
class Verdict:
    """The judgement on an event that could start a run of a journey.

    Args:
        reason: why it may not; None: it may.
        because: the explanation, with the values that it was judged by.
    """

    reason: Reason | None = None
    because: str = ""


Verdicts = Mapping[Case, Verdict]


def entering(
    journeys: Journeys, pairs: Iterable[Pair], before: Sequence[Pair] = ()
) -> Iterator[tuple[EventRow, type[Journey], Event]]:
    """Yield the events that could start a run of a journey that selects its customers.

    Args:
        journeys: of the project.
        pairs: events of one customer.
        before: the events that told or moved the anchors of the journeys.

    Yields:
        The event, with each such journey.
    """
    for row, event in pairs:
        for name, journey in journeys.heard_by(event.event_name).items():
            if not journey.terms.selects or name in journeys.off:
                continue
            if routing.starts(journey, event) or revives(journey, event, row, before):
                yield row, journey, event


class Judge:
    """Judges the events of one transaction, each once.

    Args:
        journeys: of the project.
        timezone: the zone of customers whose own is unknown, an IANA name.
        clock: the journeys' clock minus the machine's.
        own: topics that need a yes of their own.
        present: the present by the journeys' clock; None: the machine's clock and ``clock`` tell.
    """

    def __init__(
        self,
        journeys: Journeys,
        timezone: str,
        clock: timedelta,
        own: Collection[str] = (),
        present: Callable[[], datetime] | None = None,
    ) -> None:
        self._journeys = journeys
        self._own = own
        self._timezone = timezone
        self._present = present or (lambda: datetime.now(UTC) + clock)
        self._known: dict[Case, Verdict] = {}

    async def judge(
        self,
        session: AsyncSession,
        person: CustomerRow,
        pairs: Iterable[Pair],
        *,
        before: Sequence[Pair] = (),
        new: bool = False,
    ) -> Verdicts:
        """Judge events of one customer, in the order of their arrival.

        Args:
            session: a writing transaction that holds the customer and has stored the events.
            person: the customer's row.
            pairs: the events.
            before: as for `entering`.
            new: they were stored just now: nobody can have judged them.

        Returns:
            The judgement on each that could start a run of a journey that selects.
        """
        found = [*entering(self._journeys, pairs, before)]
        missing = [one for one in found if _case(one[0], one[1]) not in self._known]
        if missing and not new:
            ids = dict.fromkeys(row.message_id for row, _, _ in missing)
            names = dict.fromkeys(journey.name for _, journey, _ in missing)
            kept = await entries.of_events(session, ids, names)
            self._known |= {case: _kept(row) for case, row in kept.items()}
        for row, journey, event in missing:
            case = _case(row, journey)
            if case not in self._known:
                if not new:
                    await limiting.hold_one(session, person, journey, event)
                verdict = await self.verdict(session, person, row, journey, event)
                self._known[case] = verdict
                if verdict.reason is None:
                    await limiting.note(session, person, journey, event, now=self._now(row))
                await entries.put(session, [_entry(row, journey, event, verdict)])
        return {_case(row, journey): self._known[_case(row, journey)] for row, journey, _ in found}

    async def verdict(
        self,
        session: AsyncSession,
        person: CustomerRow,
        row: EventRow,
        journey: type[Journey],
        event: Event,
    ) -> Verdict:
        """Judge one event for one journey, and keep nothing.

        Args:
            session: any session.
            person: the customer's row.
            row: the event.
            journey: it could start a run of this one.
            event: the same event.

        Returns:
            The judgement.
        """
        terms, because = journey.terms, ""
        if not terms.again.is_open:
            begun = await entries.begun(
                session,
                person.customer_id,
                journey.name,
                besides=row.message_id,
                in_shadow=journey.name in self._journeys.shadow,
            )
            lives = zone(home_zone(cards.card(person), self._timezone))
            key = routing.key_of(journey, event)
            if why := terms.again.refuses(begun, row.occurred_at, key, lives):
                return Verdict(Reason.CAME_AGAIN, why)
        if terms.enters_if is not None:
            finding = await one.judged(
                session,
                person,
                terms.enters_if,
                self._now(row),
                fields=row.properties,
                own=self._own,
            )
            because = finding.because
            if finding.holds is not True:
                return Verdict(Reason.NOT_QUALIFIED, because)
        if terms.limits is not None and (
            why := await limiting.refuses(session, person, journey, event, self._now(row))
        ):
            return Verdict(Reason.TOO_MANY_REQUESTS, why)
        return Verdict(None, because)

    def _now(self, row: EventRow) -> datetime:
        """Return the present by the journeys' clock: the event has happened, by whatever clock."""
        return max(self._present(), row.occurred_at)


def _entry(row: EventRow, journey: type[Journey], event: Event, verdict: Verdict) -> EntryRow:
    return EntryRow(
        message_id=row.message_id,
        journey=journey.name,
        customer_id=row.customer_id,
        key=routing.key_of(journey, event),
        workflow_id=run_of(journey, event, row),
        taken=verdict.reason is None,
        reason=verdict.reason.value if verdict.reason else None,
        because=verdict.because,
        at=row.occurred_at,
        judged_at=datetime.now(UTC),
    )


def _case(row: EventRow, journey: type[Journey]) -> Case:
    return row.message_id, journey.name


def _kept(row: EntryRow) -> Verdict:
    return Verdict(None if row.taken else Reason(row.reason or ""), row.because)
