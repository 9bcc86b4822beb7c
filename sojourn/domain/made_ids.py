"""Ids made of the thing that they name: the same thing told twice has the same id."""

import hashlib
from datetime import datetime

from sojourn.domain.events import LONGEST_ID


def made_id(*parts: object) -> str:
    """Return the parts joined by slashes; a digest stands for the end of an id that is too long."""
    told = "/".join(part.isoformat() if isinstance(part, datetime) else str(part) for part in parts)
    if len(told) <= LONGEST_ID:
        return told
    return f"{told[:100]}/{digest(told)}"


def digest(text: str) -> str:
    """Return 32 characters that tell this text from others and do not reveal it."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
