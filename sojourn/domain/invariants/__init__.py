"""Invariants: what must never be in a customer's story, whatever happens in whichever order.

`story` is what an invariant looks at, `invariant` what projects write, `patterns` the words for the
usual ones, `shipped` those that hold in every shop. Nothing here asks the gate: a customer's events
and words are compared with the messages that left.
"""

from sojourn.domain.invariants.invariant import Breach, Invariant, Pattern, always, never
from sojourn.domain.invariants.patterns import message_after, message_in, two
from sojourn.domain.invariants.shipped import SHIPPED
from sojourn.domain.invariants.story import Card, Course, Happened, Said, Story

__all__ = [
    "SHIPPED",
    "Breach",
    "Card",
    "Course",
    "Happened",
    "Invariant",
    "Pattern",
    "Said",
    "Story",
    "always",
    "message_after",
    "message_in",
    "never",
    "two",
]
