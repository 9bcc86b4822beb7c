"""Our own events, in addition to those that ship with Sojourn."""

from sojourn.events import Event, Identifier, Key, Personal


class ProductReviewed(Event, name="Product Reviewed"):
    """A customer reviewed a product that they had ordered."""

    product_id: Identifier
    order_id: Key | None = None
    rating: int | None = None
    review_body: Personal = None
