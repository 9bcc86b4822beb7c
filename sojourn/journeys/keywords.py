"""The class keywords of a journey: what they take, and when a class can be a journey."""

import re
from datetime import timedelta

from sojourn.domain.events import AnyKey, Event, Whole
from sojourn.domain.events.base import personal_fields
from sojourn.domain.invariants import Invariant
from sojourn.domain.message import Message
from sojourn.domain.messages import MessageClass
from sojourn.domain.question import Question
from sojourn.journeys.run import Run
from sojourn.journeys.terms import Terms

Classes = type[Event] | tuple[type[Event], ...]
End = type[Event] | AnyKey | Whole
Ends = End | tuple[End, ...]

_NAME = re.compile(r"[a-z\d]+(-[a-z\d]+)*", re.ASCII)


def check(cls: type[Run], base: type[Run]) -> None:
    """Check that a class can be a journey, or a base of journeys.

    Raises:
        TypeError: it cannot.
    """
    called = cls.__name__
    for attribute, value in vars(cls).items():
        if isinstance(value, Message | Question) and hasattr(base, attribute):
            kind = "message" if isinstance(value, Message) else "question"
            raise TypeError(f'{called}.{attribute}: "{attribute}" is taken: rename the {kind}')
    if cls.name:
        _check_named(cls, called)
    elif "steps" in vars(cls) and cls.terms.starts_on:
        raise TypeError(f'{called} needs its name: class {called}(Journey, name="its-name")')


def _check_named(cls: type[Run], called: str) -> None:
    if not _NAME.fullmatch(cls.name):
        raise TypeError(f'{called}: "{cls.name}" is not kebab-case: write it like "abandoned-cart"')
    if not cls.terms.starts_on:
        raise TypeError(f"{called} never starts: add starts_on= to its class keywords")
    _check_part(cls.terms, called)
    for event in cls.terms.starts_on:
        if cls.terms.key and cls.terms.key not in event.model_fields:
            raise TypeError(f'{called}: {event.__name__} has no field "{cls.terms.key}" to key on')
        if cls.terms.anchor and cls.terms.anchor not in event.model_fields:
            raise TypeError(
                f'{called}: {event.__name__} has no field "{cls.terms.anchor}" to count from'
            )
    if cls.terms.mutes is not None and cls.terms.mutes <= timedelta(0):
        raise TypeError(f"{called} mutes for no time: write mutes=days(30), or leave it out")
    _check_measured(cls, called)
    for message in cls.messages:
        _check_counted(message, cls)
    _check_marked(cls, called)
    if cls.steps is Run.steps:
        raise TypeError(f"{called} has no steps: write async def steps(self)")


def _check_part(terms: Terms, called: str) -> None:
    """Check the field by which runs of one key are told apart."""
    if not terms.part:
        return
    if not terms.key:
        raise TypeError(f"{called}: part= tells parts of what a key names apart: add key=")
    for event in terms.starts_on:
        if terms.part not in event.model_fields or terms.part in personal_fields(event):
            raise TypeError(
                f'{called}: {event.__name__} has no field "{terms.part}" to tell parts apart by '
                "that may be in the id of a run"
            )


def _check_marked(cls: type[Run], called: str) -> None:
    """Check the marks of events that end runs."""
    for event in cls.terms.any_key:
        if event in cls.terms.starts_on:
            raise TypeError(
                f"{called}: {event.__name__} starts runs of the key that it names, and cannot end "
                "those of any key: leave any_key() out"
            )
    for event in cls.terms.whole:
        if "products" not in event.model_fields:
            raise TypeError(
                f"{called}: {event.__name__} lists no products, so it is always about all of its "
                "thing: leave whole() out"
            )


def _check_counted(message: Message, cls: type[Run]) -> None:
    """Check that runs are told the field by which a limit counts."""
    key = message.at_most.key if message.at_most else ""
    for event in cls.terms.starts_on if key else ():
        if key not in event.model_fields or key in personal_fields(event):
            raise TypeError(
                f'{cls.__name__}, {message.step}: {event.__name__} has no field "{key}" to count '
                "by that may be in a run's history: name another in at_most(key=...)"
            )


def classes(events: Classes | None, otherwise: tuple[type[Event], ...]) -> tuple[type[Event], ...]:
    """Return the classes that a keyword names; those of the base class if it is left out."""
    if events is None:
        return otherwise
    return events if isinstance(events, tuple) else (events,)


def ends_of(given: Ends | None, otherwise: tuple[End, ...]) -> tuple[End, ...]:
    """Return what a keyword says of the events that end runs, or what its base class says.

    Args:
        given: the keyword; None: it is left out.
        otherwise: what the base class says.

    Returns:
        The events, each marked if it ends the runs of every key, or only as a whole.
    """
    if given is None:
        return otherwise
    return given if isinstance(given, tuple) else (given,)


def marked(events: tuple[type[Event], ...], terms: Terms) -> tuple[End, ...]:
    """Return events that end runs, each with the marks that the terms of a journey hold."""
    return tuple(
        AnyKey(one) if one in terms.any_key else Whole(one) if one in terms.whole else one
        for one in events
    )


def events_of(given: Ends | None) -> tuple[type[Event], ...] | None:
    """Return the classes of the events that end runs, without their marks."""
    if given is None:
        return None
    every = given if isinstance(given, tuple) else (given,)
    return tuple(one.event if isinstance(one, AnyKey | Whole) else one for one in every)


def declared(given: object, called: str) -> tuple[Invariant, ...]:
    """Return the invariants that a keyword names.

    Args:
        given: one, or several in a tuple.
        called: the name of the class.

    Returns:
        The invariants.

    Raises:
        TypeError: something else is among them.
    """
    every = given if isinstance(given, tuple) else (given,)
    for one in every:
        if not isinstance(one, Invariant):
            raise TypeError(
                f"{called}: invariants= takes what never(...) and always(...) make, not {one!r}"
            )
    return every


def replaced(given: object, name: str, called: str, base: type[Run]) -> str:
    """Return the name of the journey in whose place another one is.

    Args:
        given: the keyword.
        name: of the journey that is in its place.
        called: the name of that one's class.
        base: of all journeys.

    Returns:
        The name.

    Raises:
        TypeError: it is no journey, or the same one.
    """
    if not (isinstance(given, type) and issubclass(given, base) and given.name):
        raise TypeError(
            f"{called}: instead_of= takes the class of a journey: instead_of=AbandonedCart"
        )
    if given.name == name:
        raise TypeError(f'{called} is called "{name}" as the one that it is instead of: rename it')
    return given.name


def _check_measured(cls: type[Run], called: str) -> None:
    """Check what a class says of control groups and orders."""
    if not 0 <= cls.terms.holdout < 1:
        raise TypeError(
            f"{called}: holdout= is a share of all customers, below 1: 0.1 is one in ten"
        )
    if cls.terms.holdout and not any(_is_promotional(one) for one in cls.messages):
        raise TypeError(
            f"{called} sends no promotional message, and holdout= holds customers out of those "
            "alone: leave it out"
        )
    if cls.terms.conversion_window <= timedelta(0):
        raise TypeError(
            f"{called}: conversion_window= is how long orders are credited to a message: days(7)"
        )


def _is_promotional(message: Message) -> bool:
    return message.message_class is MessageClass.PROMOTIONAL
