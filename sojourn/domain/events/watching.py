"""Events of products that a customer watches: for a lower price, or until they can be had again.

A shop's prices concern every watcher: each of these events is told once for each of them.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Identifier, Money
from sojourn.domain.events.shop import Product


def _small(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class ProductWatched(Event, Product, name="Product Watched"):
    """The customer wants to hear when a product costs less, or can be had again."""

    wants: Annotated[Literal["price", "stock"], BeforeValidator(_small)] | None = None
    """The news that the customer wants; without it, whichever comes first."""


class ProductUnwatched(Event, name="Product Unwatched"):
    """The customer does not want to hear of a product any more."""

    product_id: Identifier


class PriceDropped(Event, Product, name="Price Dropped"):
    """A product that the customer watches costs less."""

    price: Money


class PriceRaised(Event, Product, name="Price Raised"):
    """A product that the customer watches costs more."""

    price: Money


class ProductBackInStock(Event, Product, name="Product Back in Stock"):
    """A product that the customer watches can be had again."""
