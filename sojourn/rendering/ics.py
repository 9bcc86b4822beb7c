"""iCalendar as RFC 5545 writes it: values, and lines that are folded.

https://www.rfc-editor.org/rfc/rfc5545: 3.1 (lines), 3.3.4 (days), 3.3.5 (moments), 3.3.11 (text).
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

LONGEST_LINE = 75
"""Octets of a line, its break aside."""

# characters that no value may hold, and those that would turn its direction
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAK = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
_SPECIAL = re.compile(r"([\\;,])")


def text(value: str) -> str:
    r"""A value of type TEXT: ``\``, ``;`` and ``,`` are escaped, a line break becomes ``\n``."""
    lines = (_UNPRINTABLE.sub(" ", line) for line in _BREAK.split(value))
    return r"\n".join(_SPECIAL.sub(r"\\\1", line) for line in lines)


def moment(when: datetime) -> str:
    """A value of type DATE-TIME, in UTC: ``20260312T233000Z``.

    Args:
        when: aware.
    """
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def day(when: date) -> str:
    """A value of type DATE: ``20260312``."""
    return f"{when:%Y%m%d}"


def folded(lines: Iterable[str]) -> str:
    """Lines as they are sent: none longer than 75 octets, each ended by CRLF.

    What is longer goes on in the next line after a space. A character is never parted.
    """
    return "".join(f"{part}\r\n" for line in lines for part in _folds(line))


def _folds(line: str) -> Iterable[str]:
    part, used = "", 0
    for character in line:
        size = len(character.encode())
        if used + size > LONGEST_LINE:
            yield part
            part, used = " ", 1
        part += character
        used += size
    yield part
