"""The way of messages from entered to converted, with the losses between, as bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sojourn.domain.messages import Reason
from sojourn.domain.reasons import explain
from sojourn.insight.reporting.figures import Group
from sojourn.insight.reporting.words import percent


class Kind(StrEnum):
    """The kind of a bar."""

    STAGE = "stage"
    """Messages or customers that got this far."""
    LOSS = "loss"
    """Messages that got no further."""
    ASIDE = "aside"
    """A part of a stage that goes on."""
    GOAL = "goal"
    """Messages with credit for an order."""


@dataclass(frozen=True)
class Bar:
    """A line of the waterfall.

    Args:
        label: its label.
        kind: its kind.
        number: the number of messages, or of runs or customers in the first line.
        start: where its bar begins: a loss starts at the end of what is left.
        of: the number that it is a share of; 0: it is no share.
        of_what: the name of that number: ``due``.
        about: an explanation of the label; may be empty.
    """

    label: str
    kind: Kind
    number: int
    start: int = 0
    of: int = 0
    of_what: str = ""
    about: str = ""

    @property
    def share(self) -> str:
        """The share in words: ``4.2 %``; empty if it is no share."""
        return percent(self.number / self.of) if self.of else ""


def waterfall(group: Group, *, is_campaign: bool) -> list[Bar]:
    """Return the bars of messages from entered to converted.

    Args:
        group: the messages.
        is_campaign: customers enter, not runs.

    Returns:
        The bars, without losses of 0.
    """
    counts = group.counts
    due, sent = counts.due, counts.sent
    bars = [
        Bar("entered", Kind.STAGE, counts.entered,
            about="customers in its audience" if is_campaign else "runs started"),
        Bar("due", Kind.STAGE, due, about="messages that were to be decided on"),
    ]  # fmt: skip
    if counts.held:
        about = "waited at least once for a time that suits"
        bars.append(Bar("held", Kind.ASIDE, counts.held, of=due, of_what="due", about=about))
    bars += _losses(_not_sent(group), due, due, "due")
    bars.append(Bar("sent", Kind.STAGE, sent, of=due, of_what="due", about="taken by a provider"))
    given_up = [
        ("bounced", counts.bounced, "the address takes nothing"),
        ("failed", counts.failed, "the provider gave it up"),
    ]
    bars += _losses(given_up, sent, sent, "sent")
    for label, number, kind, about in (
        ("delivered", counts.delivered, Kind.STAGE, "as far as providers tell"),
        ("opened", counts.opened, Kind.STAGE, _beside(counts.opened_by_machine)),
        ("clicked", counts.clicked, Kind.STAGE, _beside(counts.clicked_by_machine)),
        ("replied", counts.replied, Kind.ASIDE, ""),
        ("unsubscribed", counts.unsubscribed, Kind.ASIDE, ""),
        ("complained", counts.complained, Kind.ASIDE, "called spam by its reader"),
        ("converted", counts.converted, Kind.GOAL, "the last message before an order"),
    ):
        if number or kind is Kind.GOAL or label in ("delivered", "clicked"):
            bars.append(Bar(label, kind, number, of=sent, of_what="sent", about=about))
    return bars


def why(reason: str) -> str:
    """Return a reason in plain words; empty if this version does not know it."""
    try:
        return explain(Reason(reason))
    except (ValueError, KeyError):
        return ""


def _not_sent(group: Group) -> Iterator[tuple[str, int, str]]:
    counts = group.counts
    for reason, number in group.whys:
        yield reason.replace("_", " "), number, ""
    yield "no reason told", counts.not_sent - sum(group.reasons.values()), ""
    yield "perhaps sent", counts.unknown, "its provider did not answer: nobody knows if it left"
    yield "under way", counts.waiting, "held, or on its way to a provider"


def _losses(
    losses: Iterator[tuple[str, int, str]] | list[tuple[str, int, str]],
    left: int,
    of: int,
    of_what: str,
) -> Iterator[Bar]:
    for label, number, about in losses:
        if number > 0:
            left = max(left - number, 0)
            yield Bar(label, Kind.LOSS, number, left, of, of_what, about)


def _beside(by_machine: int) -> str:
    return f"by people; by machines alone or too: {by_machine}" if by_machine else "by people"
