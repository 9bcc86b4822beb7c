"""A subscription, derived from its events."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sojourn.domain.events import Event, SubscriptionChanged, SubscriptionStarted
from sojourn.domain.keys import plain
from sojourn.rendering.price import Price

FOLDED = (SubscriptionStarted, SubscriptionChanged)
"""The events that make a subscription."""


@dataclass(frozen=True)
class Subscription:
    """A subscription. A field that no event gave is None."""

    subscription_id: str
    expires_at: datetime | None = None
    plan: str | None = None
    price: Decimal | None = None
    currency: str | None = None


def subscription_after(events: Iterable[Event], subscription_id: str = "") -> Subscription | None:
    """Return the subscription after ``events``, oldest first: the latest value of each field.

    A price counts with its currency, and for its plan: one that an event does not say with the new
    plan is unknown.

    Args:
        events: of any kind; those that start, renew or change a subscription count.
        subscription_id: which one. Empty: the one of the latest such event.

    Returns:
        The subscription; None if no event is about it.
    """
    known: dict[str, Subscription] = {}
    last = plain(subscription_id)
    for event in events:
        # Subscription Renewed is a Subscription Started too
        if isinstance(event, FOLDED) and event.is_whole:
            key = plain(event.subscription_id)
            before = known.get(key) or Subscription(event.subscription_id)
            moved = before.plan and event.plan and event.plan != before.plan
            paid = Price() if moved else Price(before.price, before.currency)
            price = paid.then(event.price, event.currency)
            known[key] = replace(
                before,
                expires_at=event.expires_at or before.expires_at,
                plan=event.plan or before.plan,
                price=price.amount,
                currency=price.currency,
            )
            last = plain(subscription_id) or key
    return known.get(last)
