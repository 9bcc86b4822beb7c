"""Order between events of different senders; run, gate and planner agree on it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.dispatch.planning import Known, next_plan, readable
from sojourn.domain.customer import Customer
from sojourn.domain.events import SHIPPED, Event
from sojourn.domain.messages import Channel, Delivery, Enrolment, Heard, MessageClass, Reason
from sojourn.domain.ordering import CLOCK_SKEW, counts_for, earliest, latest_start
from sojourn.domain.verdict import Case, overtaken
from sojourn.journeys.journey import Journey
from sojourn.journeys.leaving import End
from sojourn.journeys.registry import Journeys
from sojourn.journeys.state import State
from sojourn.journeys.terms import names
from sojourn.store import events
from sojourn.store.tables import EventRow
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
START = (NOON, 5)

FIELDS: dict[str, Any] = {
    "cart_id": "c",
    "product_id": "p",
    "order_id": "o",
    "subscription_id": "s",
    "expires_at": "2024-03-01T00:00:00Z",
}
moments = st.integers(-700, 700).map(lambda seconds: timedelta(seconds=seconds))
arrivals = st.integers(1, 9).filter(lambda seq: seq != START[1])


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (timedelta(0), True),
        (-SECOND / 2, True),
        (-30 * SECOND, True),
        (-5 * MINUTE, True),
        (-5 * MINUTE - SECOND, False),
        (-timedelta(days=1), False),
    ],
)
def test_what_arrived_later_counts_unless_it_is_older_than_clocks_differ(
    at: timedelta, *, counts: bool
) -> None:
    assert counts_for((NOON + at, 6), START, within=5 * MINUTE) is counts


@pytest.mark.parametrize(
    ("at", "counts"), [(SECOND, True), (timedelta(0), False), (-SECOND, False)]
)
def test_what_arrived_before_counts_if_it_is_later_by_its_own_moment(
    at: timedelta, *, counts: bool
) -> None:
    assert counts_for((NOON + at, 4), START, within=5 * MINUTE) is counts


def test_nothing_counts_for_itself() -> None:
    assert not counts_for(START, START, within=5 * MINUTE)


@given(at=moments, seq=arrivals)
def test_without_a_tolerance_the_moments_decide_and_ties_go_by_arrival(
    at: timedelta, seq: int
) -> None:
    event = (NOON + at, seq)
    assert counts_for(event, START, within=timedelta(0)) is (event > START)


@given(at=moments, seq=arrivals)
def test_a_tolerance_takes_nothing_away(at: timedelta, seq: int) -> None:
    event = (NOON + at, seq)
    if counts_for(event, START, within=timedelta(0)):
        assert counts_for(event, START, within=CLOCK_SKEW)


@given(at=moments, seq=arrivals)
def test_what_is_read_from_the_store_is_all_that_may_count(at: timedelta, seq: int) -> None:
    if counts_for((NOON + at, seq), START, within=CLOCK_SKEW):
        assert NOON + at >= earliest(NOON, CLOCK_SKEW)
        assert latest_start(NOON + at, CLOCK_SKEW) >= NOON


# ---- run, gate and planner -------------------------------------------------------------------


def row(name: str, at: timedelta, seq: int) -> EventRow:
    return EventRow(
        seq=seq,
        message_id=f"m{seq}",
        customer_id="c1",
        name=name,
        occurred_at=NOON + at,
        received_at=NOON,
        routed_at=NOON,
        properties=FIELDS,
    )


def heard(one: EventRow, within: timedelta = CLOCK_SKEW) -> Heard:
    return events.heard(one, events.typed(one, SHIPPED), within=within)


def run_ends(journey: type[Journey], start: EventRow, *others: EventRow) -> bool:
    """Tell whether a run that hears these events after its start leaves its steps for good."""
    state = State(journey.terms, lambda _: True)
    state.enrol(Enrolment(customer_id="c1", start=heard(start)))
    for other in others:
        state.take(heard(other))
    return isinstance(state.reason_to_leave(), End)


def gate_ends(journey: type[Journey], start: EventRow, *others: EventRow) -> bool:
    """Tell whether the gate skips the first message of the run because it has ended."""
    case = Case(
        delivery=delivery(journey, heard(start)),
        now=NOON,
        timezone="UTC",
        news=[heard(other) for other in others],
    )
    ruling = overtaken(case)
    return ruling is not None and ruling.decision.reason is not Reason.SUPERSEDED  # type: ignore[union-attr]


def planner_starts(journey: type[Journey], start: EventRow, *others: EventRow) -> bool:
    """Tell whether the start begins a run although these events are stored."""
    start = start.model_copy(update={"routed_at": None})
    known = Known(Customer(customer_id="c1"), (), others)
    planned = next_plan(
        known,
        readable([start], SHIPPED)[0],
        Journeys([journey]),
        timezone="UTC",
        clock=timedelta(0),
    )
    return planned.plan is not None


def delivery(journey: type[Journey], start: Heard) -> Delivery:
    terms = journey.terms
    return Delivery(
        workflow_id=f"{journey.name}:c1:k",
        journey=journey.name,
        customer_id="c1",
        key="k",
        key_field=terms.key,
        enrolment=start.id,
        n=1,
        step="step",
        template="step",
        channels=(Channel.EMAIL,),
        message_class=MessageClass.PROMOTIONAL,
        topic="t",
        due=NOON,
        useful_until=NOON,
        now=NOON,
        start=start.order,
        exact=terms.exact(start.name),
        latest=start.order,
        goals=names(terms.goal),
        ends=names(terms.ends_on),
        restarts=names(terms.restarts_on),
        timezone="UTC",
    )


@given(at=moments, seq=arrivals)
@example(at=-30 * SECOND, seq=6)
@example(at=-2 * MINUTE, seq=6)
@example(at=SECOND, seq=4)
def test_run_gate_and_planner_agree_on_a_purchase(at: timedelta, seq: int) -> None:
    cart, order = row("Product Added", timedelta(0), START[1]), row("Order Completed", at, seq)
    counts = counts_for((NOON + at, seq), START, within=CLOCK_SKEW)
    assert run_ends(AbandonedCart, cart, order) is counts
    assert gate_ends(AbandonedCart, cart, order) is counts
    assert planner_starts(AbandonedCart, cart, order) is not counts


@given(at=moments, seq=arrivals, name=st.sampled_from(["Cancelled", "Renewed"]))
def test_run_and_gate_agree_on_the_end_of_a_subscription(
    at: timedelta, seq: int, name: str
) -> None:
    start = row("Subscription Started", timedelta(0), START[1])
    other = row(f"Subscription {name}", at, seq)
    counts = counts_for((NOON + at, seq), START, within=CLOCK_SKEW)
    assert run_ends(Renewal, start, other) is counts
    assert gate_ends(Renewal, start, other) is counts


@given(at=moments, seq=arrivals)
def test_of_two_renewals_one_follows_the_other_and_never_both(at: timedelta, seq: int) -> None:
    one, other = (
        row("Subscription Renewed", timedelta(0), START[1]),
        row("Subscription Renewed", at, seq),
    )
    assert run_ends(Renewal, one, other) is not run_ends(Renewal, other, one)
    assert gate_ends(Renewal, one, other) is run_ends(Renewal, one, other)
    assert planner_starts(Renewal, one, other) is not run_ends(Renewal, one, other)


@given(others=st.lists(st.tuples(moments, st.sampled_from(["Product Added", "Order Completed"]))))
def test_no_start_follows_a_purchase_that_covers_it(others: list[tuple[timedelta, str]]) -> None:
    cart = row("Product Added", timedelta(0), 1)
    rows = [row(name, at, seq) for seq, (at, name) in enumerate(others, 2)]
    state = State(AbandonedCart.terms, lambda _: True)
    state.enrol(Enrolment(customer_id="c1", start=heard(cart)))
    for other in rows:
        state.take(heard(other))
    reason = state.reason_to_leave(restarts=False)
    if not isinstance(reason, End) or reason.closing is None:
        return
    following = state.following(reason.closing)
    if following is not None:
        assert not counts_for(reason.closing.order, following.order, within=CLOCK_SKEW)


# ---- histories that were recorded before -----------------------------------------------------


@given(at=moments, seq=arrivals)
def test_an_event_recorded_without_a_tolerance_is_judged_as_it_was_then(
    at: timedelta, seq: int
) -> None:
    recorded = heard(row("Order Completed", at, seq)).model_dump(exclude={"within"})
    state = State(AbandonedCart.terms, lambda _: True)
    state.enrol(
        Enrolment(customer_id="c1", start=heard(row("Product Added", timedelta(0), START[1])))
    )
    state.take(Heard.model_validate(recorded))
    assert isinstance(state.reason_to_leave(), End) is ((NOON + at, seq) > START)


def test_the_gate_ends_a_run_that_took_the_same_event_for_an_older_one() -> None:
    cart, order = row("Product Added", timedelta(0), 5), row("Order Completed", -MINUTE, 6)
    state = State(AbandonedCart.terms, lambda _: True)
    state.enrol(Enrolment(customer_id="c1", start=heard(cart)))
    state.take(heard(order, within=timedelta(0)))
    assert state.reason_to_leave() is None
    state.take_from_gate(heard(order), Reason.GOAL_REACHED)
    reason = state.reason_to_leave()
    assert isinstance(reason, End)
    assert reason.closing is not None
    assert reason.closing.id == order.message_id


def test_an_event_says_by_itself_how_far_its_clock_may_be_off() -> None:
    class Paid(Event, name="Paid"):
        """An event."""

    event = Paid(customer_id="c1", occurred_at=NOON)
    one = row("Paid", timedelta(0), 3)
    assert events.heard(one, event).within == timedelta(0)
    assert events.heard(one, event, within=MINUTE).within == MINUTE


# ---- moments, arrivals and keys together -----------------------------------------------------

KEYS = (None, "", "A", "A?key=secret", "B", "C")
happenings = st.lists(
    st.tuples(
        st.sampled_from(["Product Added", "Order Completed"]),
        moments,
        st.sampled_from(KEYS),
    ),
    max_size=8,
)


def stored(happened: list[tuple[str, timedelta, str | None]]) -> list[EventRow]:
    """Return rows that arrived in this order, after a cart A at noon."""
    rows = [row("Product Added", timedelta(0), 1)]
    rows += [row(name, at, seq) for seq, (name, at, _) in enumerate(happened, 2)]
    for one, key in zip(rows, ["A", *(key for _, _, key in happened)], strict=True):
        one.properties = {**FIELDS, "cart_id": key}
    return rows


@given(happenings)
@example([("Order Completed", -2 * MINUTE, "B")])
@example([("Product Added", MINUTE, "B"), ("Order Completed", 2 * MINUTE, "B")])
@example([("Order Completed", 2 * MINUTE, "B"), ("Product Added", MINUTE, "B")])
def test_what_reaches_the_run_and_what_the_gate_finds_is_the_same(
    happened: list[tuple[str, timedelta, str | None]],
) -> None:
    start, *others = stored(happened)
    reach = AbandonedCart.terms.reach
    told = []
    for other in others:  # as each is routed, with what the store knows by then
        seq = other.seq or 0
        so_far = [one for one in (start, *others) if (one.seq or 0) <= seq]
        if events.reaches(other, reach, "A", events.keys_in(so_far, reach)):
            told.append(other)
    had = events.keys_in([start, *others], reach)
    found = [one for one in others if events.reaches(one, reach, "A", had, begun=1)]
    assert found == told
    assert run_ends(AbandonedCart, start, *told) is gate_ends(AbandonedCart, start, *found)


@given(happenings)
def test_after_a_purchase_that_counts_no_message_of_the_cart_leaves(
    happened: list[tuple[str, timedelta, str | None]],
) -> None:
    start, *others = stored(happened)
    reach = AbandonedCart.terms.reach
    had = events.keys_in([start, *others], reach)
    bought = [
        one
        for one in others
        if one.name == "Order Completed"
        and one.occurred_at >= NOON - CLOCK_SKEW
        and (one.properties["cart_id"] in {None, "", "A", "A?key=secret"})
    ]
    found = [one for one in others if events.reaches(one, reach, "A", had, begun=1)]
    if bought:
        assert gate_ends(AbandonedCart, start, *found)
