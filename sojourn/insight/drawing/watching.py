"""The watch around a run's verbs: which verb the steps have come to, and what they gave it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from sojourn.domain.events import Event
from sojourn.domain.facts import Fact, Operand
from sojourn.domain.message import Message
from sojourn.domain.working_time import Span
from sojourn.insight.drawing.moments import Moments, span
from sojourn.insight.drawing.picture import Shape
from sojourn.insight.drawing.supposing import Option, Suppositions
from sojourn.journeys import wording
from sojourn.journeys.activities import Activity
from sojourn.journeys.journey import Journey

TIME_IS_UP, PASSED = "time is up", "passed"
LONGEST = 120
"""Characters of a question; of a longer one the rest is left out."""
_MADE_UP = re.compile(r'"(\w+)-1"')
"""An id of an event that was made up: the reader cares that it is the event's, not what it is."""


@dataclass(frozen=True)
class Verb:
    """A verb to which the steps have come.

    Args:
        name: of the verb.
        args: what the steps gave it.
        given: likewise, by name.
        topic: of the journey.
    """

    name: str
    args: tuple[Any, ...]
    given: dict[str, Any]
    topic: str

    @property
    def shape(self) -> Shape:
        """The shape in which it is drawn."""
        return _SHAPES[self.name]

    @property
    def takes_time(self) -> bool:
        """True if something may happen while the run is at it."""
        return self.name not in ("ask", "variant", "tell", "note")

    @property
    def activity(self) -> Activity[..., Any] | None:
        """The activity that it calls."""
        return self.args[0] if self.name == "call" else None

    @property
    def gathers(self) -> bool:
        """True if an event need not end its wait."""
        return self.name == "collect"

    @property
    def passes(self) -> str:
        """The words for a wait whose time has passed."""
        return TIME_IS_UP if self.name in ("wait_for", "collect", "person") else PASSED

    def lines(self, moments: Moments) -> tuple[str, ...]:
        """Return the text of its node.

        Args:
            moments: those that the run knows.
        """
        return _LINES[self.name](self, moments)

    def ends(self, supposed: Callable[[type[Event]], list[Option]]) -> list[Option]:
        """Return what may end its wait before the time.

        Args:
            supposed: gives an event as it may come.
        """
        if self.name in ("wait_for", "collect"):
            return [option for event in self.args for option in supposed(event)]
        if self.name == "person":
            return [Option(name, name) for name in self.args[0].answers]
        return []

    def answers(self, world: Suppositions) -> list[Option]:
        """Return the answers to the question that it asks of the store.

        Args:
            world: knows them.
        """
        about = _first(self)
        if self.name == "variant":
            return [Option(name, name) for name, weight in about.variants.items() if weight]
        return world.answers(about)


def message_lines(message: Message, topic: str) -> tuple[str, ...]:
    """Return what a picture tells of a message.

    Args:
        message: the message.
        topic: of its journey.
    """
    own = message.of(topic)
    words = f"{own.step}, as {own.words}" if own.words != own.step else own.step
    return (
        words,
        ", else ".join(own.channels),
        f"{own.message_class}, topic {own.topic}",
        f"useful for {wording.span(own.useful_for)}",
    )


def _send(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return message_lines(verb.args[0], verb.topic)


def _sleep(verb: Verb, moments: Moments) -> tuple[str, ...]:
    said = span(_first(verb))
    return (said if said.startswith("until") else f"{said} later",)


def _sleep_until(verb: Verb, moments: Moments) -> tuple[str, ...]:
    said = moments.until(_first(verb))
    return (said if " " in said else f"until {said}",)


def _quiet_for(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return (f"{span(_first(verb))} after the last {verb.given['of'].event_name}",)


def _wait_for(verb: Verb, moments: Moments) -> tuple[str, ...]:
    timeout = verb.given["timeout"]
    most = (
        f"until {moments.until(timeout)}"
        if isinstance(timeout, datetime)
        else _at_most(timeout, moments)
    )
    return (f"wait for {_either(verb.args)}", most)


def _at_most(within: Span, moments: Moments) -> str:
    """Say how long at most; a span to the second is one that the steps have worked out."""
    if isinstance(within, timedelta) and within % timedelta(minutes=1):
        return f"until {moments.later(within)}"
    said = span(within)
    return said if said.startswith("until") else f"for {said} at most"


def _collect(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return (f"collect {_either(verb.args)}", f"for {span(verb.given['for_'])}")


def _call(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return (f"call {verb.args[0].name}",)


def _ask(verb: Verb, moments: Moments) -> tuple[str, ...]:
    about: Fact | Operand[Any] = _first(verb)
    said = str(about if isinstance(about, Fact) else about.of)
    said = _MADE_UP.sub(r"its \1", said)
    return (f"{said if len(said) <= LONGEST else said[:LONGEST] + '...'}?",)


def _variant(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return (f"variant of {_first(verb).name}?",)


def _person(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return (f"a person: {verb.args[0].text}", _at_most(verb.given["within"], moments))


def _tell(verb: Verb, moments: Moments) -> tuple[str, ...]:
    return (f"tell {_first(verb).event_name}",)


def _note(verb: Verb, moments: Moments) -> tuple[str, ...]:
    given = verb.given.items()
    return tuple(f"note {name}: {_noted(value, moments)}" for name, value in given)


def _noted(value: Any, moments: Moments) -> str:
    """Say what is noted: of an event's own values, which are made up, the field that has them."""
    if isinstance(value, datetime):
        return moments.named(value)
    return _MADE_UP.sub(r"its \1", f'"{value}"').strip('"')


def _first(verb: Verb) -> Any:
    return verb.args[0] if verb.args else next(iter(verb.given.values()))


def _either(events: tuple[type[Event], ...]) -> str:
    return " or ".join(event.event_name for event in events)


_SHAPES = {
    "send": Shape.MESSAGE,
    "sleep": Shape.WAIT,
    "sleep_until": Shape.WAIT,
    "quiet_for": Shape.WAIT,
    "wait_for": Shape.WAIT,
    "collect": Shape.WAIT,
    "call": Shape.DEED,
    "ask": Shape.QUESTION,
    "variant": Shape.QUESTION,
    "person": Shape.QUESTION,
    "tell": Shape.DEED,
    "note": Shape.DEED,
}
_LINES: dict[str, Callable[[Verb, Moments], tuple[str, ...]]] = {
    "send": _send,
    "sleep": _sleep,
    "sleep_until": _sleep_until,
    "quiet_for": _quiet_for,
    "wait_for": _wait_for,
    "collect": _collect,
    "call": _call,
    "ask": _ask,
    "variant": _variant,
    "person": _person,
    "tell": _tell,
    "note": _note,
}
WATCHED = (*_LINES, "heard", "local", "opening")
"""The attributes of a run that the watch stands in front of."""


def watch(
    steps: Journey,
    come_to: Callable[[Verb], None],
    hear: Callable[[tuple[type[Event], ...]], None],
    moments: Moments,
) -> None:
    """Stand in front of the verbs of a run.

    Args:
        steps: the run's own object.
        come_to: is called by the watch itself, just before the verb does anything.
        hear: is called before the steps read what the run has heard.
        moments: notes those that the steps name.
    """
    for name in _LINES:
        setattr(steps, name, _watched(name, getattr(steps, name), steps.topic, come_to))
    heard, local, opening = steps.heard, steps.local, steps.opening

    def watched_heard(*events: type[Event]) -> list[Event]:
        hear(events)
        return heard(*events)

    def watched_local(at: Any, **given: Any) -> datetime:
        moment = local(at, **given)
        moments.note(moment, at, **given)
        return moment

    def watched_opening(hours: str, **given: Any) -> datetime:
        moment = opening(hours, **given)
        moments.opening(moment, hours)
        return moment

    for name, function in (
        ("heard", watched_heard),
        ("local", watched_local),
        ("opening", watched_opening),
    ):
        setattr(steps, name, function)


def _watched(
    name: str,
    verb: Callable[..., Awaitable[Any]],
    topic: str,
    come_to: Callable[[Verb], None],
) -> Callable[..., Awaitable[Any]]:
    @wraps(verb)
    async def watched(*args: Any, **given: Any) -> Any:
        come_to(Verb(name, args, given, topic))
        return await verb(*args, **given)

    return watched
