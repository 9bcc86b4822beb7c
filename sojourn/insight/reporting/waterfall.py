"""The way of messages from entered to converted, with the losses between, as bars."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sojourn.insight.reporting.figures import Group
from sojourn.insight.reporting.speech import ENGLISH, Speech


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
        share: the share in words: ``4.2 %``; empty if it is no share.
        of: what it is a share of: ``of due``.
        about: an explanation of the label; may be empty.
    """

    label: str
    kind: Kind
    number: int
    start: int = 0
    share: str = ""
    of: str = ""
    about: str = ""


def waterfall(group: Group, *, is_campaign: bool, speech: Speech = ENGLISH) -> list[Bar]:
    """Return the bars of messages from entered to converted.

    Args:
        group: the messages.
        is_campaign: customers enter, not runs.
        speech: the language of the labels.

    Returns:
        The bars, without losses of 0.
    """
    return list(_Way(group, speech).bars(is_campaign=is_campaign))


class _Way:
    """The bars of a group in a language."""

    def __init__(self, group: Group, speech: Speech) -> None:
        self._group = group
        self._counts = group.counts
        self._speech = speech
        self._abouts = speech.words.abouts

    def bars(self, *, is_campaign: bool) -> Iterator[Bar]:
        counts, abouts = self._counts, self._abouts
        entered = abouts["customers" if is_campaign else "runs"]
        yield self._bar("entered", Kind.STAGE, counts.entered, about=entered)
        yield self._bar("due", Kind.STAGE, counts.due)
        if counts.held:
            yield self._bar("held", Kind.ASIDE, counts.held, of="due")
        yield from self._losses(self._not_sent(), counts.due, "due")
        yield self._bar("sent", Kind.STAGE, counts.sent, of="due")
        given_up = [(one, getattr(counts, one)) for one in ("bounced", "failed")]
        yield from self._losses(
            ((self._label(one), number, abouts[one]) for one, number in given_up),
            counts.sent,
            "sent",
        )
        for name, kind, about in (
            ("delivered", Kind.STAGE, None),
            ("opened", Kind.STAGE, self._beside(counts.opened_by_machine)),
            ("clicked", Kind.STAGE, self._beside(counts.clicked_by_machine)),
            ("replied", Kind.ASIDE, None),
            ("unsubscribed", Kind.ASIDE, None),
            ("complained", Kind.ASIDE, None),
            ("converted", Kind.GOAL, None),
        ):
            number = getattr(counts, name)
            if number or name in ("delivered", "clicked", "converted"):
                yield self._bar(name, kind, number, of="sent", about=about)

    def _bar(
        self, name: str, kind: Kind, number: int, *, of: str = "", about: str | None = None
    ) -> Bar:
        about = self._abouts.get(name, "") if about is None else about
        share, stage = self._share(number, of)
        return Bar(self._label(name), kind, number, share=share, of=stage, about=about)

    def _share(self, number: int, of: str) -> tuple[str, str]:
        whole = getattr(self._counts, of) if of else 0
        if not whole:
            return "", ""
        return self._speech.percent(number / whole), self._speech.words.of[of]

    def _not_sent(self) -> Iterator[tuple[str, int, str]]:
        counts = self._counts
        for reason, number in self._group.whys:
            yield self._speech.reason(reason), number, ""
        no_reason = counts.not_sent - sum(self._group.reasons.values())
        for name, number in (
            ("no_reason", no_reason),
            ("perhaps", counts.unknown),
            ("under_way", counts.waiting),
        ):
            yield self._label(name), number, self._abouts.get(name, "")

    def _losses(self, losses: Iterable[tuple[str, int, str]], left: int, of: str) -> Iterator[Bar]:
        for label, number, about in losses:
            if number > 0:
                left = max(left - number, 0)
                share, stage = self._share(number, of)
                yield Bar(label, Kind.LOSS, number, left, share, stage, about)

    def _label(self, name: str) -> str:
        return self._speech.words.labels[name]

    def _beside(self, by_machine: int) -> str:
        if not by_machine:
            return self._abouts["people"]
        return self._speech.words.machines.format(n=self._speech.number(by_machine))
