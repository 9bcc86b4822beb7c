"""The plan of an event: the runs it starts, the runs it is told to, and the events they missed."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from sojourn.dispatch.entering import Verdict
from sojourn.dispatch.planning import (
    Known,
    Plan,
    Planned,
    Refused,
    names_since,
    next_plan,
    readable,
)
from sojourn.dispatch.routing import Start, Tell
from sojourn.domain.customer import Customer
from sojourn.domain.events import SHIPPED, OrderCompleted, ProductAdded
from sojourn.domain.messages import EDITION, Reason
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.store.tables import EventRow, RunRow
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
JOURNEYS = Journeys([AbandonedCart, Onboarding, Renewal])
CART7 = {"cart_id": "cart7", "product_id": "lamp"}
ENDS = {"subscription_id": "s1", "expires_at": "2024-03-01T15:00:00Z"}
SOME_CART = {"cart_id": "cart7"}

_numbers = count(1)


def event(name: str, **fields: Any) -> EventRow:
    """Make a stored event; each one arrives after those that were made before it.

    Two fields are no properties: ``at``, the time after noon, and ``routed``.
    """
    at, routed = fields.pop("at", timedelta()), fields.pop("routed", False)
    seq = next(_numbers)
    return EventRow(
        seq=seq,
        message_id=f"m{seq}",
        customer_id="c1",
        name=name,
        occurred_at=NOON + at,
        received_at=NOON,
        routed_at=NOON if routed else None,
        properties=fields,
    )


def run(number: int, workflow_id: str = "abandoned-cart:c1:cart7", **fields: Any) -> RunRow:
    journey, _, rest = workflow_id.partition(":")
    given = {"journey": journey, "key": rest.partition(":")[2], **fields}
    return RunRow(
        id=number,
        workflow_id=workflow_id,
        run_id=f"r{number}",
        customer_id="c1",
        enrolment="m0",
        started_at=NOON,
        **given,
    )


def planned(
    *waiting: EventRow,
    since: tuple[EventRow, ...] = (),
    open_runs: tuple[RunRow, ...] = (),
    customer: Customer | None = None,
    journeys: Journeys = JOURNEYS,
) -> tuple[Plan | None, list[int]]:
    known = Known(customer or Customer(customer_id="c1"), open_runs, since)
    found = next_plan(
        known,
        readable(waiting, SHIPPED)[0],
        journeys,
        timezone="Europe/Rome",
        clock=timedelta(days=3),
    )
    return found.plan, found.idle


def plan_of(*waiting: EventRow, **known: Any) -> Plan:
    plan, _ = planned(*waiting, **known)
    assert plan is not None
    return plan


# ---- the oldest event that concerns a run --------------------------------------------------


def test_an_event_that_starts_a_run_is_planned_with_its_enrolment() -> None:
    added = event("Product Added", **CART7)
    plan = plan_of(added)
    assert plan.row is added
    assert plan.seq == added.seq
    assert plan.targets == (Start("abandoned-cart:c1:cart7", "abandoned-cart", "cart7"),)
    assert (plan.missed, plan.open_runs, plan.ask) == ((), {}, False)
    enrolment = plan.enrolment
    assert (enrolment.customer_id, enrolment.timezone) == ("c1", "Europe/Rome")
    assert enrolment.clock == timedelta(days=3)
    assert (enrolment.start.id, enrolment.start.seq) == (added.message_id, added.seq)
    assert (enrolment.start.name, enrolment.start.at) == ("Product Added", NOON)
    assert enrolment.start.fields["cart_id"] == "cart7"


def test_personal_fields_stay_out_of_the_enrolment() -> None:
    plan = plan_of(event("Signed Up", first_name="Ada", plan="Plus"))
    assert plan.enrolment.start.fields.get("first_name") is None
    assert "plan" not in plan.enrolment.start.fields  # no step needs it, and who knows its words


def test_the_customers_own_time_zone_comes_before_the_shops() -> None:
    ada = Customer(customer_id="c1", timezone="Asia/Tokyo")
    assert plan_of(event("Signed Up"), customer=ada).enrolment.timezone == "Asia/Tokyo"


def test_no_waiting_event_gives_no_plan() -> None:
    assert planned() == (None, [])


def test_events_that_concern_no_run_are_idle() -> None:
    used, bought = event("Feature Used", feature="wishlist"), event("Order Completed", order_id="o")
    assert planned(used, bought) == (None, [used.seq, bought.seq])


def test_the_oldest_event_that_concerns_a_run_comes_first() -> None:
    used, added = event("Feature Used", feature="wishlist"), event("Product Added", **CART7)
    bought = event("Order Completed", order_id="o", cart_id="cart7")
    plan, idle = planned(used, added, bought, open_runs=(run(1),))
    assert plan is not None
    assert plan.row is added
    assert idle == [used.seq]


def test_an_event_is_told_to_every_open_run_with_the_rows_of_each() -> None:
    runs = (run(1), run(2, "abandoned-cart:c1:cart8"), run(3))
    plan = plan_of(event("Order Completed", order_id="o"), open_runs=runs)
    assert plan.targets == (
        Tell("abandoned-cart:c1:cart7", "abandoned-cart"),
        Tell("abandoned-cart:c1:cart8", "abandoned-cart"),
    )
    assert plan.open_runs == {"abandoned-cart:c1:cart7": [1, 3], "abandoned-cart:c1:cart8": [2]}


def test_an_event_that_was_moved_by_an_alias_starts_its_run_under_the_first_id() -> None:
    added = event("Product Added", **CART7)
    added.sent_as = "c0"
    assert plan_of(added).targets == (Start("abandoned-cart:c0:cart7", "abandoned-cart", "cart7"),)


def test_a_journey_that_is_switched_off_starts_no_run() -> None:
    off = Journeys([AbandonedCart, Onboarding, Renewal], off=["abandoned-cart"])
    added = event("Product Added", **CART7)
    assert planned(added, journeys=off) == (None, [added.seq])


# ---- a goal that came before its start -----------------------------------------------------


def test_a_start_that_lies_before_its_goal_starts_no_run() -> None:
    bought = event("Order Completed", at=HOUR, order_id="o", cart_id="cart7", routed=True)
    added = event("Product Added", **CART7)
    assert planned(added, since=(bought,)) == (None, [added.seq])


def test_a_start_that_lies_before_its_goal_is_still_told_to_the_open_run() -> None:
    bought = event("Order Completed", at=HOUR, order_id="o", cart_id="cart7", routed=True)
    plan = plan_of(event("Product Added", **CART7), since=(bought,), open_runs=(run(1),))
    assert plan.targets == (Tell("abandoned-cart:c1:cart7", "abandoned-cart"),)
    assert plan.missed == (), "only a run that starts has missed anything"


def test_a_goal_without_a_key_reaches_the_start_of_every_key() -> None:
    bought = event("Order Completed", at=HOUR, order_id="o", routed=True)
    added = event("Product Added", **CART7)
    assert planned(added, since=(bought,)) == (None, [added.seq])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"name": "Order Completed", "cart_id": "cart8"}, id="of another cart"),
        pytest.param({"name": "Order Completed", "at": -HOUR, **SOME_CART}, id="before the start"),
        pytest.param({"name": "Cart Viewed", "at": HOUR, **SOME_CART}, id="of another name"),
    ],
)
def test_an_event_that_is_no_later_goal_leaves_the_start_alone(other: dict[str, Any]) -> None:
    earlier = event(**{"at": HOUR, "order_id": "o", **other})
    plan = plan_of(event("Product Added", **CART7), since=(earlier,))
    assert plan.targets == (Start("abandoned-cart:c1:cart7", "abandoned-cart", "cart7"),)


def test_of_two_events_at_one_moment_the_later_arrival_is_later() -> None:
    bought_first = event("Order Completed", order_id="o", **SOME_CART)
    added = event("Product Added", **CART7)
    bought_last = event("Order Completed", order_id="o", **SOME_CART)
    assert plan_of(added, since=(bought_first,)).targets
    assert planned(added, since=(bought_last,)) == (None, [added.seq])


def test_a_start_that_is_a_goal_itself_does_not_end_itself() -> None:
    renewed = event("Subscription Renewed", **ENDS)
    assert plan_of(renewed, since=(renewed,)).targets == (Start("renewal:c1:s1", "renewal", "s1"),)


# ---- events that a run missed --------------------------------------------------------------


def test_a_run_that_starts_is_told_of_the_later_events_that_arrived_before_it() -> None:
    clicked = event(
        "Email Link Clicked", at=HOUR, journey="onboarding", step="welcome", routed=True
    )
    assert plan_of(event("Signed Up"), since=(clicked,)).missed == (clicked.seq,)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"at": -HOUR, "routed": True}, id="that lies before the start"),
        pytest.param({"at": HOUR, "routed": False}, id="that still waits for its turn"),
        pytest.param({"at": HOUR, "routed": True, "name": "Feature Used"}, id="of another name"),
    ],
)
def test_a_run_that_starts_is_not_told_of_an_event(other: dict[str, Any]) -> None:
    fields = {"name": "Email Link Clicked", "journey": "onboarding", "step": "welcome", **other}
    assert plan_of(event("Signed Up"), since=(event(**fields),)).missed == ()


def test_a_run_that_starts_is_not_told_of_the_events_of_another_key() -> None:
    cancelled = partial(event, "Subscription Cancelled", at=HOUR, routed=True)
    other, own = cancelled(subscription_id="s2"), cancelled(subscription_id="s1")
    keyless = cancelled()
    started = event("Subscription Started", **ENDS)
    plan = plan_of(started, since=(other, own, keyless))
    assert plan.missed == (own.seq, keyless.seq)


def test_events_that_start_runs_are_never_told_late() -> None:
    renewed = event("Subscription Renewed", at=HOUR, routed=True, **ENDS)
    changed = event("Subscription Changed", at=HOUR, routed=True, subscription_id="s1")
    # the renewal is the goal, too: the start before it starts no run of its own
    assert planned(event("Subscription Started", **ENDS), since=(renewed,))[0] is None
    other_key = {**ENDS, "subscription_id": "s2"}
    plan = plan_of(event("Subscription Started", **other_key), since=(renewed,))
    assert plan.missed == ()
    plan = plan_of(event("Subscription Started", **ENDS), since=(changed,))
    assert plan.missed == (changed.seq,)


def test_the_names_to_read_are_goals_and_later_news() -> None:
    ours = {"Journey Stopped", "Hold Ended", "Task Answered", "Time Zone Changed"}
    of_carts = {"Order Completed", *ours}
    assert names_since([AbandonedCart], JOURNEYS) == of_carts
    of_renewals = {"Subscription Renewed", "Subscription Changed", "Subscription Cancelled", *ours}
    assert names_since([Renewal], JOURNEYS) == of_renewals
    assert names_since([AbandonedCart, Renewal], JOURNEYS) == of_carts | of_renewals
    assert names_since([], JOURNEYS) == set()


STOP = {"run": "abandoned-cart:c1:cart7", "journey": "abandoned-cart", "because": "wrong price"}


def test_a_start_of_before_a_stop_of_its_run_starts_nothing() -> None:
    stop = event("Journey Stopped", at=HOUR, routed=True, **STOP)
    assert planned(event("Product Added", **CART7), since=(stop,))[0] is None
    later = event("Product Added", at=2 * HOUR, **CART7)
    assert plan_of(later, since=(stop,)).targets == (
        Start("abandoned-cart:c1:cart7", "abandoned-cart", "cart7"),
    )


def test_a_stop_of_one_run_keeps_no_other_from_starting_and_is_not_told_to_it() -> None:
    stop = event("Journey Stopped", at=HOUR, routed=True, **STOP)
    plan = plan_of(event("Product Added", product_id="p", cart_id="cart8"), since=(stop,))
    assert (plan.targets[0].workflow_id, plan.missed) == ("abandoned-cart:c1:cart8", ())


def test_a_stop_is_told_to_its_run_alone() -> None:
    open_runs = (run(1), run(2, "abandoned-cart:c1:cart8"), run(3, "onboarding:c1"))
    plan = plan_of(event("Journey Stopped", **STOP), open_runs=open_runs)
    assert plan.targets == (Tell("abandoned-cart:c1:cart7", "abandoned-cart"),)


# ---- events that their class refuses -------------------------------------------------------


def test_an_event_that_its_class_refuses_is_told_apart() -> None:
    broken, added = event("Product Added", cart_id="cart7"), event("Product Added", **CART7)
    gone = event("Level Reached")
    found, faults = readable([broken, added, gone], SHIPPED)
    assert [row for row, _ in found] == [added]
    assert found[0][1].customer_id == "c1"
    assert [row for row, _ in faults] == [broken, gone]
    assert "product_id" in str(faults[0][1])
    assert "Level Reached" in str(faults[1][1])


# ---- entries that an operator holds back ---------------------------------------------------


def held_back(*waiting: EventRow, open_runs: tuple[RunRow, ...] = ()) -> Planned:
    known = Known(
        Customer(customer_id="c1"),
        open_runs,
        (),
        held_back=dict.fromkeys(("abandoned-cart", "onboarding"), "anna: wrong price"),
    )
    return next_plan(
        known, readable(waiting, SHIPPED)[0], JOURNEYS, timezone="UTC", clock=timedelta(0)
    )


def test_an_event_starts_no_run_while_entries_are_held_back() -> None:
    added = event("Product Added", **CART7)
    planned = held_back(added)
    assert (planned.plan, planned.idle) == (None, [added.seq])
    assert planned.refused == [
        Refused(
            added,
            "abandoned-cart",
            "abandoned-cart:c1:cart7",
            Reason.HELD_BACK,
            "anna: wrong price",
            "cart7",
        )
    ]


def test_an_open_run_hears_its_events_while_entries_are_held_back() -> None:
    added = event("Product Added", **CART7)
    planned = held_back(added, open_runs=(run(1),))
    assert planned.plan is not None
    assert planned.plan.targets == (Tell("abandoned-cart:c1:cart7", "abandoned-cart"),)
    assert planned.refused == []


def test_an_event_that_starts_nothing_is_no_refused_entry() -> None:
    assert held_back(event("Order Completed", order_id="o", **CART7)).refused == []


def test_a_late_start_that_comes_to_nothing_says_why() -> None:
    added = event("Product Added", **CART7)
    bought = event("Order Completed", order_id="o", at=HOUR, routed=True, **CART7)
    known = Known(Customer(customer_id="c1"), (), (bought,))
    found = next_plan(
        known, readable([added], SHIPPED)[0], JOURNEYS, timezone="UTC", clock=timedelta(0)
    )
    assert [one.reason for one in found.refused] == [Reason.GOAL_REACHED]


# ---- starts that are refused, doubtful, or begun by a change -----------------------------------


class Basket(
    Journey, name="basket", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted, at_most=1
):
    """A journey of which a customer has one open run at most."""

    async def steps(self) -> None:
        """Wait for nothing."""
        await self.sleep(HOUR)


ONE_BASKET = Journeys([Basket])


def found_for(
    *waiting: EventRow,
    journeys: Journeys = JOURNEYS,
    within: timedelta = timedelta(0),
    **given: Any,
) -> Planned:
    known = Known(**{"customer": Customer(customer_id="c1"), "open_runs": (), **given})
    pairs = readable(waiting, SHIPPED)[0]
    return next_plan(known, pairs, journeys, timezone="UTC", clock=timedelta(0), within=within)


def test_a_start_beside_an_open_run_of_another_key_is_one_too_many() -> None:
    added = event("Product Added", **CART7)
    other = run(1, "basket:c1:cart8")
    is_open = frozenset({other.workflow_id})
    found = found_for(added, journeys=ONE_BASKET, open_runs=(other,), looked_up=is_open)
    assert (found.plan, found.idle) == (None, [added.seq])
    assert [(one.reason, one.because) for one in found.refused] == [
        (Reason.ENOUGH_RUNS, "1 open, of 1 at most: basket:c1:cart8")
    ]


def test_a_run_that_may_be_over_is_looked_up_before_a_start_is_refused() -> None:
    added = event("Product Added", **CART7)
    runs = (run(1, "basket:c1:cart8"), run(2, "basket:c1:cart9"))
    found = found_for(added, journeys=ONE_BASKET, open_runs=runs)
    assert found.plan is not None
    assert found.plan.targets == ()
    assert found.plan.doubtful == ("basket:c1:cart8", "basket:c1:cart9")
    assert found.refused == []


@pytest.mark.parametrize(
    ("open_runs", "ended"),
    [
        ((run(1, "basket:c1:cart7"),), ()),
        ((run(2, "abandoned-cart:c1:cart8"),), ()),
        ((run(3, "basket:c1:cart8"),), ("basket:c1:cart8",)),
    ],
    ids=["of the same key", "of another journey", "that an event has ended"],
)
def test_other_runs_leave_room_for_a_start(
    open_runs: tuple[RunRow, ...], ended: tuple[str, ...]
) -> None:
    found = found_for(
        event("Product Added", **CART7),
        journeys=ONE_BASKET,
        open_runs=open_runs,
        looked_up=frozenset(one.workflow_id for one in open_runs),
        ended=frozenset(ended),
    )
    assert found.plan is not None
    assert found.plan.targets == (Start("basket:c1:cart7", "basket", "cart7"),)
    assert found.refused == []


def test_a_product_from_before_the_last_message_begins_nothing() -> None:
    added = event("Product Added", **CART7)
    wrote = {"abandoned-cart:c1:cart7": {"m0": NOON + 2 * MINUTE}}
    found = found_for(added, last_sent=wrote)
    assert [one.reason for one in found.refused] == [Reason.OLD_NEWS]
    assert found_for(added, last_sent=wrote, within=5 * MINUTE).refused == []
    own = {"abandoned-cart:c1:cart7": {added.message_id: NOON + HOUR}}
    assert found_for(added, last_sent=own).refused == []


def test_a_late_start_of_a_run_that_was_stopped_says_so() -> None:
    added = event("Product Added", **CART7)
    stopped = event("Journey Stopped", at=HOUR, routed=True, run="abandoned-cart:c1:cart7")
    found = found_for(added, since=(stopped,))
    assert [one.reason for one in found.refused] == [Reason.RUN_STOPPED]
    of_another = event("Journey Stopped", at=HOUR, routed=True, run="abandoned-cart:c1:cart8")
    assert found_for(added, since=(of_another,)).refused == []


def test_a_judgement_refuses_a_start_in_its_words_and_is_known_to_be_kept() -> None:
    added = event("Product Added", **CART7)
    came_again = Verdict(Reason.CAME_AGAIN, "had a run")
    found = found_for(added, verdicts={(added.message_id, "abandoned-cart"): came_again})
    (refused,) = found.refused
    assert (refused.reason, refused.because, refused.kept) == (
        Reason.CAME_AGAIN, "had a run", True,
    )  # fmt: skip
    assert found.rests_on == frozenset()


def test_a_taken_judgement_is_told_with_the_plan() -> None:
    added = event("Product Added", **CART7)
    found = found_for(added, verdicts={(added.message_id, "abandoned-cart"): Verdict()})
    assert found.plan is not None
    assert found.plan.judged == {"abandoned-cart"}
    assert found_for(added).plan.judged == frozenset()  # type: ignore[union-attr]


def test_a_plan_rests_on_what_may_end_the_runs_that_it_starts() -> None:
    added, signed = event("Product Added", **CART7), event("Signed Up")
    assert found_for(added).rests_on == {"abandoned-cart"}
    assert found_for(event("Order Completed", order_id="o"), signed).rests_on == {"onboarding"}
    bought = event("Order Completed", order_id="o", at=HOUR, routed=True, **CART7)
    assert found_for(added, since=(bought,)).rests_on == frozenset(), "nothing else matters"


def test_a_refused_start_is_told_with_the_plan_of_an_open_run_that_hears_it() -> None:
    added = event("Product Added", **CART7)
    no = {(added.message_id, "abandoned-cart"): Verdict(Reason.CAME_AGAIN)}
    found = found_for(added, verdicts=no, open_runs=(run(1),))
    assert found.plan is not None
    assert found.plan.targets == (Tell("abandoned-cart:c1:cart7", "abandoned-cart"),)
    assert [one.reason for one in found.plan.refused] == [Reason.CAME_AGAIN]
    assert found.refused == []
    over = frozenset({"abandoned-cart:c1:cart7"})
    gone = found_for(added, verdicts=no, open_runs=(run(1),), ended=over)
    assert (gone.plan, [one.reason for one in gone.refused]) == (None, [Reason.CAME_AGAIN])


def test_a_moved_end_begins_a_run_of_a_subscription_whose_run_is_over() -> None:
    began = event("Subscription Started", at=-HOUR, routed=True, **ENDS)
    later = {**ENDS, "expires_at": "2024-04-01T15:00:00Z"}
    moved = event("Subscription Changed", **later)
    before = tuple(readable([began], SHIPPED)[0])
    found = found_for(moved, before=before)
    assert found.plan is not None
    assert found.plan.targets == (Start("renewal:c1:s1", "renewal", "s1"),)
    same = event("Subscription Changed", **ENDS)
    assert found_for(same, before=before).plan is None
    assert found_for(moved).plan is None, "nobody knows what it was before"


def test_a_goal_of_another_key_that_the_customer_has_had_ends_nothing() -> None:
    added = event("Product Added", **CART7)
    bought = event("Order Completed", order_id="o", at=HOUR, routed=True, cart_id="cart8")
    had = {"abandoned-cart": {"cart7": added.seq, "cart8": added.seq}}
    assert found_for(added, since=(bought,), had=had).refused == []
    only = {"abandoned-cart": {"cart7": added.seq}}
    refused = found_for(added, since=(bought,), had=only).refused
    assert [one.reason for one in refused] == [Reason.GOAL_REACHED]


def test_a_run_begins_by_the_rules_of_today_and_hears_how_far_clocks_differ() -> None:
    found = found_for(event("Product Added", **CART7), within=5 * MINUTE)
    assert found.plan is not None
    assert found.plan.enrolment.edition == EDITION
    assert found.plan.enrolment.start.within == 5 * MINUTE


def test_every_refused_start_before_a_plan_is_told() -> None:
    first = event("Product Added", **CART7)
    second = event("Product Added", **CART7 | {"cart_id": "c2"})
    signed = event("Signed Up")
    no = Verdict(Reason.CAME_AGAIN)
    verdicts = {(one.message_id, "abandoned-cart"): no for one in (first, second)}
    found = found_for(first, second, signed, verdicts=verdicts)
    assert [one.row for one in found.refused] == [first, second]
    assert found.idle == [first.seq, second.seq]
    assert found.plan is not None
    assert [one.row for one in found_for(first, second, verdicts=verdicts).refused] == [
        first, second,
    ]  # fmt: skip


def test_a_plan_rests_on_what_was_refused_as_old_news_as_well() -> None:
    added, signed = event("Product Added", **CART7), event("Signed Up")
    wrote = {"abandoned-cart:c1:cart7": {"m0": NOON + HOUR}}
    assert found_for(added, last_sent=wrote).rests_on == {"abandoned-cart"}
    assert found_for(added, signed, last_sent=wrote).rests_on == {"abandoned-cart", "onboarding"}


def test_the_open_runs_that_are_too_many_are_all_named() -> None:
    runs = (run(1, "basket:c1:cart8"), run(2, "basket:c1:cart9"))
    known = frozenset(one.workflow_id for one in runs)
    added = event("Product Added", **CART7)
    (refused,) = found_for(added, journeys=ONE_BASKET, open_runs=runs, looked_up=known).refused
    assert refused.because == "2 open, of 1 at most: basket:c1:cart8, basket:c1:cart9"


def test_a_purchase_that_arrived_later_counts_within_the_tolerance() -> None:
    added = event("Product Added", **CART7)
    slow = event("Order Completed", order_id="o", at=-MINUTE, routed=True, **CART7)
    assert found_for(added, since=(slow,)).refused == []
    found = found_for(added, since=(slow,), within=5 * MINUTE)
    assert [one.reason for one in found.refused] == [Reason.GOAL_REACHED]


def test_a_renewal_that_begins_a_run_counts_by_its_moment_alone() -> None:
    first = event("Subscription Renewed", **ENDS)
    slow = event("Subscription Renewed", at=-MINUTE, routed=True, **ENDS)
    assert found_for(first, since=(slow,), within=5 * MINUTE).refused == []
    later = event("Subscription Renewed", at=MINUTE, routed=True, **ENDS)
    found = found_for(first, since=(later,), within=5 * MINUTE)
    assert [one.reason for one in found.refused] == [Reason.GOAL_REACHED]
    changed = event("Subscription Cancelled", at=-MINUTE, routed=True, **ENDS)
    found = found_for(first, since=(changed,), within=5 * MINUTE)
    assert [one.reason for one in found.refused] == []
