"""Local wall-clock time: what "tomorrow at ten" means where the customer lives.

Two wall-clock times a year are special. In the spring gap a time does not exist; it moves forward
by the gap (02:30 becomes 03:30), as RFC 5545 section 3.3.5 says. In the autumn overlap a time
happens twice; the first one counts. `zoneinfo` gives exactly this with ``fold=0`` when a moment is
taken through UTC.

The data of zones come from the pinned package ``tzdata`` alone. A machine's own database would
outrank it, so two workers could disagree on when a reminder is due, and a system update would
change what a run decided before.
"""

import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sojourn.domain.errors import UnknownZone

# for the whole process: the sandbox of workflows passes zoneinfo through, and a project's own
# code may ask it as well
zoneinfo.reset_tzpath(())
ZoneInfo.clear_cache()

DAY = timedelta(days=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone called ``name``.

    Raises:
        UnknownZone: the database has no zone of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # ValueError: "../etc"; OSError: "Europe" is a directory
        raise UnknownZone(f'no time zone "{name}": use an IANA name such as Europe/Rome') from None


@lru_cache(maxsize=4096)
def moment(day: date, at: time, tz: ZoneInfo, *, fold: int = 0) -> datetime:
    """Return the instant at which clocks in ``tz`` show ``at`` on ``day``.

    A time in the spring gap moves forward by the gap; of an overlap the first one counts. It is
    found once: customers share their days, hours and zones.

    Args:
        day: the local day.
        at: the local time of day; its own zone and fold do not count.
        tz: the customer's zone.
        fold: 1: of an overlap the second one counts.

    Returns:
        The instant, in UTC.
    """
    return datetime.combine(day, at.replace(fold=fold), tzinfo=tz).astimezone(UTC)


def local_day(when: datetime, tz: ZoneInfo) -> date:
    """Return the calendar day on which ``when`` falls in ``tz``."""
    return when.astimezone(tz).date()


def days_after(when: datetime, days: int, at: time, tz: ZoneInfo) -> datetime:
    """Return the instant at which it is ``at``, some calendar days after the day of ``when``.

    Days are calendar days, not spans of 24 hours: across a clock change the local hour holds.

    Args:
        when: any aware moment.
        days: calendar days to go forward from the local day of ``when``.
        at: the local time of day.
        tz: the customer's zone.

    Returns:
        The instant, in UTC.
    """
    return moment(local_day(when, tz) + days * DAY, at, tz)


class LocalMoment(datetime):
    """A moment by the customer's clock: it knows which moment it is in another zone."""

    _found: Callable[[ZoneInfo], datetime]

    @classmethod
    def found(cls, find: Callable[[ZoneInfo], datetime], timezone: str) -> "LocalMoment":
        """Return the moment that ``find`` gives for a zone.

        Args:
            find: from a zone to an aware moment; asked again if the customer moves.
            timezone: an IANA name.

        Returns:
            The moment, in UTC.

        Raises:
            UnknownZone: the database has no zone of that name.
        """
        moment_ = find(zone(timezone)).astimezone(UTC)
        self = cls.combine(moment_.date(), moment_.timetz())
        self._found = find
        return self

    @classmethod
    def of(
        cls,
        at: time,
        days: int,
        after: datetime,
        timezone: str,
        on: Callable[[date], date] | None = None,
    ) -> "LocalMoment":
        """Return the moment at which it is ``at``, some calendar days after the day of ``after``.

        Args:
            at: the local time of day.
            days: calendar days to go forward.
            after: any aware moment.
            timezone: an IANA name.
            on: finds another day from that one; None: that one is meant.

        Returns:
            The moment, in UTC.

        Raises:
            UnknownZone: the database has no zone of that name.
        """

        def find(tz: ZoneInfo) -> datetime:
            day = local_day(after, tz) + days * DAY
            return moment(on(day) if on else day, at, tz)

        return cls.found(find, timezone)

    def fixed(self) -> datetime:
        """Return the moment as it is, whatever clocks the customer lives by later."""
        return datetime.combine(self.date(), self.timetz())

    def in_zone(self, timezone: str) -> "LocalMoment":
        """Return the same time by other clocks.

        Raises:
            UnknownZone: the database has no zone of that name.
        """
        if not hasattr(self, "_found"):  # the result of arithmetic: a moment like any other
            return self
        return self.found(self._found, timezone)


def next_weekday(when: datetime, weekday: int, at: time, tz: ZoneInfo) -> datetime:
    """Return the first instant after ``when`` at which it is ``at`` on ``weekday``.

    Args:
        when: any aware moment.
        weekday: 0 is Monday, as in `datetime.date.weekday`.
        at: the local time of day.
        tz: the customer's zone.

    Returns:
        The instant, in UTC.
    """
    today = local_day(when, tz)
    ahead = today + ((weekday - today.weekday()) % 7) * DAY
    candidate = moment(ahead, at, tz)
    return candidate if candidate > when else moment(ahead + 7 * DAY, at, tz)


@lru_cache(maxsize=4096)
def change_on(day: date, tz: ZoneInfo) -> datetime | None:
    """Return the instant of a local day at which clocks change; None if they do not."""
    return clock_changes(moment(day, time(), tz), moment(day + DAY, time(), tz), tz)


def clock_changes(after: datetime, before: datetime, tz: ZoneInfo) -> datetime | None:
    """Return the first instant at which clocks in ``tz`` show another offset; None if they keep it.

    Args:
        after: the beginning of the span to look at, in which clocks change once at most.
        before: its end.
        tz: the customer's zone.

    Returns:
        The instant, in UTC, to the second.
    """
    low, high = after.astimezone(UTC), before.astimezone(UTC)
    offset = low.astimezone(tz).utcoffset()
    if high.astimezone(tz).utcoffset() == offset:
        return None
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(tz).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
