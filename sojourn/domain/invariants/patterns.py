"""Patterns of invariants: `two`, `message_after`, `message_in`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from sojourn.domain.events import Event
from sojourn.domain.invariants.invariant import Breach, Pattern
from sojourn.domain.invariants.story import Said, Story
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.week import read_week

Kind = MessageClass | Channel | str
"""Names messages: of a class, by a channel, of a journey or a step of it."""


def two(*which: Kind, within: timedelta, in_one_run: bool = False) -> Pattern:
    """Find two messages that left nearer to each other than a span.

    Args:
        which: messages of these classes, channels, journeys (``"abandoned-cart"``) or steps
            (``"abandoned-cart/reminder"``): of all that are named, one of each sort must fit.
            All messages if left out.
        within: the span; two messages exactly so far apart are none.
        in_one_run: only two messages of one run: those on two carts may be near to each other.

    Returns:
        The pattern, for `never`.

    Raises:
        ValueError: the span is not positive.
    """
    fits = _Kinds.of(which)
    if within <= timedelta(0):
        raise ValueError("two messages are within some time: within=hours(24)")

    def find(story: Story) -> Iterator[Breach]:
        messages = [one for one in story.left if fits(one)]
        if in_one_run:
            messages.sort(key=lambda one: (one.workflow_id, one.at))
        for first, second in pairwise(messages):
            if in_one_run and first.workflow_id != second.workflow_id:
                continue
            if second.at - first.at < within:
                yield Breach(
                    f"{first.name} on {story.told(first.at)}, and {second.name} "
                    f"{_span(second.at - first.at)} later, on {story.told(second.at)}",
                    (first.at, second.at),
                )

    run = " in one run" if in_one_run else ""
    return Pattern(f"two {fits.words} within {_span(within)}{run}", find, (), fits.journeys)


def message_after(
    *events: type[Event], of: Kind | tuple[Kind, ...] = (), within: timedelta | None = None
) -> Pattern:
    """Find a message that left after an event was acknowledged.

    Where the event names the key of the message's journey, it must be that of the message's run:
    the refund of one order says nothing of the messages on another. An event that happened before
    the one from which the message's steps count is old news, and so is no breach.

    Args:
        events: the classes, one at least.
        of: which messages, as `two` has them: ``of="abandoned-cart"``, or several in brackets.
        within: only so long after the event; then an event from which the steps count is one, too.

    Returns:
        The pattern, for `never`.

    Raises:
        TypeError: no event is named.
    """
    if not events:
        raise TypeError("message_after takes an event: message_after(OrderRefunded)")
    fits = _Kinds.of(of if isinstance(of, tuple) else (of,))
    names = tuple(event.event_name for event in events)

    def find(story: Story) -> Iterator[Breach]:
        for message in filter(fits, story.left):
            found = (
                story.after(message, *names)
                if within is None
                else (
                    event
                    for event in story.events
                    if event.name in names
                    and event.arrived < message.at
                    and event.at <= message.at < event.at + within
                    and story.about(event, message)
                )
            )
            for event in found:
                yield Breach(
                    f'{message.name} left on {story.told(message.at)}, after "{event.name}" of '
                    f"{story.told(event.at)}",
                    (event.at, message.at),
                )

    said = " or ".join(f'"{name}"' for name in names)
    span = f"{_span(within)} " if within else ""
    words = f"{fits.one} {f'within {span}' if span else ''}after {said}"
    return Pattern(words, find, events, fits.journeys)


def message_in(hours: str, *which: Kind) -> Pattern:
    """Find a message that left in some hours, by the clock on the customer's wall.

    Args:
        hours: as ``policy.toml`` has them: ``"21:00-09:00"``, ``"sat-sun 00:00-24:00"``.
        which: which messages, as `two` has them.

    Returns:
        The pattern, for `never`.

    Raises:
        ValueError: the hours cannot be read.
    """
    fits, week = _Kinds.of(which), read_week(hours)

    def find(story: Story) -> Iterator[Breach]:
        for message in filter(fits, story.left):
            if week.has(story.local(message.at)):
                yield Breach(f"{message.name} left on {story.told(message.at)}", (message.at,))

    words = f"{fits.one} in {hours} by the customer's clock"
    return Pattern(words, find, (), fits.journeys)


@dataclass(frozen=True)
class _Kinds:
    """The messages that a pattern is about."""

    classes: frozenset[MessageClass]
    channels: frozenset[Channel]
    names: frozenset[str]

    @classmethod
    def of(cls, which: tuple[Kind, ...]) -> "_Kinds":
        for one in which:
            if not isinstance(one, str):
                raise TypeError(f"messages are named by class, channel, journey or step: {one!r}")
        return cls(
            frozenset(one for one in which if isinstance(one, MessageClass)),
            frozenset(one for one in which if isinstance(one, Channel)),
            frozenset(one for one in which if not isinstance(one, MessageClass | Channel)),
        )

    def __call__(self, message: Said) -> bool:
        return (
            (not self.classes or message.message_class in self.classes)
            and (not self.channels or message.channel in self.channels)
            and (not self.names or bool({message.journey, message.name} & self.names))
        )

    @property
    def journeys(self) -> frozenset[str]:
        """The names of the journeys that are named."""
        return frozenset(name.partition("/")[0] for name in self.names)

    @property
    def words(self) -> str:
        """The messages, in words: ``promotional messages by sms of renewal``."""
        return self._of("messages")

    @property
    def one(self) -> str:
        """One of them, in words: ``a promotional message by sms of renewal``."""
        return f"{'an' if self._of('').startswith('a') else 'a'} {self._of('message')}"

    def _of(self, noun: str) -> str:
        return " ".join(
            [
                *_sorted(self.classes, "or"),
                *([noun] if noun else []),
                *_sorted(self.channels, "or", "by"),
                *_sorted(self.names, "or", "of"),
            ]
        )


def _sorted(words: frozenset[str], between: str, before: str = "") -> list[str]:
    said = f" {between} ".join(sorted(words))
    return [f"{before} {said}".strip()] if said else []


def _span(span: timedelta) -> str:
    """Return a span in words: ``24 hours``, ``3 days``, ``1 hour 30 minutes``."""
    if span >= timedelta(days=2) and not span % timedelta(days=1):
        return f"{span.days} days"
    hours, rest = divmod(span, timedelta(hours=1))
    minutes = rest // timedelta(minutes=1)
    parts = [(hours, "hour"), (minutes, "minute")]
    said = [f"{n} {name}{'' if n == 1 else 's'}" for n, name in parts if n]
    return " ".join(said) or f"{span.total_seconds():g} seconds"
