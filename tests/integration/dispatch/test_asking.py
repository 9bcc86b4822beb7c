"""`publish(event, ask=True)` returns the effect of an event on each run."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta

import pytest

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.dispatch import telling
from sojourn.domain.events import (
    FeatureUsed,
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionRenewed,
)
from sojourn.domain.messages import Answer
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _brief(effects: Mapping[str, Answer | None]) -> list[tuple[str, list[str], list[str]]]:
    """Return effect, prevented and already sent steps of each run."""
    found: list[tuple[str, list[str], list[str]]] = []
    for answer in effects.values():
        assert answer is not None
        sent = [told.step for told in answer.already_sent]
        found.append((answer.effect, list(answer.prevented), sent))
    return found


async def test_a_purchase_says_what_it_prevented(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(DAY + HOUR)
    published = await journey.publish(OrderCompleted, cart_id="c", ask=True)
    assert list(published.effects) == [f"abandoned-cart:{journey.customer_id}:c"]
    assert _brief(published.effects) == [("ended", ["nudge", "offer"], ["reminder"])]
    (row,) = await journey.messages()
    (answer,) = published.effects.values()
    assert answer is not None
    assert isinstance(answer.already_sent[0].at, datetime)
    assert row.state == "sent"
    assert journey.outcome == "converted"


async def test_the_effects_of_a_start_and_of_another_product_are_told(journey: JourneyTest) -> None:
    started = await journey.publish(ProductAdded, cart_id="c", ask=True)
    again = await journey.publish(ProductAdded, cart_id="c", message_id="another", ask=True)
    assert _brief(started.effects) == [("started", [], [])]
    assert _brief(again.effects) == [("signalled", [], [])]
    assert journey.outcome == "open"


async def test_after_a_restart_the_whole_ladder_is_prevented(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(DAY + HOUR)
    await journey.publish(ProductAdded, cart_id="c", message_id="another")
    published = await journey.publish(OrderCompleted, cart_id="c", ask=True)
    assert _brief(published.effects) == [("ended", ["reminder", "nudge", "offer"], ["reminder"])]


async def test_a_goal_that_begins_the_next_enrolment_says_so(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=await journey.now() + 30 * DAY)
    await journey.after(24 * DAY)
    renewed = await journey.publish(
        SubscriptionRenewed, expires_at=await journey.now() + 36 * DAY, ask=True
    )
    assert _brief(renewed.effects) == [
        ("ended", ["in-two-days", "today", "expired"], ["in-a-week"])
    ]
    cancelled = await journey.publish(SubscriptionCancelled, ask=True)
    assert _brief(cancelled.effects) == [
        ("ended", ["in-a-week", "in-two-days", "today", "expired"], [])
    ]
    assert journey.outcomes == ["converted", "stopped"]


async def test_a_goal_older_than_the_run_ends_nothing(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    old = await journey.now() - DAY
    published = await journey.publish(OrderCompleted, cart_id="c", occurred_at=old, ask=True)
    assert _brief(published.effects) == [("signalled", [], [])]
    assert journey.outcome == "open"


async def test_an_event_that_concerns_no_run_has_no_effect(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    published = await journey.publish(OrderCompleted, cart_id="c", ask=True)
    assert (published.stored, published.runs, published.effects) == (True, (), {})
    assert (await journey.publish(FeatureUsed, feature="search", ask=True)).effects == {}


async def test_a_question_waits_for_a_message_on_its_way(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message was claimed before the purchase arrived, so it leaves; the answer must say so."""
    handed_over, go_on = asyncio.Event(), asyncio.Event()
    send = Outbox.send

    async def slow(outbox: Outbox, parcel: Parcel) -> str:
        handed_over.set()
        await go_on.wait()
        return await send(outbox, parcel)

    monkeypatch.setattr(Outbox, "send", slow)
    await journey.start(AbandonedCart, cart_id="c")
    passing = asyncio.create_task(journey.after(DAY + HOUR))
    await handed_over.wait()
    buying = asyncio.create_task(journey.publish(OrderCompleted, cart_id="c", ask=True))
    done, _ = await asyncio.wait({buying}, timeout=0.3)
    assert not done
    go_on.set()
    published = await buying
    await passing
    assert _brief(published.effects) == [("ended", ["nudge", "offer"], ["reminder"])]
    assert journey.sent == ["reminder"]


async def test_a_run_that_does_not_answer_in_time_has_the_event_all_the_same(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    monkeypatch.setattr(telling, "ANSWER_TIME", timedelta(0))
    published = await journey.publish(OrderCompleted, cart_id="c", ask=True)
    assert list(published.effects.values()) == [None]
    assert journey.outcome == "converted"


async def test_a_run_that_ends_over_a_question_whose_answer_is_lost_was_reached(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(asked: Awaitable[Answer]) -> None:
        assert (await asked).effect == "ended"

    await journey.start(AbandonedCart, cart_id="c")
    monkeypatch.setattr(telling, "_in_time", lost)
    published = await journey.publish(OrderCompleted, cart_id="c", ask=True)
    assert list(published.effects.values()) == [None]


def test_the_messages_of_a_journey_come_in_the_order_of_its_class() -> None:
    steps = [message.step for message in Onboarding.messages]
    assert steps == ["welcome", "first-steps", "first-steps", "tips", "help"]
