"""Names that senders write differently: which of them are beyond doubt the same.

Segment's libraries take an event's two words in either order, in any case, with spaces,
underscores or nothing between them, and so do its own destinations: "Completed Order" is the first
version's name of "Order Completed". Fields come as ``cart_id`` and as ``cartId``.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType

LONGEST_NAME = 200
"""Characters that a name may have; a longer one means only itself."""
REMEMBERED = 1000
"""Unknown names whose nearest one is remembered: senders of unknown names send them often."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[\W_]+")
BETWEEN = r" -/:-@\[-`{-~\u00a0\u2000-\u206f"
"""Characters that no name counts, as a character class in Python and JSON Schema has them:
punctuation and spaces. A letter of any script counts: "Order Completed 取消" is another event."""
_NO_LETTER = re.compile(f"[{BETWEEN}]+")

FIRST_VERSION: Mapping[str, str] = MappingProxyType({"started order": "Checkout Started"})
"""Names of Segment's first version that are more than the same two words the other way round."""


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name's words in small letters: ``cartId``, ``Cart-ID`` and ``cart_id`` are one."""
    if len(name) > LONGEST_NAME:
        return name
    return " ".join(part for part in _BETWEEN.split(_HUMP.sub(" ", name)) if part).casefold()


@lru_cache(maxsize=4096)
def letters(name: str) -> str:
    """Return small letters and digits alone: ``OrderCompleted`` is ``order completed``."""
    return name if len(name) > LONGEST_NAME else _NO_LETTER.sub("", name).lower()


class Naming:
    """Known names, found by whatever is beyond doubt the same.

    Args:
        names: the known ones.
        either_order: whether two words mean the same the other way round.
        synonyms: further names, and the known ones that they mean.
    """

    def __init__(
        self,
        names: Iterable[str],
        *,
        either_order: bool = False,
        synonyms: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._names = frozenset(names)
        meant: dict[str, set[str]] = {}
        for name in self._names:
            words = plain(name).split()
            spellings = {letters(name)}
            if either_order and len(words) == 2:
                spellings.add(letters("".join(reversed(words))))
            for spelling in spellings:
                meant.setdefault(spelling, set()).add(name)
        self._meant = {spelling: min(of) for spelling, of in meant.items() if len(of) == 1}
        # a name is what it is, whatever else it could be short for
        self._meant |= {letters(name): known for name, known in synonyms.items()}
        self._words = {plain(name): self.known(name) for name in (*self._names, *synonyms)}
        self._nearest: dict[str, str | None] = {}

    def known(self, name: str) -> str | None:
        """Return the known name that a name means beyond doubt; None if it means none."""
        return name if name in self._names else self._meant.get(letters(name))

    def spellings(self, name: str) -> list[str]:
        """Return the `letters` under which a known name is found."""
        return sorted(spelling for spelling, known in self._meant.items() if known == name)

    def nearest(self, name: str) -> str | None:
        """Return the known name that looks most like a name; None if none does."""
        words = plain(name)[:LONGEST_NAME]
        if words not in self._nearest:
            if len(self._nearest) >= REMEMBERED:
                self._nearest.clear()
            near = get_close_matches(words, list(self._words), n=1, cutoff=0.6)
            self._nearest[words] = self._words[near[0]] if near else None
        return self._nearest[words]
