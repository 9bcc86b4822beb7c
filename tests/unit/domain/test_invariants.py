"""Each invariant that ships has a story that breaks it; projects have words for their own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn import (
    EMAIL,
    ONCE,
    PROMOTIONAL,
    PUSH,
    SMS,
    TRANSACTIONAL,
    Breach,
    Journey,
    Message,
    Said,
    Story,
    always,
    at_most,
    days,
    hours,
    message_after,
    message_in,
    never,
    two,
)
from sojourn.domain.calendar import zone
from sojourn.domain.events import (
    OrderCompleted,
    OrderDelivered,
    OrderRefunded,
    ProductAdded,
)
from sojourn.domain.invariants import SHIPPED, Card, Course, Happened
from sojourn.domain.rules_file import read_rules
from sojourn.testkit.stories import course_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
"""13:00 in Rome."""
ROME = zone("Europe/Rome")
CHANNELS = frozenset((EMAIL, SMS, PUSH))
CARD = Card(NOON - days(30), ROME, CHANNELS, CHANNELS, country="IT")
RULES = read_rules(
    'quiet_hours = "21:00-09:00"\n[caps]\nper_day = 1\nper_week = 2\ndistance = "4h"', None
)


class Cart(
    Journey, name="cart", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted,
    restarts_on=ProductAdded,
):  # fmt: skip
    """A reminder of a cart."""

    reminder = Message(EMAIL, useful_for=hours(24), within="09:00-18:00")
    offer = Message(EMAIL, useful_for=days(90), at_most=at_most(1, per=days(30)))

    async def steps(self) -> None:
        """Send it."""
        await self.send(self.reminder)


class Tips(
    Journey, name="tips", starts_on=OrderDelivered, key="order_id",
    ends_on=OrderRefunded.whole(), again=ONCE.per_key,
):  # fmt: skip
    """Tips on an order."""

    tips = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Send them."""
        await self.send(self.tips)


AFTER_A_REFUND = never(message_after(OrderRefunded))


class Kept(Tips, name="kept", invariants=AFTER_A_REFUND):
    """Keeps a rule."""


class Heir(Kept, name="heir"):
    """Keeps it as well."""


COURSES = {"cart": course_of(Cart), "tips": course_of(Tips)}
ADDED = Happened("Product Added", NOON - days(1), NOON - days(1), "e1", {"cart_id": "k1"})


def left(at: datetime = NOON, **values: Any) -> Said:
    """Make a reminder of the cart that left."""
    usual: dict[str, Any] = {
        "journey": "cart", "step": "reminder", "channel": EMAIL, "message_class": PROMOTIONAL,
        "topic": "cart", "due": at, "key": "k1", "workflow_id": "cart:c:k1", "cause": "e1",
        "id": f"cart:c:k1/{at}/e1/{values.get('step', 'reminder')}",
    }  # fmt: skip
    return Said(at=at, **{**usual, **values})


def story(*messages: Said, events: tuple[Happened, ...] = (ADDED,), **values: Any) -> Story:
    usual: dict[str, Any] = {"cards": (CARD,), "courses": COURSES, "rules": RULES}
    return Story(events=events, messages=messages, **{**usual, **values})


def happened(name: str, at: datetime, *, late: timedelta = timedelta(0), **fields: Any) -> Happened:
    return Happened(name, at, at + late, f"{name}-{at}", fields)


def broken_by(told: Story) -> set[str]:
    return {one.invariant for invariant in SHIPPED for one in invariant.breaches(told)}


GOOD = story(left())
STOP = happened("Journey Stopped", NOON - hours(1), run="cart:c:k1")
LATER = NOON + days(40)
BAD: dict[str, Story] = {
    "no promotional message in closed hours by the customer's clock": story(
        left(NOON + hours(7), due=NOON)  # 20:00 in Rome, where the message closes at six
    ),
    "no message after the goal of its run": story(
        left(), events=(ADDED, happened("Order Completed", NOON - hours(1), cart_id="k1"))
    ),
    "no message after an event that ends its run": story(
        left(journey="tips", step="tips", key="o1", workflow_id="tips:c:o1"),
        events=(ADDED, happened("Order Refunded", NOON - hours(1), order_id="o1")),
    ),
    "no message after an operator's stop of its run": story(left(), events=(ADDED, STOP)),
    "no message twice for one event": story(
        left(NOON, message_class=TRANSACTIONAL), left(LATER, message_class=TRANSACTIONAL)
    ),
    "no message before it is due": story(left(due=NOON + hours(1))),
    "no message after its use": story(left(due=NOON - hours(24))),
    "no promotional message without consent": story(
        left(), cards=(CARD, replace(CARD, since=NOON - hours(1), agreed=frozenset({SMS})))
    ),
    "no promotional message after a no to its topic": story(
        left(), cards=(replace(CARD, refused=frozenset({(None, "cart")})),)
    ),
    "no message to a channel without an address": story(
        left(), cards=(replace(CARD, reachable=frozenset({SMS})),)
    ),
    "no message to an unknown customer": story(
        left(), cards=(replace(CARD, since=NOON + hours(1)),)
    ),
    "no promotional message over a cap": story(
        left(cause=""), left(NOON + hours(3), step="nudge", cause="")
    ),
    "no message whose template fails": story(left(state="rejected", reason="template")),
}


def test_every_invariant_that_ships_has_a_story_that_breaks_it() -> None:
    assert [one.name for one in SHIPPED] == list(BAD)
    assert broken_by(GOOD) == set()


@pytest.mark.parametrize("name", BAD)
def test_a_story_that_breaks_one_invariant_breaks_that_alone(name: str) -> None:
    assert broken_by(BAD[name]) == {name}


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ((happened("Order Completed", NOON - hours(1), cart_id="k2"),), "is of another cart"),
        ((happened("Order Completed", NOON - hours(1), late=hours(2), cart_id="k1"),), "came late"),
        ((happened("Order Completed", NOON - days(2), cart_id="k1"),), "is older than the cart"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_purchase_that_does_not_end_the_run_is_no_breach(
    events: tuple[Happened, ...], says: str
) -> None:
    assert broken_by(story(left(), events=(ADDED, *events))) == set(), says


def test_a_purchase_that_names_no_cart_ends_the_messages_on_every_cart() -> None:
    told = story(left(), events=(ADDED, happened("Order Completed", NOON - hours(1))))
    assert broken_by(told) == {"no message after the goal of its run"}


def test_a_refund_of_some_products_ends_no_tips() -> None:
    refund = happened("Order Refunded", NOON - hours(1), order_id="o1", products=[{"sku": "1"}])
    tips = left(journey="tips", step="tips", key="o1", workflow_id="tips:c:o1")
    assert broken_by(story(tips, events=(ADDED, refund))) == set()


def test_a_cart_that_begins_after_the_stop_may_be_told_of() -> None:
    again = happened("Product Added", NOON - hours(0.5), cart_id="k1")
    told = story(left(cause=again.id), events=(ADDED, STOP, again))
    assert broken_by(told) == set()


def test_weeks_of_a_cap_are_any_seven_days_by_the_customers_calendar() -> None:
    some = [left(NOON + days(n), cause="") for n in (0, 3, 6)]
    assert broken_by(story(*some)) == {"no promotional message over a cap"}
    some[2] = left(NOON + days(7), cause="")
    assert broken_by(story(*some)) == set()


def test_the_distance_of_a_cap_holds_over_midnight_as_well() -> None:
    apart = read_rules('[caps]\ndistance = "4h"', None)
    late = NOON + hours(10)  # 23:00 in Rome
    some = left(late, step="offer", cause=""), left(late + hours(3), step="offer", cause="")
    limit = {"cart": Course(COURSES["cart"].reach)}
    assert broken_by(story(*some, rules=apart, courses=limit)) == {
        "no promotional message over a cap"
    }
    further = left(late + hours(4), step="offer", cause="")
    assert broken_by(story(some[0], further, rules=apart, courses=limit)) == set()


def test_the_limit_of_a_step_is_a_cap_as_well() -> None:
    two_offers = [left(NOON + days(n), step="offer", cause="") for n in (0, 29)]
    assert broken_by(story(*two_offers)) == {"no promotional message over a cap"}


def test_clocks_that_change_count_as_the_customer_sees_them() -> None:
    night = datetime(2026, 3, 29, 6, 30, tzinfo=UTC)  # 08:30 in Rome since clocks went forward
    told = story(left(night, step="offer"))
    assert broken_by(told) == {"no promotional message in closed hours by the customer's clock"}
    (breach,) = SHIPPED[0].breaches(told)
    assert "left on Sun 29 Mar 2026 08:30 although: quiet hours 21:00-09:00" in breach.sentence
    assert breach.moments == (night,)


@pytest.mark.parametrize(
    "before",
    [
        {"reachable": frozenset({SMS})},
        {"agreed": frozenset({SMS})},
        {"refused": frozenset({(EMAIL, "cart")})},
        {"tz": zone("Pacific/Auckland")},
    ],
)
def test_words_of_the_very_moment_of_a_message_may_have_come_first(before: Any) -> None:
    """A message that waits for an address leaves in the moment in which that is told."""
    known, told = replace(CARD, **before), replace(CARD, since=NOON)
    assert broken_by(story(left(), cards=(known, told))) == set()
    later = replace(told, since=NOON + timedelta(microseconds=1))
    assert len(broken_by(story(left(), cards=(known, later)))) == 1


def test_a_message_that_the_steps_send_several_times_is_not_said_twice() -> None:
    times = ("reminder", "reminder~2")
    sent = [left(NOON + days(40 * n), id=f"cart:c:k1/e/e/{name}") for n, name in enumerate(times)]
    assert broken_by(story(*sent)) == set()
    again = replace(sent[1], at=sent[1].at + hours(1), id="cart:c:k1/other/e/reminder~2")
    assert "no message twice for one event" in broken_by(story(*sent, again))


def test_a_message_that_did_not_leave_breaks_nothing_but_its_template() -> None:
    for told in BAD.values():
        unsent = tuple(replace(one, state="skipped", reason="too_late") for one in told.messages)
        assert broken_by(replace(told, messages=unsent)) == set()


# ---- the words of projects' own ------------------------------------------------------------


def found(invariant: Any, told: Story) -> list[str]:
    return [one.sentence for one in invariant.breaches(told)]


def test_two_messages_within_a_span_are_named_with_both_moments() -> None:
    rule = never(two(PROMOTIONAL, within=hours(24)))
    assert rule.name == "never two promotional messages within 24 hours"
    told = story(left(), left(NOON + hours(23), step="nudge"))
    assert found(rule, told) == [
        "cart/reminder on Tue 10 Mar 2026 13:00, and cart/nudge 23 hours later, "
        "on Wed 11 Mar 2026 12:00"
    ]
    assert rule.breaches(told)[0].moments == (NOON, NOON + hours(23))
    assert found(rule, story(left(), left(NOON + hours(24)))) == []
    assert found(never(two(SMS, within=hours(24))), told) == []
    assert found(never(two("cart/reminder", within=hours(24))), told) == []
    assert found(never(two("cart", EMAIL, within=hours(24))), told)


def test_messages_of_two_runs_may_be_near_to_each_other_where_one_run_is_meant() -> None:
    rule = never(two("cart", within=hours(24), in_one_run=True))
    assert rule.name == "never two messages of cart within 24 hours in one run"
    other = left(NOON + hours(1), workflow_id="cart:c:k2", key="k2")
    assert found(rule, story(left(), other)) == []
    assert found(rule, story(left(), other, left(NOON + hours(2))))


def test_a_message_after_an_event_goes_by_the_key_and_by_its_cause() -> None:
    rule = never(message_after(OrderCompleted, of="cart"))
    assert rule.name == 'never a message of cart after "Order Completed"'
    bought = happened("Order Completed", NOON - hours(1), cart_id="k1")
    assert found(rule, story(left(), events=(ADDED, bought))) == [
        'cart/reminder left on Tue 10 Mar 2026 13:00, after "Order Completed" of '
        "Tue 10 Mar 2026 12:00"
    ]
    again = happened("Product Added", NOON - hours(0.5), cart_id="k1")
    assert found(rule, story(left(cause=again.id), events=(ADDED, bought, again))) == []
    assert found(rule, story(left(key="k2"), events=(ADDED, bought))) == []


def test_a_message_soon_after_an_event_may_be_of_its_own_cause() -> None:
    rule = never(message_after(ProductAdded, of=("cart", TRANSACTIONAL), within=hours(25)))
    assert (
        rule.name == 'never a transactional message of cart within 25 hours after "Product Added"'
    )
    assert found(rule, story(left())) == []
    assert found(rule, story(left(message_class=TRANSACTIONAL)))
    assert found(never(message_after(ProductAdded, within=hours(24))), story(left())) == []


def test_a_message_in_some_hours_goes_by_the_clock_of_the_customer() -> None:
    rule = never(message_in("13:00-14:00", EMAIL))
    assert rule.name == "never a message by email in 13:00-14:00 by the customer's clock"
    assert found(rule, story(left()))
    moved = replace(CARD, since=NOON - hours(1), tz=zone("America/New_York"))
    assert found(rule, story(left(), cards=(CARD, moved))) == []


def test_functions_of_a_project_are_named_by_their_names() -> None:
    def reminder_by_day(told: Story, message: Said) -> bool:
        return told.local(message.at).hour < 13

    def two_carts(told: Story) -> Iterator[Breach]:
        if len({one.key for one in told.left}) > 1:
            yield Breach("there are two")

    by_day, one_cart = always(reminder_by_day), never(two_carts)
    assert (by_day.name, one_cart.name) == ("always reminder by day", "never two carts")
    assert found(by_day, story(left())) == ["cart/reminder left on Tue 10 Mar 2026 13:00"]
    assert found(by_day, story(left(NOON - hours(1)))) == []
    assert found(one_cart, story(left(), left(key="k2"))) == ["there are two"]
    assert str(never(two_carts, "one cart at a time")) == "one cart at a time"


ANYTHING: Any = Cart(), 7


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: never(ANYTHING), "never takes a pattern or a function"),
        (lambda: always(ANYTHING), "always takes a function"),
        (lambda: two(within=hours(0)), "two messages are within some time"),
        (lambda: message_after(of="cart"), "message_after takes an event"),
        (lambda: two(ANYTHING, within=hours(1)), "named by class, channel, journey or step"),
        (lambda: message_in("late", SMS), "late"),
    ],
)
def test_a_thing_that_makes_no_invariant_is_refused(make: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        make()


def test_a_journey_declares_its_own_and_hands_them_on() -> None:
    assert Kept.terms.invariants == Heir.terms.invariants == (AFTER_A_REFUND,)
    with pytest.raises(TypeError, match=r"Loud: invariants= takes what never\(\.\.\.\)"):
        type("Loud", (Kept,), {}, name="loud", invariants="never")


def test_a_course_tells_what_ends_a_journey() -> None:
    course = course_of(Cart)
    assert (course.goals, course.ends) == (("Order Completed",), ())
    assert set(course.messages) == {"reminder", "offer"}
    assert Course().messages == {}
