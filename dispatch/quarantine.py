"""Quarantine: known events that do not validate are kept, mended and sent on their way."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from domain.errors import BadEvent
from domain.events import known_events
from store import Store, quarantine
from store.tables import QuarantineRow

_OF_THE_ATTEMPT = ("sentAt", "receivedAt", "timestamp", "originalTimestamp", "context")
"""Fields that a sender, or our correction of its clock, may write anew each time it tries."""


async def keep(store: Store, call: dict[str, Any], error: BadEvent, *, source: str) -> None:
    """Keep a call that does not validate, in a transaction of its own.

    Only known events are kept: of anything else there is nothing that could be mended into one. The
    same call again, a sender's retry, is no second row.

    Args:
        store: open.
        call: the tracking call as it was sent.
        error: why it was refused.
        source: who sent it: a write key's id, or a webhook's name.
    """
    name = call.get("event")
    if call.get("type", "track") != "track" or name not in list(known_events()):
        return
    storable = _storable(call)
    async with store.transaction() as session:
        await quarantine.add(
            session,
            QuarantineRow(
                digest=_digest(storable),
                call=storable,
                name=str(name),
                path=_writable(error.path),
                reason=_writable(error.reason),
                source=source,
                received_at=datetime.now(UTC),
            ),
        )


def _storable(call: dict[str, Any]) -> dict[str, Any]:
    """The call as JSON that every database takes: not-a-number becomes text."""
    plain: dict[str, Any] = json.loads(json.dumps(call, default=str), parse_constant=str)
    return plain


def _writable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _digest(call: dict[str, Any]) -> str:
    """Names the call across a sender's retries."""
    # with an id the rest says enough; without one the moment tells two calls apart
    ignored = _OF_THE_ATTEMPT if call.get("messageId") else ("sentAt", "receivedAt")
    said = {field: value for field, value in call.items() if field not in ignored}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
