"""Journeys of the shop with a fault planted each, which invariants must find."""

from sojourn import (
    EMAIL,
    PUSH,
    SMS,
    TRANSACTIONAL,
    Journey,
    Message,
    days,
    hours,
    message_after,
    never,
    two,
)
from sojourn.events import OrderShipped, ProductAdded, ProductViewed, SignedUp
from workflows.abandoned_cart import AbandonedCart
from workflows.browse_abandonment import BrowseAbandonment
from workflows.login_code import LoginCode
from workflows.onboarding import Onboarding
from workflows.order_confirmed import OrderConfirmed
from workflows.renewal import Renewal
from workflows.times import TEN
from workflows.trial import Trial


class Deaf(
    Onboarding,
    name="onboarding",
    goal=(),
    invariants=never(message_after(SignedUp, of="onboarding/first-steps", within=hours(24))),
):
    """Does not hear that the account is active, and says itself that ten o'clock is too soon."""


class Oblivious(Onboarding, name="onboarding", goal=()):
    """Does not hear that the account is active."""


class Shouting(Journey, name="shouting", topic="cart", starts_on=OrderShipped, key="order_id"):
    """Has no template."""

    shout = Message(EMAIL, SMS, useful_for=hours(1))

    async def steps(self) -> None:
        """Send it."""
        await self.send(self.shout)


class Impatient(AbandonedCart, name="abandoned-cart"):
    """Nudges two hours after the reminder."""

    async def steps(self) -> None:
        """Take hours for days."""
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(hours(2))
        await self.send(self.nudge)


class Stuttering(
    AbandonedCart,
    name="abandoned-cart",
    invariants=never(two("abandoned-cart/reminder", within=days(60), in_one_run=True)),
):
    """Reminds once more if the customer does nothing for two days."""

    async def steps(self) -> None:
        """Remind in a loop."""
        for _ in range(2):
            await self.quiet_for(hours(48), of=ProductAdded)
            await self.send(self.reminder)


class Stale(AbandonedCart, name="abandoned-cart"):
    """Takes a reminder for useful after a month."""

    reminder = Message(EMAIL, useful_for=days(30))

    async def steps(self) -> None:
        """Remind once."""
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)


class Scattered(OrderConfirmed, name="order-confirmed", key="cart_id"):
    """Takes each cart for an order."""


class Rigid(AbandonedCart, name="abandoned-cart", restarts_on=()):
    """Goes on with the ladder while the customer goes on shopping."""


class Disguised(BrowseAbandonment, name="browse-abandonment", topic="account"):
    """Calls advertising something that the customer needs."""

    reminder = Message(EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))

    async def steps(self) -> None:
        """Remind as a bill does."""
        await self.quiet_for(hours(6), of=ProductViewed)
        await self.send(self.reminder)


class Unforgetting(Renewal, name="renewal", ends_on=()):
    """Does not hear that the subscription was cancelled."""


class Pushy(Trial, name="trial", ends_on=()):
    """Does not hear that the trial was cancelled."""


class Hasty(Trial, name="trial"):
    """Says that the trial is over on the day before."""

    async def steps(self) -> None:
        """Count backwards."""
        await self.sleep_until(self.local(TEN, days=-1, after=self.cause.ends_at))  # type: ignore[attr-defined]
        await self.send(self.over)


class Careless(LoginCode, name="login-code"):
    """Sends a code that nobody takes any more."""

    code = Message(SMS, PUSH, message_class=LoginCode.code.message_class, useful_for=hours(1))

    async def steps(self) -> None:
        """Send it, however old the request is."""
        await self.send(self.code)


FAULTS: dict[type[Journey], str] = {
    Oblivious: 'never a message of onboarding after "Account Activated"',
    Impatient: "never two messages of abandoned-cart within 11 hours in one run",
    Stuttering: "never two messages of abandoned-cart/reminder within 60 days in one run",
    Stale: "always word while it is news",
    Scattered: "never order confirmed twice",
    Rigid: 'never a message of abandoned-cart within 23 hours 54 minutes after "Product Added"',
    Disguised: "always advertising with consent",
    Unforgetting: 'never a message of renewal after "Subscription Cancelled"',
    Pushy: 'never a message of trial after "Subscription Started" or "Trial Cancelled"',
    Hasty: "always word of the end after it",
    Careless: "always code that is still taken",
    Shouting: "no message whose template fails",
}
"""Each fault, and an invariant that it breaks."""
