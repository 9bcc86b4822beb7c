"""Suppositions: the events that a drawn run may hear, and the answers that it may get.

Values are made up, as for a preview. Of those that may vary, the ones are varied that the journey's
source names, one at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import combinations
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from sojourn.domain.errors import BadInput
from sojourn.domain.events import ENVELOPE, Event, personal_fields
from sojourn.domain.events.samples import made_up, made_up_fields
from sojourn.domain.facts import Fact, Operand
from sojourn.domain.facts.nodes import Compare, CountOf, TimeOf, TotalOf, WrittenTo
from sojourn.domain.facts.walking import leaves
from sojourn.domain.messages import Reason, Status
from sojourn.insight.drawing.source import Named, named_by
from sojourn.journeys.activities import Activity
from sojourn.journeys.journey import Journey

BEGINS = datetime(2024, 1, 2, 12, 34, 56, 789012, tzinfo=UTC)
"""The made-up present: an odd moment, that nothing else falls on."""
ODD = timedelta(minutes=7, seconds=3, microseconds=17)
"""Made-up moments differ by it, so that a wait's end tells from which of them it was counted."""
LONG_AGO = timedelta(days=400)
MOST_STARTS = 60
"""Ways in which one event may start a run that are tried."""
MOST_VALUES = 8
"""Values of one field that are tried."""


@dataclass(frozen=True)
class Option:
    """One of the ways on from a place in the steps.

    Args:
        words: the answer, in the words of an arrow; empty: there is nothing to say of it.
        value: what the run gets.
        traits: the values by which it differs from others of the same words, by their names.
    """

    words: str
    value: Any = None
    traits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Supposed:
    """An event that a run may hear.

    Args:
        event: its class.
        fields: made up; without its envelope.
    """

    event: type[Event]
    fields: dict[str, Any]

    def moved(self, by: timedelta) -> dict[str, Any]:
        """Return its fields, with their moments so much later."""
        return {
            name: value + by if isinstance(value, date) else value
            for name, value in self.fields.items()
        }


class Suppositions:
    """The events and answers that runs of one journey may meet.

    Args:
        journey: the journey.
    """

    def __init__(self, journey: type[Journey]) -> None:
        self._journey = journey
        self._named = named_by(journey)
        self._events: dict[type[Event], list[Option]] = {}
        self._starts: dict[type[Event], list[Option]] = {}
        self._replies: dict[Activity[..., Any], list[Option]] = {}
        self.receipts = _receipts(self._named)

    def events(self, event: type[Event]) -> list[Option]:
        """Return an event as it may come at `BEGINS`: the plainest first.

        Args:
            event: its class.

        Raises:
            BadInput: nothing that we can make up fits a field; the message names both.
        """
        if event not in self._events:
            self._events[event] = _events(event, self._named, self._journey, at_once=1)
        return self._events[event]

    def starts(self, event: type[Event]) -> list[Option]:
        """Return an event as it may come, if it is the one that starts a run.

        Args:
            event: its class.

        Raises:
            BadInput: nothing that we can make up fits a field; the message names both.
        """
        if event not in self._starts:
            found = _events(event, self._named, self._journey, at_once=2)
            self._starts[event] = found[:MOST_STARTS]
        return self._starts[event]

    def replies(self, activity: Activity[..., Any]) -> list[Option]:
        """Return the ends that a call may have, as JSON values; the last one is its failure.

        Args:
            activity: that is called.

        Raises:
            BadInput: nothing that we can make up is a result of it.
        """
        if activity not in self._replies:
            self._replies[activity] = _replies(activity, self._named)
        return self._replies[activity]

    def answers(self, about: Fact | Operand[Any]) -> list[Option]:
        """Return the answers to a question about the customer, as JSON values.

        Args:
            about: the question.
        """
        return _answers(about, self._named)


def _events(
    event: type[Event], named: Named, journey: type[Journey], *, at_once: int
) -> list[Option]:
    """Return an event, and again with other values of fields that the source names.

    Args:
        event: its class.
        named: the fields.
        journey: which hears it.
        at_once: so many fields have another value at once.
    """
    also, now = journey.terms.key, BEGINS
    try:
        plain = made_up_fields(event, also=also, now=now)
    except BadInput as error:
        raise BadInput(f"{event.event_name}: {error}") from None
    plain = {name: _odd(value, n) for n, (name, value) in enumerate(plain.items(), 1)}
    personal = personal_fields(event)
    steps = [message.step for message in journey.messages]
    ways: list[tuple[str, Any]] = []
    traits: dict[str, str] = {}
    for n, (name, info) in enumerate(event.model_fields.items()):
        if name in ENVELOPE or name in personal or name not in named.names or name == also:
            continue
        known = plain.get(name, None if info.is_required() else info.get_default())
        fits = TypeAdapter(info.rebuild_annotation())
        others: list[tuple[Any, Any]] = []
        texts = [*(steps if name == "step" else ()), *named.texts_for(name)]
        for value in _values(info.annotation, texts, named):
            given = _of_name(name, _odd(_moment(value, now), n))
            try:
                taken = fits.validate_python(given)
            except ValidationError:
                continue
            if taken != known and taken not in [other for _, other in others]:
                others.append((given, taken))
        others = others[:MOST_VALUES]
        if others:
            traits[name] = _trait(name, known, given=name in plain)
            ways += [(name, value) for value, _ in others]
    found: list[Option] = []
    for some in _some_of(ways, at_once):
        varied = {**traits, **{name: _trait(name, value, given=True) for name, value in some}}
        found.append(Option(event.event_name, Supposed(event, {**plain, **dict(some)}), varied))
    return found


def _some_of(
    ways: Sequence[tuple[str, Any]], at_once: int
) -> Iterator[tuple[tuple[str, Any], ...]]:
    """Yield other values of no field, of each one, and of several at once."""
    for number in range(at_once + 1):
        for some in combinations(ways, number):
            if len({name for name, _ in some}) == number:
                yield some


def _answers(about: Fact | Operand[Any], named: Named) -> list[Option]:
    if isinstance(about, Fact):
        yes_or_no = [Option("yes", True), Option("no", False)]
        return yes_or_no if _is_always_known(about) else [*yes_or_no, Option("unknown", None)]
    match about.of:
        case TimeOf():
            span = LONG_AGO.total_seconds()
            return [Option("never", None), Option("just now", 0.0), Option("long ago", span)]
        case CountOf() | TotalOf():
            return [Option(_number(n), n) for n in _around(named.numbers)]
    texts = [Option(text, text) for text in [*named.texts][:MOST_VALUES]]
    numbers = [Option(_number(n), n) for n in _around(named.numbers)] if named.numbers else []
    known = [Option("yes", True), Option("no", False), *texts, *numbers]
    return [*known, Option("unknown", None)]


def _replies(activity: Activity[..., Any], named: Named) -> list[Option]:
    now = BEGINS
    results: list[tuple[str, Any, dict[str, str]]] = []
    for part in _parts(activity.returns):
        if part is NoneType:
            results.append(("nothing", None, {}))
        elif isinstance(part, type) and issubclass(part, BaseModel):
            results += [("done", value, said) for value, said in _models(part, named, now)]
        else:
            values = list(_values(part, [*named.texts], named))
            results += [(_said(v), v, {}) for v in values[:MOST_VALUES]] or [
                ("done", made_up(part, now=now), {})
            ]
    found = [Option(words, activity.written_result(v), said) for words, v, said in results]
    if len(found) == 1:
        found = [replace(found[0], words="done")]
    return [*found, Option("it fails")]


def _receipts(named: Named) -> list[Option]:
    """Return the fates that a message may have, as far as the journey tells them apart."""
    told = [reason for reason in Reason if {reason.name, reason.value} & named.names]
    untold = (reason for reason in (*_ORDINARY, *Reason) if reason not in (*told, *_ENDING))
    other = next(untold, _ORDINARY[0])
    found = [Option("sent", (Status.SENT, None)), Option("not sent", (Status.SKIPPED, other))]
    others = (Status.UNKNOWN, Status.REJECTED, Status.EXPIRED)
    found += [
        Option(_said(status), (status, None))
        for status in others
        if {status.name, status.value} & named.names
    ]
    reasons = [reason for reason in told if reason not in _ENDING]
    return [*found, *(Option(_said(reason), (Status.SKIPPED, reason)) for reason in reasons)]


_ORDINARY = (Reason.NO_CONSENT, Reason.TOO_LATE, Reason.NO_ADDRESS, Reason.CAP, Reason.SUPPRESSED)
_ENDING = (Reason.OTHER_CHANNEL, Reason.ERASED, Reason.GOAL_REACHED, Reason.RUN_STOPPED)


def _models(
    model: type[BaseModel], named: Named, now: datetime
) -> Iterator[tuple[BaseModel, dict[str, str]]]:
    """Yield results of a call: the plainest, and those with another value of a named field."""
    plain = made_up_fields(model, now=now)
    base = model.model_validate(plain)
    ways: list[tuple[str, Any, BaseModel]] = []
    traits: dict[str, str] = {}
    for name, info in model.model_fields.items():
        if name not in named.names:
            continue
        known = getattr(base, name)
        for value in list(_values(info.annotation, (), named))[:MOST_VALUES]:
            try:
                made = model.model_validate({**plain, name: _moment(value, now)})
            except ValidationError:
                continue
            if getattr(made, name) != known and not isinstance(known, str):
                traits.setdefault(name, _trait(name, known, given=known is not None))
                ways.append((name, value, made))
    yield base, traits
    for name, value, made in ways:
        yield made, {**traits, name: _trait(name, value, given=True)}


def _values(kind: Any, texts: Sequence[str], named: Named) -> Iterator[Any]:
    """Yield values of a type that may make a difference."""
    for part in _parts(kind):
        if get_origin(part) is Literal:
            yield from get_args(part)
        elif not isinstance(part, type) or part is NoneType:
            continue
        elif issubclass(part, Enum):
            yield from _members(part, named)
        elif issubclass(part, bool):
            yield from (True, False)
        elif part is AwareDatetime or issubclass(part, datetime):
            yield AHEAD
        elif issubclass(part, str):
            yield from (GIVEN, *texts)
        elif issubclass(part, BaseModel | list | dict):
            continue
        else:
            yield from _around(named.numbers)


def _members(kind: type[Enum], named: Named) -> list[Enum]:
    """Return the members that the source names, and one that stands for all others."""
    told = [one for one in kind if one.name in named.names or one.value in named.texts]
    others = [one for one in kind if one not in told]
    return [*told, *others[:1]]


class _Later:
    """Stands for a value that is made up once more is known: its name, or the moment."""

    def __init__(self, what: str) -> None:
        self.what = what


AHEAD, GIVEN = _Later("a moment ahead"), _Later("any text")


def _moment(value: Any, now: datetime) -> Any:
    return now + timedelta(days=30) if value is AHEAD else value


def _of_name(name: str, value: Any) -> Any:
    return f"{name}-1" if value is GIVEN else value


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the types of which a type is made up: those of a union, what is annotated."""
    if get_origin(kind) in (Union, UnionType):
        for part in get_args(kind):
            yield from _parts(part)
    elif hasattr(kind, "__metadata__"):
        yield from _parts(get_args(kind)[0])
    else:
        yield kind


def _around(numbers: Sequence[float]) -> list[float]:
    """Return numbers on each side of those that something is compared with."""
    near = {0.0, 1.0, *(number + by for number in numbers for by in (-1, 0, 1))}
    return sorted(int(n) if float(n).is_integer() else n for n in near if n >= 0)


def _odd(value: Any, n: int) -> Any:
    return value + n * ODD if isinstance(value, datetime) else value


def _trait(name: str, value: Any, *, given: bool) -> str:
    if value is None or (not given and value == ""):
        return f"no {name}"
    if isinstance(value, bool):
        return name if value else f"not {name}"
    if isinstance(value, Enum):
        return f"{name} {_said(value)}"
    if (isinstance(value, str) and value != f"{name}-1") or isinstance(value, int | float):
        return f"{name} {value}"
    return f"with {name}"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value).replace("_", " ")
    return _number(value) if isinstance(value, int | float) else str(value)


def _number(value: float) -> str:
    return f"{value:g}"


def _is_always_known(fact: Fact) -> bool:
    """Tell whether a fact holds or fails of each customer: it counts events of whatever kind."""
    return all(
        isinstance(leaf, WrittenTo)
        or (isinstance(leaf, Compare) and isinstance(leaf.of, CountOf) and leaf.of.where is None)
        for leaf in leaves(fact)
    )
