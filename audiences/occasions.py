"""Customers whose day it is: a daily campaign asks about the day of its occurrence."""

from sojourn import Audience, anniversary, first, trait
from sojourn.events import OrderCompleted

birthdays = Audience(
    "birthdays",
    anniversary(trait("birthday")),
    "Whose birthday it is; 29 February is kept on 28 February in other years.",
)
first_order_days = Audience(
    "first-order-days",
    anniversary(first(OrderCompleted)),
    "Who ordered for the first time on this day, in an earlier year.",
)
