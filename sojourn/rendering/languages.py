"""The languages to look for, for a customer's locale."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from babel.core import get_global, get_locale_identifier, parse_locale

# of "de-DE-u-co-phonebk": how German is sorted there does not matter here
_EXTENSION = re.compile(r"-\w-.*")


def fallbacks(locales: Iterable[str]) -> tuple[str, ...]:
    """Return the tags to look for, best first: ``pl-PL``, ``pl``, ``en``.

    Args:
        locales: the customer's, then those that stand in for it. Each is followed by its parents,
            as Unicode has them: by ``es-419`` and ``es`` for ``es-MX``. A locale may be written as
            profiles have it, ``pl_PL`` or ``PL``; a text that is none is passed over.
    """
    tried: dict[str, None] = {}  # a set that keeps its order
    for locale in locales:
        tried.update(dict.fromkeys(_with_parents(locale)))
    return tuple(tried)


def language(tag: str) -> str:
    """Return ``pl`` of ``pl-PL``."""
    return tag.partition("-")[0]


@lru_cache(maxsize=1024)
def _with_parents(locale: str) -> tuple[str, ...]:
    """Return a locale and its parents. Customers have few different ones."""
    return tuple(_parents(locale))


def _parents(locale: str) -> Iterator[str]:
    try:
        parts = parse_locale(_EXTENSION.sub("", locale.strip().replace("_", "-")), sep="-")
    except ValueError:
        return
    name = get_locale_identifier(parts[:3])
    parents = get_global("parent_exceptions")
    while name and name != "root":
        yield name.replace("_", "-")
        name = parents.get(name) or name.rpartition("_")[0]
