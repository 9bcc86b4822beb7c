"""Orders as measurement sees them: the goal events of a customer, less what was taken back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sojourn.domain.events import OrderCancelled, OrderRefunded
from sojourn.domain.keys import plain
from sojourn.domain.measuring.attribution import micros

TAKEN_BACK = (OrderCancelled.event_name, OrderRefunded.event_name)
"""Events that take an order back, all of it or a part."""
VALUES = ("total", "revenue", "value", "amount")
"""The fields of a goal's value, the first that an event has."""


@dataclass(frozen=True)
class Told:
    """An event of a customer, as the store has it.

    Args:
        seq: its order of arrival.
        message_id: its id.
        name: the wire name.
        at: when it happened.
        properties: its fields.
    """

    seq: int
    message_id: str
    name: str
    at: datetime
    properties: Mapping[str, Any]

    @property
    def order_id(self) -> str:
        """The order that it names; empty: none."""
        return plain(self.properties.get("order_id"))

    @property
    def value(self) -> int:
        """Its value, in millionths of its currency."""
        return next((micros(self.properties[one]) for one in VALUES
                     if self.properties.get(one) is not None), 0)  # fmt: skip

    @property
    def currency(self) -> str:
        """Its currency; empty: it says none."""
        return str(self.properties.get("currency") or "")


@dataclass(frozen=True)
class Order:
    """An order, or another goal that was reached.

    Args:
        event: that tells it, the earliest of those that name the order.
        value: less what was given back, in millionths; never under 0.
        stands: False if all of it was taken back.
    """

    event: Told
    value: int
    stands: bool = True

    @property
    def occasion(self) -> str:
        """The name that makes it one: the order that the event names, else the event's own."""
        named = self.event.order_id
        return f"order:{named}" if named else self.event.message_id


def orders_of(events: Iterable[Told], goals: Iterable[str]) -> list[Order]:
    """Return the orders of a customer, each once however often it was told.

    Args:
        events: of the customer, in any order.
        goals: the wire names of those that tell orders.

    Returns:
        The orders, the earliest first. One that was cancelled, or given back whole, does not stand.
    """
    wanted = frozenset(goals)
    found: dict[str, Order] = {}
    backs: list[Told] = []
    for event in sorted(events, key=lambda one: (one.at, one.seq)):
        if event.name in TAKEN_BACK and event.name not in wanted:
            backs.append(event)
        elif event.name in wanted:
            order = Order(event, event.value)
            found.setdefault(order.occasion, order)
    for back in backs:
        for key, order in found.items():
            if back.order_id and order.event.order_id == back.order_id:
                found[key] = _less(order, back)
    return list(found.values())


def _less(order: Order, back: Told) -> Order:
    is_whole = back.name == OrderCancelled.event_name and not back.properties.get("products")
    if is_whole or not back.value or back.value >= order.value:
        return replace(order, value=0, stands=False)
    return replace(order, value=order.value - back.value)
