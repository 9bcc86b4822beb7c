"""`Ladder`: the promotional e-mails that a young sending domain may send in a day.

A domain climbs a step after a day on which it used what it may send and did little harm, and falls
one after harm or long silence. Mailbox providers know a domain by what it has sent them lately.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil

from sojourn.domain.brakes import Tally, certain_share, share
from sojourn.domain.calendar import zone

STEPS = (200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
USED = 0.8
"""The part of a day's budget after which a domain may climb."""
CALM = 0.5
"""The part of the shares at which it falls: below it, the domain may climb."""
IDLE = 30
"""Days without a promotional e-mail after which it falls a step, and once more after as many."""
DAY = timedelta(days=1)
AN_HOUR = timedelta(hours=1)


class Turn(StrEnum):
    """A decision about a domain's step on its ladder."""

    BEGINS = "begins"
    CLIMBS = "climbs"
    STAYS = "stays"
    FALLS = "falls"
    SET = "set"
    """An operator put it on a step."""
    OFF = "off"
    """An operator took it off the ladder: it has no budget."""


@dataclass(frozen=True)
class Move:
    """The decision of a day.

    Args:
        level: the step from now on, 1 for the first.
        turn: the direction.
        because: why, for people.
    """

    level: int
    turn: Turn
    because: str


@dataclass(frozen=True)
class Tenure:
    """A domain's time on a step.

    Args:
        level: the step.
        tally: what has left since, and the harm that was told of since.
        fullest: promotional e-mails of the fullest day since.
        idle: whole days since the last one on which any left.
    """

    level: int
    tally: Tally
    fullest: int
    idle: int


@dataclass(frozen=True)
class Ladder:
    """The steps of a domain, and the shares of harm at which it falls.

    Args:
        steps: messages a day; above the last step there is no budget.
        bounces: the share at which it falls, of the messages that have left since it came to its
            step.
        complaints: likewise.
        least: the number of messages that must have left before a share makes it fall.
    """

    steps: tuple[int, ...] = STEPS
    bounces: float = 0.05
    complaints: float = 0.001
    least: int = 100

    @property
    def top(self) -> int:
        """The level above the last step."""
        return len(self.steps) + 1

    def budget(self, level: int) -> int | None:
        """Return the messages a day of a level; None: as many as there are."""
        return self.steps[max(level, 1) - 1] if level < self.top else None

    def move(self, tenure: Tenure) -> Move:
        """Decide once a day: climb a step, fall, or stay.

        Args:
            tenure: the time on the step until now.

        Returns:
            The decision.
        """
        level = min(max(tenure.level, 1), self.top)
        if tenure.idle >= IDLE:
            lower = max(level - tenure.idle // IDLE, 1)
            return _down(level, lower, f"nothing has left for {tenure.idle} days")
        if harm := self._harm(tenure.tally, 1) if tenure.tally.left >= self.least else "":
            return _down(level, max(level - 1, 1), harm)
        budget = self.budget(level)
        if budget is None:
            return Move(level, Turn.STAYS, "it has no budget any more")
        enough = ceil(USED * budget)
        if tenure.fullest < enough:
            said = (
                f"its fullest day had {tenure.fullest:,} of {budget:,}, and it climbs at {enough:,}"
            )
            return Move(level, Turn.STAYS, said)
        if harm := self._harm(tenure.tally, CALM):
            return Move(level, Turn.STAYS, harm)
        return Move(level + 1, Turn.CLIMBS, f"its fullest day had {tenure.fullest:,} of {budget:,}")

    def _harm(self, tally: Tally, part: float) -> str:
        """Say what is over a part of the limits; empty: nothing is."""
        for number, limit, what in (
            (tally.bounced, self.bounces * part, "bounced"),
            (tally.complained, self.complaints * part, "were complained about"),
        ):
            if certain_share(number, tally.left) > limit:
                seen = share(number, tally.left)
                return f"{seen} of {tally.left:,} messages {what}, over {100 * limit:g} %"
        return ""


@dataclass(frozen=True)
class Allowance:
    """The promotional e-mails that may leave from a domain on a day.

    Args:
        domain: that sends them.
        budget: of the day, in messages; None: as many as there are.
        used: of it.
        until: when the next day begins.
    """

    domain: str
    budget: int | None
    used: int
    until: datetime

    @property
    def left(self) -> int | None:
        """The number that may still leave; None: as many as there are."""
        return None if self.budget is None else max(self.budget - self.used, 0)

    @property
    def is_spent(self) -> bool:
        """True if nothing more may leave on this day."""
        return self.left == 0

    @property
    def told(self) -> str:
        """The day for people: ``today's budget of shop.example: 2,000 of 2,000``."""
        return f"today's budget of {self.domain}: {self._used}"

    @property
    def waits(self) -> str:
        """The line for operators about messages that have no room in it."""
        return f"waits for tomorrow's budget of {self.domain}: {self._used}"

    @property
    def _used(self) -> str:
        return f"{self.used:,} of {'no limit' if self.budget is None else f'{self.budget:,}'}"


def day_of(now: datetime, timezone: str) -> tuple[date, datetime]:
    """Return the day of a moment in a zone, and when the next one begins.

    Args:
        now: any aware moment.
        timezone: an IANA name.
    """
    tz = zone(timezone)
    day = now.astimezone(tz).date()
    return day, datetime.combine(day + DAY, datetime.min.time(), tz)


def next_turn(due: datetime, morning: datetime, useful_until: datetime) -> datetime | None:
    """Return when a message that has to wait for a later day has its turn.

    That is at the hour at which it was due, so that nobody is written to at midnight; or an hour
    earlier if it would be of no use by then, like a message that is of use for one day.

    Args:
        due: when it was due.
        morning: when the later day begins.
        useful_until: from this moment on it is of no use.

    Returns:
        The moment; None: it is of no use on the later day.
    """
    turn = due + DAY * max(ceil((morning - due) / DAY), 0)
    if turn >= useful_until:
        turn = max(morning, turn - AN_HOUR)
    return turn if turn < useful_until else None


def _down(level: int, lower: int, because: str) -> Move:
    return Move(lower, Turn.FALLS if lower < level else Turn.STAYS, because)
