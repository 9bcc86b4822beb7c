"""`Alias`: two ids turn out to be one person."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Alias:
    """An ``alias`` call that validates.

    Args:
        previous_id: the id that is given up; it stays as a pointer.
        customer_id: the id that takes everything over.
        message_id: the call's own id.
        at: the moment of the call.
    """

    previous_id: str
    customer_id: str
    message_id: str
    at: datetime
