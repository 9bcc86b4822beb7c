"""The ways in which a provider can treat a request that sends a message."""

from datetime import timedelta
from enum import StrEnum

RETRY_AFTER = timedelta(seconds=7)
"""The time that a fake asks us to wait if we are too fast."""


class Behaviour(StrEnum):
    """A fake's treatment of one request that sends a message."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    """Refuse for good, with the provider's usual permanent error."""
    UNAUTHORIZED = "unauthorized"
    """Answer as if our credentials had been withdrawn."""
    RATE_LIMIT = "rate-limit"
    """Answer 429 with Retry-After; accept nothing."""
    FAIL_BEFORE = "fail-before"
    """Answer 500; accept nothing."""
    FAIL_AFTER = "fail-after"
    """Accept, then answer 500."""
    HANG = "hang"
    """Accept, and never answer."""
    DROP_BEFORE = "drop-before"
    """Close the connection; accept nothing."""
    DROP_AFTER = "drop-after"
    """Accept, then close the connection."""


ACCEPTING = frozenset(
    {Behaviour.ACCEPT, Behaviour.FAIL_AFTER, Behaviour.HANG, Behaviour.DROP_AFTER}
)
"""The behaviours with which a fake accepts the message, even if it answers with an error."""
TROUBLE = tuple(b for b in Behaviour if b not in (Behaviour.ACCEPT, Behaviour.UNAUTHORIZED))
"""The ways in which a single call can fail; bad credentials fail every call."""
