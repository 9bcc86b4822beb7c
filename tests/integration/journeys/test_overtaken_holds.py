"""A held message that a restart has overtaken is settled then, by its own cause."""

from datetime import UTC, datetime, time, timedelta

import pytest

from sojourn.domain.events import OrderCompleted, ProductAdded, SubscriptionChanged
from sojourn.domain.quiet_hours import QuietHours
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def journey_settings(journey_settings: Settings) -> Settings:
    return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(12))})


@pytest.fixture
async def cart(journey: JourneyTest) -> JourneyTest:
    """A reminder that fell due at 22:00 in Rome, and is held until noon."""
    journey.begin_at(datetime(2024, 1, 8, 21, tzinfo=UTC))
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(25 * HOUR)
    (row,) = await journey.messages()
    assert row.state == "deferred"
    return journey


@pytest.fixture
async def subscription(journey: JourneyTest) -> JourneyTest:
    """A word a week before the end, due at ten and held until noon."""
    journey.begin_at(datetime(2024, 1, 8, 8, tzinfo=UTC))
    await journey.start(Renewal, expires_at=datetime(2024, 1, 20, 18, tzinfo=UTC))
    await journey.until(datetime(2024, 1, 13, 10, tzinfo=UTC))
    (row,) = await journey.messages()
    assert row.state == "deferred"
    return journey


async def test_another_product_settles_what_is_held(cart: JourneyTest) -> None:
    added = ProductAdded(customer_id=cart.customer_id, cart_id="c", product_id="second")
    await cart.publish(added)
    (held,) = await cart.messages()
    assert (held.state, held.reason) == ("skipped", "superseded")
    assert held.caused_by == added.message_id


async def test_a_later_purchase_has_not_caused_it(cart: JourneyTest) -> None:
    await cart.publish(ProductAdded, cart_id="c", product_id="second")
    await cart.after(5 * HOUR)
    await cart.publish(OrderCompleted, cart_id="c")
    (held,) = await cart.messages()
    assert (held.state, held.reason) == ("skipped", "superseded")
    assert cart.outcome == "converted"


async def test_a_product_of_another_cart_settles_nothing(cart: JourneyTest) -> None:
    await cart.publish(ProductAdded, cart_id="d", product_id="second")
    assert [row.state for row in await cart.messages()] == ["deferred"]


async def test_an_old_product_that_comes_late_settles_nothing(cart: JourneyTest) -> None:
    early = datetime(2024, 1, 8, 20, tzinfo=UTC)
    await cart.publish(ProductAdded, cart_id="c", product_id="second", occurred_at=early)
    assert [row.state for row in await cart.messages()] == ["deferred"]
    await cart.until(datetime(2024, 1, 10, 12, tzinfo=UTC))
    assert cart.sent == ["reminder"]


async def test_a_change_that_moves_the_plan_settles_what_is_held(
    subscription: JourneyTest,
) -> None:
    await subscription.publish(SubscriptionChanged, expires_at=datetime(2024, 3, 1, 18, tzinfo=UTC))
    (held,) = await subscription.messages()
    assert (held.state, held.reason) == ("skipped", "superseded")


async def test_a_change_that_moves_nothing_settles_nothing(subscription: JourneyTest) -> None:
    await subscription.publish(SubscriptionChanged, price="12", currency="EUR")
    (held,) = await subscription.messages()
    assert held.state == "deferred"
    await subscription.after(3 * HOUR)
    assert subscription.sent == ["in-a-week"]
