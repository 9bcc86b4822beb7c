"""Functions for mapping files beside JMESPath's own: moments, amounts, texts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from jmespath.functions import Functions, signature

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_SECOND = 100_000_000
LAST_SECOND = 7_258_118_400
"""Seconds from 1970 to 2200. A larger number cannot be seconds, so it is milliseconds."""
_NUMBER = {"types": ["number", "string", "null"]}
_TEXT = {"types": ["string", "null"]}


class MappingFunctions(Functions):  # type: ignore[misc]  # jmespath has no types
    """JMESPath's functions and ours, which turn null into null, so that a field may be absent."""

    @signature(_NUMBER)  # type: ignore[untyped-decorator]
    def _func_from_seconds(self, value: Any) -> str | None:
        """Return the moment that lies this many seconds after 1970."""
        return None if _is_nothing(value) else _moment(Decimal(str(value)))

    @signature(_NUMBER)  # type: ignore[untyped-decorator]
    def _func_from_milliseconds(self, value: Any) -> str | None:
        """Return the moment that lies this many milliseconds after 1970."""
        return None if _is_nothing(value) else _moment(Decimal(str(value)) / 1000)

    @signature(_NUMBER)  # type: ignore[untyped-decorator]
    def _func_from_cents(self, value: Any) -> str | None:
        """Return an amount in cents as an amount in the currency."""
        return None if _is_nothing(value) else str(Decimal(str(value)).scaleb(-2))

    @signature(_NUMBER, _TEXT)  # type: ignore[untyped-decorator]
    def _func_from_minor(self, value: Any, currency: Any) -> str | None:
        """Return an amount in a currency's smallest unit as an amount in the currency."""
        if _is_nothing(value) or _is_nothing(currency):
            return None
        digits = get_currency_precision(currency.strip().upper())
        return str(Decimal(str(value)).scaleb(-digits))

    @signature(_TEXT)  # type: ignore[untyped-decorator]
    def _func_upper(self, text: Any) -> str | None:
        """Return a text in capitals."""
        return None if text is None else str(text).upper()

    @signature(_TEXT)  # type: ignore[untyped-decorator]
    def _func_lower(self, text: Any) -> str | None:
        """Return a text in small letters."""
        return None if text is None else str(text).lower()


def as_moment(value: object) -> object:
    """Return seconds or milliseconds since 1970 as ISO 8601, and anything else as it is.

    The two cannot be confused: a number of seconds up to the year 2200 would, as milliseconds, fall
    into the first three months of 1970. A smaller number, before 1973, is more likely a day written
    without hyphens, and stays.

    Args:
        value: a number, or its digits as text.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    if isinstance(value, str) and not (
        value.isascii() and value.isdigit() and len(value) in (10, 13)
    ):
        return value
    number = Decimal(str(value))
    if not number.is_finite() or not FIRST_SECOND <= number < LAST_SECOND * 1000:
        return value
    return _moment(number if number < LAST_SECOND else number / 1000)


def _moment(seconds: Decimal) -> str:
    return (_EPOCH + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
