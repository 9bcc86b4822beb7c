"""Journeys of a firm that we do not know, by the verbs that ours seldom use together.

The sandbox loads all of this file: their project is in `firm_project`.
"""

from datetime import time

from sojourn import (
    EMAIL,
    GIVE_WAY,
    PUSH,
    SMS,
    Experiment,
    Journey,
    Message,
    Question,
    Status,
    after,
    at_most,
    count,
    days,
    did,
    field,
    hours,
    last,
    months,
    trait,
    weekday,
    working,
)
from sojourn.events import (
    CartViewed,
    CheckoutStarted,
    FeatureUsed,
    OrderCompleted,
    OrderRefunded,
    ProductRemoved,
    ProductReviewed,
    SignedIn,
    SubscriptionChanged,
    SubscriptionStarted,
)

OFFICE = "mon-fri 09:00-18:00"
TONE = Experiment("tone-of-a-firm", {"plain": 1, "warm": 1})


class Chaser(
    Journey,
    name="chaser",
    topic="cart",
    starts_on=CheckoutStarted,
    restarts_on=CheckoutStarted,
    key="cart_id",
    goal=OrderCompleted,
    hears=(CartViewed, ProductRemoved),
    at_most=1,
    enters_if=field("value") >= 1,
):
    """Reminds three times, by what the customer does meanwhile, and calls once."""

    reminder = Message(EMAIL, SMS, useful_for=days(2), within=OFFICE, at_cap=GIVE_WAY)
    last_call = Message(SMS, EMAIL, useful_for=days(3), at_most=at_most(1, per=days(30)))
    talk = Question("Call them?", yes="Called", no="Not worth it")

    async def steps(self) -> None:
        """Wait for one of two events, and for another one after it."""
        for n in range(3):
            did = await self.wait_for(CartViewed, ProductRemoved, timeout=days(2))
            if isinstance(did, ProductRemoved):
                within = working(hours(4), OFFICE)
                if await self.person(self.talk, within=within, else_="no") == "yes":
                    await self.sleep(days(1))
                    continue
            elif did and await self.wait_for(CartViewed, timeout=hours(6)):
                break
            receipt = await self.send(self.reminder, n=n)
            if receipt.status is not Status.SENT:
                return
        await self.sleep(days(3))
        await self.send(self.last_call)


class Upgrade(
    Journey,
    name="upgrade",
    topic="offers",
    starts_on=FeatureUsed,
    goal=SubscriptionChanged,
    hears=SignedIn,
    again=after(days=3),
    enters_if=did(FeatureUsed, at_least=2, within=days(30)),
    stays_if=(trait("plan") == "free").or_if_unknown(True),
    holdout=0.2,
):
    """An offer once the work is over, by the tone that the customer has."""

    offer = Message(PUSH, EMAIL, useful_for=hours(12))
    offer_warm = offer.variant()
    word = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Wait for quiet twice."""
        await self.quiet_for(hours(3), of=FeatureUsed)
        used = await self.ask(count(FeatureUsed, within=days(7)))
        warm = await self.variant(TONE) == "warm"
        await self.send(self.offer_warm if warm else self.offer, used=used)
        if await self.wait_for(SignedIn, timeout=days(1)) is None:
            await self.sleep(days(1))
        await self.quiet_for(hours(30), of=SignedIn)
        await self.send(self.word)


class Refill(
    Journey,
    name="refill",
    topic="offers",
    starts_on=OrderCompleted,
    restarts_on=OrderCompleted,
    ends_on=OrderRefunded.whole(),
    stays_if=(last(OrderCompleted) > days(2)).or_if_unknown(False),
):
    """A tip in the night in which clocks may change, and a reminder each month."""

    tip = Message(EMAIL, useful_for=days(2), at_most=at_most(1, per=days(20), key="order_id"))
    reminder = Message(PUSH, SMS, EMAIL, useful_for=days(3))

    async def steps(self) -> None:
        """Send in a loop, each time until a moment of its own."""
        await self.sleep_until(self.local(time(2, 30), on=weekday("sat-sun")))
        await self.send(self.tip)
        for n in (1, 2):
            await self.sleep_until(self.local(time(10), on=months(n)))
            await self.send(self.reminder, until=self.now() + hours(30), n=n)


class Guarantee(
    Journey,
    name="guarantee",
    topic="offers",
    starts_on=SubscriptionStarted,
    restarts_on=SubscriptionChanged,
    key="subscription_id",
    anchor="expires_at",
    ends_on=OrderRefunded,
    hears=ProductReviewed,
):
    """Words before an end that moves, in office hours and after a moment that may be past."""

    week = Message(EMAIL, SMS, useful_for=days(2), within=OFFICE)
    tomorrow = Message(PUSH, SMS, useful_for=hours(10))
    over = Message(EMAIL, useful_for=days(4))

    async def steps(self) -> None:
        """Count back from the end."""
        assert isinstance(self.cause, SubscriptionStarted | SubscriptionChanged)
        end = self.cause.expires_at
        if end is None:
            return
        if self.patched("reviews"):
            await self.wait_for(ProductReviewed, timeout=days(1))
        await self.sleep_until(self.local(time(10), days=-7, after=end))
        await self.send(self.week, until=end)
        await self.sleep_until(self.opening("mon-sat 09:00-19:00", after=end - days(1)))
        await self.send(self.tomorrow, until=end)
        await self.sleep_until(end)
        await self.sleep_until(self.opening(OFFICE))
        await self.send(self.over)


FIRM: tuple[type[Journey], ...] = (Chaser, Upgrade, Refill, Guarantee)
