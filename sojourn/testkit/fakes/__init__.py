"""Providers that behave: small stateful servers that record what they truly accepted.

`Fake` is the base; a fake of a provider lies in a module of its own.
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
