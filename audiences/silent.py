"""Customers who have been silent for long."""

from sojourn import Audience, days, did, last, written_to
from sojourn.events import OrderCompleted
from workflows.signs_of_life import SIGNS_OF_LIFE

LONG = days(90)

silent = last(OrderCompleted) > LONG
for sign in SIGNS_OF_LIFE:
    silent = silent & ~did(sign, within=LONG)

inactive = Audience(
    "inactive",
    silent & ~written_to("win-back", within=LONG),
    "No order and no sign of life for 90 days, and no word of win-back for as long.",
)
