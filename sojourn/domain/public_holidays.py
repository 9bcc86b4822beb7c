"""Public holidays of countries and their regions, from the pinned package ``holidays``.

A holiday's name is for people who read why a message was held; its day alone decides.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

FIRST_YEAR, LAST_YEAR = 1970, 2100


def _package() -> "ModuleType":
    """Load the package when a rule first asks: most projects and commands never do."""
    import holidays  # noqa: PLC0415 (see above)

    return holidays


@lru_cache(maxsize=1)
def _supported() -> Mapping[str, list[str]]:
    known: Mapping[str, list[str]] = _package().list_supported_countries()
    return known


def has_holidays(country: str, region: str = "") -> bool:
    """Tell whether the package knows a country (ISO 3166), and a region of it if one is named."""
    regions = _supported().get(country)
    return len(country) == 2 and regions is not None and (not region or region in regions)


def read_place(written: str) -> tuple[str, str]:
    """Return country and region of ``IT`` or ``DE-BY``.

    Raises:
        ValueError: nobody knows the holidays of such a place; the second half of a sentence.
    """
    country, _, region = written.strip().upper().partition("-")
    if not has_holidays(country):
        raise ValueError(f'knows no holidays of "{written}": write a country as IT, or DE-BY')
    if not has_holidays(country, region):
        regions = ", ".join(one for one in _supported()[country] if len(one) <= 3)
        raise ValueError(f'knows no region "{region}" of {country}: it has {regions or "none"}')
    return country, region


def holiday(day: date, country: str, region: str = "") -> str:
    """Return the name of the public holiday on a day.

    Args:
        day: the local day.
        country: ISO 3166; of one that is unknown, no day is a holiday.
        region: ISO 3166-2 without the country; of an unknown one, the country's holidays count.

    Returns:
        The name in English, for people; empty if the day is not a holiday.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR or not has_holidays(country):
        return ""
    return _year(country, region if has_holidays(country, region) else "", day.year).get(day, "")


@lru_cache(maxsize=64)
def weekend(country: str, region: str = "") -> frozenset[int]:
    """Return the weekdays on which offices of a country are closed; 0 is Monday."""
    days = _package().country_holidays(country, subdiv=region or None).weekend
    return frozenset(days) or frozenset({5, 6})


@lru_cache(maxsize=512)
def _year(country: str, region: str, year: int) -> Mapping[date, str]:
    found = _package().country_holidays(
        country,
        subdiv=region or None,
        years=year,
        language="en_US",  # not the machine's
    )
    return dict(found.items())
