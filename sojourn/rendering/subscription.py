"""A subscription, derived from its events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sojourn.domain.events import (
    Event,
    PaymentFailed,
    RenewalRequested,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionStarted,
)
from sojourn.domain.invoices import FOLDED as OF_INVOICES
from sojourn.domain.invoices import invoice_after
from sojourn.domain.keys import plain
from sojourn.domain.price import Price

TOLD = (SubscriptionStarted, SubscriptionChanged)
FOLDED = (*TOLD, SubscriptionCancelled, RenewalRequested, *OF_INVOICES)
"""The events that a subscription is made of."""


@dataclass(frozen=True)
class Subscription:
    """A subscription. A field that no event gave is None.

    Args:
        subscription_id: as the shop writes it.
        expires_at: the end of the period that runs.
        renews_until: the end of the one that a renewal pays for.
        plan: its name.
        price: of a renewal.
        currency: of the price.
        former_price: of the period that runs.
        former_currency: of that price.
        trial: the period that runs costs nothing.
        is_cancelled: it will not be renewed.
        is_requested: the customer has asked for a renewal after this period.
        payment_failed: a payment for it has failed, and is not settled yet.
    """

    subscription_id: str
    expires_at: datetime | None = None
    renews_until: datetime | None = None
    plan: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    former_price: Decimal | None = None
    former_currency: str | None = None
    trial: bool = False
    is_cancelled: bool = False
    is_requested: bool = False
    payment_failed: bool = False

    @property
    def price_changes(self) -> bool:
        """True if a renewal certainly costs something else than the period that runs."""
        now, then = (self.former_price, self.former_currency), (self.price, self.currency)
        return None not in (*now, *then) and now != then and not self.trial


def subscription_after(events: Iterable[Event], subscription_id: str = "") -> Subscription | None:
    """Return the subscription after ``events``, oldest first: the latest value of each field.

    A price counts with its currency, and for its plan: one that an event does not say with the new
    plan is unknown. A ``next_price`` is the price of a renewal, whatever this period costs.

    Args:
        events: of any kind; those that start, renew or change a subscription count.
        subscription_id: which one. Empty: the one of the latest such event.

    Returns:
        The subscription; None if no event is about it.
    """
    told = [event for event in events if isinstance(event, FOLDED) and event.is_whole]
    known: dict[str, Subscription] = {}
    last = plain(subscription_id)
    for event in told:
        if isinstance(event, OF_INVOICES):
            continue
        key = plain(event.subscription_id)
        if isinstance(event, TOLD):
            known[key] = _after(known.get(key) or Subscription(event.subscription_id), event)
            last = plain(subscription_id) or key
        elif (one := known.get(key)) is None:
            continue
        elif isinstance(event, SubscriptionCancelled):
            known[key] = replace(one, is_cancelled=True)
        elif isinstance(event, RenewalRequested) and event.expires_at == one.expires_at:
            known[key] = replace(one, is_requested=True)
    found = known.get(last)
    return found and replace(found, payment_failed=_has_failed(told, found))


def _after(before: Subscription, event: SubscriptionStarted | SubscriptionChanged) -> Subscription:
    # Subscription Renewed is a Subscription Started too
    begins = isinstance(event, SubscriptionStarted)
    moved = before.plan and event.plan and event.plan != before.plan
    paid = Price() if moved else Price(before.price, before.currency)
    price = paid.then(event.price, event.currency)
    former = price if begins else Price(before.former_price, before.former_currency)
    if event.next_price is not None:
        price = Price(event.next_price, event.currency or price.currency)
    expires_at = event.expires_at or before.expires_at
    same_end = not begins and expires_at == before.expires_at
    return replace(
        before,
        expires_at=expires_at,
        renews_until=event.renews_until or (before.renews_until if same_end else None),
        plan=event.plan or before.plan,
        price=price.amount,
        currency=price.currency,
        former_price=former.amount,
        former_currency=former.currency,
        trial=bool(event.trial) if begins or event.trial is not None else before.trial,
        is_cancelled=before.is_cancelled and not begins and event.expires_at is None,
        is_requested=before.is_requested and same_end,
    )


def _has_failed(told: Sequence[Event], subscription: Subscription) -> bool:
    """Tell whether a payment for a subscription has failed since it began, and is still open."""
    key, failed = plain(subscription.subscription_id), None
    for event in told:
        if isinstance(event, SubscriptionStarted) and plain(event.subscription_id) == key:
            failed = None
        elif isinstance(event, PaymentFailed) and plain(event.subscription_id) == key:
            failed = event
    return failed is not None and not invoice_after(told, failed.invoice_id).is_settled
