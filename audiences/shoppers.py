"""Customers by what they buy."""

from sojourn import Audience, days, did, last
from sojourn.events import OrderCompleted

regulars = Audience(
    "regulars",
    did(OrderCompleted, at_least=2, within=days(90)),
    "At least two orders in 90 days.",
)
asleep = Audience("asleep", last(OrderCompleted) > days(90), "No order for 90 days, after some.")
newcomers = Audience("newcomers", ~did(OrderCompleted), "Known, and has never ordered anything.")
