"""Find out whether a journey can run in shadow: activities have effects, unless they say otherwise.

The activities are found in the code of the class and of the functions beside it that it uses. One
that is found in no such way fails when it is called in shadow (`Activity.supposed`).
"""

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from sojourn.domain.errors import BadInput
from sojourn.journeys.activities import Activity
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys


def check_shadow(journeys: Journeys) -> None:
    """Check that the journeys in shadow can run there.

    Raises:
        BadInput: one calls an activity with effects, and nothing says what it gets in its place.
    """
    for name in sorted(journeys.shadow):
        for activity in called_by(journeys[name]):
            if not activity.runs_in_shadow:
                raise BadInput(
                    f"{name} cannot run in shadow: it calls {activity.name}, which has effects; "
                    "say @activity(effects=False) if it only reads, or "
                    "@activity(in_shadow=...) with the answer that a run in shadow gets"
                )


def called_by(journey: type[Journey]) -> list[Activity[..., Any]]:
    """Return the activities that a journey's code names, by their names."""
    found: dict[str, Activity[..., Any]] = {}
    waiting = [
        value
        for name, value in inspect.getmembers(journey, inspect.isfunction)
        if getattr(Journey, name, None) is not value
    ]
    seen: set[FunctionType] = set()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        for value in _used(function):
            if isinstance(value, Activity):
                found[value.name] = value
            elif inspect.isfunction(value) and value.__module__ == function.__module__:
                waiting.append(value)
    return [found[name] for name in sorted(found)]


def _used(function: FunctionType) -> Iterator[object]:
    """Yield the values that a function's code names: of its module, and of modules it names."""
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        yield value
        if isinstance(value, ModuleType):
            yield from (getattr(value, other) for other in sorted(names) if hasattr(value, other))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function, and of those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
