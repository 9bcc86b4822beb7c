"""The figures of a report: plain values, as they were counted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from sojourn.domain.measuring.attribution import MICROS, Model
from sojourn.insight.reporting.brought import Brought


class By(StrEnum):
    """A column by which a report splits its figures."""

    STEP = "step"
    VARIANT = "variant"
    CHANNEL = "channel"
    LANGUAGE = "language"
    MAILBOX = "mailbox"
    VERSION = "version"
    DAY = "day"


NOT_TOLD: Mapping[By, str] = {
    By.STEP: "entered",
    By.VARIANT: "no variant",
    By.CHANNEL: "no channel",
    By.LANGUAGE: "not written",
    By.MAILBOX: "no mailbox",
    By.VERSION: "not told",
    By.DAY: "no day",
}
"""The names of groups whose column is empty."""


@dataclass(frozen=True)
class Asked:
    """The request for a report.

    Args:
        tz: the installation's time zone, in which days begin.
        names: the names of journeys and campaigns; none: all that have figures.
        since: the first day, ``2026-11-01``; empty: from the beginning.
        by: the column that splits the figures.
        model: the rule that divides orders among messages.
        until: the last day; empty: up to now.
    """

    tz: ZoneInfo
    names: tuple[str, ...] = ()
    since: str = ""
    by: By = By.STEP
    model: Model = Model.LAST
    until: str = ""


@dataclass(frozen=True)
class Counts:
    """Numbers of messages, by measure (`domain.measuring.measures.Measure`).

    Args:
        entered: the number of started runs, and of customers in frozen audiences.
    """

    entered: int = 0
    due: int = 0
    held: int = 0
    sent: int = 0
    skipped: int = 0
    rejected: int = 0
    expired: int = 0
    unknown: int = 0
    held_out: int = 0
    delivered: int = 0
    bounced: int = 0
    failed: int = 0
    complained: int = 0
    opened: int = 0
    opened_by_machine: int = 0
    clicked: int = 0
    clicked_by_machine: int = 0
    replied: int = 0
    unsubscribed: int = 0
    converted: int = 0

    @property
    def not_sent(self) -> int:
        """Messages that were decided on, but did not leave."""
        return self.skipped + self.rejected + self.expired

    @property
    def waiting(self) -> int:
        """Messages that are still to be decided on, or on their way to the provider."""
        return self.due - self.sent - self.not_sent - self.unknown

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COLUMNS))


COLUMNS = tuple(one.name for one in fields(Counts))


@dataclass(frozen=True, order=True)
class Money:
    """The credit of messages for orders in one currency.

    Args:
        currency: the currency; empty if the orders name none.
        orders: the number of orders, in millionths.
        value: their value, in millionths of the currency.
    """

    currency: str
    orders: int
    value: int

    @property
    def number(self) -> Decimal:
        """The number of orders, which may be a fraction if the model divides them."""
        return Decimal(self.orders) / MICROS

    @property
    def amount(self) -> Decimal:
        """Their value."""
        return Decimal(self.value) / MICROS


@dataclass(frozen=True)
class Group:
    """Messages that are counted together.

    Args:
        name: what they share: the step, the day, ...
        counts: their counts.
        reasons: the number of those that did not leave, by reason.
        money: their credit for orders, one for each currency.
        holds: the number of those that were held at least once, by reason; a message that was held
            for several counts in each.
    """

    name: str
    counts: Counts = Counts()
    reasons: Mapping[str, int] = field(default_factory=dict)
    money: tuple[Money, ...] = ()
    holds: Mapping[str, int] = field(default_factory=dict)

    @property
    def whys(self) -> list[tuple[str, int]]:
        """The reasons why messages did not leave, the most frequent first."""
        return _by_number(self.reasons)

    @property
    def why_held(self) -> list[tuple[str, int]]:
        """The reasons why messages were held, the most frequent first."""
        return _by_number(self.holds)


def _by_number(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda one: (-one[1], one[0]))


def together(name: str, groups: Iterable[Group]) -> Group:
    """Add up several groups, with each currency apart.

    Args:
        name: the name of the sum.
        groups: groups that share no message.
    """
    counts, reasons, holds = Counts(), Counter[str](), Counter[str]()
    orders, values = Counter[str](), Counter[str]()
    for one in groups:
        counts += one.counts
        reasons.update(one.reasons)
        holds.update(one.holds)
        for money in one.money:
            orders[money.currency] += money.orders
            values[money.currency] += money.value
    credited = tuple(Money(each, orders[each], values[each]) for each in sorted(orders))
    return Group(name, counts, dict(reasons), credited, dict(holds))


@dataclass(frozen=True)
class Part:
    """A journey or a campaign in a report.

    Args:
        name: its name.
        is_campaign: True for a campaign, False for a journey.
        groups: its messages, split by the report's column.
        days: its counts by day, the first day first, without empty days.
        variants: its messages by variant; empty unless there are two or more.
        brought: what its control group and its experiments have brought, of all days.
    """

    name: str
    is_campaign: bool
    groups: tuple[Group, ...]
    days: tuple[Group, ...]
    variants: tuple[Group, ...]
    brought: tuple[Brought, ...] = ()

    @property
    def whole(self) -> Group:
        """All its messages together."""
        return together(self.name, self.groups)


@dataclass(frozen=True)
class Report:
    """The figures of journeys and campaigns since a day.

    Args:
        at: the moment when they were read.
        uncounted: the number of changes that were not counted by then.
        asked: the request for it.
        parts: its journeys and campaigns, by name.
        mailboxes: the e-mails of all parts, by the operator of the mailbox.
        brought: what the installation's control group has brought, of all days.
    """

    at: datetime
    uncounted: int
    asked: Asked
    parts: tuple[Part, ...]
    mailboxes: tuple[Group, ...]
    brought: tuple[Brought, ...] = ()

    @property
    def whole(self) -> Group:
        """All parts together."""
        return together("all", (one.whole for one in self.parts))
