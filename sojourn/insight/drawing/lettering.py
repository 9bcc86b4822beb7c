"""Lettering: how wide a text is, about, and where its lines break.

The reader's machine chooses the font, so that nobody knows the width beforehand: it is taken for a
wide font without serifs.
"""

from collections.abc import Iterable

SIZE = 13
"""Height of letters, in pixels."""
LINE = 17
"""Height of a line."""
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[]{} -"), frozenset("mwMW@%&")
_ROOM = 1.1
"""For fonts that are wider than most."""


def width(text: str) -> float:
    """Return the width of a line, in pixels."""
    return sum(_share(letter) for letter in text) * SIZE * _ROOM


def _share(letter: str) -> float:
    if letter in _NARROW:
        return 0.34
    if letter in _WIDE:
        return 0.9
    return 0.7 if letter.isupper() else 0.57


def broken(lines: Iterable[str], most: float) -> list[str]:
    """Break lines that are too wide, between words.

    Args:
        lines: the lines.
        most: the width that a line may have; a single word may be wider.
    """
    found: list[str] = []
    for line in lines:
        current = ""
        for word in line.split():
            longer = f"{current} {word}" if current else word
            if current and width(longer) > most:
                found.append(current)
                current = word
            else:
                current = longer
        found.append(current)
    return found
