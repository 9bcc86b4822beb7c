"""Exploring: drive a journey's steps again and again, until every way has been taken."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from sojourn.domain.errors import BadProject
from sojourn.insight.drawing.driving import Drive
from sojourn.insight.drawing.supposing import Suppositions
from sojourn.insight.drawing.ways import Spot, Way
from sojourn.journeys.journey import Journey

MOST_DRIVES = 4000
"""A journey with more ways than that is drawn by those that were found."""


class Found:
    """The ways that drives have found, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self.ways: dict[Way, None] = {}
        self.todo: deque[tuple[int, ...]] = deque([()])
        self._known: dict[Spot, dict[Any, None]] = {}

    def visited(self, spot: Spot, known: object) -> int:
        """Note that a run has come to a spot (`driving.Map`)."""
        states = self._known.setdefault(spot, {})
        if known in states:
            return -1
        states[known] = None
        return len(states) - 1

    def branch(self, path: Sequence[int], others: range) -> None:
        """Note that there are other ways on (`driving.Map`)."""
        self.todo.extend((*path, other) for other in others)

    def note(self, way: Way) -> None:
        """Note a way that a run has taken (`driving.Map`)."""
        self.ways[way] = None


def explore(journey: type[Journey]) -> list[Way]:
    """Find the ways through a journey.

    Args:
        journey: the journey.

    Returns:
        The ways, in the order in which they were found.

    Raises:
        BadInput: an event or a result that the journey needs cannot be made up; the message names
            it.
        BadProject: its steps fail whichever way they go.
    """
    found, world = Found(), Suppositions(journey)
    drives, errors, ended = 0, [], False
    while found.todo and drives < MOST_DRIVES:
        drive = Drive(journey, world, found.todo.popleft(), found)
        drive.go()
        drives += 1
        if drive.error is None:
            ended = True
        else:
            errors.append(drive.error)
    if errors and not ended:
        said = " ".join(str(errors[0]).split())
        raise BadProject(f"{journey.name}: its steps fail: {type(errors[0]).__name__}: {said}")
    return list(found.ways)
