"""`self.wait_for`: the first of many, of which something is true; waits by the calendar."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn import (
    EMAIL,
    Event,
    Fact,
    Intent,
    Journey,
    Message,
    business_days,
    days,
    field,
    hours,
    minutes,
    months,
    trait,
    working,
)
from sojourn.domain.sayings import Telling
from sojourn.events import (
    AccountActivated,
    CheckoutStarted,
    MessageReplied,
    ProductAdded,
    ProductRemoved,
)
from sojourn.journeys.where import meant
from tests.support.staging import BEGAN, Stage, play

OFFICE = "mon-fri 09:00-18:00"


class Waiting(
    Journey,
    name="waiting",
    starts_on=ProductAdded,
    key="cart_id",
    hears=(CheckoutStarted, ProductRemoved, MessageReplied),
):
    """Says for what it has waited, and how long."""

    big = Message(EMAIL, useful_for=days(2))
    small = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        event = await self.wait_for(
            CheckoutStarted, ProductRemoved, timeout=days(1), where=field("cart_id") == "k1"
        )
        await self.send(self.big, event=type(event).__name__)
        again = await self.wait_for(CheckoutStarted, timeout=days(1))
        await self.send(self.small, event=type(again).__name__)


def start() -> ProductAdded:
    return ProductAdded(
        message_id="start", customer_id="c1", cart_id="k1", product_id="p", occurred_at=BEGAN
    )


def checkout(cart: str, after: timedelta) -> CheckoutStarted:
    return CheckoutStarted(
        message_id=f"{cart}-{after}", customer_id="c1", cart_id=cart, occurred_at=BEGAN + after
    )


def removed(cart: str, after: timedelta) -> ProductRemoved:
    return ProductRemoved(customer_id="c1", cart_id=cart, product_id="p", occurred_at=BEGAN + after)


def told(stage: Stage) -> list[tuple[str, datetime, object]]:
    return [
        (step, at, given["event"])
        for (step, at), given in zip(stage.sent, stage.given, strict=True)
    ]


@pytest.mark.parametrize("outgrown", [False, True])
async def test_the_first_of_which_it_is_true_ends_the_wait(outgrown: bool) -> None:
    events = [
        start(),
        checkout("k2", hours(1)),  # another cart: left for the next wait
        removed("k1", hours(2)),
        checkout("k1", hours(3)),
    ]
    stage, _ = await play(Waiting, events, outgrown=outgrown)
    (_, first, what), (_, second, then) = told(stage)
    assert (what, then) == ("ProductRemoved", "CheckoutStarted")
    if not outgrown:  # a wait that continues as new is woken a minute later
        assert first == second == BEGAN + hours(2)


async def test_of_two_that_are_true_the_one_that_happened_first_counts() -> None:
    events = [start(), checkout("k1", minutes(20)), removed("k1", minutes(30))]
    stage, _ = await play(Waiting, events)
    assert [what for _, _, what in told(stage)] == ["CheckoutStarted", "NoneType"]


class Asks(Waiting, name="asks"):
    """Branches on a reply, in a loop of plain Python."""

    async def steps(self) -> None:
        for attempt in range(3):
            await self.send(self.big, attempt=attempt)
            reply = await self.wait_for(
                MessageReplied,
                timeout=days(1),
                where=lambda reply: reply.intent in (Intent.YES, Intent.NO),
            )
            if reply is not None:
                await self.tell(AccountActivated)
                return


async def test_a_loop_branches_on_the_intent_of_a_reply() -> None:
    async def asked(*replies: tuple[timedelta, Intent]) -> tuple[int, list[Any]]:
        events: list[Event] = [start()]
        events += [
            MessageReplied(
                customer_id="c1", occurred_at=BEGAN + after, intent=intent, text="my own words"
            )
            for after, intent in replies
        ]
        stage, _ = await play(Asks, events)
        assert "own words" not in repr(stage.journey._state._heard)  # type: ignore[union-attr]
        return len(stage.sent), [one for one in stage.said if isinstance(one, Telling)]

    assert await asked() == (3, [])
    sent, said = await asked((hours(1), Intent.OTHER), (hours(30), Intent.YES))
    assert (sent, len(said)) == (2, 1)


@pytest.mark.parametrize(
    "where",
    [
        field("text") == "yes",
        field("no_such_field") == 1,
        field("intent") > 3,
        trait("plan") == "pro",
    ],
    ids=str,
)
def test_what_a_run_never_hears_is_refused(where: Fact) -> None:
    with pytest.raises(TypeError, match=r"Message ?Replied"):
        meant(where, [MessageReplied])


def test_what_is_unknown_is_not_true() -> None:
    def is_true(where: Fact) -> bool:
        takes = meant(where, [CheckoutStarted])
        assert takes is not None
        return takes(checkout("k1", hours(1)))

    assert not is_true(field("value") >= 50)
    assert not is_true(field("value") < 50)
    assert is_true(field("cart_id") == "k1")


class Calendar(Waiting, name="calendar"):
    """Sleeps by the calendar."""

    async def steps(self) -> None:
        await self.sleep(business_days(5))
        await self.send(self.big, event=None)
        await self.wait_for(CheckoutStarted, timeout=working(hours(10), OFFICE))
        await self.sleep(months(1))
        await self.send(self.small, event=None)


@pytest.mark.parametrize("outgrown", [False, True])
async def test_waits_take_days_by_name_and_working_time(outgrown: bool) -> None:
    stage, _ = await play(Calendar, [start()], outgrown=outgrown)
    monday = BEGAN + days(7)
    summer = datetime(2026, 4, 10, 10, tzinfo=UTC)  # eleven o'clock in London by then
    assert told(stage) == [("big", monday, None), ("small", summer, None)]
