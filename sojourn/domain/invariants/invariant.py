"""`Invariant`, and the two words that make one: `never` and `always`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sojourn.domain.events import Event
from sojourn.domain.invariants.story import Said, Story


@dataclass(frozen=True)
class Breach:
    """One thing in a story that must not be.

    Args:
        sentence: what is wrong, for people.
        moments: the moments that the sentence speaks of.
        invariant: the name of the invariant that it breaks; `Invariant.breaches` fills it in.
    """

    sentence: str
    moments: tuple[datetime, ...] = ()
    invariant: str = ""


Find = Callable[[Story], Iterable[Breach]]
"""Finds what must not be in a story."""


@dataclass(frozen=True)
class Pattern:
    """Something to look for in a story, with its name in words.

    Args:
        words: as they read after "never": ``two promotional messages within 24 hours``.
        find: finds it.
        events: that it speaks of.
        journeys: names of those that it is about; none: all.
    """

    words: str
    find: Find
    events: tuple[type[Event], ...] = ()
    journeys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Invariant:
    """A statement that no story may break.

    Args:
        name: in words, as people read it.
        find: finds what breaks it.
        events: that it speaks of: `sojourn fuzz` publishes them.
        journeys: names of those that it is about; none: all.
    """

    name: str
    find: Find
    events: tuple[type[Event], ...] = ()
    journeys: frozenset[str] = frozenset()

    def breaches(self, story: Story) -> list[Breach]:
        """Return what breaks it in a story."""
        return [
            Breach(found.sentence, tuple(found.moments), self.name) for found in self.find(story)
        ]

    def __str__(self) -> str:
        return self.name


def never(what: Pattern | Find, name: str = "") -> Invariant:
    """Declare what must never be in a customer's story.

    ``never(two(PROMOTIONAL, within=hours(24)))`` takes a pattern; a function of a `Story` that
    yields a `Breach` for each thing that it finds is one as well::

        def reminder_of_an_empty_cart(story: Story) -> Iterator[Breach]: ...

        no_empty_cart = never(reminder_of_an_empty_cart)

    Args:
        what: the pattern, or the function.
        name: in words; that of the pattern or the function if left out.

    Returns:
        The invariant: a keyword of the journey, or a constant of the project's ``invariants.py``.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(what, Pattern):
        return Invariant(name or f"never {what.words}", what.find, what.events, what.journeys)
    if not callable(what):
        raise TypeError(f"never takes a pattern or a function of a story, not {what!r}")
    return Invariant(name or f"never {_words(what)}", what)


def always(holds: Callable[[Story, Said], bool], name: str = "") -> Invariant:
    """Declare what must hold of every message that leaves.

    Args:
        holds: a function of the story and of one message that left: ``def by_day(story, message):
            return 8 <= story.local(message.at).hour < 20``.
        name: in words; that of the function if left out.

    Returns:
        The invariant.

    Raises:
        TypeError: it is no function.
    """
    if not callable(holds):
        raise TypeError(f"always takes a function of a story and a message, not {holds!r}")
    words = name or f"always {_words(holds)}"

    def find(story: Story) -> Iterable[Breach]:
        for message in story.left:
            if not holds(story, message):
                yield Breach(f"{message.name} left on {story.told(message.at)}", (message.at,))

    return Invariant(words, find)


def _words(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__).strip("_").replace("_", " ")
