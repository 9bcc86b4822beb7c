"""Messages that left yesterday and in the week that ended with it, against the weeks before."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta

from sojourn.domain.alerts.silence import Line, Of
from sojourn.domain.alerts.spans import WEEKS
from sojourn.domain.switches import Part
from sojourn.insight.alerts.days import DAY, WEEK, Days, on_day
from sojourn.insight.alerts.holding import was_held
from sojourn.insight.alerts.known import Known
from sojourn.store.tables import SwitchRow

SETTLED_AFTER = timedelta(hours=1)
"""Messages that were due at midnight have left by then, or wait for a reason."""


def left(known: Known, days: Days, now: datetime, held: Sequence[SwitchRow]) -> Iterator[Line]:
    """Yield the messages of each journey that left.

    Args:
        known: the project's journeys and holidays.
        days: the messages by day.
        now: by the machine's clock.
        held: switches; a journey that was held back has no line.

    Yields:
        A line for one day and one for seven.
    """
    last = (now.astimezone(known.tz) - SETTLED_AFTER).date() - DAY
    begins = {name: min(day for one, day in days if one == name) for name, _ in days}
    for name, journey in known.journeys.items():
        if name not in begins:
            continue
        begin = datetime.combine(last, datetime.min.time(), known.tz)
        for words, length in (("1 day", 1), ("7 days", 7)):
            if was_held(held, Part.SENDS, name, journey.topic, begin - (length - 1) * DAY):
                continue
            seen, *before = (
                [last - weeks * WEEK - n * DAY for n in range(length)] for weeks in range(WEEKS + 1)
            )
            usual = [
                _sum(days, name, some)
                for some in before
                if some[-1].isoformat() >= begins[name] and not _is_unusual(known, some)
            ]
            if _is_unusual(known, seen):
                usual = []
            yield Line(Of.SENDS, name, words, _sum(days, name, seen), tuple(usual))


def _sum(days: Days, name: str, some: Collection[date]) -> int:
    return sum(on_day(days, name, day).left for day in some)


def _is_unusual(known: Known, days: Collection[date]) -> bool:
    return 4 * sum(map(known.is_holiday, days)) >= len(days)
