"""Events of reviews, named as Segment names them.

https://segment.com/docs/connections/spec/ecommerce/v2/#reviewing
"""

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Identifier, Key, Personal


class ProductReviewed(Event, name="Product Reviewed"):
    """A product was reviewed."""

    product_id: Identifier
    order_id: Key | None = None
    review_id: Key | None = None
    rating: int | None = None
    review_body: Personal = None
