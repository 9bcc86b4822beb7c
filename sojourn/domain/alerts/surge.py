"""Surge: more messages than usual did not leave, for one reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from sojourn.domain.alerts.silence import FEWEST
from sojourn.domain.alerts.tails import RARE, high
from sojourn.domain.messages import Reason

TIMES, LEAST = 3, 10
"""A surge is so many times as many as usual, and so many besides."""
WANTED = frozenset({Reason.GOAL_REACHED.value, Reason.SUPERSEDED.value, Reason.HELD_OUT.value})
"""Reasons that are good news, or meant: the more customers buy, the more reminders are skipped."""


@dataclass(frozen=True)
class Day:
    """The messages of a source on one day.

    Args:
        skipped: those that did not leave for the reason.
        due: all of them.
    """

    skipped: int
    due: int


@dataclass(frozen=True)
class Surge:
    """The messages of a source that did not leave for one reason.

    Args:
        source: a journey or a campaign.
        reason: a `Reason` value.
        today: so far.
        yesterday: the whole day.
        before: the same weekday of the weeks before today, on which messages of it were due.
    """

    source: str
    reason: str
    today: Day
    yesterday: Day
    before: tuple[Day, ...]

    @property
    def expected(self) -> float:
        """The number that there should be today at most."""
        return mean(usual) if (usual := self._usual()) else 0.0

    @property
    def is_surge(self) -> bool:
        """True if there are more than chance brings about."""
        usual = self._usual()
        if len(usual) < FEWEST or self.reason in WANTED:
            return False
        seen = self.today.skipped
        if seen < TIMES * mean(usual) + LEAST:
            return False
        return high(seen, usual) < RARE

    def is_still(self, expected: float) -> bool:
        """Tell whether it goes on: today so far, or on the whole of yesterday.

        Args:
            expected: what was expected when it began.
        """
        return max(self.today.skipped, self.yesterday.skipped) >= TIMES * expected + LEAST

    def _usual(self) -> Sequence[int]:
        """Return what was usual; on a day with more messages, more are skipped for any reason."""
        return [
            max(one.skipped, round(one.skipped * self.today.due / one.due) if one.due else 0)
            for one in self.before
        ]
