"""Circles: journeys that start each other by events that they tell.

The events that steps tell are read from their source, as a person would read it:
``self.tell(TrialEnded, ...)`` or ``self.tell(TrialEnded(...))``. An event that is chosen at run
time is not seen here; the limit of `dispatch.sayings` holds for all.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator

from sojourn.domain.events import Event
from sojourn.journeys.journey import Journey


def told_by(journey: type[Journey]) -> set[str]:
    """Return the wire names of the events that the methods of a journey tell."""
    try:
        source = textwrap.dedent(inspect.getsource(journey))
    except (OSError, TypeError):  # a class that was made without a file
        return set()
    names = vars(sys.modules[journey.__module__])
    found = {names.get(name) for name in _told(ast.parse(source))}
    return {one.event_name for one in found if isinstance(one, type) and issubclass(one, Event)}


def circles(journeys: Iterable[type[Journey]]) -> list[str]:
    """Return a line for each circle of journeys that start, or restart, each other.

    Args:
        journeys: all of a project.

    Returns:
        Advice, in the order of the journeys.
    """
    every = list(journeys)
    told = {one.name: told_by(one) for one in every}
    after = {
        one.name: {
            other.name: min(heard)
            for other in every
            if (heard := told[one.name] & _begun_by(other))
        }
        for one in every
    }
    lines = []
    for first in sorted(after):
        circle = _way_back(after, first)
        if circle and first == min(circle):
            said = ", ".join(
                f"{one} tells {after[one][other]}"
                for one, other in zip(circle, [*circle[1:], first], strict=True)
            )
            others = f"{' and '.join(circle)} can start each other"
            lines.append(
                f"{others if len(circle) > 1 else f'{first} can start itself'} endlessly: {said}. "
                "After 20 such events in a day, a customer's further ones are set aside"
            )
    return lines


def _begun_by(journey: type[Journey]) -> set[str]:
    terms = journey.terms
    return {event.event_name for event in (*terms.begun_by, *terms.moved_by)}


def _way_back(after: dict[str, dict[str, str]], first: str) -> list[str]:
    """Return a shortest circle through a journey, which it begins; empty if there is none."""
    ways = [[first]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for other in sorted(after[way[-1]]):
            if other == first:
                return way
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def _told(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="self"), attr="tell"),
                args=[ast.Name(id=name) | ast.Call(func=ast.Name(id=name)), *_],
            ):
                yield name
