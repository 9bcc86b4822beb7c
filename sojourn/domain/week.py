"""`Week`: spans of the local week as people write them: ``mon-fri 09:00-18:00, sat 10:00-14:00``.

Quiet hours, sending windows and office hours are all weeks. A span that passes midnight belongs to
the day on which it begins: ``fri 20:00-02:00`` ends on Saturday.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `datetime.date.weekday`."""

_PART = re.compile(
    r"(?:(?P<days>[a-z]+(?:\s*-\s*[a-z]+)?)\s+)?"
    r"(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})",
    re.ASCII,
)
MIDNIGHT = 24 * 60 * 60

Span = tuple[int, int]
"""Seconds of a day: its beginning, and its end, which is not included."""


@dataclass(frozen=True)
class Week:
    """Spans of a week by the clock on the customer's wall.

    Args:
        written: as it was written, for people.
        spans: of each day from Monday to Sunday, in order, none touching another.
    """

    written: str
    spans: tuple[tuple[Span, ...], ...]

    def __str__(self) -> str:
        return self.written

    @classmethod
    def of(cls, written: str, spans: Iterable[tuple[int, int, int]]) -> "Week":
        """Make a week of spans that may pass midnight.

        Args:
            written: for people.
            spans: weekday (0 is Monday), the seconds at which it begins and ends; an end that is
                not after its beginning lies on the next day.
        """
        found: list[list[Span]] = [[] for _ in DAYS]
        for weekday, start, end in spans:
            if start < end:
                found[weekday].append((start, end))
                continue
            found[weekday].append((start, MIDNIGHT))
            if end > 0:
                found[(weekday + 1) % 7].append((0, end))
        return cls(written, tuple(_joined(day) for day in found))

    def has(self, shown: datetime) -> bool:
        """Tell whether the clock shows a time of the week's spans.

        Args:
            shown: local; its zone does not count.
        """
        at = second_of(shown.time())
        return any(start <= at < end for start, end in self.spans[shown.weekday()])

    def edges(self, weekday: int) -> Iterable[int]:
        """Yield the seconds of a day at which a span begins or ends."""
        for start, end in self.spans[weekday]:
            yield start
            yield end

    @property
    def is_empty(self) -> bool:
        """True if it has no span."""
        return not any(self.spans)


@lru_cache(maxsize=256)
def read_week(written: str) -> Week:
    """Read the spans of a week.

    Args:
        written: parts with a comma between them. A part is a span of the day, after the weekday or
            the weekdays that it holds for: ``21:00-09:00``, ``mon-fri 09:00-18:00``. The day's end
            is ``24:00``.

    Returns:
        The week.

    Raises:
        ValueError: a part cannot be read; the text is the second half of a sentence.
    """
    return Week.of(written.strip(), [span for part in written.split(",") for span in _read(part)])


def read_days(written: str) -> tuple[int, ...]:
    """Return the weekdays of ``sat``, or of ``sat-mon``, which goes over the week's end.

    Raises:
        ValueError: it names no weekday.
    """
    first, dash, last = (part.strip().lower() for part in written.partition("-"))
    for name in (first, last) if dash else (first,):
        if name not in DAYS:
            raise ValueError(f'has no weekday "{name}": write {", ".join(DAYS)} or mon-fri')
    start = DAYS.index(first)
    end = DAYS.index(last) if dash else start
    return tuple((start + n) % 7 for n in range((end - start) % 7 + 1))


def second_of(at: time) -> int:
    """Return a time of day in seconds; parts of a second are cut off."""
    return (at.hour * 60 + at.minute) * 60 + at.second


def _read(part: str) -> list[tuple[int, int, int]]:
    found = _PART.fullmatch(part.strip().lower())
    if found is None:
        raise ValueError(
            f'cannot read "{part.strip()}": write it as 21:00-09:00, or mon-fri 09:00-18:00'
        )
    start, end = _second(found["start"]), _second(found["end"])
    if start in (end, MIDNIGHT):
        raise ValueError(f'has a span of no length: "{part.strip()}"; a whole day is 00:00-24:00')
    weekdays = read_days(found["days"]) if found["days"] else range(7)
    return [(weekday, start, end) for weekday in weekdays]


def _second(written: str) -> int:
    hours, _, minutes = written.partition(":")
    second = (int(hours) * 60 + int(minutes)) * 60
    if int(minutes) > 59 or second > MIDNIGHT:
        raise ValueError(f'has no such time of day: "{written}"')
    return second


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that touch made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
