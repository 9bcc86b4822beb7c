"""`self.collect`: one message about many events."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn import EMAIL, Journey, Message, days, hours, minutes
from sojourn.domain.messages import Outcome
from sojourn.events import OrderCompleted, ProductAdded, ProductRemoved
from tests.support.staging import BEGAN, Stage, play


class Digest(Journey, name="digest", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """One message about all products of an hour, three at most."""

    digest = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        found = await self.collect(ProductAdded, for_=hours(1), at_most=3)
        await self.send(self.digest, products=[each.product_id for each in found])


class Digests(Journey, name="digests", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """The same, for as long as products come."""

    digest = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        while found := await self.collect(ProductAdded, for_=hours(1), at_most=3):
            await self.send(self.digest, products=[each.product_id for each in found])


class Removed(Journey, name="removed", starts_on=ProductAdded, hears=ProductRemoved):
    """One message about what was removed in the first hour, perhaps nothing."""

    digest = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        found = await self.collect(ProductRemoved, for_=hours(1))
        await self.send(self.digest, products=[each.product_id for each in found])


class Nothing(Digest, name="nothing"):
    async def steps(self) -> None:
        await self.collect(ProductAdded, for_=hours(1), at_most=0)


def added(name: str, after: timedelta) -> ProductAdded:
    return ProductAdded(
        message_id=name, customer_id="c1", cart_id="k1", product_id=name, occurred_at=BEGAN + after
    )


def said(stage: Stage) -> list[tuple[datetime, Any]]:
    return [(at, given["products"]) for (_, at), given in zip(stage.sent, stage.given, strict=True)]


EARLY = [added("a", hours(0)), added("b", minutes(20)), added("c", minutes(59))]


@pytest.mark.parametrize("outgrown", [False, True])
async def test_one_message_is_about_all_events_of_the_time(outgrown: bool) -> None:
    stage, result = await play(Digest, EARLY, outgrown=outgrown)
    assert said(stage) == [(BEGAN + minutes(59), ["a", "b", "c"])]
    assert result.outcome is Outcome.EXHAUSTED
    assert (stage.executions > 1) is outgrown


async def test_the_time_runs_from_the_first_event() -> None:
    stage, _ = await play(Digest, EARLY[:2])
    assert said(stage) == [(BEGAN + hours(1), ["a", "b"])]
    assert stage.waits == ["collect Product Added for 1 h, or Order Completed"]


@pytest.mark.parametrize("outgrown", [False, True])
async def test_what_is_too_many_is_for_the_next_one(outgrown: bool) -> None:
    four = [*EARLY[:2], added("c", minutes(30)), added("d", minutes(31))]
    stage, _ = await play(Digests, four, outgrown=outgrown)
    assert said(stage) == [
        (BEGAN + minutes(30), ["a", "b", "c"]),
        (BEGAN + minutes(91), ["d"]),
    ]


async def test_a_late_one_starts_the_next() -> None:
    stage, _ = await play(Digests, [*EARLY[:2], added("late", minutes(90))])
    assert said(stage) == [
        (BEGAN + hours(1), ["a", "b"]),
        (BEGAN + minutes(150), ["late"]),
    ]


@pytest.mark.parametrize("outgrown", [False, True])
async def test_one_that_comes_while_the_message_is_held_begins_the_steps_again(
    outgrown: bool,
) -> None:
    """Steps that collect once lose nothing: the run would have started a moment later."""
    morning = BEGAN + hours(22)
    events = [*EARLY[:2], added("late", hours(3))]
    stage, result = await play(Digest, events, held={"digest": morning}, outgrown=outgrown)
    assert said(stage) == [(morning, ["a", "b"]), (morning + hours(1), ["late"])]
    assert [sent.step for sent in result.messages] == ["digest", "digest"]


async def test_none_is_an_empty_list() -> None:
    stage, _ = await play(Removed, EARLY)
    assert said(stage) == [(BEGAN + hours(1), [])]


async def test_what_ends_the_run_ends_the_collection() -> None:
    bought = OrderCompleted(
        customer_id="c1", cart_id="k1", order_id="o", occurred_at=BEGAN + minutes(40)
    )
    stage, result = await play(Digest, [*EARLY[:2], bought])
    assert said(stage) == []
    assert result.outcome is Outcome.CONVERTED


@pytest.mark.property
@given(
    later=st.lists(st.integers(0, 600), max_size=12).map(sorted),
    hold=st.integers(0, 500),
    journey=st.sampled_from([Digest, Digests]),
    outgrown=st.booleans(),
)
def test_each_event_is_in_one_message_and_none_is_lost(
    later: list[int], hold: int, journey: type[Journey], outgrown: bool
) -> None:
    events = [added(f"p{n:02}", minutes(after)) for n, after in enumerate([0, *later])]
    held = {"digest": BEGAN + minutes(hold)}
    stage, _ = asyncio.run(play(journey, events, held=held, outgrown=outgrown))
    told = [found for _, found in said(stage)]
    assert all(isinstance(found, list) and 1 <= len(found) <= 3 for found in told)
    left = [each.fields["product_id"] for each in stage.coming]  # they would start another run
    assert [one for found in told for one in found] + left == [e.product_id for e in events]


async def test_a_collection_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at_most=0"):
        await play(Nothing, EARLY)
