"""Order between events whose senders' clocks differ: in doubt, an event that ends a run counts.

An event has a moment, by a clock of its sender, and an order of arrival, by the store's count. Two
senders' clocks may differ by a tolerance, `SOJOURN_CLOCK_SKEW`. Within it the moments do not tell
which of two events came first, and the order of arrival decides.

The run, the gate and the planner all ask here, so that they agree.
"""

from datetime import datetime, timedelta

CLOCK_SKEW = timedelta(minutes=5)
"""The tolerance, unless an installation sets another."""

Place = tuple[datetime, int]
"""The place of an event: the moment when it happened, and its order of arrival."""


def counts_for(event: Place, start: Place, *, within: timedelta) -> bool:
    """Tell whether an event that ends runs counts for a run, or belongs to the time before it.

    One that arrived after the start counts unless it is older than the start by more than the
    tolerance: a purchase dated some seconds before its cart is the purchase of this cart. One that
    arrived before the start counts if it is later by its own moment.

    Args:
        event: the place of the event.
        start: the place of the event that began the run.
        within: the tolerance; zero: the moments alone decide, and ties go by arrival.

    Returns:
        True if it counts.
    """
    (happened, arrived), (began, first) = event, start
    return happened >= began - within if arrived > first else happened > began


def earliest(start: datetime, within: timedelta) -> datetime:
    """Return the earliest moment of an event that may count for a run."""
    return start - within


def latest_start(event: datetime, within: timedelta) -> datetime:
    """Return the latest start for which an event that arrived after it may count."""
    return event + within
