"""Helpers for sources: they build calls of the tracking API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sojourn.gateway.webhooks.source import Call


def track(
    event: str, *, user: str, message_id: str, at: datetime, properties: Mapping[str, Any]
) -> Call:
    """Build a ``track`` call.

    Args:
        event: the event's name: "Order Completed".
        user: the customer id.
        message_id: unique; the same id twice is the same event twice.
        at: when it happened.
        properties: the event's fields; those that are None are left out.

    Returns:
        The call.
    """
    return {
        "type": "track",
        "event": event,
        "userId": user,
        "messageId": message_id,
        "timestamp": at.isoformat(),
        "properties": present(properties),
    }


def identify(*, user: str, message_id: str, at: datetime, traits: Mapping[str, Any]) -> Call:
    """Build an ``identify`` call.

    Args:
        user: the customer id.
        message_id: unique; consents point back to it.
        at: when the traits were said.
        traits: name, addresses, consents; those that are None are left out.

    Returns:
        The call.
    """
    return {
        "type": "identify",
        "userId": user,
        "messageId": message_id,
        "timestamp": at.isoformat(),
        "traits": present(traits),
    }


def delete(*, user: str, message_id: str, at: datetime, why: str = "") -> Call:
    """Build a call that deletes a customer: nothing reaches the person any more.

    Args:
        user: the customer id.
        message_id: unique.
        at: when the deletion was reported.
        why: the request that asks to erase everything; empty: erase only addresses and name.

    Returns:
        The call. No write key may send one.
    """
    called = {"userId": user, "messageId": message_id, "timestamp": at.isoformat()}
    return {"type": "delete", **called, **({"why": why} if why else {})}


def errand(*, user: str, message_id: str, at: datetime, subject: str) -> Call:
    """Build a call that asks a person to do something: it becomes a ticket.

    Args:
        user: the customer id.
        message_id: unique.
        at: when it was asked.
        subject: one line for the person who takes it.

    Returns:
        The call. No write key may send one.
    """
    called = {"userId": user, "messageId": message_id, "timestamp": at.isoformat()}
    return {"type": "errand", **called, "subject": subject}


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those that are None."""
    return {name: value for name, value in values.items() if value is not None}
