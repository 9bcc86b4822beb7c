"""`QuietHours`: a span of every local day, as the settings name it."""

from dataclasses import dataclass
from datetime import time

from sojourn.domain.week import Week, second_of


@dataclass(frozen=True)
class QuietHours:
    """A span of the local day, ``end`` not included; it may pass midnight."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("quiet hours need two different times")

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    @property
    def week(self) -> Week:
        """The span, on every day of the week."""
        start, end = second_of(self.start), second_of(self.end)
        return Week.of(str(self), [(weekday, start, end) for weekday in range(7)])
