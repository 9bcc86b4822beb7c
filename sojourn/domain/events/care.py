"""Events of customers who are not content."""

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Key


class ComplaintReceived(Event, name="Complaint Received"):
    """A customer complained."""

    complaint_id: Key | None = None
    order_id: Key | None = None
