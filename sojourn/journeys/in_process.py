"""One run played through to its end in this process, by a clock that the play moves.

It knows no server and nothing of the world: a `Desk` answers for messages, calls and questions, and
the events that the run is to hear are given beforehand. Nothing else happens meanwhile.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sojourn.domain.messages import Enrolment, Heard, Result
from sojourn.journeys.desk import Desk
from sojourn.journeys.journey import Journey
from sojourn.journeys.stepping import Runs, Unwatched, Waited

__all__ = ["MOST_WAITS", "Desk", "Played", "Unwatched", "Waited", "play"]

MOST_WAITS = 1000
"""A plan that waits, or asks for messages, more often goes round in a circle."""


@dataclass(frozen=True)
class Played:
    """A run that was played.

    Args:
        result: its end; None: the play stopped before it, at its ``up_to``.
        waits: of the run, oldest first; the last one may lie beyond.
    """

    result: Result | None
    waits: tuple[Waited, ...]


async def play(
    journey: type[Journey],
    workflow_id: str,
    enrolment: Enrolment,
    desk: Desk,
    *,
    hears: Iterable[Heard] = (),
    up_to: datetime,
) -> Played:
    """Play a run from its beginning.

    Args:
        journey: the run's.
        workflow_id: the run's.
        enrolment: the run's: its start is when the play begins.
        desk: answers for the world.
        hears: what the run hears after its start, each at the moment at which it happened.
        up_to: the moment at which the play stops, by the journey's clock.

    Returns:
        The play, with every enrolment that follows in the same run.
    """
    shift = enrolment.clock
    runs = Runs(desk, enrolment.start.at - shift, most=MOST_WAITS)
    run = runs.start(journey, workflow_id, enrolment)
    for heard in sorted(hears, key=lambda one: one.order):
        runs.at(heard.at - shift, partial(run.hear, heard))
    await runs.advance(up_to - shift)
    goes_on = [] if run.waiting is None else [run.waiting]
    return Played(run.result, (*run.waits, *goes_on))
