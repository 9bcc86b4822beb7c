"""Sending domains that warm up, as a project's ``ramp.toml`` has them.

::

    [domains."shop.example"]
    steps = [200, 500, 1000, 2000]   # promotional e-mails a day; after the last step all leave

A domain that the file does not name has no budget.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from sojourn.domain.errors import BadInput
from sojourn.domain.ramp import Ladder

FILE = "ramp.toml"
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_OF_A_DOMAIN = ("steps", "bounces", "complaints", "least")


@dataclass(frozen=True)
class Ramps:
    """The ladders of a project, by sending domain."""

    ladders: Mapping[str, Ladder] = field(default_factory=dict)

    def named(self, domain: str) -> Ladder:
        """Return the ladder of a domain.

        Raises:
            BadInput: the file does not name the domain.
        """
        ladder = self.ladders.get(domain.lower())
        if ladder is None:
            there = ", ".join(self.ladders) or "none"
            raise BadInput(f"{FILE} has no domain {domain}; its domains are: {there}")
        return ladder


def domain_of(address: str) -> str:
    """Return the domain of an e-mail address, in small letters."""
    return address.rpartition("@")[2].strip(" <>").lower()


def read_ramps(tables: Mapping[str, Any]) -> Ramps:
    """Read the tables of a ``ramp.toml``.

    Args:
        tables: the parsed file.

    Returns:
        The ladders.

    Raises:
        BadInput: one line that names the entry at fault.
    """
    for name in tables:
        if name != "domains":
            raise BadInput(f'{name}: no such entry: write [domains."shop.example"]')
    domains = _table(tables.get("domains", {}), "domains")
    return Ramps(MappingProxyType({_name(one): _ladder(one, t) for one, t in domains.items()}))


def _name(domain: str) -> str:
    if not _DOMAIN.fullmatch(domain):
        raise BadInput(
            f'domains: "{domain}" is not a domain: write it in quotes and small letters, as it is '
            'behind the @: [domains."shop.example"]'
        )
    return domain


def _ladder(domain: str, told: object) -> Ladder:
    place = f'domains."{domain}"'
    table = _table(told, place)
    for name in table:
        if name not in _OF_A_DOMAIN:
            ours = ", ".join(_OF_A_DOMAIN)
            raise BadInput(f"{place}.{name}: no such entry. Choose one of: {ours}")
    usual = Ladder()
    return Ladder(
        steps=_steps(table.get("steps", list(usual.steps)), f"{place}.steps"),
        bounces=_share(table.get("bounces", usual.bounces), f"{place}.bounces"),
        complaints=_share(table.get("complaints", usual.complaints), f"{place}.complaints"),
        least=_least(table.get("least", usual.least), f"{place}.least"),
    )


def _steps(told: object, place: str) -> tuple[int, ...]:
    if not isinstance(told, list) or not told or not all(_is_number(one) for one in told):
        raise BadInput(f"{place}: write messages a day, each step more: [200, 500, 1000]")
    if any(later <= one for one, later in pairwise(told)):
        raise BadInput(f"{place}: each step has more messages than the one before")
    return tuple(told)


def _share(told: object, place: str) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < 1:
        raise BadInput(f"{place}: write a share of messages: 0.05 is 5 %")
    return float(told)


def _least(told: object, place: str) -> int:
    if not _is_number(told):
        raise BadInput(f"{place}: write a number of messages: 100")
    assert isinstance(told, int)
    return told


def _is_number(told: object) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and told >= 1


def _table(told: object, place: str) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise BadInput(
            f'{place}: is not a table: write [domains."shop.example"], and its steps below'
        )
    return told
