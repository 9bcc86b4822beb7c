"""Prices of text messages, as a project's ``prices.toml`` has them.

::

    [sms]                   # by any provider
    currency = "EUR"
    "+39" = "0.0749"        # of a segment to a number that begins so; the longest beginning counts
    "+393" = "0.0749"

    [sms.twilio]            # by one provider: its own prices come first
    currency = "USD"
    "+1" = "0.0083"

A price that the file does not name is unknown; none is made up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from sojourn.domain.errors import BadInput

FILE = "prices.toml"
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class SegmentPrice:
    """The price of a segment to numbers that begin alike.

    Args:
        prefix: their beginning: ``+39``.
        amount: of one segment.
        currency: its ISO 4217 code.
    """

    prefix: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Prices:
    """The prices of a project.

    Args:
        general: by the numbers' beginnings, by any provider.
        own: likewise, by the names of providers.
    """

    general: Mapping[str, SegmentPrice] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, SegmentPrice]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether the file names a price."""
        return bool(self.general) or any(self.own.values())

    def of(self, number: str, provider: str) -> SegmentPrice | None:
        """Return what a segment to a number costs.

        Args:
            number: E.164.
            provider: that carries it.

        Returns:
            The price; None: the file names none.
        """
        for table in (self.own.get(provider, {}), self.general):
            fitting = [prefix for prefix in table if number.startswith(prefix)]
            if fitting:
                return table[max(fitting, key=len)]
        return None


def read_prices(tables: Mapping[str, Any]) -> Prices:
    """Read a ``prices.toml``.

    Args:
        tables: the parsed file.

    Returns:
        The prices.

    Raises:
        BadInput: one line that names the entry at fault: ``sms."+39": ...``.
    """
    for name in tables:
        if name != "sms":
            raise BadInput(f"{name}: no such table: write [sms], and prices by prefix below")
    table = tables.get("sms", {})
    if not isinstance(table, dict):
        raise BadInput('sms: is not a table: write [sms], and "+39" = "0.0749" below')
    own = {name: each for name, each in table.items() if isinstance(each, dict)}
    rest = {name: each for name, each in table.items() if name not in own}
    return Prices(
        _read("sms", rest),
        MappingProxyType({name: _read(f"sms.{name}", each) for name, each in own.items()}),
    )


def _read(place: str, table: Mapping[str, Any]) -> Mapping[str, SegmentPrice]:
    currency = table.get("currency", "")
    found: dict[str, SegmentPrice] = {}
    for prefix, written in table.items():
        if prefix == "currency":
            continue
        if not _PREFIX.fullmatch(prefix):
            raise BadInput(f'{place}."{prefix}": must be the beginning of a number, such as "+39"')
        found[prefix] = SegmentPrice(prefix, _amount(f'{place}."{prefix}"', written), currency)
    if found and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        raise BadInput(f'{place}.currency: must be three capitals: write currency = "EUR"')
    return MappingProxyType(found)


def _amount(place: str, written: Any) -> Decimal:
    try:
        amount = Decimal(str(written))
    except InvalidOperation:
        amount = Decimal(-1)
    if isinstance(written, bool) or not amount.is_finite() or amount < 0:
        raise BadInput(f'{place}: is not a price: write it like "0.0749"')
    return amount
