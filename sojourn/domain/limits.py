"""The author's part of caps: `at_most` for one step, and whether a message waits at a cap."""

from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

LONGEST_PERIOD = 366
"""Days over which a step may be counted."""
_DAY = timedelta(days=1)


class AtCap(StrEnum):
    """A promotional message's response to a cap that leaves it no room."""

    WAIT = "wait"
    """It leaves at the first moment with room, if it is still of use then."""
    GIVE_WAY = "give_way"
    """It is skipped."""


class AtMost(BaseModel):
    """A limit of one step, as `at_most` makes it. It travels with the message.

    Args:
        number: of messages to one customer.
        days: of the customer's calendar, in a row, over which they are counted.
        key: the field of the event that tells them apart; empty: all of the step count together.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    days: int
    key: str = ""


def at_most(number: int, *, per: timedelta, key: str = "") -> AtMost:
    """Limit one step: ``Message(EMAIL, useful_for=days(1), at_most=at_most(1, per=days(30)))``.

    It counts over all runs of the journey for one customer.

    Args:
        number: of messages, in any days in a row that make up ``per``.
        per: whole days, of the customer's calendar: ``days(30)``.
        key: a field of the event that begins the steps: only messages with the same value count
            together. Empty: all of the step do.

    Returns:
        The limit.

    Raises:
        ValueError: it counts nothing, or ``per`` is not a number of whole days up to a year.
    """
    if number < 1:
        raise ValueError("at_most counts at least one message: at_most(1, per=days(30))")
    if per < _DAY or per % _DAY or per > LONGEST_PERIOD * _DAY:
        raise ValueError(
            f"at_most counts over whole days, up to {LONGEST_PERIOD}: at_most(1, per=days(30))"
        )
    return AtMost(number=number, days=per // _DAY, key=key)
