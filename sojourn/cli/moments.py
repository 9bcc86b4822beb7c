"""Read moments as people and other tools write them: an instant, a local time, or a day."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput

_LAST = timedelta(microseconds=1)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UTC = zone("UTC")


def read_past(
    text: str, now: datetime, *, tz: ZoneInfo = _UTC, form: str = "", last: bool = False
) -> datetime:
    """Read a moment that does not lie ahead.

    Args:
        text: the moment: ``2026-11-03T10:15:00Z``, ``2026-11-03 10:15:00`` or ``2026-11-03``.
        now: the present.
        tz: the time zone of a moment that names none.
        form: the format, for `datetime.strptime`; empty for ISO 8601.
        last: a day without a time means its last moment, or the present if that is earlier.
            Otherwise it means its first moment.

    Returns:
        The moment, in UTC.

    Raises:
        BadInput: the text is not a moment, or the moment lies ahead.
    """
    read, is_day = _read(text, form)
    if read.tzinfo is None:
        read = read.replace(tzinfo=tz)
    at = read.astimezone(UTC)
    if is_day and at <= now:
        end = datetime.combine(read.date() + timedelta(days=1), time(), read.tzinfo)
        return min(end.astimezone(UTC) - _LAST, now) if last else at
    if at > now:
        raise BadInput(f'"{text[:40]}" lies ahead')
    if at.year < 1970:
        raise BadInput(f'"{text[:40]}" lies before 1970')
    return at


def local_moment(written: str, timezone: str, option: str) -> datetime:
    """Read a moment in a time zone.

    Args:
        written: the moment, such as ``2027-03-01T08:00``; it may name its own time zone.
        timezone: an IANA name.
        option: the option with the moment, for errors: ``--at``.

    Returns:
        The moment, in UTC.

    Raises:
        BadInput: the text cannot be read, or there is no such time zone.
    """
    tz = zone(timezone)
    try:
        moment = datetime.fromisoformat(written)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=tz)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f'{option}: cannot read "{written}": write it as 2027-03-01T08:00') from None


def _read(text: str, form: str) -> tuple[datetime, bool]:
    """Return the moment, and whether it is a day without a time."""
    try:
        if form:
            return datetime.strptime(text, form), not re.search(r"%[HIcXs]", form)  # noqa: DTZ007
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time()), True
        return datetime.fromisoformat(text), False
    except (ValueError, OverflowError):
        wanted = f"as {form}" if form else "as 2026-11-03 or 2026-11-03T10:15:00Z"
        raise BadInput(f'"{text[:40]}" is not a date: write it {wanted}') from None
