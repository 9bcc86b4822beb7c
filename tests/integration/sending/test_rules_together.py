"""All rules together: whatever the policy, the zone, the clock and the messages that left before.

Each example plays one customer's days through the real gate on a real store: a message is asked
for, is held until a moment, is asked for then, and leaves or is decided. `tests.support.tales`
makes the examples up, and `tests.support.together` says what holds at a moment by itself.

The suite tries a few. Some thousands::

    SOJOURN_RULES=3000 .venv/bin/python -m pytest tests/integration/sending/test_rules_together.py
"""

import heapq
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given, reject, settings

from sojourn.domain.errors import BadPolicy
from sojourn.domain.events import HoldEnded
from sojourn.domain.facts import trait
from sojourn.domain.limits import AtCap, AtMost
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.rules import Rules
from sojourn.domain.rules_file import read_rules
from sojourn.domain.states import MessageState
from sojourn.domain.topics import Default, Topic, Topics
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.store import (
    Store,
    events,
    settling,
)
from tests.support import together
from tests.support.effort import fewer
from tests.support.stage import PAUSE, Stage
from tests.support.tales import TALES
from tests.support.together import DAY, MINUTE, PROMOTIONAL, Left, Tale, Wish

EXAMPLES = int(os.environ.get("SOJOURN_RULES", "0"))
effort = settings(max_examples=EXAMPLES) if EXAMPLES else fewer(0.3)

SECOND = timedelta(seconds=1)
OF_THE_POLICY = (Reason.QUIET_HOURS, Reason.WINDOW, Reason.SNOOZED, Reason.CAP, Reason.GAVE_WAY)
SPREAD = 10 * MINUTE
STALE = 10 * MINUTE
"""A hold that nobody has asked about for so long keeps no slot."""
ASKED = 60
"""Times that one message is asked for at most, pauses aside."""


class Play(Stage):
    """One example, from its beginning to its end."""

    def __init__(self, store: Store, tale: Tale, books: list[Rules]) -> None:
        super().__init__(store, tale, books)
        own = Topic(self.topics["own"], {"en": "Own"}, default=Default.OFF)
        self.gate = Gate(
            store,
            Grounds(
                lambda: self.books[0],
                "UTC",
                topics=Topics({own.id: own}, declared=True),
                stays_if={"renewal": trait("plan") == "pro"},
            ),
        )
        self.held: dict[int, tuple[Reason, datetime]] = {}
        self.claims: dict[int, int] = {}
        self.decided: set[int] = set()
        self.asked: dict[int, int] = {}
        self.lanes: dict[int, Channel] = {}
        self.turn: dict[int, int] = {}
        self.woken: set[str] = set()
        self.on_their_way: dict[int, datetime] = {}
        """Claimed for the first time, and when: they may yet leave their slots free."""
        self._todo: list[tuple[datetime, int, str, Any]] = []
        self._number = count()

    def at(self, moment: datetime, what: str, of: object) -> None:
        heapq.heappush(self._todo, (moment, next(self._number), what, of))

    def due(self, wish: Wish) -> datetime:
        return self.tale.begins + wish.due

    async def to_its_end(self) -> None:
        """Play everything that happens, in its order."""
        await self.begin()
        for deed in self.tale.deeds:
            self.at(self.tale.begins + deed.at, "deed", deed)
        for wish in self.tale.wishes:
            self.ask_at(self.due(wish), wish)
        while self._todo:
            now, _, what, of = heapq.heappop(self._todo)
            match what:
                case "deed":
                    await self.do(of, now)
                    if of.what == "pause":
                        self.at(now + PAUSE, "deed", replace(of, what="resume"))
                case "settle":
                    wish, claim, fate = of
                    await self._settle(wish, claim, fate, now)
                case _:
                    wish, turn = of
                    if self.turn[wish.number] == turn:  # nobody has woken it since
                        await self.ask(wish, now)
        assert self.decided == {wish.number for wish in self.tale.wishes}

    def ask_at(self, moment: datetime, wish: Wish) -> None:
        self.turn[wish.number] = self.turn.get(wish.number, 0) + 1
        self.at(moment, "ask", (wish, self.turn[wish.number]))

    async def _settle(self, wish: Wish, claim: Claim, fate: str, now: datetime) -> None:
        """Bring a claim to its end, as the worker would."""
        self.on_their_way.pop(wish.number, None)
        async with self.store.transaction() as session:
            if fate == "rejected":
                await settling.refuse(
                    session, claim.ledger_id, claim.attempt, "refused", detail="no"
                )
            else:
                await settling.settle(
                    session,
                    claim.ledger_id,
                    MessageState(fate),
                    attempt=claim.attempt,
                    reason="nothing_to_say" if fate == "skipped" else None,
                )
        if fate in ("skipped", "rejected"):
            self.told.left.pop(wish.number, None)
        if fate == "rejected":
            self.told.refused.setdefault(wish.number, set()).add(claim.channel)
            self.decided.remove(wish.number)
            self.ask_at(now, wish)
        await self._wake(now)

    async def _wake(self, now: datetime) -> None:
        """Ask again for what the engine says has something to hope for."""
        async with self.store.reading() as session:
            stored = await events.since(
                session, self.customer_id, HoldEnded.event_name, self.tale.begins - DAY
            )
        for row in stored:
            if row.message_id in self.woken:
                continue
            self.woken.add(row.message_id)
            for wish in self.tale.wishes:
                if wish.number in self.held and self._run(wish) == row.properties["run"]:
                    self.ask_at(max(now, self.due(wish)), wish)

    # ---- the gate --------------------------------------------------------------------------

    def _run(self, wish: Wish) -> str:
        return f"{wish.journey}:{self.customer_id}:{wish.number}"

    def delivery(self, wish: Wish, now: datetime) -> Delivery:
        start = self.starts[wish.cart]
        assert start.seq is not None
        due = self.due(wish)
        return Delivery(
            workflow_id=self._run(wish),
            journey=wish.journey,
            customer_id=self.customer_id,
            key=wish.cart,
            key_field="cart_id",
            enrolment=start.message_id,
            n=1,
            step=wish.step,
            template=wish.step,
            channels=wish.channels,
            channel=self.lanes.get(wish.number),
            message_class=wish.kind,
            topic=self.topics[wish.topic],
            due=due,
            useful_until=due + wish.useful_for,
            within=together.opened(wish.hours) if wish.hours else "",
            at_most=AtMost(number=wish.at_most[0], days=wish.at_most[1]) if wish.at_most else None,
            at_cap=None
            if wish.gives_way is None
            else (AtCap.GIVE_WAY if wish.gives_way else AtCap.WAIT),
            now=now,
            start=(start.occurred_at, start.seq),
            latest=(start.occurred_at, start.seq),
            goals=("Order Completed",),
            ends=(),
            restarts=(),
            starts=("Product Added",),
            timezone="UTC",
            cause=start.message_id,
        )

    async def ask(self, wish: Wish, now: datetime) -> None:
        """Ask the gate for a message, and compare its answer with what is true."""
        told, due = self.told, self.due(wish)
        way = told.way(wish, now, due)
        first = self._goes_first(wish, now)
        answer = await self.gate.pass_or_refuse(self.delivery(wish, now), now)
        assert isinstance(answer, Claim | Receipt)
        if isinstance(answer, Claim):
            assert way is answer.channel, (wish, now, way)
            self._claimed(wish, answer, now)
            return
        if answer.reason is Reason.OTHER_CHANNEL:
            assert answer.channel is not None
            assert answer.channel is way, (wish, now, way)
            self.lanes[wish.number] = answer.channel
            self.ask_at(now, wish)
            return
        held_by_others = answer.reason is Reason.GAVE_WAY and first
        assert way is None or held_by_others, (wish, now, way, answer)
        if answer.status is Status.DEFERRED:
            self._held(wish, answer, now, first=first)
        else:
            await self._over(wish, answer, now, first=first)

    def _claimed(self, wish: Wish, claim: Claim, now: datetime) -> None:
        self.held.pop(wish.number, None)
        self.decided.add(wish.number)
        if wish.kind is PROMOTIONAL:
            self.told.left[wish.number] = Left(now, wish, claim.channel)
        turn = self.claims.get(wish.number, 0)
        if turn == 0:
            self.on_their_way[wish.number] = now
        self.claims[wish.number] = turn + 1
        fate, after = wish.fates[turn]
        self.at(now + after, "settle", (wish, claim, fate))

    def _held(self, wish: Wish, answer: Receipt, now: datetime, *, first: bool) -> None:
        until, reason = answer.until, answer.reason
        assert until is not None
        assert reason is not None
        assert until > now, (wish, now, answer)
        assert until <= max(self.due(wish) + wish.useful_for, now) + SECOND, (wish, now, answer)
        if reason in OF_THE_POLICY:
            assert wish.kind is PROMOTIONAL, "what the customer needs is never held"
            free = self._free(wish, now, until - SPREAD * self.told.book.spread)
            assert first or free is None, (wish, now, answer, free)
        if reason is not Reason.HELD_BACK:
            self.asked[wish.number] = self.asked.get(wish.number, 0) + 1
            assert self.asked[wish.number] <= ASKED, (wish, "is asked for time and again", reason)
        self.held[wish.number] = (reason, until)
        self.ask_at(until + wish.late, wish)

    async def _over(self, wish: Wish, answer: Receipt, now: datetime, *, first: bool) -> None:
        end = self.due(wish) + wish.useful_for
        last = self.held.pop(wish.number, None)
        self.decided.add(wish.number)
        if last is not None and not wish.late:
            assert now <= end + SECOND, (wish, now, answer)
        if answer.reason in OF_THE_POLICY:
            assert wish.kind is PROMOTIONAL
        gives_way = self.told.book.gives_way if wish.gives_way is None else wish.gives_way
        by_cap = answer.reason in (Reason.CAP, Reason.GAVE_WAY)
        may_leave = answer.reason is Reason.TOO_LATE or (by_cap and not gives_way)
        if may_leave and not first and not self.told.forbidden(wish) and now < end:
            free = self._free(wish, now, end - 6 * SECOND)
            assert free is None, (wish, now, answer, free)
            with self._told_of_the_sure_alone(now):
                free = self._free(wish, now, end - 2 * STALE)
            assert free is None, (wish, now, answer, free, "a claimed message may yet fail")
        await self._wake(now)

    @contextmanager
    def _told_of_the_sure_alone(self, now: datetime) -> Iterator[None]:
        left = self.told.left
        doubtful = {n for n, since in self.on_their_way.items() if now - since < STALE}
        self.told.left = {n: one for n, one in left.items() if n not in doubtful}
        yield
        self.told.left = left

    def _free(self, wish: Wish, now: datetime, before: datetime) -> datetime | None:
        """Return some moment before another at which the policy lets a message leave."""
        channel = self.told.channel(wish, now)
        if channel is None or self.told.forbidden(wish):
            return None
        moment = now
        while moment < before:
            if not self.told.closed(wish, channel, moment):
                return moment
            moment += 15 * MINUTE
        return None

    def _goes_first(self, wish: Wish, now: datetime) -> bool:
        """Tell whether another message is held that goes first, and keeps its slot."""

        def place(one: Wish) -> tuple[int, datetime, str]:
            order = self.told.book.order
            names = [name for name in (f"{one.journey}/{one.step}", one.journey) if name in order]
            rank = order.index(names[0]) if names else len(order)
            return rank, self.due(one), self.delivery(one, now).message_id

        return any(
            other.number in self.held
            and self.held[other.number][0] in OF_THE_POLICY
            and self.held[other.number][1] >= now - STALE
            and place(other) < place(wish)
            for other in self.tale.wishes
        )


@effort
@given(tale=TALES)
async def test_no_rule_is_broken_and_nothing_is_forgotten(store: Store, tale: Tale) -> None:
    try:
        books = [read_rules(book.text(), None) for book in tale.books]
    except BadPolicy:
        reject()
    await Play(store, tale, books).to_its_end()
