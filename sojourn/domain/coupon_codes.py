"""Codes of coupons: how they are compared, drawn at random, and shown as a specimen."""

import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence

from sojourn.domain.errors import BadInput
from sojourn.domain.links import CODE_ALPHABET

WILD = "?"
"""The place of a drawn letter or digit in a pattern. Those that look alike are never drawn."""
LEAST_WILD = 8
"""With fewer, somebody who guesses codes at the checkout finds a valid one."""
LONGEST_CODE = 100
_SEPARATORS = re.compile(r"[\s\-_./\u2010-\u2015]+")
_PATTERN = re.compile(r"[A-Za-z\d?-]+", re.ASCII)
_SPECIMEN = "SPECIMEN"


def comparable(code: str) -> str:
    """Return what tells a code from others, however somebody typed it.

    Capitals and small letters are alike, and so are codes with and without hyphens or spaces.
    """
    plain = unicodedata.normalize("NFKC", code)
    return _SEPARATORS.sub("", plain).upper()


def read_code(text: str) -> str:
    """Return a code as a shop hands it out.

    Raises:
        BadInput: it is empty, too long, or could not be typed.
    """
    code = text.strip()
    if not code:
        raise BadInput("the code is empty")
    if len(code) > LONGEST_CODE:
        raise BadInput(f"the code has {len(code)} characters, and may have {LONGEST_CODE}")
    if not code.isprintable() or not comparable(code):
        raise BadInput(f"{code!r} is not a code: letters and digits make one")
    return code


def check_pattern(pattern: str) -> None:
    """Check that codes can be drawn by a pattern.

    Raises:
        BadInput: it has other characters, or leaves too little to chance.
    """
    if not _PATTERN.fullmatch(pattern) or len(pattern) > LONGEST_CODE:
        raise BadInput(
            f'"{pattern}" is not a pattern: write letters, digits, hyphens and {WILD}, as in '
            f"SPRING-{WILD * 4}-{WILD * 4}"
        )
    if pattern.count(WILD) < LEAST_WILD:
        raise BadInput(
            f'"{pattern}" could be guessed: write {LEAST_WILD} {WILD} at least, as in '
            f"SPRING-{WILD * 4}-{WILD * 4}"
        )


def drawn(pattern: str, pick: Callable[[Sequence[str]], str] = secrets.choice) -> str:
    """Draw a code that nobody can guess, by a pattern.

    Args:
        pattern: as `check_pattern` takes it.
        pick: chooses one of several characters.

    Returns:
        The code; it may equal one that exists, which the store notices.
    """
    return "".join(pick(CODE_ALPHABET) if place == WILD else place for place in pattern)


def specimen(pattern: str) -> str:
    """Return a stand-in for a code where none is used: ``SPRING-SPEC-IMEN``.

    No drawn code is like it, because it has an I.
    """
    if not pattern:
        return _SPECIMEN
    places, letters = iter(pattern), ""
    number = 0
    for place in places:
        letters += _SPECIMEN[number % len(_SPECIMEN)] if place == WILD else place
        number += place == WILD
    return letters
