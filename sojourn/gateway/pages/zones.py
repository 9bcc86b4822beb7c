"""Time zones to choose from, as a reader of a language looks for them: by country and city."""

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from sojourn.rendering.formatting import formatting_locale

LANGUAGES = 16
"""Languages whose lists are kept; a shop has a handful."""


@lru_cache(maxsize=LANGUAGES)
def zones_in(lang: str) -> Sequence[tuple[str, str]]:
    """Return the zones that people live in: the IANA name and what the page calls it.

    Args:
        lang: the language of the page.

    Returns:
        By country; where a country has several, by city.
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
