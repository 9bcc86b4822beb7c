"""Double opt-in: a request for messages, which the customer confirms by a link. Pure values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sojourn.domain.messages import Channel

LASTS = timedelta(days=7)
"""The time after a request in which a link confirms it."""
DAY = timedelta(days=1)
"""The time over which requests to one address are counted."""


class Stage(StrEnum):
    """The stage that a request has reached."""

    OPEN = "open"
    AGREED = "agreed"
    """Confirmed, or agreed to in another way."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    MOVED = "moved"
    """The customer has another address now than the one that it was about."""

    @property
    def words(self) -> str:
        """The stage in words, for operators."""
        return {
            Stage.OPEN: "the customer has not answered the request yet",
            Stage.AGREED: "the customer has agreed already",
            Stage.WITHDRAWN: "the customer has said no since the request",
            Stage.EXPIRED: f"the request is older than {LASTS.days} days",
            Stage.MOVED: "the customer has another address now than the request is about",
        }[self]


@dataclass(frozen=True)
class OptIn:
    """A request for messages.

    Args:
        number: of the statement that keeps it; 0 for a made-up one.
        channel: of the messages.
        topic: of the messages; empty means any.
        until: from this moment on, no link confirms it.
        wording: the exact text that the customer agreed to; may be empty.
    """

    number: int
    channel: Channel
    topic: str
    until: datetime
    wording: str = ""
