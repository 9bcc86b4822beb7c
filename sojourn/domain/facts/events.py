"""Measures of events over a list of them: the definition that the queries of the store follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from math import trunc
from typing import Any, Protocol

from sojourn.domain.facts.answers import OF_NOTHING, UNSURE, Answers, Range, of_events_named
from sojourn.domain.facts.judging import judge
from sojourn.domain.facts.nodes import CountOf, Fact, OfEvents, TimeOf, TotalOf
from sojourn.domain.facts.values import Kind, read
from sojourn.domain.value_class import value_class

MILLIONTHS = 1_000_000
LARGEST_AMOUNT = 10.0**12
"""Amounts from here on have no exact sum."""


class Told(Protocol):
    """An event of the customer, as measures look at it."""

    @property
    def name(self) -> str:
        """Its wire name."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties, as the store has them."""


@value_class
class Happened:
    """An event of the customer.

    Args:
        name: its wire name.
        occurred_at: when it happened.
        properties: its properties, as the store has them.
    """

    name: str
    occurred_at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


def look_up(fact: Fact, answers: Answers, happened: Iterable[Told]) -> Answers:
    """Return the answers with those to the measures of events.

    Args:
        fact: which measures are looked up.
        answers: the moment, and all the rest.
        happened: the customer's events, in any order; those after the moment do not count.

    Returns:
        Answers by which the fact can be judged.
    """
    named: dict[str, list[Told]] = {}
    for one in happened:
        named.setdefault(one.name, []).append(one)
    return look_up_in(named, fact, answers)


def look_up_in(named: Mapping[str, Sequence[Told]], fact: Fact, answers: Answers) -> Answers:
    """Return the answers with those to the measures of events, as `look_up` does.

    Args:
        named: the customer's events by their names, none without any. Those after the moment do
            not count.
        fact: which measures are looked up.
        answers: the moment, and all the rest.

    Returns:
        Answers by which the fact can be judged.
    """
    found = {}
    asked = of_events_named(fact)
    for name, events in named.items():
        for of, most in asked[name].items() if name in asked else ():
            found[of] = _measured(of, events, answers, most)
    return answers.with_events(found, named.keys())


def measured(of: OfEvents, happened: Iterable[Told], answers: Answers) -> Any:
    """Return the value of one measure, as `Answers.events` has it.

    Args:
        of: the measure.
        happened: the customer's events, in any order; those after the moment do not count.
        answers: the moment, and all the rest.

    Returns:
        A `Range`; a moment, None for never; a sum; or `UNSURE`.
    """
    meant = [one for one in happened if one.name == of.event]
    return _measured(of, meant, answers, None)


def _measured(of: OfEvents, events: Sequence[Told], answers: Answers, most: int | None) -> Any:
    """Return the value of a measure by the events of its name."""
    found = _in_time(of, events, answers.now)
    if not found:
        return OF_NOTHING[type(of)]
    if of.where is None:
        return _value(of, found, found, most)
    sure: list[Told] = []
    maybe: list[Told] = []
    for event in found:
        meant = judge(of.where, answers.at(event.properties)).holds
        if meant:
            sure.append(event)
        if meant is not False:
            maybe.append(event)
    return _value(of, sure, maybe, most)


def _value(of: OfEvents, sure: Sequence[Told], maybe: Sequence[Told], most: int | None) -> Any:
    """Return the value of a measure by the events that are meant, and those that are or may be."""
    match of:
        case CountOf():
            low, high = len(sure), len(maybe)
            return Range(low, high) if most is None else Range(min(low, most), min(high, most))
        case TimeOf(which=which):
            pick = max if which == "last" else min
            ends = {pick((e.occurred_at for e in some), default=None) for some in (sure, maybe)}
            return ends.pop() if len(ends) == 1 else UNSURE
        case TotalOf():
            amounts = [amount(read(_field(e, of), Kind.NUMBER, of_event=True)) for e in sure]
            if len(sure) < len(maybe) or None in amounts:
                return UNSURE
            return sum(filter(None, amounts)) / MILLIONTHS


def amount(number: Any) -> float | None:
    """Return a number in whole millionths, which have an exact sum; None if it has none."""
    if number is None or abs(number) >= LARGEST_AMOUNT:
        return None
    return float(trunc(number * MILLIONTHS + (0.5 if number >= 0 else -0.5)))


def _field(event: Told, of: TotalOf) -> object:
    raw = event.properties.get(of.field.name)
    return of.field.default.value if raw is None and of.field.default else raw


def _in_time(of: OfEvents, events: Sequence[Told], now: datetime) -> Sequence[Told]:
    within = None if isinstance(of, TimeOf) else of.within
    if within is None:
        return [e for e in events if e.occurred_at <= now]
    since = now - within
    return [e for e in events if since < e.occurred_at <= now]
