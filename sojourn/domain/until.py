"""`Until`: something that holds promotional messages of one customer until a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, moment
from sojourn.domain.week import second_of

_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Until:
    """It holds messages as quiet hours do (`domain.opening.Holder`).

    Args:
        until: its end, in UTC.
        tz: the customer's zone.
    """

    until: datetime
    tz: ZoneInfo

    @property
    def words(self) -> str:
        """The words for what holds."""
        raise NotImplementedError

    @property
    def _end(self) -> datetime:
        """The end on the clock on the customer's wall, on a whole second: edges are seconds."""
        return (self.until + (_ONE_SECOND - timedelta(microseconds=1))).astimezone(self.tz)

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        return f"{self.words} until {self._end:%Y-%m-%d %H:%M}" if shown < self.until else ""

    def closes(self, day: date) -> bool:
        """Tell whether it lasts to the end of a local day."""
        return moment(day + DAY, time(), self.tz) <= self.until

    def edges(self, day: date) -> Iterable[int]:
        """Yield the second of a local day at which it ends."""
        end = self._end
        return (second_of(end.time()),) if end.date() == day else ()
