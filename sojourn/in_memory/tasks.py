"""Tasks in memory: questions of runs to a person, each answered once, as in `store.tasks`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import LONGEST_ID, TaskAnswered
from sojourn.domain.tasks import Closing, Opening, TaskStand, TaskState
from sojourn.domain.text import bounded
from sojourn.in_memory.intake import Intake
from sojourn.in_memory.people import Mute
from sojourn.in_memory.registry import Registry


@dataclass(slots=True, eq=False)
class Task:
    """A question to a person.

    Args:
        number: of the task.
        said: the question, as its run asks it.
        stand: its state.
    """

    number: int
    said: Opening
    stand: TaskStand

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has answered it yet, and its run still waits."""
        return self.stand.state is TaskState.OPEN


class Tasks:
    """The tasks of a world.

    Args:
        registry: the customers.
        intake: tells runs of answers.
    """

    def __init__(self, registry: Registry, intake: Intake) -> None:
        self._registry = registry
        self._intake = intake
        self._tasks: dict[str, Task] = {}

    @property
    def listed(self) -> Sequence[Task]:
        """The open tasks, oldest first."""
        return [task for task in self._tasks.values() if task.is_open]

    def load(self, said: Opening, stand: TaskStand) -> None:
        """Take in a task of before.

        Args:
            said: the question.
            stand: its state, as its run knows it.
        """
        name = stand.task or said.task
        self._tasks[name] = Task(len(self._tasks) + 1, said, stand)

    def open(self, said: Opening) -> TaskStand:
        """Open a task; one that was opened before stays as it is.

        Args:
            said: the question.

        Returns:
            Its state.
        """
        if said.task not in self._tasks:
            stand = TaskStand(state=TaskState.OPEN, task=said.task)
            self._tasks[said.task] = Task(len(self._tasks) + 1, said, stand)
            if said.silent:
                person = self._registry.person(said.customer_id)
                person.mutes.append(Mute(said.task, said.journey, said.run, "", None, said.until))
                person.is_changed()
        return self._tasks[said.task].stand

    def close(self, said: Closing, now: datetime) -> TaskStand:
        """Close a task, unless it was answered.

        Args:
            said: the task, and why.
            now: the present.

        Returns:
            Its state; with the answer, if that was quicker.
        """
        task = self._tasks[said.task]
        if task.is_open:
            state = TaskState.EXPIRED if said.because is None else TaskState.CLOSED
            self._end(task, TaskStand(state=state, task=said.task), at=said.now, now=now)
        return task.stand

    def answer(self, number: int, name: str, now: datetime) -> Task:
        """Answer a task, if it is still open.

        Args:
            number: of the task.
            name: the name of the answer.
            now: the present.

        Returns:
            The task.

        Raises:
            UnknownName: there is no such task.
            BadInput: the question has no such answer.
        """
        task = next((one for one in self._tasks.values() if one.number == number), None)
        if task is None:
            raise UnknownName("task", str(number), ())
        said = task.said
        if name not in said.answers:
            raise BadInput(
                f'"{name}" is not an answer to {said.question}. '
                f"Choose one of: {', '.join(said.answers)}"
            )
        if not task.is_open:
            return task
        at = max(now, said.now)
        stand = TaskStand(state=TaskState.ANSWERED, answer=name, task=said.task)
        self._end(task, stand, at=at, now=now)
        person = self._registry.person(said.customer_id)
        event = TaskAnswered(
            message_id=bounded(f"answered/{said.task}", LONGEST_ID, prefix="answered/"),
            customer_id=person.customer_id,
            occurred_at=at,
            journey=said.journey,
            run=said.run,
            task=said.task,
            answer=name,
            by="in memory",
        )
        self._intake.tell_own(person, event, now)
        return task

    def _end(self, task: Task, stand: TaskStand, *, at: datetime, now: datetime) -> None:
        task.stand = stand
        name = task.said.task
        person = self._registry.person(task.said.customer_id)
        mutes = [mute for mute in person.mutes if mute.message_id == name]
        self._intake.unmute(person, mutes, because=name, at=at, now=now)
