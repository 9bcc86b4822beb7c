"""Caps and precedence for any history: never beyond a cap, and nothing waits for ever."""

import heapq
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.domain.calendar import zone
from sojourn.domain.caps import Caps, Distance, Full, Limit, Near, Slot, named
from sojourn.domain.consent import Consents
from sojourn.domain.limits import AtCap, AtMost
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason
from sojourn.domain.policy import Allow, Defer, Recipient, Skip, decide
from sojourn.domain.precedence import Precedence
from sojourn.domain.room import LATE, Room
from sojourn.domain.rules import Quiet, Rules
from sojourn.domain.week import read_week

ROME = zone("Europe/Rome")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2027, 3, 22, 12, tzinfo=UTC)
"""Clocks change in Rome on the Sunday after it."""


def slot(at: datetime, name: str = "cart/reminder", *, held: bool = False) -> Slot:
    journey, step = name.split("/")
    return Slot(at, journey, step, Channel.EMAIL, journey, at, name, held=held)


# ---- what a cap says -----------------------------------------------------------------------


def test_a_limit_is_told_in_words() -> None:
    assert str(Limit(2, 7)) == "cap of 2 a week"
    assert str(Limit(1, 1, Channel.SMS)) == "cap of 1 a day by sms"
    assert str(Limit(1, 30, topic="news")) == "cap of 1 in 30 days on news, the customer's choice,"
    assert str(Limit(1, 30, step=("cart", "offer"), by="sku")) == (
        "cap of 1 in 30 days for cart/offer by sku"
    )


def test_each_channel_has_the_caps_that_concern_it_however_often_it_asks() -> None:
    every, of_texts = Limit(2, 7), Limit(1, 7, Channel.SMS)
    apart = Distance(2 * HOUR, "2h", Channel.PUSH)
    caps = Caps((every, of_texts), (apart,))
    for _ in range(2):
        assert caps.that_concern((Channel.EMAIL,)) == ((every,), ())
        assert caps.that_concern((Channel.PUSH, Channel.SMS)) == ((every, of_texts), (apart,))
    assert replace(caps, limits=()).that_concern((Channel.EMAIL,)) == ((), ())
    assert caps == Caps((every, of_texts), (apart,))


def test_messages_are_named_and_a_hold_tells_its_end() -> None:
    held = slot(MONDAY, "renewal/soon", held=True)
    assert named([slot(MONDAY)], ROME) == "cart/reminder"
    assert named([slot(MONDAY), held], ROME) == (
        "cart/reminder and renewal/soon (held until Mon 22 Mar 13:00)"
    )
    assert named([slot(MONDAY, f"a/{n}") for n in range(6)], ROME) == (
        "a/0, a/1, a/2, a/3 and 2 more"
    )


def test_days_are_those_of_the_customers_calendar() -> None:
    late = datetime(2027, 3, 22, 23, 30, tzinfo=UTC)  # half past midnight in Rome
    cap = Full(Limit(1, 1), (slot(late),), ROME)
    assert cap.holds(datetime(2027, 3, 22, 23, tzinfo=ROME)) == ""
    assert cap.holds(datetime(2027, 3, 23, 23, tzinfo=ROME)) == (
        "the cap of 1 a day went to cart/reminder"
    )


def test_a_week_looks_at_seven_days_on_both_sides() -> None:
    cap = Full(Limit(2, 7), (slot(MONDAY - 6 * DAY), slot(MONDAY)), ROME)
    full = [n for n in range(-14, 14) if cap.using((MONDAY + n * DAY).astimezone(ROME))]
    assert full == list(range(-6, 1))


def test_a_distance_holds_before_and_after() -> None:
    near = Near(Distance(4 * HOUR, "4h"), (slot(MONDAY),), ROME)
    for at in (MONDAY - 4 * HOUR, MONDAY + 4 * HOUR):
        assert not near.using(at.astimezone(ROME))
        assert near.using((at + (MONDAY - at) / 1000).astimezone(ROME))


@pytest.mark.parametrize("kind", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
def test_caps_are_not_even_asked_about_a_message_that_is_needed(kind: MessageClass) -> None:
    rules = Rules(caps=Caps((Limit(1, 1),)))
    wish = Wish("cart", "one", Channel.EMAIL, 0 * DAY, DAY, kind, None, None, 0 * DAY, False, None)
    assert Room.of(_delivery(wish, MONDAY, MONDAY), rules, MONDAY) is None


# ---- any history ---------------------------------------------------------------------------

SKIPPED = (Reason.CAP, Reason.GAVE_WAY, Reason.TOO_LATE)
ZONES = ["UTC", "Europe/Rome", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Asia/Tokyo"]
JOURNEYS = ["cart", "renewal", "news"]


@dataclass
class Wish:
    """A message that wants to leave."""

    journey: str
    step: str
    channel: Channel
    due: timedelta
    useful: timedelta
    kind: MessageClass
    at_cap: AtCap | None
    at_most: AtMost | None
    ahead: timedelta
    """The clock of its run is so far ahead."""
    fails: bool
    """Its provider refuses it: its slot is free again."""
    ends: timedelta | None
    """A purchase ends its run so long after it fell due."""
    number: int = field(default=0)


WISHES = st.builds(
    Wish,
    journey=st.sampled_from(JOURNEYS),
    step=st.sampled_from(["one", "two"]),
    channel=st.sampled_from([Channel.EMAIL, Channel.SMS]),
    due=st.integers(0, 12 * 24 * 60).map(lambda minutes: minutes * MINUTE),
    useful=st.integers(30, 15 * 24 * 60).map(lambda minutes: minutes * MINUTE),
    kind=st.sampled_from([MessageClass.PROMOTIONAL] * 5 + [MessageClass.TRANSACTIONAL]),
    at_cap=st.sampled_from([None, None, AtCap.WAIT, AtCap.GIVE_WAY]),
    at_most=st.sampled_from([None, None, None, AtMost(number=1, days=9)]),
    ahead=st.sampled_from([timedelta(0)] * 4 + [timedelta(seconds=3), -DAY, 3 * DAY, 400 * DAY]),
    fails=st.sampled_from([False, False, False, True]),
    ends=st.none() | st.integers(0, 4 * 24).map(lambda hours: hours * HOUR),
)
LIMITS = st.builds(
    Limit,
    st.integers(1, 3),
    st.sampled_from([1, 7]),
    st.sampled_from([None, None, Channel.EMAIL, Channel.SMS]),
)
POLICIES = st.builds(
    Rules,
    quiet=st.sampled_from([None, read_week("21:00-09:00"), read_week("mon-fri 12:00-13:30")]),
    spread=st.sampled_from([timedelta(0), 10 * MINUTE]),
    caps=st.builds(
        Caps,
        st.lists(LIMITS, max_size=3).map(tuple),
        st.sampled_from([(), (Distance(5 * HOUR, "5h"),), (Distance(DAY, "1d", Channel.SMS),)]),
        st.sampled_from(AtCap),
    ),
    precedence=st.permutations([*JOURNEYS, "news/two"]).map(
        lambda order: Precedence((*order[:3],))
    ),
)


class World:
    """One customer, the messages of all runs, and a ledger that holds what became of them."""

    def __init__(self, rules: Rules, tz: ZoneInfo, least_days: int) -> None:
        self.rules, self.tz, self.least_days = rules, tz, least_days
        self.left: dict[int, Slot] = {}
        self.held: dict[int, Slot] = {}
        self.asked = 0

    def ask(self, wish: Wish, now: datetime) -> Allow | Defer | Skip:
        self.asked += 1
        due = MONDAY + wish.due + wish.ahead
        delivery = _delivery(wish, now, due)
        # as `store.slots` finds them: a hold that nobody has asked about for long keeps no slot
        waiting = {n: slot for n, slot in self.held.items() if slot.at > now - LATE}
        others = [s for n, s in (*self.left.items(), *waiting.items()) if n != wish.number]
        decision = decide(
            Recipient(
                known=True,
                erased=False,
                reachable=frozenset(Channel),
                consents=Consents(dict.fromkeys(Channel, True)),
                tz=self.tz,
            ),
            delivery.channels,
            wish.kind,
            wish.journey,
            now=now,
            useful_until=delivery.useful_until,
            rules=self.rules,
            message_id=delivery.message_id,
            room=Room.of(delivery, self.rules, now, slots=others, least_days=self.least_days),
        )
        self.held.pop(wish.number, None)
        at = decision.until if isinstance(decision, Defer) else now
        own = Slot(
            at,
            wish.journey,
            wish.step,
            wish.channel,
            wish.journey,
            due,
            delivery.message_id,
            held=isinstance(decision, Defer),
        )
        if isinstance(decision, Allow) and wish.kind is MessageClass.PROMOTIONAL:
            self.left[wish.number] = own
            self.check(own)
            if wish.fails:
                del self.left[wish.number]
        elif isinstance(decision, Defer):
            self.held[wish.number] = own
        return decision

    def check(self, own: Slot) -> None:
        """See that the message that has just left is within every cap."""
        caps = self.rules.caps
        limits = list(caps.limits)
        if self.least_days:
            limits.append(Limit(1, self.least_days, topic=own.topic))
        for limit in limits:
            days = [
                one.at.astimezone(self.tz).date()
                for one in self.left.values()
                if limit.channel in (None, one.channel) and limit.topic in ("", one.topic)
            ]
            today = own.at.astimezone(self.tz).date()
            if limit.channel not in (None, own.channel):
                continue
            for first in (today - n * DAY for n in range(limit.days)):
                within = [day for day in days if first <= day < first + limit.days * DAY]
                assert len(within) <= limit.number, f"beyond the {limit}"
        for distance in caps.distances:
            if distance.channel in (None, own.channel):
                for one in self.left.values():
                    if one != own and distance.channel in (None, one.channel):
                        assert abs(one.at - own.at) >= distance.least
        if self.rules.quiet is not None:
            assert not Quiet(self.rules.quiet).holds(own.at.astimezone(self.tz))


def _delivery(wish: Wish, now: datetime, due: datetime) -> Delivery:
    return Delivery(
        workflow_id=f"{wish.journey}:c:{wish.number}",
        journey=wish.journey,
        customer_id="c",
        key="",
        key_field="",
        enrolment=str(wish.number),
        n=1,
        step=wish.step,
        template=wish.step,
        channels=(wish.channel,),
        message_class=wish.kind,
        topic=wish.journey,
        due=due,
        useful_until=due + wish.useful,
        now=now,
        start=(due, 1),
        latest=(due, 1),
        goals=(),
        ends=(),
        restarts=(),
        timezone="UTC",
        at_most=wish.at_most,
        at_cap=wish.at_cap,
    )


@given(
    rules=POLICIES,
    wishes=st.lists(WISHES, min_size=1, max_size=14),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=2),
    moves=st.integers(0, 12).map(lambda days: MONDAY + days * DAY),
    least_days=st.sampled_from([0, 0, 7]),
)
@settings(deadline=None)
def test_no_history_goes_beyond_a_cap_and_each_message_is_decided_in_its_use(
    rules: Rules, wishes: list[Wish], zones: list[str], moves: datetime, least_days: int
) -> None:
    world = World(rules, zone(zones[0]), least_days)
    tie = count()
    waiting: list[tuple[datetime, int, Wish]] = []
    for number, wish in enumerate(wishes):
        wish.number = number
        heapq.heappush(waiting, (MONDAY + wish.due, next(tie), wish))
    decided: set[int] = set()
    while waiting:
        real, _, wish = heapq.heappop(waiting)
        if real >= moves:
            world.tz = zone(zones[-1])
        now = real + wish.ahead
        if (
            wish.ends is not None
            and wish.number in world.held
            and real >= (MONDAY + wish.due + wish.ends)
        ):
            world.held.pop(wish.number)  # the run has ended: its slot is free again
            decided.add(wish.number)
            continue
        decision = world.ask(wish, now)
        useful_until = MONDAY + wish.due + wish.ahead + wish.useful
        if wish.kind is not MessageClass.PROMOTIONAL:
            assert isinstance(decision, Allow)
        if isinstance(decision, Defer):
            assert now < decision.until < useful_until
            heapq.heappush(waiting, (decision.until - wish.ahead, next(tie), wish))
        else:
            assert now < useful_until
            assert isinstance(decision, Allow) or decision.reason in SKIPPED
            decided.add(wish.number)
    assert decided == set(range(len(wishes)))
    assert world.asked <= 40 * len(wishes), "messages ask again and again"


@given(rules=POLICIES, wishes=st.lists(WISHES, min_size=2, max_size=6))
@settings(deadline=None)
def test_a_message_leaves_at_the_first_moment_with_room(rules: Rules, wishes: list[Wish]) -> None:
    """A message that waits for a cap finds room at the end of its hold."""
    world = World(rules, ROME, 0)
    for number, wish in enumerate(wishes):
        wish.number, wish.ahead = number, timedelta(0)
        decision = world.ask(wish, MONDAY + wish.due)
        if isinstance(decision, Defer) and decision.reason is Reason.CAP:
            world.held.clear()
            again = world.ask(wish, decision.until)
            assert isinstance(again, Allow), again
            return
