"""Events of a loyalty programme: points, what they are worth, and tiers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import (
    AmountPart,
    Currency,
    Identifier,
    Key,
    Moment,
    Money,
)


def _number(value: object) -> object:
    if isinstance(value, bool):  # Python counts them as 1 and 0
        raise ValueError("must be a number")
    return value


PointsCount = Annotated[int, BeforeValidator(_number), Field(ge=0, le=1_000_000_000), AmountPart()]
"""A count of points."""


class PointsEvent(Event, name=""):
    """Something about the points of a customer."""

    points: PointsCount
    balance: PointsCount | None = None
    """The points that the customer has after it."""
    worth: Money | None = None
    """The amount that this balance takes off an order."""
    currency: Currency | None = None


class PointsEarned(PointsEvent, name="Points Earned"):
    """A customer earned points."""


class PointsSpent(PointsEvent, name="Points Spent"):
    """A customer spent points."""


class PointsExpired(PointsEvent, name="Points Expired"):
    """Points of a customer ceased to count."""


class PointsExpiring(Event, name="Points Expiring"):
    """Points of a customer will cease to count at ``expires_at`` unless they are spent."""

    points: PointsCount
    expires_at: Moment
    worth: Money | None = None
    """The amount that these points take off an order."""
    currency: Currency | None = None
    batch: Key = ""
    """The points that expire together; left out, the day of ``expires_at``."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("batch"):
            return values
        ends = values.get("expires_at")
        day = ends.isoformat() if isinstance(ends, datetime) else str(ends or "")
        return {**values, "batch": day[:10]}


class TierReached(Event, name="Tier Reached"):
    """A customer reached a tier of the programme."""

    tier: Identifier
    until: Moment | None = None
