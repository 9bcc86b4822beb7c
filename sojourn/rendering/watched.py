"""A product that a customer watches, derived from events: what became of its price and stock."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sojourn.domain.events import (
    Event,
    OrderCompleted,
    PriceDropped,
    PriceRaised,
    Product,
    ProductBackInStock,
    ProductOutOfStock,
    ProductUnwatched,
    ProductViewed,
    ProductWatched,
)
from sojourn.domain.keys import plain
from sojourn.domain.price import Price

FOLDED = (
    ProductWatched,
    ProductUnwatched,
    PriceDropped,
    PriceRaised,
    ProductBackInStock,
    ProductOutOfStock,
)
"""The events that a watch is made of, beside looks and orders."""


@dataclass(frozen=True)
class Watched:
    """A product that is watched. A field that no event gave is None.

    Args:
        product_id: as the shop writes it.
        name: of the product.
        image_url: its picture.
        url: its page.
        then: its price at the watch, or at the newest of several.
        now: its price as last told.
        fell: the newest word on its price is that it dropped.
        in_stock: whether it can be had, by what was told since the watch began; None: nothing was.
        is_bought: it was ordered since the watch began.
        is_on: the customer still watches it.
    """

    product_id: str
    name: str | None = None
    image_url: str | None = None
    url: str | None = None
    then: Price = field(default_factory=Price)
    now: Price = field(default_factory=Price)
    fell: bool = False
    in_stock: bool | None = None
    is_bought: bool = False
    is_on: bool = False
    quantity: int = 1

    @property
    def amount(self) -> Decimal | None:
        """The price now."""
        return self.now.amount

    @property
    def currency(self) -> str | None:
        """The currency of the price now."""
        return self.now.currency

    @property
    def saves(self) -> bool:
        """True if both prices are known, and the price now is lower."""
        if self.then.amount is None or self.now.amount is None:
            return False
        return self.then.currency == self.now.currency and self.now.amount < self.then.amount

    @property
    def against_price(self) -> str:
        """Why there is no word of a lower price to say; empty: there is one."""
        if not self.is_on:
            return "not watched any more"
        if self.in_stock is False:
            return "out of stock"
        costs_less = self.fell if self.then.amount is None else self.saves
        return "" if costs_less else "the price is not lower than when the watch began"

    @property
    def against_stock(self) -> str:
        """Why there is no word of stock to say; empty: there is one."""
        if not self.is_on:
            return "not watched any more"
        return "" if self.in_stock else "out of stock again"


def watched_after(events: Iterable[Event], product_id: str) -> Watched | None:
    """Return what is known of a watch after its events, oldest first.

    A look at the product tells its price as well: one that is higher than the price told before has
    risen. Events before the newest watch do not count for it.

    Args:
        events: of any kind and any product.
        product_id: the product.

    Returns:
        The product; None if the customer never watched it.
    """
    found: Watched | None = None
    for event in events:
        if not _is_about(event, product_id):
            continue
        if isinstance(event, ProductWatched):
            found = _begun(found or Watched(event.product_id), event)
        elif found is not None:
            found = _after(found, event)
    return found


def _is_about(event: Event, product_id: str) -> bool:
    if isinstance(event, OrderCompleted):
        return any(plain(one.product_id) == plain(product_id) for one in event.products)
    told = isinstance(event, (*FOLDED, ProductViewed)) and event.is_whole
    return told and plain(getattr(event, "product_id", "")) == plain(product_id)


def _begun(before: Watched, event: ProductWatched) -> Watched:
    told = _shown(before, event)
    if event.price is not None:
        price = Price(event.price, event.currency)
        told = replace(told, then=price, now=price, fell=False)
    return replace(told, in_stock=None, is_bought=False, is_on=True)


def _after(before: Watched, event: Event) -> Watched:
    after = before
    match event:
        case OrderCompleted():
            after = replace(before, is_bought=True)
        case ProductUnwatched():
            after = replace(before, is_on=False)
        case ProductOutOfStock():
            after = replace(before, in_stock=False)
        case ProductBackInStock():
            back = replace(_shown(before, event), in_stock=True)
            after = back if event.price is None else _at(back, event, fell=before.fell)
        case PriceDropped() | PriceRaised():
            after = _at(_shown(before, event), event, fell=isinstance(event, PriceDropped))
        case ProductViewed() if event.price is not None and event.currency == before.currency:
            rose = before.now.amount is not None and event.price > before.now.amount
            after = _at(before, event, fell=before.fell and not rose)
        case _:
            pass
    return after


def _at(before: Watched, event: Product, *, fell: bool) -> Watched:
    return replace(before, now=Price(event.price, event.currency), fell=fell)


def _shown(before: Watched, event: Product) -> Watched:
    return replace(
        before,
        name=event.name or before.name,
        image_url=event.image_url or before.image_url,
        url=event.url or before.url,
    )
