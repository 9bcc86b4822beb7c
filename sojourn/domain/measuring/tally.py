"""`Tally`: all that one message counts, and where; and the sum of what has changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sojourn.domain.measuring.attribution import Credit, Model, credits_of
from sojourn.domain.measuring.measures import Measure, columns_of


@dataclass(frozen=True, order=True)
class Cell:
    """The messages that are counted together.

    Args:
        day: on which they were due, in the zone of the installation: ``2026-12-01``.
        source: their journey or campaign.
        occasion: of a campaign that has several.
        version: of the code that decided on them.
        step: their step; empty: it counts those who entered.
        variant: of an experiment.
        channel: by which they were to leave.
        language: that they were written in; empty: they were not written.
        mailbox: who keeps the mailboxes.
    """

    day: str
    source: str
    occasion: str = ""
    version: str = ""
    step: str = ""
    variant: str = ""
    channel: str = ""
    language: str = ""
    mailbox: str = ""


Money = Mapping[tuple[Model, str], Credit]
"""The credit by model and currency."""


@dataclass(frozen=True)
class Tally:
    """All that a message counts.

    Args:
        cell: where.
        measures: in what.
        reason: why it did not leave; empty: it left, or is still to be decided on.
        money: its credit for orders.
        holds: the reasons for which it was held.
    """

    cell: Cell
    measures: Measure
    reason: str = ""
    money: Money = field(default_factory=dict)
    holds: tuple[str, ...] = ()


@dataclass
class Change:
    """The change of a cell: each number is added to what the store has.

    Args:
        counts: by column.
        reasons: by reason.
        holds: by the reason of a hold.
        money: by model and currency: orders and value.
    """

    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    money: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, tally: Tally, times: int) -> None:
        """Add what a message counts.

        Args:
            tally: of the message.
            times: 1, or -1 to take away what it counted before.
        """
        for column in columns_of(tally.measures):
            self.counts[column] = self.counts.get(column, 0) + times
        if tally.reason:
            self.reasons[tally.reason] = self.reasons.get(tally.reason, 0) + times
        for reason in tally.holds:
            self.holds[reason] = self.holds.get(reason, 0) + times
        for (model, currency), credit in tally.money.items():
            sums = self.money.setdefault((model.value, currency), [0, 0])
            sums[0] += times * credit.order
            sums[1] += times * credit.value

    def enter(self, number: int) -> None:
        """Add customers who entered."""
        self.counts["entered"] = self.counts.get("entered", 0) + number

    @property
    def is_nothing(self) -> bool:
        """True if it changes no number."""
        return not (
            any(self.counts.values())
            or any(self.reasons.values())
            or any(self.holds.values())
            or any(any(sums) for sums in self.money.values())
        )


def money_of(orders: Iterable[tuple[int, int, int, str]]) -> Money:
    """Return the credit of a message for the orders that may be credited to it, by every model.

    Args:
        orders: of each: the message's place among the messages that it may be credited to, from 1;
            the number of these; the value in millionths; the currency.
    """
    found: dict[tuple[Model, str], Credit] = {}
    for place, touches, value, currency in orders:
        for model in Model:
            mine = credits_of(touches, value, model)[place - 1]
            if mine.order:
                had = found.get((model, currency), Credit(0, 0))
                found[model, currency] = Credit(had.order + mine.order, had.value + mine.value)
    return found
