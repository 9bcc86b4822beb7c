"""The country and the region where a customer lives, for rules of countries."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.core import get_global

from sojourn.domain.customer import Customer
from sojourn.domain.locales import region
from sojourn.domain.phones import country_of
from sojourn.domain.traits import countries_of

_REGIONS = ("state", "region", "province")
_ALIASES = {"UK": "GB", "EL": "GR"}
"""Codes that people use beside those of ISO 3166."""


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """Return the codes of all countries and territories (ISO 3166, Unicode CLDR)."""
    return frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2)


def home_country(customer: Customer) -> tuple[str, str]:
    """Return the country and the region where a customer lives; each is empty if nothing tells it.

    The customer's own word comes first: the traits ``country`` and ``address.country``. Then come
    the country of the phone number, of the locale and of the time zone. An area code tells no
    region, because numbers move with people.

    Args:
        customer: the person's card.

    Returns:
        ISO 3166 codes: ``("DE", "BY")``, ``("US", "")``, ``("", "")``.
    """
    told = (_ALIASES.get(country, country) for country in _told(customer))
    country = next((country for country in told if country in countries()), "")
    return country, _region(customer.attributes, country)


def _told(customer: Customer) -> Iterator[str]:
    yield from countries_of(customer.attributes)
    if number := customer.phone or customer.phone2:
        yield country_of(number)
    yield region(customer.locale)  # which may be 419, Latin America: no country
    yield get_global("zone_territories").get(customer.timezone, "")


def _region(attributes: Mapping[str, Any], country: str) -> str:
    if not attributes:
        return ""
    address = attributes.get("address")
    for said in (attributes, address if isinstance(address, Mapping) else {}):
        for name in _REGIONS:
            if isinstance(value := said.get(name), str) and value.strip():
                return value.strip().upper().removeprefix(f"{country}-")
    return ""
