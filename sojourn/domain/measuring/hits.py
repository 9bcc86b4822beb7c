"""`verdict`: tells whether a person or a machine opened a message, or followed its link.

A verdict looks at all hits of a message together, whatever order they came in. So the last hit may
change the verdict on the first: the third link within seconds shows that no person followed the
other two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

from sojourn.domain.measuring.scanners import AGENTS, AGENTS_OF_OPENS, BLOCKS
from sojourn.domain.reports import Kind
from sojourn.domain.text import digest

HITS = (Kind.OPENED, Kind.CLICKED)
"""Reports behind which a machine can be."""

BURST = timedelta(seconds=5)
BURST_LINKS = 3
"""Links of one message that a person does not follow within `BURST`."""
TOO_SOON = timedelta(seconds=2)
"""The time after the hand-over to the provider in which no person can have seen the message."""

HOLD = timedelta(seconds=10)
"""The delay before a run hears of a click: a burst is over by then."""


class Machine(StrEnum):
    """A reason to take a hit for a machine's."""

    PREFETCH = "prefetch"
    """The request says that it fetches ahead, or asks for the head alone."""
    PROVIDER_SAYS = "provider_says"
    AGENT = "agent"
    """It says what it is, or has no name."""
    NETWORK = "network"
    """It comes from the network of a mail gateway, or of Apple's relay."""
    BURST = "burst"
    """Too many links of the message within seconds."""
    TOO_SOON = "too_soon"
    """The message had only just left."""


@dataclass(frozen=True)
class Hit:
    """A picture of a message that was fetched, or a link that was followed.

    Args:
        kind: opened or clicked.
        at: when.
        agent: the User-Agent; empty: there was none; None: nobody knows it.
        network: the block of addresses that it came from, as `block_of` returns it.
        link: the digest of where the link leads (`link_of`); empty for a picture.
        said: the reason that came with it: fetched ahead, or the provider says so.
    """

    kind: Kind
    at: datetime
    agent: str | None = None
    network: str = ""
    link: str = ""
    said: Machine | None = None


def verdict(hit: Hit, others: Iterable[Hit], *, sent_at: datetime | None = None) -> Machine | None:
    """Tell whether a machine was behind a hit.

    Args:
        hit: to be judged.
        others: the other hits of its message, in any order.
        sent_at: when the message was handed to its provider.

    Returns:
        Why it was one; None: a person, as far as it can be told.
    """
    if hit.said is not None:
        return hit.said
    return _by_itself(hit) or _among(hit, list(others), sent_at)


def verdicts(hits: Sequence[Hit], *, sent_at: datetime | None = None) -> list[Machine | None]:
    """Judge all hits of a message.

    Args:
        hits: all of them, in any order.
        sent_at: as for `verdict`.

    Returns:
        A verdict on each, in the same order.
    """
    return [
        verdict(hit, (*hits[:n], *hits[n + 1 :]), sent_at=sent_at) for n, hit in enumerate(hits)
    ]


def link_of(url: str) -> str:
    """Return the digest by which hits tell links apart; empty for no link."""
    return digest(url)[:32] if url else ""


def block_of(address: str) -> str:
    """Return the block of an IP address: ``203.0.113.0/24``, ``2001:db8:1::/48``.

    The block tells a network, and not a household. A text that is not an address, and an address
    that is used inside networks alone, such as that of a proxy, have no block: empty.

    Args:
        address: as a request or a provider writes it.
    """
    try:
        found = ip_address(address.strip())
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    if not found.is_global:
        return ""
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _by_itself(hit: Hit) -> Machine | None:
    if hit.agent is not None and _is_machine(hit.kind, hit.agent):
        return Machine.AGENT
    return Machine.NETWORK if _is_listed(hit) else None


def _among(hit: Hit, others: Sequence[Hit], sent_at: datetime | None) -> Machine | None:
    if hit.kind is Kind.CLICKED and _is_burst(hit, others):
        return Machine.BURST
    too_soon = sent_at is not None and timedelta(0) <= hit.at - sent_at < TOO_SOON
    return Machine.TOO_SOON if too_soon else None


def _is_machine(kind: Kind, agent: str) -> bool:
    agent = agent.strip()
    if kind is Kind.OPENED and AGENTS_OF_OPENS.fullmatch(agent):
        return True
    return not agent or bool(AGENTS.search(agent))


def _is_listed(hit: Hit) -> bool:
    if not hit.network:
        return False
    ours = ip_network(hit.network)
    return any(
        ours.version == block.network.version
        and ours.subnet_of(block.network)  # type: ignore[arg-type]
        and (hit.kind is Kind.OPENED or not block.opens_alone)
        for block in BLOCKS
    )


def _is_burst(hit: Hit, others: Iterable[Hit]) -> bool:
    """Tell whether a click is one of too many within seconds.

    A mailbox that looks at links ahead says so, and its person may follow one of them just then.
    """
    clicks = [
        one
        for one in (hit, *others)
        if one.kind is Kind.CLICKED
        and one.said is not Machine.PREFETCH
        and abs(one.at - hit.at) <= BURST
    ]
    return any(
        len({one.link for one in clicks if timedelta(0) <= one.at - first.at <= BURST})
        >= BURST_LINKS
        for first in clicks
        if first.at <= hit.at
    )
