"""The products that a customer has looked at and not bought, derived from events."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sojourn.domain.events import (
    Event,
    OrderCompleted,
    ProductAdded,
    ProductOutOfStock,
    ProductViewed,
)
from sojourn.domain.keys import plain
from sojourn.rendering.cart import CartItem, with_more

LATELY = timedelta(days=7)
"""The time before the message in which a product must have been looked at to count."""


def viewed_items(events: Iterable[Event], now: datetime) -> list[CartItem]:
    """Return the products that were looked at lately, the one looked at most often first.

    Of several that were looked at equally often, the one looked at last comes first. A product that
    was put into a cart, bought or out of stock since is left out until it is looked at once more.
    The price is the one that was seen last.

    Args:
        events: oldest first.
        now: the moment of the message.

    Returns:
        Each product as one piece.
    """
    seen: dict[str, CartItem] = {}
    looks: Counter[str] = Counter()
    for event in events:
        over: list[str] = []
        match event:
            case ProductViewed() if now - LATELY <= event.occurred_at <= now:
                name = plain(event.product_id)
                # taken out and put back: the newest is the last
                seen[name] = replace(with_more(event, seen.pop(name, None)), quantity=1)
                looks[name] += 1
            case ProductAdded() | ProductOutOfStock():
                over = [plain(event.product_id)]
            case OrderCompleted():
                over = [plain(product.product_id) for product in event.products]
            case _:
                pass
        for name in over:
            seen.pop(name, None)
            looks.pop(name, None)
    newest_first = [*reversed(seen)]
    return [seen[name] for name in sorted(newest_first, key=lambda one: -looks[one])]
