"""The words of customers on consent: which of them counts, and what they amount to. Pure.

The rules stand in `store.consents`, which keeps the statements.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from sojourn.domain.consent import Consents, Evidence, Pair, Purpose
from sojourn.domain.messages import Channel
from sojourn.domain.stored import Said

S = TypeVar("S", bound=Said)
_JUST_AFTER = timedelta(microseconds=1)


def standing(said: Iterable[Said], now: datetime) -> Consents:
    """Return the consents that follow from statements.

    Args:
        said: the statements, in the order of `ordered`.
        now: a yes that ended before has run out.

    Returns:
        The consents.
    """
    last: dict[tuple[str, str], Said] = {}
    opens: Said | None = None
    for row in said:
        if row.purpose is None:
            last[row.channel, row.topic] = row
        elif row.purpose == Purpose.OPENS:
            opens = row
    by_channel: dict[Channel, bool] = {}
    on_topics: dict[Pair, Said] = {}
    expired: dict[Pair, datetime] = {}
    for row in last.values():
        channel, topic = pair = _pair(row)
        ended = _ended(row, now)
        if ended is not None:
            expired[pair] = ended
        if not topic and channel is not None:
            by_channel[channel] = row.granted and ended is None
        elif topic and ended is None:
            on_topics[pair] = row
    return Consents(
        by_channel,
        frozenset([pair for pair, row in on_topics.items() if not row.granted]),
        frozenset(
            [
                pair
                for pair, row in on_topics.items()
                if row.granted and not _outweighed(row, last.get((row.channel, "")))
            ]
        ),
        expired,
        opens=opens.granted and _ended(opens, now) is None if opens is not None else None,
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


def same(said: Sequence[S], *, granted: bool, at: datetime | None, evidence: Evidence) -> S | None:
    """Return the row of the same word: at the same moment or, if said now, the one that stands.

    A refusal that counts from that moment, because it arrived then, is the same refusal.

    Args:
        said: the statements on the same channel, topic and use, in the order of `ordered`.
        granted: whether it is a yes.
        at: its moment; None: it is said now.
        evidence: its circumstances.

    Returns:
        The statement; None if it is a new word.
    """
    stands = said[-1:]
    if at is not None:
        stands = [row for row in said if row.at == at or (not row.granted and since(row) == at)]
    if not stands:
        return None
    given = {name: value for name, value in circumstances(evidence).items() if value is not None}
    for row in stands:
        has = {name: getattr(row, name) for name in given}
        if row.granted == granted and row.expires_at == evidence.expires_at and has == given:
            return row
    return None


def circumstances(evidence: Evidence) -> dict[str, Any]:
    """Return the columns of a word's circumstances; the address has a rule of its own."""
    return {
        "wording": evidence.wording or None,
        "wording_version": evidence.wording_version or None,
        "locale": evidence.locale or None,
        "proof": evidence.proof or None,
        "expires_at": evidence.expires_at,
    }


def outweighing(no: Said, every: Sequence[Said], arrived: datetime) -> datetime:
    """Return the moment from which a refusal counts: no word that was heard before it is later.

    A refusal of a channel refuses every topic on it.

    Args:
        no: the refusal.
        every: all statements of the customer.
        arrived: when it arrived.

    Returns:
        The moment.
    """
    before = [
        since(row)
        for row in every
        if row.granted
        and (row.channel, row.purpose) == (no.channel, no.purpose)
        and (row.topic == no.topic or not no.topic)
    ]
    return max([arrived, *before])


def after(last: Said, moment: datetime, arrived: datetime, *, now: bool) -> datetime:
    """Return the moment of a consent: it may be later than a refusal that counts from its arrival.

    A consent that is said to us now counts after everything. So does one that came in the same
    request as a refusal, and is later by the clock that both were told by.

    Args:
        last: the word before it on the same channel, topic and use.
        moment: that of the consent, as it was told.
        arrived: when it arrived.
        now: it is said to us now.

    Returns:
        The moment from which it counts.
    """
    together = not last.granted and last.received_at == arrived and moment > last.at
    return max(moment, since(last) + _JUST_AFTER) if now or together else moment


def about(rows: Iterable[S], channel: Channel | None, topic: str, purpose: Purpose) -> list[S]:
    """Return the statements on a channel, a topic and a use, in their order.

    Args:
        rows: statements.
        channel: None means every channel.
        topic: empty means promotional messages on any topic.
        purpose: the use.

    Returns:
        Those that are about just these.
    """
    use = None if purpose is Purpose.MESSAGES else purpose.value
    meant = (channel.value if channel else "", use if purpose is Purpose.OPENS else topic, use)
    return [row for row in rows if (row.channel, row.topic, row.purpose) == meant]


_CHANNELS: Mapping[str, Channel | None] = MappingProxyType(
    {"": None, **{channel.value: channel for channel in Channel}}
)


def _pair(row: Said) -> Pair:
    return (_CHANNELS[row.channel], row.topic)


def _ended(row: Said, now: datetime) -> datetime | None:
    """Return the end of a yes that has run out: at its end it no longer holds."""
    ends = row.expires_at if row.granted else None
    return ends if ends is not None and ends <= now else None


def _outweighed(topic: Said, channel: Said | None) -> bool:
    """Tell whether a no to a whole channel is not older than a yes to one topic on it."""
    return channel is not None and not channel.granted and since(channel) >= since(topic)
