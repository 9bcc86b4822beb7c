"""Fleeting fields of events: some are kept for a while, some are counted and never kept.

Of an event with such a field, only the fields that its class declares are kept: a sender may have
written a code twice, under another name.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.errors import BadEvent
from sojourn.domain.events.base import ENVELOPE, Event, marked_fields
from sojourn.domain.events.fields import CountedMark, SecretMark

LONGEST = timedelta(days=1)
"""The longest time for which a secret is kept, whenever it is said to expire."""


def is_fleeting(event: type[Event]) -> bool:
    """Tell whether an event has fields that are not kept, or not for long."""
    return bool(secrets_of(event) or counted_of(event))


def secrets_of(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields that are kept until the event expires."""
    return marked_fields(event, SecretMark)


def counted_of(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields by which requests are counted, and which are never kept."""
    return marked_fields(event, CountedMark)


def check(event: Event) -> None:
    """Check that an event has its secret: without it there is nothing to send.

    Raises:
        BadEvent: it has none.
    """
    for name in sorted(secrets_of(type(event))):
        if not getattr(event, name, None):
            raise BadEvent(f"properties.{name}", "is missing, or no code that we can read")


def to_keep(event: type[Event], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an event that are stored.

    Args:
        event: its class.
        properties: under the names of its fields.

    Returns:
        All, unless the class has fleeting fields.
    """
    if not is_fleeting(event):
        return dict(properties)
    declared = set(event.model_fields) - {*ENVELOPE, *counted_of(event)}
    return {name: value for name, value in properties.items() if name in declared}


def without_secrets(event: type[Event], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an event that outlive it.

    Args:
        event: its class.
        properties: under the names of its fields.

    Returns:
        All that are stored but the secrets.
    """
    kept = to_keep(event, properties)
    return {name: value for name, value in kept.items() if name not in secrets_of(event)}


def kept_until(expires_at: datetime, occurred_at: datetime, received_at: datetime) -> datetime:
    """Return the moment, by the machine's clock, from which on a secret is no longer kept.

    In time travel, or if a sender's clock is days off, the event's moments say nothing about the
    machine's: the secret's life then counts from the arrival.

    Args:
        expires_at: of the event.
        occurred_at: of the event.
        received_at: its arrival, by the machine's clock.

    Returns:
        The moment; at most `LONGEST` after the arrival.
    """
    if abs(occurred_at - received_at) > LONGEST:
        expires_at = received_at + (expires_at - occurred_at)
    return max(min(expires_at, received_at + LONGEST), received_at)
