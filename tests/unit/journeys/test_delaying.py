"""A run's first wait delays its start only where the run then does what it does without."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn import EMAIL, Journey, Message, days, hours, months
from sojourn.domain.messages import (
    EDITION,
    Delayed,
    Delivery,
    Enrolment,
    Heard,
)
from sojourn.events import OrderCompleted, ProductAdded, ProductRemoved
from sojourn.journeys.delaying import first_wait
from sojourn.journeys.stepping import LocalRun, Runs
from tests.support.noting import Notes
from tests.support.staging import BEGAN

MINUTE = timedelta(minutes=1)
LONG = BEGAN + days(30)


class Waits(
    Journey,
    name="waits",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    hears=ProductRemoved,
):
    """Waits for a day, and writes twice."""

    hello = Message(EMAIL, useful_for=days(1))
    nudge = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        """Write."""
        await self.sleep(days(1))
        await self.send(self.hello)
        if self.heard(ProductRemoved):
            await self.sleep(hours(3))
        await self.sleep_until(self.local(time(10), days=2))
        await self.send(self.nudge)


class Quiet(Waits, name="quiet", restarts_on=ProductAdded):
    """Waits for quiet, and writes twice."""

    async def steps(self) -> None:
        """Write."""
        await self.quiet_for(days(1), of=ProductAdded)
        await self.send(self.hello)
        await self.sleep(days(1))
        await self.send(self.nudge)


class Own(Waits, name="own"):
    """Sleeps in its own way."""

    async def sleep(self, span: Any) -> None:
        """Sleep for longer."""
        await super().sleep(span * 2)


def enrolment(**changes: Any) -> Enrolment:
    said = {"cart_id": "k", "product_id": "p"}
    start = Heard(id="start", name="Product Added", at=BEGAN, seq=1, fields=said, within=5 * MINUTE)
    run = Enrolment(customer_id="c", key="k", start=start, edition=EDITION)
    return run.model_copy(update=changes)


def look(steps: Any, **keywords: Any) -> datetime | None:
    """Return when the first wait of these steps is over, if it may delay a start."""
    journey = type(
        "Tried", (Waits,), {"steps": steps, "__doc__": "Tried."}, name="tried", **keywords
    )
    found = first_wait(journey, enrolment())
    return found.until if found else None


def test_a_day_and_quiet_after_the_start_delay_it() -> None:
    day = first_wait(Waits, enrolment())
    assert day is not None
    assert (day.until, day.summary) == (BEGAN + days(1), "wait 24 h for Order Completed")
    quiet = first_wait(Quiet, enrolment())
    assert quiet is not None
    assert quiet.until == BEGAN + days(1)
    assert quiet.summary == "wait 24 h after the last Product Added for Order Completed"


async def _by_the_start(self: Any) -> None:
    await self.sleep(days(2 if self.first.cart_id == "k" and self.key == "k" else 3))


def test_the_start_itself_may_decide_how_long() -> None:
    assert look(_by_the_start) == BEGAN + days(2)


async def _asks(self: Any, what: str) -> None:
    match what:
        case "heard":
            self.heard(ProductRemoved)
        case "cause":
            self.cause  # noqa: B018 (it is asked for)
        case "now":
            self.now()
        case "local":
            self.local(time(9))
        case "patched":
            self.patched("something")
        case "a failure":
            raise ValueError
        case "nothing":
            return
    await self.sleep(days(1))


async def _catches(self: Any) -> None:
    try:
        self.heard(ProductRemoved)
    except BaseException:  # a line that nothing gets past
        await self.sleep(days(1))


async def _at_last(self: Any) -> None:
    try:
        await self.send(self.hello)
    finally:
        await self.sleep(days(1))


async def _until(self: Any) -> None:
    await self.sleep_until(BEGAN + days(1))


async def _a_month(self: Any) -> None:
    await self.sleep(months(1))


async def _other_quiet(self: Any) -> None:
    await self.quiet_for(days(1), of=ProductRemoved)


async def _sends(self: Any) -> None:
    await self.send(self.hello)


@pytest.mark.parametrize(
    "steps",
    [
        *(
            partial(_asks, what=what)
            for what in ("heard", "cause", "now", "local", "patched", "a failure", "nothing")
        ),
        _catches,
        _at_last,
        _until,
        _a_month,
        _other_quiet,
        _sends,
    ],
)
def test_whatever_might_have_another_answer_later_delays_nothing(steps: Any) -> None:
    async def wrapped(self: Any) -> None:
        await steps(self)

    assert look(wrapped) is None


def test_steps_that_an_event_begins_again_are_not_waited_for() -> None:
    assert look(_by_the_start, restarts_on=ProductAdded) is None
    assert look(_by_the_start, anchor="cart_id") is None


def test_a_class_with_a_verb_of_its_own_is_not_judged_by_ours() -> None:
    assert first_wait(Own, enrolment()) is None


# ---- with and without ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """An event, when it arrives, and whether its sender asks what it does."""

    event: Heard
    arrives: datetime
    is_asked: bool


Story = Sequence[Told]
"""In the order of arrival."""


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw what a run hears: in any order, some of it late."""
    minutes = sorted(draw(st.lists(st.integers(1, 5 * 24 * 60), max_size=8)))
    found = []
    for n, minute in enumerate(minutes):
        name = draw(
            st.sampled_from(
                ["Product Added"] * 4 + ["Product Removed"] * 2 + ["Order Completed", "Time Zone"]
            )
        )
        arrives = BEGAN + minute * MINUTE
        fields = {"cart_id": "k", "product_id": "p", "order_id": "o"}
        if name == "Time Zone":
            name, fields = "Time Zone Changed", {"timezone": draw(st.sampled_from(ZONES))}
        late = draw(st.sampled_from([0, 0, 0, 3, 50, 2000])) * MINUTE
        event = Heard(
            id=f"e{n}", name=name, at=arrives - late, seq=2 + n, fields=fields, within=5 * MINUTE
        )
        found.append(Told(event, arrives, draw(st.integers(0, 9)) == 0))
    return found


ZONES = ["America/New_York", "Asia/Tokyo"]


async def _play(
    journey: type[Journey], run: Enrolment, begins: datetime, before: Story, later: Story
) -> tuple[LocalRun, list[Delivery]]:
    desk = Notes()
    runs = Runs(desk, begins)
    begun = runs.start(journey, f"{journey.name}:c:k", run, *(told.event for told in before))

    def tell(event: Heard) -> None:
        if begun.is_open:
            begun.hear(event)

    for told in later:
        runs.at(told.arrives, partial(tell, told.event))
    await runs.advance(LONG)
    return begun, desk.asked


@given(st.sampled_from([Waits, Quiet]), stories())
async def test_the_messages_of_a_delayed_run_are_those_of_one_with_a_timer(
    journey: type[Journey], story: Story
) -> None:
    plain, expected = await _play(journey, enrolment(), BEGAN, (), story)
    wait = first_wait(journey, enrolment())
    assert wait is not None
    # a signal waits for the first task; an update wakes the run: of an event that ends it, or one
    # whose sender asks what it did
    before: list[Told] = []
    begins = wait.until
    for told in story:
        if told.arrives > wait.until:
            break
        before.append(told)
        if told.is_asked or journey.terms.is_ended_by(told.event.name):
            begins = told.arrives
            break
    delayed = enrolment(delayed=Delayed(since=BEGAN, until=wait.until))
    run, asked = await _play(journey, delayed, begins, before, story[len(before) :])
    assert asked == expected
    assert (run.result, run.outcomes) == (plain.result, plain.outcomes)
    assert not run.is_open
