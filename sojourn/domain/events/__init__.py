"""Facts about customers.

`base` has the class that all events extend, `fields` the types of their fields, `shop`, `messages`
and `runs` the events that ship, `catalogue` the events of a project by name, `reading` the way from
a call to an event.
"""

from sojourn.domain.events.base import ENVELOPE, Event, UnknownEvent, personal_fields
from sojourn.domain.events.catalogue import SHIPPED, Events, defined_in
from sojourn.domain.events.fields import (
    EARLIEST,
    LATEST,
    LONGEST_ID,
    Currency,
    Identifier,
    Key,
    Moment,
    Money,
    Personal,
    PersonalMark,
)
from sojourn.domain.events.messages import (
    EmailLinkClicked,
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
)
from sojourn.domain.events.reading import LARGEST, bad_event, check_json, check_track, read_event
from sojourn.domain.events.runs import JourneyStopped, RunEvent
from sojourn.domain.events.shop import (
    AccountActivated,
    CartViewed,
    CheckoutStarted,
    FeatureUsed,
    OrderCompleted,
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
    "EARLIEST",
    "ENVELOPE",
    "LARGEST",
    "LATEST",
    "LONGEST_ID",
    "SHIPPED",
    "AccountActivated",
    "CartViewed",
    "CheckoutStarted",
    "Currency",
    "EmailLinkClicked",
    "Event",
    "Events",
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
    "PersonalMark",
    "Product",
    "ProductAdded",
    "ProductRemoved",
    "RunEvent",
    "SignedUp",
    "SubscriptionCancelled",
    "SubscriptionChanged",
    "SubscriptionRenewed",
    "SubscriptionStarted",
    "UnknownEvent",
    "bad_event",
    "check_json",
    "check_track",
    "defined_in",
    "personal_fields",
    "read_event",
]
