"""Limits against abuse: how often a journey starts for one customer, address and network."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LONGEST = timedelta(days=1)
_SUBSCRIBER = 64
"""Bits of an IPv6 address that name a network: one visitor may have every address in it."""


class Subject(StrEnum):
    """A thing by which requests are counted."""

    CUSTOMER = "customer"
    ADDRESS = "address"
    NETWORK = "network"


@dataclass(frozen=True)
class Limits:
    """The class keyword ``limits=`` of a journey that anybody can start by a form.

    Only requests that start a run count: further ones lock nobody out for longer.

    Args:
        customer: runs of one customer within ``per``.
        address: runs to one address, over all customers: that on the card, and one in a field of
            the event that is `Counted` and called ``phone`` or ``email``.
        network: runs for one network, over all customers: the event's `Counted` field ``ip``, an
            address or a prefix. IPv6 addresses count by their first 64 bits.
        per: the time over which runs are counted, up to a day.

    Raises:
        TypeError: it limits nothing, a limit is not a whole number from 1 on, or ``per`` is too
            long.
    """

    customer: int | None = None
    address: int | None = None
    network: int | None = None
    per: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        given = [each for each in (self.customer, self.address, self.network) if each is not None]
        if not given or not all(type(each) is int and each >= 1 for each in given):
            raise TypeError(
                "Limits takes numbers of runs from 1 on, as in Limits(customer=5, per=hours(1))"
            )
        if not timedelta(0) < self.per <= LONGEST:
            raise TypeError("Limits counts over a time up to a day: per=hours(1)")

    def of(self, subject: Subject) -> int | None:
        """Return the number of runs for one subject; None: they are not counted."""
        return {
            Subject.CUSTOMER: self.customer,
            Subject.ADDRESS: self.address,
            Subject.NETWORK: self.network,
        }[subject]

    @property
    def span(self) -> str:
        """The time over which it counts, in words."""
        minutes = round(self.per / timedelta(minutes=1))
        number, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
        return f"{number} {unit}" if number == 1 else f"{number} {unit}s"

    def __str__(self) -> str:
        told = [f"{self.of(one)} for a {one}" for one in Subject if self.of(one) is not None]
        return f"{', '.join(told)} in {self.span}".replace("a address", "an address")


def network_of(ip: str) -> str | None:
    """Return the network that a visitor's address counts for.

    Args:
        ip: an address, or a network as ``203.0.113.0/24``.

    Returns:
        The network; None if it is neither.
    """
    try:
        network = ipaddress.ip_network(ip.strip(), strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen == network.max_prefixlen:
            return str(ipaddress.ip_network(mapped))
        if network.prefixlen > _SUBSCRIBER:
            network = network.supernet(new_prefix=_SUBSCRIBER)
    return str(network)
