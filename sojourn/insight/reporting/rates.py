"""Rates of a report with their intervals, and their judgement by limits."""

from dataclasses import dataclass

from sojourn.domain.brakes import Brakes
from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import Interval, Tally, difference, rate
from sojourn.insight.reporting.figures import Group

LIMITS = Brakes()
"""The shares at which a campaign stops itself by default."""
ENOUGH = LIMITS.least
"""The fewest messages to judge a mailbox provider by."""


@dataclass(frozen=True)
class Compared:
    """A variant and its rates.

    Args:
        group: its messages.
        clicked: the share of sent messages in which a person clicked; None if nothing was sent.
        converted: the share of sent messages with credit for an order.
        clicked_more: how much higher ``clicked`` is than the first variant's; None for the first.
        converted_more: the same for ``converted``.
    """

    group: Group
    clicked: Interval | None
    converted: Interval | None
    clicked_more: Interval | None = None
    converted_more: Interval | None = None


def compared(variants: tuple[Group, ...]) -> list[Compared]:
    """Return variants with their rates, each compared with the first one."""
    found = []
    for number, one in enumerate(variants):
        clicks, orders = (_tally(one, name) for name in ("clicked", "converted"))
        first = variants[0] if number else None
        found.append(
            Compared(
                one,
                rate(clicks) if clicks else None,
                rate(orders) if orders else None,
                _more(clicks, _tally(first, "clicked") if first else None),
                _more(orders, _tally(first, "converted") if first else None),
            )
        )
    return found


@dataclass(frozen=True)
class Box:
    """The e-mails to one mailbox provider.

    Args:
        group: the e-mails.
        bounced: the share that bounced for good; None if nothing was sent.
        complained: the share that was complained about.
        over: the counts whose share is certainly over its limit: ``bounced``, ``complained``; None:
            there are too few e-mails to tell.
    """

    group: Group
    bounced: Interval | None
    complained: Interval | None
    over: tuple[str, ...] | None

    @property
    def is_bad(self) -> bool:
        """True if a share is certainly over its limit."""
        return bool(self.over)


def judged(mailboxes: tuple[Group, ...]) -> list[Box]:
    """Return mailbox providers with their rates, judged by the usual limits of campaigns."""
    return [_judged(one) for one in mailboxes]


def _judged(group: Group) -> Box:
    bounces, complaints = (_tally(group, name) for name in ("bounced", "complained"))
    bounced = rate(bounces) if bounces else None
    complained = rate(complaints) if complaints else None
    if group.counts.sent < ENOUGH or bounced is None or complained is None:
        return Box(group, bounced, complained, None)
    shares = (("bounced", bounced, LIMITS.bounces), ("complained", complained, LIMITS.complaints))
    over = (name for name, share, limit in shares if limit is not None and share.low > limit)
    return Box(group, bounced, complained, tuple(over))


def _tally(group: Group, name: str) -> Tally | None:
    """Return a count as a share of the sent messages; None if it is no valid share."""
    try:
        return Tally(getattr(group.counts, name), group.counts.sent)
    except BadFigures:  # none was sent, or the count includes messages that were perhaps sent
        return None


def _more(mine: Tally | None, first: Tally | None) -> Interval | None:
    return difference(mine, first) if mine and first else None
