"""`Side`: one version of a project's journeys, and what recorded events came to under it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from sojourn.domain.value_class import value_class
from sojourn.insight.backtesting.costing import Bill

Name = tuple[str, str]
"""A journey and one of its steps."""


@value_class
class Line:
    """A message that was decided on.

    Args:
        key: names the message: it is the same under both versions if the same events caused it.
        customer_id: its customer.
        journey: its journey.
        step: its step.
        channel: that it took, or would have.
        state: what became of it.
        reason: why; empty: there is no reason.
        due: when it fell due.
        decided: when it was decided on last.
        held: it was held at least once.
        overtaken: an event had ended or restarted its run before it fell due: it never did.
    """

    key: str
    customer_id: str
    journey: str
    step: str
    channel: str
    state: str
    reason: str
    due: datetime
    decided: datetime
    held: bool = False
    overtaken: bool = False

    @property
    def name(self) -> Name:
        """Its journey and step."""
        return self.journey, self.step

    @property
    def left(self) -> bool:
        """True if it was sent."""
        return self.state == "sent"

    def as_json(self) -> list[Any]:
        """Return the values in their order."""
        return [
            value.isoformat() if isinstance(value, datetime) else value
            for value in asdict(self).values()
        ]

    @classmethod
    def of_json(cls, values: Sequence[Any]) -> Self:
        """Return the line that `as_json` wrote."""
        key, customer_id, journey, step, channel, state, reason, due, decided, *flags = values
        held, overtaken = flags
        return cls(
            key,
            customer_id,
            journey,
            step,
            channel,
            state,
            reason,
            datetime.fromisoformat(due),
            datetime.fromisoformat(decided),
            held=held,
            overtaken=overtaken,
        )


@dataclass(frozen=True)
class Side:
    """The outcome of recorded events under one version.

    Args:
        entered: the runs that began, by journey.
        outcomes: how they ended, by journey; ``open`` while they had not. A run whose goal begins
            its next period has several ends.
        refused: the starts that were refused, by journey and reason.
        lines: the messages.
        left_out: journeys that were not played.
        played: the number of calls.
        gaps: what the store does not know, or memory does not play, by `words.GAPS`.
        bills: what the messages cost, by channel, as far as prices are known.
    """

    entered: Counter[str] = field(default_factory=Counter)
    outcomes: Mapping[str, Counter[str]] = field(default_factory=dict)
    refused: Mapping[str, Counter[str]] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    left_out: tuple[str, ...] = ()
    played: int = 0
    gaps: Mapping[str, int] = field(default_factory=dict)
    bills: Mapping[str, Bill] = field(default_factory=dict)

    def without(self, journeys: Collection[str]) -> Self:
        """Return the side without some journeys, which the other one does not play."""

        def kept(of: Mapping[str, Any]) -> dict[str, Any]:
            return {name: each for name, each in of.items() if name not in journeys}

        return replace(
            self,
            entered=Counter(kept(self.entered)),
            outcomes=kept(self.outcomes),
            refused=kept(self.refused),
            lines=[line for line in self.lines if line.journey not in journeys],
            left_out=tuple(journeys),
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "entered": self.entered,
            "outcomes": self.outcomes,
            "refused": self.refused,
            "lines": [line.as_json() for line in self.lines],
            "left_out": self.left_out,
            "played": self.played,
            "gaps": dict(self.gaps),
            "bills": {channel: bill.as_json() for channel, bill in self.bills.items()},
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        """Return the side that `as_json` wrote."""
        return cls(
            Counter(told["entered"]),
            _counters(told["outcomes"].items()),
            _counters(told["refused"].items()),
            [Line.of_json(one) for one in told["lines"]],
            tuple(told["left_out"]),
            told["played"],
            told["gaps"],
            {channel: Bill.of_json(bill) for channel, bill in told["bills"].items()},
        )


def _counters(told: Iterable[tuple[str, Mapping[str, int]]]) -> dict[str, Counter[str]]:
    return {name: Counter(each) for name, each in told}
