"""Comparing two sides: by journey and step, and customer by customer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import Any

from sojourn.insight.backtesting.side import Line, Name, Side

SAME_MOMENT = timedelta(minutes=1)
PREVENTING = ("goal_reached", "run_stopped", "superseded")
"""Reasons by which an event kept a message from leaving."""


@dataclass
class Counts:
    """The messages of one step under one version.

    Args:
        due: that fell due.
        sent: that were sent.
        held: that were held at least once.
        prevented: that an event kept from leaving once they were due.
        skipped: the others that were not sent, by reason.
        channels: those that were sent, by channel.
    """

    due: int = 0
    sent: int = 0
    held: int = 0
    prevented: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)

    def add(self, line: Line) -> None:
        """Count a message; one that was overtaken before it fell due counts as prevented alone."""
        if line.reason in PREVENTING:
            self.prevented += 1
        if line.overtaken:
            return
        self.due += 1
        self.held += line.held
        if line.left:
            self.sent += 1
            self.channels[line.channel] += 1
        elif line.reason not in PREVENTING:
            self.skipped[line.reason or line.state] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "due": self.due,
            "sent": self.sent,
            "held": self.held,
            "prevented": self.prevented,
            "skipped": dict(self.skipped),
            "channels": dict(self.channels),
        }


class Kind(StrEnum):
    """A difference that a customer would notice."""

    GAINED = "gets it"
    LOST = "gets it no more"
    EARLIER = "gets it earlier"
    LATER = "gets it later"
    ELSEWHERE = "gets it by another channel"


@dataclass(frozen=True)
class Change:
    """One message that differs for a customer.

    Args:
        kind: how it differs.
        name: its journey and step.
        before: the message under the former version; None: there was none.
        after: likewise, under the new one.
    """

    kind: Kind
    name: Name
    before: Line | None
    after: Line | None

    @property
    def customer_id(self) -> str:
        """The customer of the message."""
        line = self.after or self.before
        assert line is not None, "one of the two has it"
        return line.customer_id

    @property
    def by(self) -> timedelta:
        """The time by which it leaves later; zero unless both versions send it."""
        if self.before is None or self.after is None:
            return timedelta(0)
        return self.after.decided - self.before.decided


@dataclass(frozen=True)
class Comparison:
    """Two versions, compared.

    Args:
        before: the former one.
        after: the new one.
        counts: of each step under both.
        changes: what differs for customers, in the order of journeys, steps and kinds.
    """

    before: Side
    after: Side
    counts: Mapping[Name, tuple[Counts, Counts]]
    changes: Sequence[Change]

    @property
    def journeys(self) -> list[str]:
        """The journeys that either version has played, by name."""
        names = {*self.before.entered, *self.after.entered, *(name for name, _ in self.counts)}
        return sorted({*names, *self.before.refused, *self.after.refused})

    @property
    def customers(self) -> int:
        """The number of customers who get something else."""
        return len({one.customer_id for one in self.changes})

    def grouped(self) -> dict[tuple[Name, Kind], list[Change]]:
        """Return the changes by step and kind."""
        found: dict[tuple[Name, Kind], list[Change]] = {}
        for one in self.changes:
            found.setdefault((one.name, one.kind), []).append(one)
        return found


def compare(before: Side, after: Side) -> Comparison:
    """Compare two sides that the same recording was played through.

    Args:
        before: the former version.
        after: the new one.

    Returns:
        The comparison.
    """
    counts: dict[Name, tuple[Counts, Counts]] = {}
    for place, side in enumerate((before, after)):
        for line in side.lines:
            counts.setdefault(line.name, (Counts(), Counts()))[place].add(line)
    then = {line.key: line for line in before.lines if line.left}
    now = {line.key: line for line in after.lines if line.left}
    changes = [
        change
        for key in dict.fromkeys([*then, *now])
        if (change := _change(then.get(key), now.get(key))) is not None
    ]
    order = list(Kind)
    changes.sort(key=lambda one: (one.name, order.index(one.kind), one.customer_id))
    return Comparison(before, after, dict(sorted(counts.items())), changes)


def _change(before: Line | None, after: Line | None) -> Change | None:
    line = after or before
    assert line is not None, "one of the two has it"
    if before is None or after is None:
        return Change(Kind.GAINED if before is None else Kind.LOST, line.name, before, after)
    if before.channel != after.channel:
        return Change(Kind.ELSEWHERE, line.name, before, after)
    by = after.decided - before.decided
    if abs(by) < SAME_MOMENT:
        return None
    return Change(Kind.LATER if by > timedelta(0) else Kind.EARLIER, line.name, before, after)


def typical(changes: Iterable[Change]) -> timedelta:
    """Return by how much later messages leave, in the middle of them."""
    return timedelta(seconds=median(one.by.total_seconds() for one in changes))
