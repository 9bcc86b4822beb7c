"""Every way out of every journey, as the test kit plays it. Their histories are recorded."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sojourn.domain.events import (
    AccountActivated,
    EmailLinkClicked,
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
)
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

Scenario = Callable[[JourneyTest], Awaitable[None]]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EXPIRES = datetime(2024, 3, 1, 15, tzinfo=UTC)
SCENARIOS: dict[str, Scenario] = {}


def scenario(play: Scenario) -> Scenario:
    journey, _, way = play.__name__.partition("__")
    SCENARIOS[f"{journey.replace('_', '-')}/{way.replace('_', '-')}"] = play
    return play


@scenario
async def abandoned_cart__exhausted(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(8 * DAY)


@scenario
async def abandoned_cart__bought_before_the_reminder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(2 * HOUR)
    await journey.publish(OrderCompleted, cart_id="cart7")


@scenario
async def abandoned_cart__bought_after_the_nudge(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(4 * DAY)
    await journey.publish(OrderCompleted, cart_id="cart7")


@scenario
async def abandoned_cart__restarted_twice(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(5 * HOUR)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(2 * DAY)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="third")
    await journey.after(8 * DAY)


@scenario
async def abandoned_cart__nobody_to_write_to(journey: JourneyTest) -> None:
    await journey.identify(email="", phone="", pushToken="")
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(8 * DAY)


@scenario
async def abandoned_cart__stopped_by_an_operator(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(2 * DAY)
    await journey.stop("the shop is closed")


@scenario
async def onboarding__exhausted(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(8 * DAY)


@scenario
async def onboarding__clicked_then_activated(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.publish(EmailLinkClicked, journey="onboarding", step="welcome")
    await journey.after(2 * DAY)
    await journey.publish(AccountActivated)


@scenario
async def renewal__expired(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES + 2 * DAY)


@scenario
async def renewal__renewed_twice(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - DAY)
    await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 30 * DAY)
    await journey.until(EXPIRES + 24 * DAY)
    await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 60 * DAY)


@scenario
async def renewal__replanned(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 3 * DAY)
    await journey.publish(SubscriptionChanged, expires_at=EXPIRES + 30 * DAY)
    await journey.until(EXPIRES + 32 * DAY)


@scenario
async def renewal__cancelled(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 3 * DAY)
    await journey.publish(SubscriptionCancelled)
