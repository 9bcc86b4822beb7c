"""Standing: the consents that follow from a customer's statements, which are only ever appended."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from sojourn.domain.consent import Consents, Pair, Purpose
from sojourn.domain.messages import Channel
from sojourn.domain.stored import Said
from sojourn.store.tables import CustomerRow

S = TypeVar("S", bound=Said)


def standing(said: Iterable[Said], now: datetime) -> Consents:
    """Return the consents that follow from statements.

    Args:
        said: the statements, in the order of `ordered`.
        now: a yes that ended before has run out.

    Returns:
        The consents.
    """
    last = {(row.channel, row.topic): row for row in said if row.purpose is None}
    opens = [row for row in said if row.purpose == Purpose.OPENS]
    stands = {_pair(row): row for row in last.values()}
    expired = {
        pair: row.expires_at
        for pair, row in stands.items()
        if row.expires_at is not None and _is_over(row, now)
    }
    on_topics = {pair: row for pair, row in stands.items() if pair[1] and pair not in expired}
    return Consents(
        by_channel={
            channel: row.granted and (channel, topic) not in expired
            for (channel, topic), row in stands.items()
            if channel is not None and not topic
        },
        refused=frozenset(pair for pair, row in on_topics.items() if not row.granted),
        agreed=frozenset(
            pair
            for pair, row in on_topics.items()
            if row.granted and not _outweighed(row, last.get((row.channel, "")))
        ),
        expired=expired,
        opens=opens[-1].granted and not _is_over(opens[-1], now) if opens else None,
    )


def since(row: Said) -> datetime:
    """Return the moment from which a statement counts."""
    return row.at if row.granted else max(row.at, row.received_at or row.at)


def ordered(rows: Iterable[S]) -> list[S]:
    """Return statements in the order in which they count.

    If two count from the same moment, a no comes last, and of two consents the one that ends first.
    """

    def place(row: S) -> tuple[datetime, bool, float, int]:
        end = -row.expires_at.timestamp() if row.expires_at else -math.inf
        return (since(row), not row.granted, end, row.id or 0)

    return sorted(rows, key=place)


def address_of(row: CustomerRow, channel: Channel) -> str:
    """Return the first address on a card for a channel; empty if there is none."""
    match channel:
        case Channel.EMAIL:
            return row.email
        case Channel.SMS | Channel.WHATSAPP:
            return row.phone or row.phone2
        case Channel.PUSH:
            return row.push_token


def addresses_of(row: CustomerRow, channel: Channel) -> tuple[str, ...]:
    """Return every address on a card that a channel may write to; two numbers may be the same."""
    if channel in (Channel.SMS, Channel.WHATSAPP):
        return tuple(filter(None, (row.phone, row.phone2)))
    return tuple(filter(None, [address_of(row, channel)]))


def _pair(row: Said) -> Pair:
    return (Channel(row.channel) if row.channel else None, row.topic)


def _is_over(row: Said, now: datetime) -> bool:
    """Tell whether a yes has run out: at its end it no longer holds."""
    return row.granted and row.expires_at is not None and row.expires_at <= now


def _outweighed(topic: Said, channel: Said | None) -> bool:
    """Tell whether a no to a whole channel is not older than a yes to one topic on it."""
    return channel is not None and not channel.granted and since(channel) >= since(topic)
