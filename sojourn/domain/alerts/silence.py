"""Silence: something that comes as a rule has stopped.

It has to be much less than expected (a tenth), less than in each of the weeks before but one, and
rarer than chance brings about (`tails.RARE`). So a shop that is quiet on Sundays expects nothing of
a Sunday, what comes every other week is not missed in between, and a few a week are too few to say
anything. The lowest of five weeks or more is left out: it may have been an outage itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import mean

from sojourn.domain.alerts.tails import RARE, low

FEWEST = 3
"""Weeks of which something must be known: before that, nothing is expected."""
_MANY = 5
_LITTLE = 0.1
"""The part of what was expected that is as good as nothing."""
_BACK = 0.25
"""The part of it that is a return."""
_NIGHT = 0.2
"""The part of it that is expected at the least, whatever the hour."""


class Of(StrEnum):
    """The thing that is counted."""

    ALL = "all"
    """All events."""
    EVENT = "event"
    """An event that journeys start on."""
    STRANGER = "stranger"
    """An event that nothing declares."""
    JOURNEY = "journey"
    """Runs that began."""
    SENDS = "sends"
    """Messages that left, and those that wait to."""


@dataclass(frozen=True)
class Line:
    """The counts of one thing in one window.

    Args:
        of: its kind.
        name: of the journey or the event.
        window: in words.
        seen: the newest count.
        before: those of the same hours of the weeks before, as far as it was known by then.
    """

    of: Of
    name: str
    window: str
    seen: int
    before: tuple[int, ...]

    @property
    def expected(self) -> float:
        """The number that there should be."""
        return mean(kept) if (kept := _usual(self.before)) else 0.0

    @property
    def is_silent(self) -> bool:
        """True if it has stopped, as far as it can be told."""
        if len(self.before) < FEWEST or self.seen > _LITTLE * self.expected:
            return False
        usual = _usual(self.before)
        return self.seen < usual[0] and low(self.seen, usual) < RARE

    def is_still(self, expected: float) -> bool:
        """Tell whether it is silent yet, after it was.

        Args:
            expected: what was expected when it fell silent: the weeks before are silent by and by,
                and at night a straggler is no return.
        """
        return self.seen <= _BACK * max(self.expected, _NIGHT * expected)

    def came_up(self, expected: float) -> bool:
        """Tell whether it came up where something else fell silent.

        Args:
            expected: of what fell silent.
        """
        had = mean(self.before) if self.before else 0.0
        return self.seen >= max(expected / 3, FEWEST) and had <= _LITTLE * self.seen


def _usual(before: Sequence[int]) -> list[int]:
    return sorted(before)[1 if len(before) >= _MANY else 0 :]
