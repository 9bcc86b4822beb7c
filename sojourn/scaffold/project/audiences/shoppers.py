"""Customers by what they buy."""

from sojourn import Audience, days, did
from sojourn.events import OrderCompleted

regulars = Audience(
    "regulars",  # the name that `sojourn audience count regulars` takes
    # `&`, `|` and `~` join questions; put parentheses around each comparison
    did(OrderCompleted, at_least=2, within=days(90)),
    "At least two orders in 90 days.",
)
