"""The moment at which a campaign's message is due: at once, at a moment, or at a local time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, moment

EARLIEST = timedelta(hours=14)
"""No zone is further ahead of UTC."""


class Passed(StrEnum):
    """The treatment of customers in whose zone the local time has already passed."""

    NOW = "now"
    """They get the message at once."""
    TOMORROW = "tomorrow"
    """They get it at the same local time of the next day on which it lies ahead."""
    NEVER = "never"
    """They do not get it: `Reason.TOO_LATE`."""
    LATE = "late"
    """They get it at once if it is still of use so long after its hour."""


@dataclass(frozen=True)
class SendingTime:
    """The time at which a campaign's message is due.

    Made by `at_once`, `at` and `at_local`.

    Args:
        moment: the same for everybody; None: at once, or by the local time.
        day: the local day; None: there is no local time.
        local: the local time of that day.
        passed: what becomes of those in whose zone it has passed.
    """

    moment: datetime | None = None
    day: date | None = None
    local: time | None = None
    passed: Passed = Passed.TOMORROW

    @property
    def is_local(self) -> bool:
        """True if customers in different zones are due at different moments."""
        return self.day is not None

    def begins(self, now: datetime) -> datetime:
        """Return the moment before which nobody is due, wherever they live.

        Args:
            now: the launch.
        """
        if self.moment is not None:
            return max(self.moment, now)
        if self.day is None or self.local is None:
            return now
        return max(datetime.combine(self.day, self.local, tzinfo=UTC) - EARLIEST, now)

    def due(self, tz: ZoneInfo, now: datetime) -> datetime:
        """Return when a customer of a zone is due.

        Args:
            tz: the customer's zone.
            now: the launch.

        Returns:
            The moment. It lies before ``now`` only where it has passed, and nothing moves it.
        """
        if self.day is None or self.local is None:
            return self.begins(now)
        due = moment(self.day, self.local, tz)
        if due >= now or self.passed in (Passed.NEVER, Passed.LATE):
            return due
        if self.passed is Passed.NOW:
            return now
        day = now.astimezone(tz).date()
        due = moment(day, self.local, tz)
        return due if due >= now else moment(day + DAY, self.local, tz)

    def __str__(self) -> str:
        """Return it in words: ``2026-12-01 10:00 in each customer's zone``."""
        if self.moment is not None:
            return f"{self.moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if self.day is None or self.local is None:
            return "at once"
        late = {
            Passed.NOW: "at once where that has passed",
            Passed.TOMORROW: "the next day where that has passed",
            Passed.NEVER: "never where that has passed",
            Passed.LATE: "for as long after that as it is of use",
        }
        return f"{self.day} {self.local:%H:%M} in each customer's zone, {late[self.passed]}"


def at_once() -> SendingTime:
    """Return the time "as soon as the campaign is launched"."""
    return SendingTime()


def at(when: str | datetime) -> SendingTime:
    """Return the time "at one moment for everybody".

    Args:
        when: with its offset: ``"2026-12-01T10:00+01:00"``.

    Raises:
        TypeError: it is not a moment, or has no offset.
    """
    try:
        told = datetime.fromisoformat(when) if isinstance(when, str) else when
    except ValueError:
        told = None
    if not isinstance(told, datetime) or told.tzinfo is None:
        raise TypeError(
            f'at({when!r}): write the moment with its offset, as in at("2026-12-01T10:00+01:00"); '
            "at_local() takes the time of each customer's zone"
        )
    return SendingTime(moment=told)


def at_local(when: str | datetime, *, passed: Passed | str = Passed.TOMORROW) -> SendingTime:
    """Return the time "at a local time, in each customer's zone".

    Args:
        when: without an offset: ``"2026-12-01 10:00"``.
        passed: what becomes of those in whose zone it has passed at the launch: ``now``,
            ``tomorrow``, ``never``, or ``late``: at once if it is still of use after its hour.

    Raises:
        TypeError: it is not a local time, or ``passed`` is none of these words.
    """
    try:
        told = datetime.fromisoformat(when) if isinstance(when, str) else when
    except ValueError:
        told = None
    if not isinstance(told, datetime) or told.tzinfo is not None:
        raise TypeError(
            f"at_local({when!r}): write the local time without an offset, as in "
            'at_local("2026-12-01 10:00")'
        )
    try:
        late = Passed(passed)
    except ValueError:
        ways = ", ".join(one.value for one in Passed)
        raise TypeError(f"at_local(passed={passed!r}): choose one of: {ways}") from None
    return SendingTime(day=told.date(), local=told.time(), passed=late)
