"""Time zones to choose from, listed by country and city in the reader's language."""

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from sojourn.rendering.formatting import formatting_locale

LANGUAGES = 16
"""The most languages whose lists are cached; a shop has a handful."""


@lru_cache(maxsize=LANGUAGES)
def zones_in(lang: str) -> Sequence[tuple[str, str]]:
    """Return the zones that people live in, each with its IANA name and its label on the page.

    Args:
        lang: the language of the page.

    Returns:
        The zones by country, and by city where a country has several.
    """
    locale, known = formatting_locale(lang, ()), available_timezones()
    found = [
        (name, f"{locale.territories.get(country, country)}: {_city(name, locale)}")
        for name, country in get_global("zone_territories").items()
        if name in known and country in locale.territories and country != "001"
    ]
    return tuple(sorted(found, key=lambda one: one[1].casefold()))


def _city(name: str, locale: Locale) -> str:
    return get_timezone_location(name, locale=locale, return_city=True)
