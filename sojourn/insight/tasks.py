"""`Task`: a question to a person, as commands, pages and helpdesks show it."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from sojourn.domain.tasks import TaskState, WhyClosed
from sojourn.sending.task_page import page_of
from sojourn.settings import Settings
from sojourn.store.tables import TaskRow

WHY_CLOSED = {
    WhyClosed.GOAL_REACHED: "the journey reached its goal",
    WhyClosed.RUN_STOPPED: "the run was stopped",
    WhyClosed.BEGUN_AGAIN: "the journey began its steps again",
    WhyClosed.CUSTOMER_ERASED: "the customer was erased",
}


class Known(StrEnum):
    """A helpdesk's knowledge of a task."""

    TOLD = "told"
    WAITS = "waits"
    """It is to be told, for the first time or again."""
    GIVEN_UP = "given_up"
    """It could not be told, and no further try is planned."""


class Task(BaseModel):
    """One task.

    Args:
        id: its number.
        customer_id: the customer it is about.
        journey: the name of the journey that asks.
        run: the workflow id of the run that waits.
        question: its name in the journey.
        text: the text that the person reads.
        answers: the words of the answers, by name.
        opened_at: when it was opened, by the journey's clock.
        until: until when the run waits.
        state: its state.
        answer: the name of the answer; empty without one.
        by: who answered.
        ended_at: when it was answered, or closed.
        because: why it was closed without an answer.
        url: the URL of its page; empty if it was not asked for.
        helpdesk: the helpdesk's knowledge of it; None if no helpdesk is told.
        tries: failed tries to tell the helpdesk the latest news.
    """

    id: int
    customer_id: str
    journey: str
    run: str
    question: str
    text: str
    answers: dict[str, str]
    opened_at: datetime
    until: datetime
    state: TaskState
    answer: str = ""
    by: str = ""
    ended_at: datetime | None = None
    because: str = ""
    url: str = ""
    helpdesk: Known | None = None
    tries: int = 0

    @property
    def words(self) -> str:
        """The words of the answer."""
        return self.answers.get(self.answer, self.answer)

    def told(self) -> str:
        """Say what the helpdesk knows: ``it knows``."""
        match self.helpdesk:
            case Known.TOLD:
                return "it knows"
            case Known.WAITS:
                return f"it is told again: {self.tries} tries failed" if self.tries else "is told"
            case Known.GIVEN_UP:
                return f"not told: given up after {self.tries} tries"
        return ""

    def standing(self) -> str:
        """Say where it stands: ``answered by Ann: Refund it``."""
        match self.state:
            case TaskState.ANSWERED:
                return f"answered by {self.by}: {self.words}"
            case TaskState.EXPIRED:
                return "nobody answered in time: the run went on without an answer"
            case TaskState.CLOSED:
                return f"closed: {WHY_CLOSED[WhyClosed(self.because)]}"
        return "open"


def task_of(row: TaskRow, settings: Settings | None = None) -> Task:
    """Return a task of the store; with settings, the address of its page as well."""
    assert row.id is not None
    url = page_of(row, settings) if settings is not None else ""
    return Task(
        id=row.id,
        customer_id=row.customer_id,
        journey=row.journey,
        run=row.run,
        question=row.question,
        text=row.text,
        answers=row.answers,
        opened_at=row.opened_at,
        until=row.until,
        state=row.state,
        answer=row.answer or "",
        by=row.answered_by or "",
        ended_at=row.ended_at,
        because=row.because or "",
        url=url,
        helpdesk=_known(row),
        tries=row.tries,
    )


def _known(row: TaskRow) -> Known | None:
    if not row.to_tell:
        return None
    if row.tell_at is not None:
        return Known.WAITS
    return Known.GIVEN_UP if row.tries else Known.TOLD
