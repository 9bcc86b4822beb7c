"""A purchase whose sender's clock is behind that of its cart's sender."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from sojourn import Settings
from sojourn.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


def _cut_to_the_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


@pytest.mark.parametrize(
    "dated",
    [
        pytest.param(_cut_to_the_second, id="cut to the second"),
        pytest.param(lambda at: at - 30 * SECOND, id="a clock 30 s behind"),
        pytest.param(lambda at: at - 2 * MINUTE, id="a clock 2 min behind"),
        pytest.param(lambda at: at - 5 * MINUTE, id="a gateway 5 min behind"),
    ],
)
async def test_an_order_dated_before_its_cart_ends_the_run(
    journey: JourneyTest, dated: Callable[[datetime], datetime]
) -> None:
    now = (await journey.now()).replace(microsecond=400_000)
    await journey.start(AbandonedCart, cart_id="A", occurred_at=now)
    await journey.publish(OrderCompleted, cart_id="A", occurred_at=dated(now))
    assert journey.outcomes == ["converted"]
    await journey.after(8 * DAY)
    assert journey.sent == []


async def test_an_older_order_than_clocks_differ_belongs_to_an_earlier_cart(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    await journey.publish(OrderCompleted, cart_id="A", occurred_at=await journey.now() - 6 * MINUTE)
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder"]


async def test_an_order_that_arrived_first_is_older_than_the_cart_by_its_moment(
    journey: JourneyTest,
) -> None:
    now = await journey.now()
    await journey.publish(OrderCompleted, cart_id="A", occurred_at=now - SECOND)
    await journey.start(AbandonedCart, cart_id="A", occurred_at=now)
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder"]


async def test_a_product_dated_after_an_order_that_arrived_later_begins_nothing(
    journey: JourneyTest,
) -> None:
    """The order was placed by a server that is behind: it covers all that arrived before it."""
    await journey.start(AbandonedCart, cart_id="A")
    now = await journey.now()
    await journey.publish(ProductAdded, cart_id="A", occurred_at=now + 5 * SECOND)
    await journey.publish(OrderCompleted, cart_id="A", occurred_at=now - 30 * SECOND)
    assert journey.outcomes == ["converted"]
    await journey.after(8 * DAY)
    assert (journey.sent, journey.outcomes) == ([], ["converted"])


async def test_a_product_that_comes_after_the_order_is_a_new_cart(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    now = await journey.now()
    await journey.publish(OrderCompleted, cart_id="A", occurred_at=now - 30 * SECOND)
    await journey.publish(ProductAdded, cart_id="A", occurred_at=now + SECOND)
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder"]


async def test_a_cancellation_dated_before_its_subscription_ends_the_run(
    journey: JourneyTest,
) -> None:
    ends = await journey.now() + 30 * DAY
    await journey.start(Renewal, subscription_id="s", expires_at=ends)
    await journey.publish(
        SubscriptionCancelled, subscription_id="s", occurred_at=await journey.now() - MINUTE
    )
    assert journey.outcomes == ["stopped"]


async def test_a_renewal_dated_before_its_subscription_begins_the_next_period(
    journey: JourneyTest,
) -> None:
    now = await journey.now()
    await journey.start(Renewal, subscription_id="s", expires_at=now + 30 * DAY)
    renewed: dict[str, Any] = {"subscription_id": "s", "expires_at": now + 60 * DAY}
    await journey.publish(SubscriptionRenewed, occurred_at=now - MINUTE, **renewed)
    assert journey.outcomes == ["converted", "open"]


async def test_one_renewal_told_by_two_senders_takes_no_turns(journey: JourneyTest) -> None:
    now = await journey.now()
    await journey.start(Renewal, subscription_id="s", expires_at=now + 9 * DAY)
    renewed: dict[str, Any] = {"subscription_id": "s", "expires_at": now + 39 * DAY}
    await journey.publish(SubscriptionRenewed, occurred_at=now + 2 * SECOND, **renewed)
    await journey.publish(SubscriptionRenewed, occurred_at=now + SECOND, **renewed)
    await journey.publish(
        SubscriptionStarted, subscription_id="s", expires_at=now + 39 * DAY, occurred_at=now
    )
    await journey.after(36 * DAY)
    assert journey.sent == ["in-a-week"]
    assert journey.outcomes == ["converted", "open"]


class TestWithoutTolerance:
    """An installation whose senders share a clock may say so."""

    @pytest.fixture
    def journey_settings(self, journey_settings: Settings) -> Settings:
        return journey_settings.model_copy(update={"clock_skew": timedelta(0)})

    async def test_the_moments_alone_decide(self, journey: JourneyTest) -> None:
        await journey.start(AbandonedCart, cart_id="A")
        await journey.publish(OrderCompleted, cart_id="A", occurred_at=await journey.now() - SECOND)
        await journey.after(2 * DAY)
        assert journey.sent == ["reminder"]
