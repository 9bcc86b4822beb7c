"""The points of a customer, derived from the events of a loyalty programme."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sojourn.domain.events import Event, PointsEarned, PointsExpired, PointsSpent, TierReached
from sojourn.domain.events.loyalty import PointsEvent

FOLDED = (PointsEvent,)
"""The events that a balance is made of."""
_SIGNS = {PointsEarned.event_name: 1, PointsSpent.event_name: -1, PointsExpired.event_name: -1}


@dataclass(frozen=True)
class Points:
    """The points of a customer, as templates see them. A field that no event tells is None.

    Args:
        balance: the points.
        worth: what they take off an order.
        currency: of that.
        tier: the one that was reached last.
    """

    balance: int | None = None
    worth: Decimal | None = None
    currency: str | None = None
    tier: str | None = None


def points_after(events: Iterable[Event]) -> Points:
    """Return what a customer has after ``events``.

    The newest event that tells a balance counts, and those after it that tell none are added and
    taken away. The worth is that of the newest event alone: a balance that we have calculated
    ourselves has none, for we do not know what the shop makes of it.

    Args:
        events: of any kind, oldest first.
    """
    found, tier = Points(), None
    for event in events:
        if isinstance(event, TierReached):
            tier = event.tier
        elif isinstance(event, PointsEvent) and event.is_whole:
            if event.balance is not None:
                found = Points(event.balance, event.worth, event.currency)
            elif found.balance is not None:
                change = _SIGNS[event.event_name] * event.points
                found = Points(max(found.balance + change, 0))
    priced = found.worth is not None and found.currency is not None
    return Points(
        found.balance,
        found.worth if priced else None,
        found.currency if priced else None,
        tier,
    )
