"""Measuring: passes that count changed rows, each change once.

A pass takes the marks of changes, reads the marked rows, and adds their present counts less their
former ones to the rollups, in one transaction. It may be killed at any moment, and several workers
may start one at the same time: the marks are deleted together with the counting, or stay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calendar import zone
from sojourn.domain.campaign import OCCASION
from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.holdout import EVERYTHING
from sojourn.domain.measuring.attribution import WINDOW, Touch, in_order, touching
from sojourn.domain.measuring.measures import measures_of, reason_of
from sojourn.domain.measuring.orders import TAKEN_BACK, Order, Told, orders_of
from sojourn.domain.measuring.tally import Cell, Change, Tally, money_of
from sojourn.insight.cohorts import count as count_cohorts
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, locks
from sojourn.store import changes as noting
from sojourn.store.measuring import cohorts, conversions, marks, rollups
from sojourn.store.measuring.conversions import Conversion, Left

PAGE = 2000
"""The most marks of one pass."""
LOCK = locks.number("rollups")


@dataclass(frozen=True)
class Source:
    """A journey or a campaign whose goal is measured.

    Args:
        goals: the wire names of its goals.
        window: how long after a message a goal may be due to it.
    """

    goals: frozenset[str]
    window: timedelta = WINDOW


NO_GOALS = Source(frozenset())


@dataclass(frozen=True)
class Measuring:
    """Counts changed rows.

    Args:
        store: the open store.
        sources: journeys and campaigns that have goals, by name.
        tz: the installation's time zone, in which days begin.
    """

    store: Store
    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    tz: ZoneInfo = field(default_factory=lambda: zone("UTC"))

    @classmethod
    def of(cls, store: Store, settings: Settings, project: Project) -> Self:
        """Measure a project's journeys and campaigns.

        Args:
            store: the open store.
            settings: the settings of the installation.
            project: has the journeys and campaigns.

        Returns:
            An object that is ready to count.
        """
        return cls(store, sources_of(project), zone(settings.timezone))

    async def catch_up(self) -> int:
        """Count all changes; return how many there were."""
        await self._learn()
        async with self.store.reading() as session:
            is_upgraded = await cohorts.lack_all(session)
        if is_upgraded:
            async with self.store.transaction() as session:
                await marks.mark_exposures(session)
        return await self._count_all()

    async def _count_all(self) -> int:
        number = 0
        while counted := await self.count(PAGE):
            number += counted
            if counted < PAGE:
                break
        return number

    async def count(self, limit: int) -> int:
        """Count changes, in one transaction.

        Args:
            limit: the most changes to count.

        Returns:
            The number of changes.
        """
        async with self.store.transaction() as session:
            await locks.hold(session, LOCK)
            marked = await marks.take(session, limit)
            if not marked.number:
                return 0
            told = await self._told(session, marked)
            touched = marked.messages | await self._attribute(session, told.buyers, told.events)
            await count_cohorts(
                session, marked.exposures, told.exposed, told.events, self._goals_of
            )
            changes: dict[Cell, Change] = {}
            tallies = await self._tallies(session, touched)
            before = await rollups.measured(session, touched)
            for number, tally in tallies.items():
                had = before.get(number)
                if had == tally:
                    continue
                if had is not None:
                    changes.setdefault(had.cell, Change()).add(had, -1)
                changes.setdefault(tally.cell, Change()).add(tally, 1)
            for journey, at in await rollups.entries(session, marked.runs):
                cell = Cell(self._day(at), journey)
                changes.setdefault(cell, Change()).enter(1)
            new = {n: one for n, one in tallies.items() if before.get(n) != one}
            await rollups.change(session, changes, new)
            await noting.note(session, marked.changed)
        return marked.number

    async def rebuild(self) -> int:
        """Rebuild the rollups from the rows; return how many rows there were.

        Meanwhile, new changes are counted as usual. Orders of erased customers keep their messages'
        credit; the counts of rows that no longer exist are lost.
        """
        await self._learn()
        async with self.store.transaction() as session:
            await locks.hold(session, LOCK)
            await rollups.clear(session)
            await cohorts.clear(session)
            await marks.mark_all(session, orders=self._names)
        return await self._count_all()

    # ---- orders --------------------------------------------------------------------------------

    async def _learn(self) -> None:
        """Make events of these goals leave marks, including those stored before."""
        async with self.store.reading() as session:
            if await marks.knows(session, self._names):
                return
        async with self.store.transaction() as session:
            await marks.learn(session, self._names)
        async with self.store.transaction() as session:
            await marks.mark_learnt(session)

    @property
    def _names(self) -> frozenset[str]:
        """The wire names of events that tell orders, or take them back."""
        goals = frozenset(name for one in self.sources.values() for name in one.goals)
        return goals | frozenset(TAKEN_BACK) if goals else goals

    async def _told(self, session: AsyncSession, marked: marks.Marked) -> "_Told":
        """Return the customers whose orders may count otherwise, and what they told of orders."""
        exposed = await cohorts.who(session, marked.exposures)
        if not self._names:
            return _Told(set(), exposed, {})
        ordered = await conversions.who_ordered(session, marked.events, self._names)
        later = await conversions.who_may_have_ordered(session, marked.messages, self._names)
        buyers, exposed = ordered | later, ordered | exposed
        events = await conversions.orders_told(session, buyers | exposed, self._names)
        return _Told(buyers, exposed, events)

    def _goals_of(self, experiment: str, source: str) -> frozenset[str]:
        return source_of(experiment, source, self.sources).goals

    async def _attribute(
        self, session: AsyncSession, customers: Collection[str], events: Mapping[str, list[Told]]
    ) -> set[int]:
        """Note the messages that orders may be due to; return those for which something changes.

        It examines the customers of new orders, and of messages that turn out to have been sent
        before an order.
        """
        if not customers:
            return set()
        told = {one: some for one, some in events.items() if one in customers}
        left = await conversions.left(session, customers, list(self.sources))
        found = [
            one
            for customer_id, events_of in told.items()
            for one in self._credited(events_of, left.get(customer_id, []))
        ]
        looked_at = [event.seq for events_of in told.values() for event in events_of]
        return await conversions.replace(session, looked_at, list(self.sources), found)

    def _credited(self, told: list[Told], messages: list[Left]) -> list[Conversion]:
        """Return the messages that each order of a customer may be due to.

        An order with several events counts once for a journey, by the earliest event that is its
        goal. Messages of all journeys share the credit for one event.
        """
        orders: dict[int, Order] = {}
        touches: dict[int, list[Touch]] = {}
        for goals, window, left in self._by_goals(messages):
            for order in orders_of(told, goals):
                if order.stands:
                    orders[order.event.seq] = order
                    mine = touching(left, order.event.at, window)
                    touches.setdefault(order.event.seq, []).extend(mine)
        return [
            Conversion(
                ledger_id=touch.ledger_id,
                seq=seq,
                occasion=orders[seq].occasion,
                name=orders[seq].event.name,
                at=orders[seq].event.at,
                currency=orders[seq].event.currency,
                value=orders[seq].value,
                place=place,
                touches=len(found),
            )
            for seq, found in touches.items()
            for place, touch in enumerate(in_order(found), 1)
        ]

    def _by_goals(
        self, messages: list[Left]
    ) -> Iterator[tuple[frozenset[str], timedelta, list[Touch]]]:
        """Yield the sent messages by the goals and the window of their journeys."""
        found: dict[tuple[frozenset[str], timedelta], list[Touch]] = {}
        for one in messages:
            source = self.sources[one.source]
            touch = Touch(one.ledger_id, one.at)
            found.setdefault((source.goals, source.window), []).append(touch)
        for (goals, window), touches in found.items():
            yield goals, window, touches

    # ---- messages ------------------------------------------------------------------------------

    async def _tallies(self, session: AsyncSession, numbers: Collection[int]) -> dict[int, Tally]:
        """Return the present counts of messages."""
        reports = await rollups.reports(session, numbers)
        credited = await conversions.of_messages(session, numbers)
        found: dict[int, Tally] = {}
        for one in await rollups.messages(session, numbers):
            orders = credited.get(one.id, ())
            found[one.id] = Tally(
                cell=self._cell(one),
                measures=measures_of(
                    one.state,
                    one.reason,
                    one.held_until,
                    reports.get(one.id, ()),
                    progress=one.progress,
                    converted=any(order.place == order.touches for order in orders),
                ),
                reason=reason_of(one.state, one.reason),
                holds=tuple((one.held_for or "").split()),
                money=money_of((o.place, o.touches, o.value, o.currency) for o in orders),
            )
        return found

    def _cell(self, one: rollups.Message) -> Cell:
        campaign = one.workflow_id.removeprefix(PREFIX)
        is_campaign = campaign != one.workflow_id
        return Cell(
            day=self._day(one.due_at),
            source=one.source,
            occasion=campaign.partition(OCCASION)[2] if is_campaign else "",
            version=one.version or "",
            step=one.step,
            variant=one.variant or "",
            channel=one.channel,
            language=one.language or "",
            mailbox=one.mailbox or "",
        )

    def _day(self, at: datetime) -> str:
        return at.astimezone(self.tz).date().isoformat()


@dataclass(frozen=True)
class _Told:
    """Customers whose orders may count otherwise than before, and what they told.

    Args:
        buyers: those whose orders may be due to other messages than before.
        exposed: those who may count otherwise in experiments.
        events: of both: those that tell orders, or take them back.
    """

    buyers: set[str]
    exposed: set[str]
    events: Mapping[str, list[Told]]


def source_of(experiment: str, source: str, sources: Mapping[str, Source]) -> Source:
    """Return the goals that count in an experiment, and the time that its customers have to buy.

    Args:
        experiment: its name. The goals of the installation's control group are those of all.
        source: the journey or the campaign by which a customer came into it.
        sources: journeys and campaigns that have goals, by name.

    Returns:
        Both; no goals where the source has none.
    """
    if experiment != EVERYTHING:
        return sources.get(source, NO_GOALS)
    goals = frozenset(goal for each in sources.values() for goal in each.goals)
    return Source(goals, max((each.window for each in sources.values()), default=WINDOW))


def sources_of(project: Project) -> Mapping[str, Source]:
    """Return the journeys and campaigns of a project that have a goal, by name."""
    found = {
        name: Source(frozenset(names(journey.terms.goal)), journey.terms.conversion_window)
        for name, journey in project.journeys.items()
    }
    found |= {
        name: Source(frozenset(names(campaign.goals)), campaign.conversion_window)
        for name, campaign in project.campaigns.items()
    }
    return MappingProxyType({name: one for name, one in found.items() if one.goals})
