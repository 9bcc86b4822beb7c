"""Three journeys and seven customers on the real engine, time moved along."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.cli.local.stack import Stack
from sojourn.cli.travel import forward
from sojourn.dispatch import Sojourn
from sojourn.dispatch.outcomes import enrolments
from sojourn.domain.calendar import zone
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import UnknownName
from sojourn.domain.events import (
    AccountActivated,
    EmailLinkClicked,
    Event,
    FeatureUsed,
    OrderCompleted,
    ProductAdded,
    SignedUp,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.domain.messages import Channel
from sojourn.store import ledger, runs
from sojourn.store.tables import ContentRow, LedgerRow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = (
    "Pacific/Honolulu", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo",
    "Europe/Rome", "Asia/Dubai", "Asia/Kolkata", "Asia/Tokyo", "Pacific/Auckland",
)  # fmt: skip
AGREES = dict.fromkeys(Channel, True)
LAMP = {
    "product_id": "p1",
    "name": "Reading lamp",
    "price": "49.90",
    "currency": "EUR",
    "quantity": 1,
}
RUG = {"product_id": "p2", "name": "Wool rug", "price": "129.00", "currency": "EUR", "quantity": 1}


@dataclass
class Story:
    """One customer of the demo and what became of them."""

    title: str
    customer_id: str
    timezone: str
    outcomes: list[str] = field(default_factory=list)
    messages: list[tuple[LedgerRow, ContentRow | None]] = field(default_factory=list)


class Guide:
    """Plays the customers' part."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sojourn = Sojourn(stack.client, stack.store, stack.settings)
        self.noon = _zone_where_it_is(12)
        self.night = _zone_where_it_is(23)

    async def customer(self, name: str, locale: str, **traits: Any) -> str:
        """Make a customer who is reachable everywhere and agrees to everything, unless told."""
        customer_id = name.lower()
        now = datetime.now(UTC)
        defaults = {
            "firstName": name,
            "email": f"{customer_id}@shop.example",
            "phone": "+393201234567",
            "pushToken": f"device-of-{customer_id}",
            "locale": locale,
            "timezone": self.noon,
            "marketingConsent": AGREES,
        }
        identity = read_identity(
            {**defaults, **traits}, customer_id=customer_id, message_id=f"i-{name}", at=now
        )
        await self._sojourn.identify(identity)
        return customer_id

    async def publish(self, event: Event) -> None:
        """Something the customer did."""
        await self._sojourn.publish(event)

    async def pass_time(self, customer_id: str, by: timedelta) -> None:
        """Move the clocks of the customer's open runs."""
        async with self._stack.store.reading() as session:
            started = await runs.of_customer(session, customer_id)
        for workflow_id in dict.fromkeys(run.workflow_id for run in started):
            with suppress(UnknownName):  # the run has ended
                await forward(self._stack.client, workflow_id, by)

    async def tell(self, title: str, customer_id: str, timezone: str) -> Story:
        """What the customer got, and why not."""
        story = Story(title, customer_id, timezone)
        async with self._stack.store.reading() as session:
            contents = {
                row.id: kept for row, kept in await ledger.outbox(session, customer_id=customer_id)
            }
            story.messages = [
                (row, contents.get(row.id))
                for row in await ledger.of_customer(session, customer_id)
            ]
            started = await runs.of_customer(session, customer_id)
        for run in started:
            async for ended in enrolments(self._stack.client, run.workflow_id, run.run_id):
                story.outcomes.append(f"{run.journey}: {ended.outcome}")
        return story


Tale = Callable[[Guide], Coroutine[Any, Any, Story]]


async def stories(stack: Stack) -> AsyncIterator[Story]:
    """Play every tale; give each as soon as it is over."""
    guide = Guide(stack)
    for playing in asyncio.as_completed([asyncio.create_task(tale(guide)) for tale in TALES]):
        yield await playing


async def _leaves_a_cart(guide: Guide) -> Story:
    who = await guide.customer("Giulia", "it-IT")
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart1", **LAMP))
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart1", **RUG))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("leaves a cart and never comes back", who, guide.noon)


async def _buys_after_the_reminder(guide: Guide) -> Story:
    who = await guide.customer("Tom", "en-GB")
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart2", **LAMP))
    await guide.pass_time(who, 30 * HOUR)
    await guide.publish(OrderCompleted(customer_id=who, cart_id="cart2", order_id="o1"))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("buys after the reminder: no nudge, no offer", who, guide.noon)


async def _shops_at_night(guide: Guide) -> Story:
    who = await guide.customer("Zofia", "pl-PL", timezone=guide.night)
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart3", **RUG))
    await guide.pass_time(who, 40 * HOUR)
    return await guide.tell("shops late: the reminder waits for the morning", who, guide.night)


async def _agreed_to_sms_only(guide: Guide) -> Story:
    who = await guide.customer("Marek", "pl-PL", marketingConsent={"sms": True}, pushToken="")
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart4", **LAMP))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("agreed to SMS only", who, guide.noon)


async def _signs_up_and_is_lost(guide: Guide) -> Story:
    who = await guide.customer("Anna", "it-IT")
    await guide.publish(SignedUp(customer_id=who))
    await guide.publish(FeatureUsed(customer_id=who, feature="wishlist"))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("signs up, tries one feature, needs help", who, guide.noon)


async def _signs_up_and_gets_going(guide: Guide) -> Story:
    who = await guide.customer("Emily", "en-GB")
    await guide.publish(SignedUp(customer_id=who))
    await guide.publish(EmailLinkClicked(customer_id=who, journey="onboarding", step="welcome"))
    await guide.pass_time(who, 2 * DAY)
    await guide.publish(AccountActivated(customer_id=who))
    return await guide.tell("clicks in the welcome, then activates the account", who, guide.noon)


async def _renews_once(guide: Guide) -> Story:
    who = await guide.customer("Luca", "it-IT")
    end = datetime.now(UTC) + 20 * DAY
    await guide.publish(
        SubscriptionStarted(customer_id=who, subscription_id="s1", expires_at=end, plan="Plus")
    )
    await guide.pass_time(who, 15 * DAY)
    await guide.publish(
        SubscriptionRenewed(
            customer_id=who, subscription_id="s1", expires_at=end + 30 * DAY, plan="Plus"
        )
    )
    await guide.pass_time(who, 40 * DAY)
    return await guide.tell(
        "renews after the first reminder; then lets it run out", who, guide.noon
    )


TALES: tuple[Tale, ...] = (
    _leaves_a_cart,
    _buys_after_the_reminder,
    _shops_at_night,
    _agreed_to_sms_only,
    _signs_up_and_is_lost,
    _signs_up_and_gets_going,
    _renews_once,
)


def _zone_where_it_is(hour: int) -> str:
    """Of a few zones round the globe, the one whose clocks are nearest to ``hour`` now."""
    now = datetime.now(UTC)

    def away(name: str) -> int:
        difference = abs(now.astimezone(zone(name)).hour - hour)
        return min(difference, 24 - difference)

    return min(ZONES, key=away)
