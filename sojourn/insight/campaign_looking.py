"""Ask the gate itself what would become of a campaign's messages, without storing anything."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.campaigns.freezing import due_in
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.verdict import Ruling, Verdict
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.batches.gate import BatchGate
from sojourn.sending.batches.gathering import fits
from sojourn.sending.gate import Gate
from sojourn.sending.gathering import Gathered
from sojourn.settings import Settings
from sojourn.store import Store, cards, recipients
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from sojourn.store.facts.clauses import CUSTOMERS
from sojourn.store.tables import CustomerRow, EventRow

AT_ONCE = 100
PAGE = 2_000


@dataclass(frozen=True)
class Going:
    """A message that would leave.

    Args:
        delivery: the message.
        customer: the person it addresses.
        timezone: the customer's time zone.
        channel: the channel by which it leaves.
        address: where it goes.
        ready: when it may leave: its due moment, or the end of its hold.
        held_by: the reason of its hold; None if it is not held.
    """

    delivery: Delivery
    customer: Customer
    timezone: str
    channel: Channel
    address: str
    ready: datetime
    held_by: Reason | None = None


@dataclass
class Tally:
    """The messages that were asked about.

    Args:
        looked: how many.
        skipped: the number of customers who would get nothing, by reason.
        decided: messages that are in the ledger already.
    """

    looked: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    decided: int = 0


class Looking:
    """Asks the gate about the messages of a campaign that may not be launched yet.

    Args:
        store: the open store.
        settings: the settings of the installation.
        project: has the topics and the policy.
        renderer: knows which channels have words.
        plan: the campaign's plan.
        now: the moment of the supposed launch.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        project: Project,
        renderer: Renderer,
        *,
        plan: CampaignPlan,
        now: datetime,
    ) -> None:
        policy = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
        self._store = store
        self._zone = settings.timezone
        self._own = project.topics.own
        self._plan = plan
        self._now = now
        self._many = BatchGate.of(store, settings, project, policy)
        self._single = Gate.of(store, settings, project, policy, renderer.channels_of)
        self._taken: dict[str, str] = {}
        self._newest = 0
        self._size = 0
        self._decides_at: datetime | None = None
        self.tally = Tally()

    async def size(self) -> int:
        """Count the audience."""
        async with self._store.reading() as session:
            inner = self._holders(session).subquery()
            connection = await session.connection()
            query = select(func.count()).select_from(inner)
            self._size = int((await connection.execute(query)).scalar_one())
            return self._size

    async def sample(self, number: int) -> AsyncIterator[Going]:
        """Ask about a random sample of the audience.

        Args:
            number: the most customers to ask about.

        Yields:
            Messages that would leave; the tally counts the others.
        """
        async with self._store.reading() as session:
            query = self._holders(session).order_by(func.random()).limit(number)
            connection = await session.connection()
            ids = list((await connection.execute(query)).scalars())
        for begin in range(0, len(ids), PAGE):
            async for one in self._of(ids[begin : begin + PAGE]):
                yield one

    async def everybody(self) -> AsyncIterator[Going]:
        """Ask about everybody in the audience, as `sample` does."""
        after = ""
        while True:
            async with self._store.reading() as session:
                query = self._holders(session).where(CUSTOMERS.c.customer_id > after)
                query = query.order_by(CUSTOMERS.c.customer_id).limit(PAGE)
                connection = await session.connection()
                ids = list((await connection.execute(query)).scalars())
            if not ids:
                return
            after = ids[-1]
            async for one in self._of(ids):
                yield one

    def _holders(self, session: AsyncSession) -> Select[Any]:
        return holders(self._plan.fact, self._now, postgresql=is_postgresql(session), own=self._own)

    async def _of(self, ids: Sequence[str]) -> AsyncIterator[Going]:
        """Ask about these customers, together for those with one due moment."""
        async with self._store.reading() as session:
            people = select(CustomerRow).where(col(CustomerRow.customer_id).in_(ids))
            zones = {
                row.customer_id: row.timezone or home_zone(cards.card(row), self._zone)
                for row in await session.exec(people)
            }
            self._newest = (await session.exec(select(func.max(EventRow.seq)))).one() or 0
            decides_at = await self._winner_at(session)
        by_moment: dict[datetime, list[Delivery]] = {}
        freeze = self._plan.when.begins(self._now)
        for one in ids:
            due = due_in(zones.get(one, self._zone), self._plan, freeze, self._zone)
            variant = self._drawn(one)
            if decides_at is not None and not variant:
                due = self._plan.due_after(due, decides_at)
            at = max(due, freeze)
            delivery = self._plan.delivery(
                one,
                due=due,
                now=at,
                lane=self._plan.channels[0],
                start=(self._now, self._newest),
                variant=variant,
            )
            by_moment.setdefault(at, []).append(delivery)
        for at, deliveries in sorted(by_moment.items()):
            for begin in range(0, len(deliveries), AT_ONCE):
                for going in await self._asked(deliveries[begin : begin + AT_ONCE], at):
                    yield going

    def _drawn(self, customer_id: str) -> str:
        """Return the variant that would be tested on a customer; empty if none."""
        test = self._plan.ab
        if test is None:
            return ""
        return test.drawn(self._plan.model.campaign, customer_id) or ""

    async def _winner_at(self, session: AsyncSession) -> datetime | None:
        """Estimate when the winner would be found; None if there are no variants.

        The share is spread over time zones, and by the rate.
        """
        test, freeze = self._plan.ab, self._plan.when.begins(self._now)
        if test is None or self._decides_at is not None:
            return self._decides_at
        zones = {self._zone}
        if self._plan.when.is_local:
            found = await recipients.zones(session, self._holders(session))
            zones = {one or self._zone for one in found} or zones
        last = max(due_in(one, self._plan, freeze, self._zone) for one in zones)
        takes = self._size * test.share / self._plan.rate if self._plan.rate else 0
        self._decides_at = max(last, freeze) + timedelta(seconds=takes) + test.after
        return self._decides_at

    async def _asked(self, deliveries: Sequence[Delivery], at: datetime) -> list[Going]:
        self.tally.looked += len(deliveries)
        found: dict[str, tuple[Gathered, Ruling]] = {}
        if all(map(fits, deliveries)):
            looked = await self._many.look(deliveries, at, self._taken)
            found, self._taken = dict(looked.found), dict(looked.takers)
        going: list[Going] = []
        for one in deliveries:
            known = found.get(one.customer_id)
            gathered, verdict = known or await self._singly(one, at)
            if (leaves := self._told(gathered, verdict, at)) is not None:
                going.append(leaves)
        return going

    async def _singly(self, delivery: Delivery, at: datetime) -> tuple[Gathered, Verdict]:
        gathered, verdict = await self._single.look(delivery, at)
        if isinstance(verdict, Receipt) and verdict.reason is Reason.OTHER_CHANNEL:
            other = delivery.model_copy(update={"channel": verdict.channel})
            gathered, verdict = await self._single.look(other, at)
        return gathered, verdict

    def _told(self, gathered: Gathered, verdict: Verdict, at: datetime) -> Going | None:
        """Count a message that would not leave; return one that would."""
        if not isinstance(verdict, Ruling):
            if isinstance(verdict, Receipt) and verdict.reason and not gathered.rows:
                self.tally.skipped[verdict.reason] += 1
            else:
                self.tally.decided += 1
            return None
        case = gathered.case
        match verdict.decision:
            case Skip(reason, _):
                self.tally.skipped[reason] += 1
                return None
            case Defer(until, reason, _):
                return self._going(gathered, verdict.channel, until, reason)
            case Allow(channel):
                return self._going(gathered, channel, max(at, case.now), None)

    def _going(
        self, gathered: Gathered, channel: Channel, ready: datetime, held_by: Reason | None
    ) -> Going:
        case = gathered.case
        usable = gathered.usable.get(channel, ())
        return Going(
            delivery=case.delivery,
            customer=gathered.customer,
            timezone=case.timezone,
            channel=channel,
            address=next(iter(usable), gathered.customer.address(channel)),
            ready=ready,
            held_by=held_by,
        )
