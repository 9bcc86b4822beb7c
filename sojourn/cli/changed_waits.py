"""Waits of open runs that an earlier plan has begun, and their length by the present code."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from sojourn.journeys.temporal import TemporalRuntime

SAME = timedelta(seconds=1)


@dataclass(frozen=True)
class Wait:
    """A timer.

    Args:
        lasts: its duration, from the moment it was set.
        summary: the cause of the wait.
    """

    lasts: timedelta
    summary: str


@dataclass(frozen=True)
class ChangedWait:
    """A wait that goes on as it was begun, and its length by the present code.

    Args:
        journey: the name of the journey.
        before: the wait that the run has begun.
        after: the wait that the code would begin.
    """

    journey: str
    before: Wait
    after: Wait


@contextmanager
def watched() -> Iterator[dict[str, Wait]]:
    """Note the last wait that each replayed run comes to, by workflow id."""
    found: dict[str, Wait] = {}

    def note(run: str, lasts: timedelta, summary: str) -> None:
        found[run] = Wait(lasts, summary)

    TemporalRuntime.watcher = note
    try:
        yield found
    finally:
        TemporalRuntime.watcher = None


def pending(history: WorkflowHistory) -> Wait | None:
    """Return the timer that a run waits for; None if it waits for none."""
    timers: dict[int, Wait] = {}
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            started = event.timer_started_event_attributes
            lasts = started.start_to_fire_timeout.ToTimedelta()
            timers[event.event_id] = Wait(lasts, _summary(event))
        elif event.event_type == EventType.EVENT_TYPE_TIMER_FIRED:
            timers.pop(event.timer_fired_event_attributes.started_event_id, None)
        elif event.event_type == EventType.EVENT_TYPE_TIMER_CANCELED:
            timers.pop(event.timer_canceled_event_attributes.started_event_id, None)
    return next(reversed(timers.values()), None)


def changed(journey: str, history: WorkflowHistory, after: Wait | None) -> ChangedWait | None:
    """Compare the wait that a run is in with the one that its replay has reached.

    Args:
        journey: the name of the journey.
        history: the run's history.
        after: the last wait of the replay.

    Returns:
        Both waits if their lengths differ; otherwise None.
    """
    before = pending(history)
    if before is None or after is None or abs(before.lasts - after.lasts) <= SAME:
        return None
    return ChangedWait(journey, before, after)


def told(waits: Iterable[ChangedWait]) -> list[str]:
    """Return a line for each kind of changed wait, the most frequent first."""
    kinds = Counter((wait.journey, wait.before.summary, wait.after.summary) for wait in waits)
    return [
        f'{number} of {journey} {_go(number)} as begun: "{before}"; later ones: "{after}"'
        for (journey, before, after), number in kinds.most_common()
    ]


def _go(number: int) -> str:
    return "goes on" if number == 1 else "go on"


def _summary(event: HistoryEvent) -> str:
    data = event.user_metadata.summary.data
    return str(json.loads(data)) if data else ""
