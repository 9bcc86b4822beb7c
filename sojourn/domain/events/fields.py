"""Types of event fields: ids, moments, amounts, personal text."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from sojourn.domain.errors import UnknownZone
from sojourn.domain.zones import NAMES, read_zone

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_ID = 200

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SMALLEST = Decimal("0.000001")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PersonalMark:
    """The mark of a field that stays out of workflow histories."""


class SecretMark:
    """The mark of a field that is kept until the event's ``expires_at``, and no longer."""


class CountedMark:
    """The mark of a field by which requests are counted, as a hash, and which is never kept."""


class MoneyMark:
    """The mark of an amount: it is read right, or not at all."""


class AmountPart:
    """The mark of a field without which an amount beside it would be wrong: currency, quantity."""


Personal = Annotated[str | None, PersonalMark()]
"""Optional text that is a customer's own. The store keeps it; no workflow history holds it."""
Counted = Annotated[str | None, PersonalMark(), CountedMark()]
"""Optional text by which a journey's limits count. Tables hold a hash of it alone."""


def _iso(value: object) -> object:
    # pydantic would read "20240104" or 1704369938 as seconds since 1970: a guess nobody asked for
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.match(value):
        return value
    raise ValueError('write a moment as ISO 8601 with its zone: "2024-01-04T11:45:38Z"')


def _in_range(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        value = EARLIEST.replace(year=1)
    if not EARLIEST <= value < LATEST:
        raise ValueError(f"is outside {EARLIEST.year} to {LATEST.year - 1}")
    return value


def _identifier(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    if _CONTROL.search(value):
        raise ValueError("has a control character")
    if not value.isascii() and value != value.encode(errors="ignore").decode():
        raise ValueError("is not valid Unicode")
    return value


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_SMALLEST).normalize() + 0


def _currency(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _zone(value: str) -> str:
    if value in NAMES:  # a run reads it again, where no file may be opened
        return value
    try:
        return read_zone(value)
    except UnknownZone as error:
        raise ValueError(str(error)) from None


def _count(value: object) -> object:
    if isinstance(value, bool):  # Python counts them as 1 and 0
        raise ValueError("must be a number")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_iso), AfterValidator(_in_range)]
"""An instant; kept in UTC."""
Identifier = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(_identifier)]
"""An opaque id: 1 to 200 characters, none of them a control character."""
Key = Annotated[str, Field(max_length=LONGEST_ID), AfterValidator(_identifier)]
"""An id that senders leave empty now and then; an empty one counts as absent."""
Money = Annotated[
    Decimal,
    Field(ge=-(10**12), le=10**12, allow_inf_nan=False),
    AfterValidator(_cents),
    MoneyMark(),
]
"""An amount. Binary noise of senders' floats (59.900000000000006) is rounded away."""
Currency = Annotated[
    str, BeforeValidator(_currency), Field(pattern=r"^[A-Z]{3}$"), MoneyMark(), AmountPart()
]
"""A code of three letters. Small letters, as Stripe writes it, are read as capitals."""
Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone; kept as its IANA name."""
Quantity = Annotated[int, BeforeValidator(_count), Field(ge=0, le=1_000_000), AmountPart()]
"""A count of pieces."""
