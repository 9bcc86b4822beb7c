"""Reading webhooks of providers: what several of them share."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.channels.provider import Hook
from sojourn.domain.errors import BadInput, BadSignature

TOLERANCE = timedelta(minutes=5)
"""How far a signed moment may be from our clock: what was recorded cannot be replayed later."""


def object_in(hook: Hook) -> dict[str, Any]:
    """The JSON object of a hook's body.

    Raises:
        BadInput: it is something else.
    """
    said = json_in(hook)
    if not isinstance(said, dict):
        raise BadInput("the body is no JSON object")
    return said


def json_in(hook: Hook) -> Any:
    """The JSON of a hook's body.

    Raises:
        BadInput: it is none.
    """
    try:
        return json.loads(hook.body)
    except (ValueError, RecursionError):
        raise BadInput("the body is no JSON") from None


def part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The JSON object at a name of another one; empty if there is none.

    Raises:
        BadInput: something else is there.
    """
    found = said.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{name} is no JSON object")
    return found


def moment(said: object, received_at: datetime) -> datetime:
    """A moment as a provider writes it: ISO 8601, or seconds since 1970.

    Nothing is lost over a moment that cannot be read: then it is when the hook came. Nor can one
    lie in the future.
    """
    at = received_at
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            at = datetime.fromtimestamp(said, UTC)
        elif isinstance(said, str) and said.isdigit():
            at = datetime.fromtimestamp(int(said), UTC)
        elif isinstance(said, str):
            at = datetime.fromisoformat(said)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return received_at
    return min(at, received_at)


def check_age(
    seconds: str | float, received_at: datetime, tolerance: timedelta = TOLERANCE
) -> None:
    """See that a signed moment is close to ours.

    Args:
        seconds: since 1970, as it was signed.
        received_at: by our clock.
        tolerance: how far it may be off. Longer where a webhook that is sent again still bears
            the moment of the first time.

    Raises:
        BadSignature: it is no number, or too far off: a replay.
    """
    try:
        away = abs(received_at.timestamp() - float(seconds))
    except ValueError:
        raise BadSignature("the signed moment is no number") from None
    if not away <= tolerance.total_seconds():  # also of NaN
        raise BadSignature("the signed moment is too far from now: a replay, or a clock is wrong")
