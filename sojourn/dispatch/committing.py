"""Committing: what one transaction does for all the work that waited for it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import limiting, muting, opting
from sojourn.dispatch.aliasing import tell_again
from sojourn.dispatch.aside import set_aside
from sojourn.dispatch.ending import void_holds_of
from sojourn.dispatch.enough import plan
from sojourn.dispatch.entering import Judge, Pair
from sojourn.dispatch.entries import ended_by_store, note_refused, settle_entries
from sojourn.dispatch.knowing import (
    before_of,
    held_back_of,
    last_sent_of,
    since_of,
)
from sojourn.dispatch.lanes import Arrival, Lanes, Told, Wake, Work
from sojourn.dispatch.noting import ERASED
from sojourn.dispatch.planning import Known, Plan, Refused, readable
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import SojournError
from sojourn.domain.events import Event
from sojourn.project import Project
from sojourn.store import (
    cards,
    coupon_uses,
    events,
    ledger,
    people,
    runs,
    secrets,
    tombstones,
    zones,
)
from sojourn.store.dialects import is_postgresql
from sojourn.store.rights import erasing
from sojourn.store.tables import CustomerRow, EventRow, RunRow
from sojourn.store.tombstones import is_tombstone

WINDOW = 20
"""Events of one customer that a transaction looks at first; more, if none concerns a run."""
LOCK_TIMEOUT_MS = 1000  # one customer whose row somebody holds must not keep all others waiting


class Transaction:
    """Stores arrivals, notes what runs were told, and plans what comes next.

    Attributes:
        rows: each arrival's row, and whether it is new.
        plans: the next event to tell of, by customer.
        horizon: by customer, the number of the newest event that was looked at.
        refused: the starts that were refused.
    """

    def __init__(
        self,
        lanes: Lanes,
        project: Project,
        timezone: str,
        clock: timedelta,
        clock_skew: timedelta,
        *,
        present: Callable[[], datetime] | None = None,
    ) -> None:
        """Make a transaction that has done nothing yet.

        Args:
            lanes: the lanes there are.
            project: its journeys and events.
            timezone: the zone of customers whose own is unknown, an IANA name.
            clock: the journeys' clock minus Temporal's; zero except in time travel.
            clock_skew: how far senders' clocks may differ.
            present: as for `Judge`.
        """
        self.rows: dict[Arrival, tuple[EventRow, bool]] = {}
        self.plans: dict[str, Plan] = {}
        self.horizon: dict[str, int] = {}
        self.refused: list[Refused] = []
        self.woken: set[str] = set()  # customers with runs that are to ask again
        self._lanes = lanes
        self._project = project
        self._timezone = timezone
        self._clock = clock
        self._clock_skew = clock_skew
        self._judge = Judge(project.journeys, timezone, clock, project.topics.own, present)
        self._looked_up: set[str] = set()
        self._people: dict[str, CustomerRow] = {}  # by the id that was asked for
        self._homes: dict[str, CustomerRow] = {}  # by the id that holds everything

    def joined(self, customer_id: str) -> str:
        """Return the id that this one was joined to; itself if nobody looked it up."""
        row = self._people.get(customer_id)
        return row.customer_id if row else customer_id

    def holder(self, customer_id: str) -> CustomerRow:
        """Return the row of an id that holds everything of a customer of this transaction."""
        return self._homes[customer_id]

    async def run(self, session: AsyncSession, batch: Sequence[Work], *, patient: bool) -> None:
        """Do a batch of work.

        Args:
            session: a writing transaction.
            batch: the work.
            patient: wait as long as it takes for a customer's lock.
        """
        arrivals = [work for work in batch if isinstance(work, Arrival)]
        wakes = [work for work in batch if isinstance(work, Wake)]
        told = [work for work in batch if isinstance(work, Told)]
        if not patient and is_postgresql(session):
            connection = await session.connection()
            await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        going_on = [work.lane.customer_id for work in told if _goes_on(work)]
        # customers of started runs too: they may have been joined to another id since
        concerned = [work.lane.customer_id for work in told if work.started or work.plan.refused]
        concerned += [work.row.customer_id for work in arrivals]
        concerned += [work.customer_id for work in wakes]
        # people before any other row of theirs: an alias call locks in this order, too
        if concerned or going_on:
            self._people = await people.lock_all(session, [*concerned, *going_on])
            self._homes = {row.customer_id: row for row in self._people.values()}
        if arrivals:
            await self._store(session, arrivals)
        moved = await self._note(session, told) if told else set()
        unrouted = moved | {
            row.customer_id for row, _ in self.rows.values() if row.routed_at is None
        }
        unrouted |= {self.joined(work.customer_id) for work in wakes}
        unrouted |= set(map(self.joined, going_on))
        if unrouted:
            busy = self._lanes.carrying() - {work.lane.customer_id for work in told}
            await self._plan(session, unrouted, busy)
        for work in told:
            if not work.is_routed:
                continue
            seen = self.horizon.get(work.lane.customer_id, 0)
            self.horizon[work.lane.customer_id] = max(seen, work.plan.seq)

    async def _store(self, session: AsyncSession, arrivals: Sequence[Arrival]) -> None:
        for work in arrivals:
            work.row.customer_id = self.joined(work.row.customer_id)
            opting.name_key(work.row, work.event)
        here = [work for work in arrivals if not is_tombstone(work.row.customer_id)]
        if here:
            kept = await events.add_all(session, [work.row for work in here], self._project.events)
            self.rows = dict(zip(here, kept, strict=True))
        await self._drop(session, [work for work in arrivals if work not in self.rows])
        new = [row for row, stored in self.rows.values() if stored]
        await opting.keep(session, new, self._homes, self._project.events)
        await coupon_uses.note(session, new, self._project.events)
        await secrets.note(session, [row for row, _ in self.rows.values()], self._project.events)
        fresh: dict[str, list[Pair]] = {}
        for work, (row, stored) in self.rows.items():
            if stored and work.event is not None and row.routed_at is None:
                fresh.setdefault(row.customer_id, []).append((row, work.event))
        await limiting.hold(session, self._homes, fresh, self._project.journeys)
        for customer_id, pairs in fresh.items():
            pairs.sort(key=lambda pair: pair[0].seq or 0)
            person = self._homes[customer_id]
            verdicts = await self._judge.judge(session, person, pairs, new=True)
            if await muting.hear(
                session, person, pairs, verdicts, self._project, within=self._clock_skew
            ):
                self.woken.add(customer_id)

    async def _drop(self, session: AsyncSession, arrivals: Sequence[Arrival]) -> None:
        """Count the events of people who were erased; nothing of them is kept."""
        for work in arrivals:
            await tombstones.count_dropped(session, work.row.customer_id)
            work.row.properties, work.row.as_sent = {}, None
            work.row.routed_at = datetime.now(UTC)
            work.notes = (ERASED,)
            self.rows[work] = (work.row, False)

    async def _note(self, session: AsyncSession, told: Sequence[Told]) -> set[str]:
        """Note what was told; return the customers whose started runs have missed something."""
        now = datetime.now(UTC)
        moved: set[str] = set()
        by_other_clocks: dict[str, set[str]] = {}
        for work in told:
            for row in work.started:
                home = self.joined(row.customer_id)
                if home != row.customer_id and not is_tombstone(home):
                    moved.add(home)
                if is_tombstone(home):  # while it was being started, its customer was erased
                    await erasing.reopen(session, home, row)
                    continue
                row.customer_id = home
                if self._zone(home) not in ("", work.plan.enrolment.timezone):
                    by_other_clocks.setdefault(home, set()).add(row.run_id)
        self._looked_up |= {run for work in told for run in work.found_open}
        await events.mark_routed(session, [w.plan.seq for w in told if w.is_routed], now)
        await events.mark_routed(session, [seq for work in told for seq in work.missed], None)
        started = [row for work in told for row in work.started]
        lives = [row for row in started if not is_tombstone(self.joined(row.customer_id))]
        await runs.add(session, lives)
        await runs.mark_closed(session, [i for work in told for i in work.closed], now)
        refused = await settle_entries(session, told)
        self.refused += refused
        self.woken |= await muting.take_back(session, refused, self._project, self._homes)
        for customer_id in sorted(moved):  # the alias call could not know of these runs
            await tell_again(session, customer_id, self._project, within=self._clock_skew)
        for customer_id, run_ids in sorted(by_other_clocks.items()):  # nor could an identify call
            noted = await runs.maybe_open(session, customer_id)
            zone = self._zone(customer_id)
            for run in (run for run in noted if run.run_id in run_ids):
                since = run.started_at
                await zones.changed(session, [run], zone, because="while it began", at=since)
        return moved | set(by_other_clocks)

    def _zone(self, customer_id: str) -> str:
        """Return the zone that a customer lives in now; empty if nobody looked it up."""
        person = self._homes.get(customer_id)
        return home_zone(cards.card(person), self._timezone) if person else ""

    async def _plan(self, session: AsyncSession, unrouted: set[str], busy: set[str]) -> None:
        """Plan the next event of each customer whose lane is not busy telling one."""
        open_runs = await runs.maybe_open_of(session, unrouted)
        await self._void_holds(session, open_runs)
        free = unrouted - busy
        if not free:
            return
        size = WINDOW
        while free:
            rows = await events.unrouted(session, free, each=size)
            full = {customer_id for customer_id, found in rows.items() if len(found) >= size}
            # every event that a lane goes to by now was stored before this query
            self._looked(free - full, rows)
            await self._plan_of(session, rows, open_runs)
            for customer_id in full & set(self.plans):
                self.horizon[customer_id] = max(row.seq or 0 for row in rows[customer_id])
            # those that concern nobody are noted: the next page has others
            free, size = full - set(self.plans), 2 * size

    def _looked(self, customers: set[str], rows: dict[str, list[EventRow]]) -> None:
        """Note that every event of these customers was looked at."""
        for customer_id in customers:
            lane, found = self._lanes.find(customer_id), rows.get(customer_id, [])
            newest = max((row.seq or 0 for row in found), default=0)
            self.horizon[customer_id] = max(newest, lane.up_to if lane else 0)

    async def _plan_of(
        self,
        session: AsyncSession,
        rows: dict[str, list[EventRow]],
        open_runs: dict[str, list[RunRow]],
    ) -> None:
        """Plan the next of these events of each customer; note those that concern nobody."""
        waiting: dict[str, list[tuple[EventRow, Event]]] = {}
        faults: list[tuple[EventRow, SojournError]] = []
        for customer_id, found in rows.items():
            waiting[customer_id], unreadable = readable(found, self._project.events)
            faults += unreadable
        if faults:
            await set_aside(session, faults)
        since = await since_of(session, waiting, self._project.journeys, self._clock_skew)
        before = await before_of(session, waiting, self._project)
        last_sent = await last_sent_of(session, waiting, self._project.journeys)
        supposed = await last_sent_of(session, waiting, self._project.journeys, in_shadow=True)
        held_back = await held_back_of(session, waiting, self._project.journeys)
        nobody: list[int] = []
        refused: list[Refused] = []
        for customer_id, pairs in waiting.items():
            noted = open_runs.get(customer_id, [])
            person, moved = self._homes[customer_id], before.get(customer_id, [])
            known = Known(
                customer=cards.card(person),
                open_runs=noted,
                before=moved,
                last_sent=last_sent,
                last_supposed=supposed,
                held_back=held_back,
                verdicts=await self._judge.judge(session, person, pairs, before=moved),
                looked_up=frozenset(self._looked_up),
                ended=await ended_by_store(session, pairs, noted, self._project),
            )
            planned = await plan(
                session,
                known,
                pairs,
                since.get(customer_id),
                self._project.journeys,
                timezone=self._timezone,
                clock=self._clock,
                within=self._clock_skew,
            )
            nobody += planned.idle
            refused += planned.refused
            if planned.plan is not None:
                self.plans[customer_id] = planned.plan
        if nobody:
            await events.mark_routed(session, nobody, datetime.now(UTC))
        await note_refused(session, refused)
        self.refused += refused
        self.woken |= await muting.take_back(session, refused, self._project, self._homes)

    async def _void_holds(self, session: AsyncSession, open_runs: dict[str, list[RunRow]]) -> None:
        held = {row.workflow_id for row in await ledger.held_by(session, open_runs)}
        for work, (row, stored) in self.rows.items():
            noted = [run for run in open_runs.get(row.customer_id, []) if run.workflow_id in held]
            if not stored or work.event is None or not noted:
                continue
            if await void_holds_of(
                session, row, work.event, noted, self._project, within=self._clock_skew
            ):
                self.woken.add(row.customer_id)


def _goes_on(work: Told) -> bool:
    """Tell whether the lane has more to route."""
    more = work.plan.seq < work.lane.up_to or not work.is_routed
    return more or bool(work.lane.wakes or work.missed)
