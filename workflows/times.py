"""Times of day that several journeys share."""

from datetime import time

TEN = time(10)
"""When the shop writes: people have seen to their morning by then."""
