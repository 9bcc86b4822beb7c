"""`Course`: the history of an open run as plain records, task by task."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sojourn.domain.messages import Delayed, Delivery, Enrolment, Heard


class Kind(StrEnum):
    """A command that a run gives Temporal."""

    TIMER = "a timer"
    CANCEL_TIMER = "the end of a timer"
    ACTIVITY = "the activity"
    CANCEL_ACTIVITY = "the end of an activity"
    LOCAL = "the local activity"
    PATCH = "the marker of the change"
    OTHER = "the command"


@dataclass(frozen=True)
class Command:
    """A command of a run, as its history has it.

    Args:
        kind: which.
        name: the activity's type, or the name of the change.
        id: the activity's id.
        number: of its event, by which its end names it.
        at: the moment of that event; of a local activity, its end.
        lasts: the duration of a timer.
        answer: the result of a local activity, as JSON.
        given: the message of a send.
    """

    kind: Kind
    name: str = ""
    id: str = ""
    number: int = 0
    at: datetime | None = None
    lasts: timedelta = timedelta(0)
    answer: Any = None
    given: Delivery | None = None

    def is_alike(self, other: "Command") -> bool:
        """Tell whether a replay takes one for the other: it looks at types and ids alone."""
        return (self.kind, self.name, self.id) == (other.kind, other.name, other.id)

    def __str__(self) -> str:
        said = f" {self.id or self.name}" if self.id or self.name else ""
        return f"{self.kind.value}{said}"


@dataclass(frozen=True)
class Task:
    """A workflow task: what the run was told, and the commands that it answered with.

    Args:
        at: when the task began: the run's clock stands there.
        outgrown: Temporal suggested to continue as new.
        told: the events that the run heard, in their order.
        stopped: an operator ended the run by a way that no longer exists.
        fired: the numbers of timers that fired.
        answers: the results of activities as JSON, by the number of their scheduling.
        failures: the kinds of errors by which activities have failed, likewise.
        commands: its own, in their order.
    """

    at: datetime
    outgrown: bool = False
    told: tuple[Heard, ...] = ()
    stopped: bool = False
    fired: frozenset[int] = frozenset()
    answers: Mapping[int, Any] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()

    def shifted(self, by: timedelta) -> "Task":
        """Return the task by a clock that is ahead."""
        commands = (
            replace(one, at=None if one.at is None else one.at + by) for one in self.commands
        )
        return replace(self, at=self.at + by, commands=tuple(commands))


@dataclass(frozen=True)
class Course:
    """An open run's present execution.

    Args:
        workflow_id: the run's.
        journey: its journey's name.
        enrolment: that it began with.
        tasks: those that were answered, oldest first.
        rest: what came after the last one, and is not answered yet.
        cancelled: somebody has cancelled the run, which is about to end.
    """

    workflow_id: str
    journey: str
    enrolment: Enrolment
    tasks: tuple[Task, ...]
    rest: Task
    cancelled: bool = False

    def by_its_clock(self) -> "Course":
        """Return the course by the journey's clock, which time travel shifts against Temporal's."""
        by, enrolment = self.enrolment.clock, self.enrolment
        if not by:
            return self
        carried = enrolment.carried
        if carried is not None and carried.begun is not None:
            carried = carried.model_copy(update={"begun": carried.begun + by})
        delayed = enrolment.delayed
        if delayed is not None:
            delayed = Delayed(since=delayed.since + by, until=delayed.until + by)
        return replace(
            self,
            enrolment=enrolment.model_copy(
                update={"clock": timedelta(0), "carried": carried, "delayed": delayed}
            ),
            tasks=tuple(task.shifted(by) for task in self.tasks),
            rest=self.rest.shifted(by),
        )
