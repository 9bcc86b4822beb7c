"""Helpers to read the webhooks of several providers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.channels.provider import Hook
from sojourn.domain.errors import BadInput, BadSignature
from sojourn.domain.measuring.hits import HITS, Machine, block_of
from sojourn.domain.reports import Kind

TOLERANCE = timedelta(minutes=5)
"""The largest difference between a signed moment and our clock, so that a recorded webhook
expires."""


def object_in(hook: Hook) -> dict[str, Any]:
    """Read the JSON object in a hook's body.

    Raises:
        BadInput: the body is not a JSON object.
    """
    said = json_in(hook)
    if not isinstance(said, dict):
        raise BadInput("the body is not a JSON object")
    return said


def json_in(hook: Hook) -> Any:
    """Read the JSON in a hook's body.

    Raises:
        BadInput: the body is not JSON.
    """
    try:
        return json.loads(hook.body)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None


def part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a JSON object inside another one; empty if it is missing.

    Args:
        said: the outer object.
        name: the name of the inner object.

    Raises:
        BadInput: the value is not an object.
    """
    found = said.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{name} is not a JSON object")
    return found


def moment(said: object, received_at: datetime) -> datetime:
    """Read a moment in ISO 8601, or in seconds since 1970.

    The report is more important than its moment: a moment that cannot be read or lies in the
    future is replaced by the arrival of the hook.

    Args:
        said: the moment as the provider sends it.
        received_at: the arrival of the hook by our clock.
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


def evidence(
    kind: Kind, *, agent: object = None, address: object = None, machine: bool = False
) -> dict[str, Any]:
    """Return the fields of a `Report` that help to recognise an open or click by a machine.

    Args:
        kind: the kind of report; only opens and clicks have such fields.
        agent: the User-Agent, if the provider sends it.
        address: the IP address, if the provider sends it.
        machine: the provider itself says that it was a machine.

    Returns:
        The fields by name.
    """
    if kind not in HITS:
        return {}
    return {
        "agent": agent if isinstance(agent, str) and agent else None,
        "network": block_of(address) if isinstance(address, str) else "",
        "said": Machine.PROVIDER_SAYS.value if machine else "",
    }


def check_age(
    seconds: str | float, received_at: datetime, tolerance: timedelta = TOLERANCE
) -> None:
    """Check that a signed moment is close to the arrival.

    Args:
        seconds: the signed moment, in seconds since 1970.
        received_at: the arrival by our clock.
        tolerance: the largest difference. It is larger for a provider whose repeated webhooks
            keep the moment of the first attempt.

    Raises:
        BadSignature: the moment is not a number, or too far from the arrival, as in a replay.
    """
    try:
        away = abs(received_at.timestamp() - float(seconds))
    except ValueError:
        raise BadSignature("the signed moment is not a number") from None
    if not away <= tolerance.total_seconds():  # NaN also fails
        raise BadSignature("the signed moment is too far from now: a replay, or a clock is wrong")
