"""Tasks: questions to a person that a run waits for, as they cross Temporal. Nothing personal."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from sojourn.domain.sayings import Saying


class TaskState(StrEnum):
    """The state of a task."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    """Nobody had answered when its time was up, and the run went on without an answer."""
    CLOSED = "closed"
    """The run has ended, or begun its steps again: it needs no answer any more."""


class WhyClosed(StrEnum):
    """The reason why a run needs no answer any more."""

    GOAL_REACHED = "goal_reached"
    RUN_STOPPED = "run_stopped"
    BEGUN_AGAIN = "begun_again"
    CUSTOMER_ERASED = "customer_erased"


class Opening(Saying):
    """A run asks a person.

    Args:
        journey: its name.
        question: its name in the journey.
        text: what the person reads.
        answers: words by name.
        until: the run waits until this moment, by the journey's clock.
        silent: no promotional message leaves to the customer while it is open.
    """

    journey: str
    question: str
    text: str
    answers: dict[str, str]
    until: AwareDatetime
    silent: bool = False

    @property
    def what(self) -> str:
        """The question's name."""
        return self.question

    @property
    def task(self) -> str:
        """The name of the task, made of what caused it: as stable as a message's in the ledger."""
        return self._id("task")


class Closing(BaseModel):
    """A run no longer waits for an answer.

    Args:
        task: its name.
        customer_id: whose run it is.
        question: its name in the journey.
        occurrence: its number among the tasks of this question.
        because: why it no longer waits; None: its time is up.
        now: by the journey's clock.
    """

    model_config = ConfigDict(frozen=True)

    task: str
    customer_id: str
    question: str
    occurrence: int
    because: WhyClosed | None = None
    now: AwareDatetime


class TaskStand(BaseModel):
    """The state of a task and its answer, as its run is told.

    Args:
        state: its state.
        answer: the name of the answer; empty without one.
        task: its name; empty if there is none.
    """

    model_config = ConfigDict(frozen=True)

    state: TaskState
    answer: str = ""
    task: str = ""
