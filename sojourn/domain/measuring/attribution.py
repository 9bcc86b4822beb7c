"""Attribution: which messages an order is credited to, by each model.

An order has one credit. Each model divides it in its own way, and none gives more than there is:
the remainder of a division goes to the last message.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

MICROS = 1_000_000
"""The parts in which one unit of a currency, and one credit, are counted."""
WINDOW = timedelta(days=7)
"""The time after a message in which it can get credit for an order, unless its journey says
another."""


class Model(StrEnum):
    """A way to give out the credit for an order."""

    LAST = "last"
    """All to the last message before the order. The default."""
    FIRST = "first"
    """All to the first one of the window."""
    LINEAR = "linear"
    """The same to each."""


@dataclass(frozen=True)
class Touch:
    """A message that left before an order.

    Args:
        ledger_id: the number of its row.
        left: when it left, by its journey's clock.
    """

    ledger_id: int
    left: datetime


@dataclass(frozen=True)
class Credit:
    """The part of an order that is credited to a message by a model, in millionths.

    Args:
        order: the part of the order.
        value: the part of its value; 0 if that is not known.
    """

    order: int
    value: int


def touching(touches: Iterable[Touch], at: datetime, window: timedelta) -> list[Touch]:
    """Return the messages that an order may be credited to, the first first.

    Args:
        touches: messages that left.
        at: the moment of the order.
        window: how long after a message an order may be credited to it.

    Returns:
        Those that left before the order, and not longer before than the window.
    """
    return in_order(one for one in touches if one.left <= at <= one.left + window)


def in_order(touches: Iterable[Touch]) -> list[Touch]:
    """Return messages in the order in which they left."""
    return sorted(touches, key=lambda one: (one.left, one.ledger_id))


def credits_of(number: int, value: int, model: Model) -> list[Credit]:
    """Return the credit of each of a number of messages for one order.

    Args:
        number: of the messages, the first first.
        value: of the order, in millionths of its currency.
        model: the way to give the credit out.

    Returns:
        A part for each message; together they are the whole order.
    """
    if not number:
        return []
    if model is Model.LINEAR:
        order, rest = divmod(MICROS, number)
        share, left = divmod(value, number)
        parts = [Credit(order, share)] * (number - 1)
        return [*parts, Credit(order + rest, share + left)]
    nothing, everything = Credit(0, 0), Credit(MICROS, value)
    if model is Model.LAST:
        return [nothing] * (number - 1) + [everything]
    return [everything] + [nothing] * (number - 1)


def micros(amount: Decimal | str | float | None) -> int:
    """Return an amount in millionths; 0 if there is none, or it cannot be read.

    Args:
        amount: as an event has it.
    """
    if amount is None:
        return 0
    try:
        return int((Decimal(str(amount)) * MICROS).to_integral_value())
    except (ArithmeticError, ValueError):
        return 0
