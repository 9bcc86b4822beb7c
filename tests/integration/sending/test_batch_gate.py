"""A batch decides as the gate does on each of its messages: the same verdicts and reasons."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn import EMAIL, Audience, Campaign, Message, days, trait
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignAct, CampaignDeed
from sojourn.domain.caps import WEEK, Caps, Limit
from sojourn.domain.events import SHIPPED, OrderCompleted
from sojourn.domain.holdout import Holdouts
from sojourn.domain.limits import at_most
from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.domain.only_to import read_only_to
from sojourn.domain.policy import Allow
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import Rules
from sojourn.domain.states import MessageState
from sojourn.domain.switches import Part, Scope
from sojourn.domain.topics import Topic, Topics
from sojourn.domain.verdict import Ruling
from sojourn.sending.batches.gate import BatchGate
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.store import (
    Store,
    campaigns,
    consents,
    ledger,
    people,
    refusals,
    restrictions,
    suppressions,
    switches,
)
from sojourn.store.tables import ConsentRow, CustomerRow, EventRow, LedgerRow
from tests.support.rows import delivery_of

NOW = datetime(2024, 3, 4, 11, tzinfo=UTC)
"""A Monday: in Rome it is noon, in Los Angeles the night."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
RULES = {
    "none": Rules(),
    "nights": Rules.of(QuietHours(time(21), time(9))),
    "caps": Rules(caps=Caps((Limit(1, 1), Limit(2, WEEK)))),
}
ZONES = ("Europe/Rome", "America/Los_Angeles", "Asia/Tokyo", "", "UTC")


class Crowd:
    """Customers with all that can happen to one, and a campaign to them."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.rnd = store, random.Random(seed)
        self.own = uuid4().hex[:8]
        self.topic = f"news-{self.own}"
        self.campaign = f"c-{self.own}"
        self.deliveries: dict[int, Delivery] = {}
        self.happens: list[Callable[[AsyncSession, str], Awaitable[None]]] = [
            self.nothing, self.no_consent, self.refused_topic, self.own_yes, self.no_address,
            self.bounced, self.refused_by_address, self.snoozed, self.restricted, self.unknown,
            self.bought_before, self.bought_after, self.had_one_today, self.holds_one,
            self.in_care, self.wants_less, self.barred, self.yes_ran_out, self.erased,
        ]  # fmt: skip

    async def begin(self, number: int, **changes: Any) -> None:
        message = Message(EMAIL, **{"useful_for": days(2), "topic": self.topic, **changes})
        campaign = Campaign(
            self.campaign, to=Audience("all", trait("x").is_known), message=message,
            goal=OrderCompleted,
        )  # fmt: skip
        plan = CampaignPlan.of(campaign, self.campaign, NOW - HOUR)
        async with self.store.transaction() as session:
            await campaigns.launch(
                session, self.campaign, name=self.campaign, digest="d",
                plan=plan.model_dump(mode="json"), by="anna",
            )  # fmt: skip
            await campaigns.frozen(session, self.campaign, at=NOW - HOUR, size=number)
            row = await campaigns.get(session, self.campaign)
            await session.refresh(row)
            for n in range(number):
                one = f"{self.own}-{n}"
                await self._write(session, one)
                await session.flush()  # what happens next finds the row
                due = NOW - self.rnd.choice([timedelta(0), HOUR, 3 * DAY])
                self.deliveries[n + 1] = plan.delivery(
                    one, due=due, now=NOW, lane=Channel.EMAIL, start=(NOW - HOUR, row.start_seq)
                )
                for happens in self.rnd.sample(self.happens, self.rnd.choice([1, 1, 2, 3])):
                    await happens(session, one)

    async def _write(self, session: AsyncSession, one: str) -> None:
        session.add(
            CustomerRow(
                customer_id=one, identified_at=NOW - 9 * DAY, email=f"{one}@shop.example",
                timezone=self.rnd.choice(ZONES), locale=self.rnd.choice(["en-GB", "it", "en"]),
            )
        )  # fmt: skip
        session.add(
            ConsentRow(customer_id=one, channel="email", granted=True, at=NOW - 8 * DAY,
                       source="form")
        )  # fmt: skip

    async def nothing(self, session: AsyncSession, one: str) -> None:
        pass

    async def _card(self, session: AsyncSession, one: str, **changes: Any) -> None:
        row = await people.lock(session, one)
        for name, value in changes.items():
            setattr(row, name, value)
        session.add(row)

    async def _said(
        self, session: AsyncSession, one: str, *, granted: bool, topic: str = "", at: datetime
    ) -> None:
        person = await people.lock(session, one)
        await consents.record(
            session, person, EMAIL, granted=granted, topic=topic, source="t", at=at
        )

    async def no_consent(self, session: AsyncSession, one: str) -> None:
        await self._said(session, one, granted=False, at=NOW - DAY)

    async def refused_topic(self, session: AsyncSession, one: str) -> None:
        await self._said(session, one, granted=False, topic=self.topic, at=NOW - DAY)

    async def own_yes(self, session: AsyncSession, one: str) -> None:
        await self._said(session, one, granted=True, topic=self.topic, at=NOW - 2 * DAY)

    async def yes_ran_out(self, session: AsyncSession, one: str) -> None:
        session.add(
            ConsentRow(customer_id=one, channel="email", granted=True, at=NOW - 3 * DAY,
                       source="f", expires_at=NOW - DAY)
        )  # fmt: skip

    async def no_address(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, email="")

    async def bounced(self, session: AsyncSession, one: str) -> None:
        await suppressions.add(
            session, EMAIL, f"{one.upper()}@shop.example", because="bounced",
            at=NOW - DAY, source="t",
        )  # fmt: skip

    async def refused_by_address(self, session: AsyncSession, one: str) -> None:
        topic = self.rnd.choice(["", self.topic])
        await refusals.add(
            session, EMAIL, f"{one}@shop.example", topic=topic, at=NOW - HOUR, source="t"
        )

    async def snoozed(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, snoozed_until=NOW + self.rnd.choice([HOUR, 9 * DAY]))

    async def in_care(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, in_care_until=NOW + DAY, in_care_of="service-recovery")

    async def wants_less(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, least_days={self.topic: 30})

    async def restricted(self, session: AsyncSession, one: str) -> None:
        await restrictions.begin(session, one, why="asked", by="t")

    async def unknown(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, identified_at=None)

    async def erased(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, erased_at=NOW - DAY)

    async def barred(self, session: AsyncSession, one: str) -> None:
        await self._card(session, one, email=f"{one}@elsewhere.example")

    async def _bought(self, session: AsyncSession, one: str, at: datetime) -> None:
        session.add(
            EventRow(message_id=uuid4().hex, customer_id=one, name="Order Completed",
                     occurred_at=at, received_at=NOW, properties={"order_id": "o"})
        )  # fmt: skip

    async def bought_before(self, session: AsyncSession, one: str) -> None:
        await self._bought(session, one, NOW - 2 * HOUR)

    async def bought_after(self, session: AsyncSession, one: str) -> None:
        await self._bought(session, one, NOW - timedelta(minutes=30))

    async def _has(self, session: AsyncSession, one: str, **changes: Any) -> None:
        row: LedgerRow = ledger.new_row(delivery_of(one), Channel.EMAIL)
        row.topic = self.topic
        for name, value in changes.items():
            setattr(row, name, value)
        session.add(row)

    async def had_one_today(self, session: AsyncSession, one: str) -> None:
        await self._has(session, one, state=MessageState.SENT, decided_at=NOW - HOUR)

    async def holds_one(self, session: AsyncSession, one: str) -> None:
        await self._has(
            session, one, state=MessageState.DEFERRED, reason="quiet_hours", held_until=NOW + HOUR,
            decided_at=NOW - HOUR, due_at=NOW - 9 * DAY,
        )  # fmt: skip


def gates(
    store: Store, rules: Rules, *, own_yes: bool, only: str, off: list[str], held_out: float = 0.0
) -> tuple[Gate, BatchGate]:
    topics = Topics() if not own_yes else _OwnYes({"x": Topic("x", {"en": "X"})}, declared=True)
    told: dict[str, Any] = {
        "events": SHIPPED, "off": off, "topics": topics, "clock_skew": timedelta(minutes=5),
        "only_to": read_only_to(only) if only else None, "holdouts": Holdouts(held_out),
    }  # fmt: skip
    grounds = Grounds(lambda: rules, "UTC", **told)
    return Gate(store, grounds), BatchGate(store, grounds)


class _OwnYes(Topics):
    def needs_own_yes(self, topic: str) -> bool:
        return True


SIZE = 60


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rules", RULES)
async def test_a_batch_decides_as_the_gate_does(store: Store, rules: str, seed: int) -> None:
    crowd = Crowd(store, seed)
    changes: list[dict[str, Any]] = [
        {},
        {"at_most": at_most(1, per=days(30))},
        {"within": "mon-fri 09:00-18:00"},
        {"message_class": MessageClass.TRANSACTIONAL},
    ]
    await crowd.begin(SIZE, **changes[seed])
    single, many = gates(
        store,
        RULES[rules],
        own_yes=seed == 1,
        only="*@shop.example" if seed == 2 else "",
        off=[],
        held_out=0.3 if seed != 1 else 0.0,
    )
    await _same(crowd, single, many)


@pytest.mark.parametrize("how", ["off", "held back", "channel paused", "stopped"])
async def test_operators_hold_a_batch_back_as_they_do_one_message(store: Store, how: str) -> None:
    crowd = Crowd(store, 9)
    await crowd.begin(12)
    off = [crowd.campaign] if how == "off" else []
    single, many = gates(store, Rules(), own_yes=False, only="", off=off)
    async with store.transaction() as session:
        if how == "held back":
            await switches.begin(
                session, Scope.TOPIC, crowd.topic, [Part.SENDS], closed=False, because="w", by="a"
            )
        if how == "stopped":
            deed = CampaignDeed(campaign=crowd.campaign, act=CampaignAct.STOP, by="a", because="w")
            await campaigns.act(session, deed)
    if how == "stopped":
        assert await many.decide(crowd.deliveries, NOW) is None
        return
    await _same(crowd, single, many)


async def _same(crowd: Crowd, single: Gate, many: BatchGate) -> None:
    looked = {one.customer_id: await single.look(one, NOW) for one in crowd.deliveries.values()}
    answers = await many.decide(crowd.deliveries, NOW)
    assert answers is not None
    async with crowd.store.reading() as session:
        rows = await ledger.of_messages(
            session, [one.message_id for one in crowd.deliveries.values()]
        )
    found = {row.enrolment: row for row in rows}
    assert len(answers) == len(found) == len(crowd.deliveries), "nothing was left out"
    for one, (gathered, verdict) in looked.items():
        assert isinstance(verdict, Ruling)
        row = found[one]
        decision = verdict.decision
        whose = f"{one} {gathered.customer}"
        assert row.state is verdict.state, whose
        assert (row.reason or None) == (getattr(decision, "reason", None)), whose
        assert row.detail == (getattr(decision, "detail", "") or None), whose
        assert row.held_until == getattr(decision, "until", None), whose
        assert row.caused_by == (verdict.news.id if verdict.news else None), whose
        answer = answers[one]
        assert isinstance(answer, Claim) == isinstance(decision, Allow)
        if isinstance(answer, Claim):
            assert answer.address == gathered.usable[EMAIL][0]
            assert answer.timezone == gathered.case.timezone


async def test_a_message_of_which_something_is_known_goes_singly(store: Store) -> None:
    crowd = Crowd(store, 3)
    crowd.happens = [crowd.nothing]
    await crowd.begin(3, useful_for=days(9))
    _, many = gates(store, Rules(), own_yes=False, only="", off=[])
    first = {1: crowd.deliveries[1]}
    assert len(await many.decide(first, NOW) or {}) == 1
    again = await many.decide(crowd.deliveries, NOW)
    assert again is not None
    assert set(again) == {crowd.deliveries[n].customer_id for n in (2, 3)}
