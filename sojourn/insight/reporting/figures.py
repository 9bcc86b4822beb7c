"""The figures of a report: plain values, as they were counted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from sojourn.domain.measuring.attribution import MICROS, Model


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
"""The words for messages of which that column is empty."""


@dataclass(frozen=True)
class Asked:
    """The figures that a report is to have.

    Args:
        tz: the zone of the installation, in which days begin.
        names: of journeys and campaigns; none: all that have figures.
        since: the first day, ``2026-11-01``; empty: from the beginning.
        by: the column that splits the figures.
        model: to which messages orders are owed.
    """

    tz: ZoneInfo
    names: tuple[str, ...] = ()
    since: str = ""
    by: By = By.STEP
    model: Model = Model.LAST


@dataclass(frozen=True)
class Counts:
    """Numbers of messages, each by what is true of it (`domain.measuring.measures.Measure`).

    Args:
        entered: runs that were started, and customers in audiences that were frozen.
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
        """Messages that were decided on, and did not leave."""
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
    """Orders that are owed to messages, in one currency.

    Args:
        currency: empty: the orders say none.
        orders: in millionths.
        value: in millionths of the currency.
    """

    currency: str
    orders: int
    value: int

    @property
    def number(self) -> Decimal:
        """The orders; a model that divides them gives parts of one."""
        return Decimal(self.orders) / MICROS

    @property
    def amount(self) -> Decimal:
        """Their value."""
        return Decimal(self.value) / MICROS


@dataclass(frozen=True)
class Group:
    """Messages that are counted together.

    Args:
        name: what they have in common: the step, the day, ...
        counts: of them.
        reasons: why some of them did not leave: how many, by reason.
        money: what is owed to them, one for each currency.
    """

    name: str
    counts: Counts = Counts()
    reasons: Mapping[str, int] = field(default_factory=dict)
    money: tuple[Money, ...] = ()

    @property
    def whys(self) -> list[tuple[str, int]]:
        """The reasons, the most frequent first."""
        return sorted(self.reasons.items(), key=lambda one: (-one[1], one[0]))


def together(name: str, groups: Iterable[Group]) -> Group:
    """Return several groups as one. Each currency stays by itself.

    Args:
        name: of the sum.
        groups: with no message in two of them.
    """
    counts, reasons = Counts(), Counter[str]()
    orders, values = Counter[str](), Counter[str]()
    for one in groups:
        counts += one.counts
        reasons.update(one.reasons)
        for money in one.money:
            orders[money.currency] += money.orders
            values[money.currency] += money.value
    owed = tuple(Money(each, orders[each], values[each]) for each in sorted(orders))
    return Group(name, counts, dict(reasons), owed)


@dataclass(frozen=True)
class Part:
    """A journey or a campaign in a report.

    Args:
        name: of it.
        is_campaign: False: it is a journey.
        groups: its messages, split by the report's column.
        days: its counts by day, the first day first; days without any are left out.
        variants: its messages by variant; empty unless there are two.
    """

    name: str
    is_campaign: bool
    groups: tuple[Group, ...]
    days: tuple[Group, ...]
    variants: tuple[Group, ...]

    @property
    def whole(self) -> Group:
        """All of it."""
        return together(self.name, self.groups)


@dataclass(frozen=True)
class Report:
    """The figures of some journeys and campaigns since a day.

    Args:
        at: the moment when they were read.
        uncounted: changes that were not counted by then.
        asked: the figures that it has.
        parts: of the report, by name.
        mailboxes: the e-mails of all parts, by who keeps the mailbox.
    """

    at: datetime
    uncounted: int
    asked: Asked
    parts: tuple[Part, ...]
    mailboxes: tuple[Group, ...]

    @property
    def whole(self) -> Group:
        """All parts together."""
        return together("all", (one.whole for one in self.parts))
