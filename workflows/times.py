"""Times of day that several journeys share."""

from datetime import time

TEN = time(10)
"""When the shop writes: people have settled into their day by then."""
OFFICE = "mon-fri 09:00-18:00"
"""The hours in which people answer, by the customer's clock."""
