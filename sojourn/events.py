"""Events that ship, and what an event of one's own is made of.

::

    from sojourn.events import Event, Identifier, Personal

    class LoyaltyJoined(Event, name="Loyalty Joined"):
        level: Identifier
        nickname: Personal = None
"""

from sojourn.domain.events import (
    AccountActivated,
    CartViewed,
    CheckoutStarted,
    Currency,
    EmailLinkClicked,
    Event,
    FeatureUsed,
    Identifier,
    JourneyStopped,
    Key,
    MessageBounced,
    MessageClicked,
    MessageComplained,
    MessageDeferred,
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessageOpened,
    MessageRead,
    MessageReplied,
    MessageUnsubscribed,
    Moment,
    Money,
    OrderCompleted,
    Personal,
    Product,
    ProductAdded,
    ProductRemoved,
    SignedUp,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
)

__all__ = [
    "AccountActivated",
    "CartViewed",
    "CheckoutStarted",
    "Currency",
    "EmailLinkClicked",
    "Event",
    "FeatureUsed",
    "Identifier",
    "JourneyStopped",
    "Key",
    "MessageBounced",
    "MessageClicked",
    "MessageComplained",
    "MessageDeferred",
    "MessageDelivered",
    "MessageEvent",
    "MessageFailed",
    "MessageOpened",
    "MessageRead",
    "MessageReplied",
    "MessageUnsubscribed",
    "Moment",
    "Money",
    "OrderCompleted",
    "Personal",
    "Product",
    "ProductAdded",
    "ProductRemoved",
    "SignedUp",
    "SubscriptionCancelled",
    "SubscriptionChanged",
    "SubscriptionRenewed",
    "SubscriptionStarted",
]
