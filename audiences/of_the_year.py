"""Customers who have bought something within a year."""

from sojourn import Audience, days, did
from sojourn.events import OrderCompleted

of_the_year = Audience(
    "of-the-year", did(OrderCompleted, within=days(365)), "At least one order in 365 days."
)
