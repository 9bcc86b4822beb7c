"""Signs of life: the events of a customer who is not asleep."""

from sojourn import days, did
from sojourn.events import (
    CartViewed,
    CheckoutStarted,
    EmailLinkClicked,
    MessageClicked,
    MessageReplied,
    OrderCompleted,
    ProductAdded,
    ProductReviewed,
    ProductViewed,
    SignedIn,
)

SIGNS_OF_LIFE = (
    SignedIn, ProductViewed, ProductAdded, CartViewed, CheckoutStarted, ProductReviewed,
    MessageClicked, EmailLinkClicked, MessageReplied,
)  # fmt: skip
ASLEEP = ~did(OrderCompleted, within=days(59))
"""No order for two months, and no sign of life for three weeks."""
for sign in SIGNS_OF_LIFE:
    ASLEEP = ASLEEP & ~did(sign, within=days(21))
