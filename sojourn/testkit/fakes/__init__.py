"""Fake providers: small stateful servers that record the messages that they accepted.

`Fake` is the base; each provider's fake is in its own module.
"""

from sojourn.testkit.fakes.base import Fake, serving
from sojourn.testkit.fakes.behaviour import RETRY_AFTER, TROUBLE, Behaviour
from sojourn.testkit.fakes.records import Happening, Malformed, Order, Refused, SentHook

__all__ = [
    "RETRY_AFTER",
    "TROUBLE",
    "Behaviour",
    "Fake",
    "Happening",
    "Malformed",
    "Order",
    "Refused",
    "SentHook",
    "serving",
]
