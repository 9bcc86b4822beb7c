"""Days of a report in a row, without gaps; many days are drawn as weeks or months."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby

from sojourn.insight.reporting.figures import Group, together

MOST_DAYS, MOST_WEEKS = 92, 104
DAY = timedelta(days=1)


def trend(days: Iterable[Group], since: str, today: str) -> tuple[str, list[Group]]:
    """Return days in a row, including those without messages.

    Args:
        days: the days that have messages, each named like ``2026-12-01``.
        since: the first day of the report; empty: the first day that has messages.
        today: the day of the report; later days are shown if they have messages.

    Returns:
        ``day``, ``week`` or ``month``, and the groups: a week is named by its Monday, a month by
        its first day.
    """
    found = {one.name: one for one in days}
    if not found:
        return "day", []
    first = min([since or min(found), min(found)])
    last = max([today, max(found)])
    row = list(_days(date.fromisoformat(first), date.fromisoformat(last)))
    unit = "day"
    if len(row) > MOST_DAYS:
        unit = "week" if len(row) <= MOST_WEEKS * 7 else "month"
    groups = [
        together(name, (found[each] for each in map(date.isoformat, some) if each in found))
        for name, some in groupby(row, key=lambda day: _name(day, unit))
    ]
    return unit, groups


def _name(day: date, unit: str) -> str:
    match unit:
        case "week":
            return (day - day.weekday() * DAY).isoformat()
        case "month":
            return day.replace(day=1).isoformat()
    return day.isoformat()


def _days(first: date, last: date) -> Iterable[date]:
    for number in range((last - first).days + 1):
        yield first + number * DAY
