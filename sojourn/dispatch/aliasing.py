"""Alias: two ids turn out to be one person.

Everything moves to the one id in one transaction, under the locks of both. The work that is left
for open runs is kept as unrouted events: a process that dies after the commit leaves them to the
sweep.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import muting
from sojourn.dispatch.ending import void_holds_of
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Events
from sojourn.domain.keys import Reach
from sojourn.domain.ordering import earliest
from sojourn.domain.stored import StoredEvent
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import Store, cards, events, holds, joining, ledger, people, runs, zones
from sojourn.store.joining import Joined
from sojourn.store.tables import RunRow

log = logging.getLogger("sojourn.dispatch")


async def join(
    store: Store,
    previous_id: str,
    customer_id: str,
    project: Project,
    *,
    at: datetime,
    timezone: str,
    within: timedelta,
) -> Joined:
    """Join two ids; what one of them did counts for the open runs of the other.

    Runs that were planned by other clocks than those of the joined card plan by these from now on.

    Events that a run of the other id would have heard are unrouted again, so that it is told; it
    drops those that it knows. Events that start a run are not among them, for they could start it a
    second time: the gate finds them before the next message.

    Args:
        store: open.
        previous_id: the id that is given up.
        customer_id: the id that everything moves to.
        project: its journeys and events.
        at: when it was said.
        timezone: the zone of customers whose own is unknown, an IANA name.
        within: how far senders' clocks may differ.

    Returns:
        The id that holds everything now, and whether the two were joined now.
    """
    async with store.transaction() as session:
        done = await joining.join(session, previous_id, customer_id, at=at)
        if done.moved:
            await tell_again(session, done.customer_id, project, within=within)
            because = f"alias of {previous_id}"
            await holds.end(session, done.customer_id, because=because, at=at)
            await _move_clocks(session, done, timezone, because=because, at=at)
            person = await people.lock(session, done.customer_id)
            if person.in_care_until is not None:  # an end may have come under the other id
                await muting.settle(session, person, project, within=within)
    return done


async def _move_clocks(
    session: AsyncSession, done: Joined, timezone: str, *, because: str, at: datetime
) -> None:
    """Tell the open runs that were planned in another zone than the joined card's."""
    zone = home_zone(cards.card(await people.lock(session, done.customer_id)), timezone)
    given_up, kept = (home_zone(card, timezone) for card in done.former)
    elsewhere = [
        run
        for run in await runs.maybe_open(session, done.customer_id)
        if (given_up if run.id in done.runs else kept) != zone
    ]
    await zones.changed(session, elsewhere, zone, because=because, at=at)


async def tell_again(
    session: AsyncSession, customer_id: str, project: Project, *, within: timedelta
) -> None:
    """Mark as unrouted the events that a customer's open runs missed, under another id.

    It is done when two ids are joined, and once more when a run is noted that was being started
    under the former id meanwhile: nobody knew of it when the two were joined.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything now.
        project: its journeys and events.
        within: how far senders' clocks may differ.
    """
    news, among = await _news(session, customer_id, project, within)
    await events.mark_routed(session, [row.seq or 0 for row in news], None)
    held = await _held(session, customer_id)
    for row in news:
        concerned = [
            run
            for run in held
            if run.journey in among and among[run.journey].concerns(row, run, within)
        ]
        if not concerned:
            continue
        cause = await events.find(session, row.message_id)
        assert cause is not None, "the customer is held"
        event = events.typed(cause, project.events)
        if await void_holds_of(session, cause, event, concerned, project, within=within):
            held = await _held(session, customer_id)


async def _held(session: AsyncSession, customer_id: str) -> list[RunRow]:
    """Return the open runs in which a message is held: few, whatever the person has done."""
    waiting = {row.workflow_id for row in await ledger.held_by(session, [customer_id])}
    if not waiting:
        return []
    noted = await runs.maybe_open(session, customer_id)
    return [run for run in noted if run.workflow_id in waiting]


async def _news(
    session: AsyncSession, customer_id: str, project: Project, within: timedelta
) -> "tuple[list[StoredEvent], Mapping[str, _Among]]":
    """Return the events that open runs may have missed because they came under another id.

    With them come these runs, by journey.

    The database reads only events that such runs hear, since the first of the runs began: the
    customer is held meanwhile, and so is everybody's next alias call.
    """
    noted: dict[str, list[RunRow]] = {}
    for run in await runs.maybe_open(session, customer_id):
        if run.journey in project.journeys:
            noted.setdefault(run.journey, []).append(run)
    heard = {name for journey in noted for name in project.journeys[journey].terms.declared}
    # of every journey, in shadow or not: such an event could start a second run
    begins = {one for each in project.journeys.values() for one in names(each.terms.starts_on)}
    every = [run for found in noted.values() for run in found]
    if not heard - begins:
        return [], {}
    since = min(earliest(run.started_at, within) for run in every)
    told = await events.stored_of_names(session, customer_id, heard - begins, since=since)
    if not told:
        return [], {}
    begun = await events.arrivals(session, {run.enrolment for run in every})
    concerned: set[int] = set()
    every_among: dict[str, _Among] = {}
    for name, found in noted.items():
        terms = project.journeys[name].terms
        mine = [row for row in told if row.name in terms.declared]
        among = _Among.of(terms.reach, found, begun)
        had = await events.keys_that_matter(session, [customer_id], terms.reach, mine, among.few)
        every_among[name] = among = replace(among, had=had)
        concerned |= {row.seq or 0 for row in mine if among.concerns_any(row, within)}
    news = [row for row in told if row.seq in concerned and _is_readable(row, project.events)]
    return news, every_among


@dataclass(frozen=True)
class _Among:
    """A customer's open runs of one journey.

    Args:
        reach: the rule by which events find them.
        runs: the runs, the first that began first.
        of_thing: the same, by the thing that they are about.
        begun: the numbers of the events that began them, by message id.
        had: as for `events.reaches`.
    """

    reach: Reach
    runs: Sequence[RunRow]
    of_thing: Mapping[str, Sequence[RunRow]]
    begun: Mapping[str, int]
    had: Mapping[str, int] | None = None

    @classmethod
    def of(cls, reach: Reach, found: Iterable[RunRow], begun: Mapping[str, int]) -> Self:
        """Sort the runs."""
        in_order = sorted(found, key=lambda run: run.started_at)
        of_thing: dict[str, list[RunRow]] = {}
        for run in in_order:
            of_thing.setdefault(reach.thing(run.key), []).append(run)
        return cls(reach, in_order, of_thing, begun)

    @property
    def few(self) -> list[str]:
        """Keys of two things: what depends on any key depends on one of these."""
        return [same[0].key for same in list(self.of_thing.values())[:2]]

    def concerns_any(self, row: StoredEvent, within: timedelta) -> bool:
        """Tell whether an event concerns one of the runs, and happened since that began."""
        thing = self.reach.thing(events.said(row, self.reach))
        own = self.of_thing.get(thing, ()) if thing else ()
        return any(self.concerns(row, run, within) for run in own) or (
            self._may_concern_others(row, thing)
            and any(self.concerns(row, run, within) for run in self.runs)
        )

    def _may_concern_others(self, row: StoredEvent, thing: str) -> bool:
        """Tell whether an event may concern runs about another thing than it names."""
        if not thing or not self.reach.field:
            return True
        if row.name not in self.reach.ends:
            return False
        seq = row.seq or 0
        is_new = self.had is not None and self.had.get(thing, seq) >= seq
        return row.name in self.reach.any_key or is_new

    def concerns(self, row: StoredEvent, run: RunRow, within: timedelta) -> bool:
        """Tell whether an event concerns a run, and happened since that began."""
        return row.occurred_at >= earliest(run.started_at, within) and events.reaches(
            row, self.reach, run.key, self.had, begun=self.begun.get(run.enrolment, 0)
        )


def _is_readable(row: StoredEvent, known: Events) -> bool:
    try:
        events.typed(row, known)
    except BadEvent as error:  # its class has become stricter; nobody can be told of it
        log.warning("the stored event %s cannot be read: %s", row.message_id, error)
        return False
    return True
