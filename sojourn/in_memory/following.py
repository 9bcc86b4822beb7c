"""A run along its history: the steps of this code, answered by what Temporal has recorded.

Temporal replays a run in the same way: it has the code ask once more for all that it has asked for,
compares types and ids, and gives the recorded answers. Where the code asks for another thing, the
run would break. Where the history is used up, the run goes on in memory.
"""

from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.messages import Delivery, Enrolment, Receipt
from sojourn.domain.sayings import Noting, Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.in_memory.course import Command, Course, Kind, Task
from sojourn.journeys.desk import Desk
from sojourn.journeys.journey import Journey
from sojourn.journeys.stepping import SEND_PAUSE, Deed, LocalRun, Runs, Wait, Waited
from sojourn.journeys.temporal import (
    CALLS_AGAIN,
    CLOSE_TASK,
    NOTE_STOP,
    NOTE_TRAITS,
    OPEN_TASK,
    READ_FACT,
    STOPS_ARE_STORED,
    TELL_EVENT,
)


class _Differs(BaseException):
    """The code asks for another thing. Not an `Exception`: no ``except`` may swallow it."""


class FollowedRun(LocalRun):
    """A run that has followed its history, and goes on from there.

    Attributes:
        broken: the first difference between this code and the history; empty: it has none.
        opened: the tasks for people that the run has opened.
    """

    def __init__(self, runs: Runs, journey: type[Journey], course: Course) -> None:
        self._follows = True
        self._task: Task = course.rest
        self._left: deque[Command] = deque()
        self._patches: dict[str, bool] = {}
        self._marked: set[str] = set()
        self._called = ""
        self._given_up: Counter[str] = Counter()
        self._has_begun = False
        self._asks = Command(Kind.OTHER)
        self._recorded = Command(Kind.OTHER)
        self._given: Delivery | None = None
        self._read: Callable[[Any], Any] = lambda answer: answer
        self._here = course.rest.at
        self.broken = ""
        self.opened: list[tuple[Opening, TaskStand]] = []
        course = course.by_its_clock()
        super().__init__(runs, journey, course.workflow_id, course.enrolment)
        if course.tasks:
            self._was_delayed(course.tasks[0].at)
        try:
            for task in course.tasks:
                self._follow(task)
        except _Differs as difference:
            self.broken = str(difference)
        except Exception as error:
            self.broken = f"its steps fail: {type(error).__name__}: {error}"
        if self.broken:
            self.terminate()
            return
        self._go_on_from(course.rest)
        if course.cancelled:
            self.terminate()

    # ---- following -------------------------------------------------------------------------

    def _follow(self, task: Task) -> None:
        self._task, self._here = task, task.at
        self._left = deque(one for one in task.commands if not _is_a_handlers(one))
        self._marked |= {one.name for one in task.commands if one.kind is Kind.PATCH}
        self._hear(task)
        while self._takes_its_turn():
            self._step()
            self._since = self._here
            if not self.is_open:
                raise _Differs("the steps end where the run has gone on")
            self._compare()
        if self._left:
            raise _Differs(f"the run has come to {self._left[0]} where the steps wait")

    def _was_delayed(self, first: datetime) -> None:
        """Note the wait that was the delay of the start, if that was over by the first task."""
        delayed = self.enrolment.delayed
        if delayed is not None and delayed.until <= first:
            lasted = delayed.until - delayed.since
            self.waits.append(Waited(delayed.since, first, str, lasted))

    def _hear(self, task: Task) -> None:
        state = self.steps._state  # noqa: SLF001 (a run of our own)
        terms = self.steps.terms
        for event in task.told:
            if terms.is_ended_by(event.name) or terms.reads(event):
                state.take(event)
        state.stopped = state.stopped or task.stopped

    def _begin(self, enrolment: Enrolment) -> None:
        if self._follows and self._has_begun:
            raise _Differs("the run would continue as new where it has gone on")
        self._has_begun = True
        super()._begin(enrolment)

    def _takes_its_turn(self) -> bool:
        """Tell whether what the run asked for is answered in this task, and take the answer."""
        match self._request:
            case None:
                return True
            case Wait() as wait:
                return self._has_waited(wait)
            case Deed() as deed:
                return self._has_answer(deed)
        raise _Differs("the steps await something that is no verb")

    def _has_waited(self, wait: Wait) -> bool:
        fired = self._recorded.number in self._task.fired
        if wait.woken():
            if not fired and self._recorded.kind is Kind.TIMER:
                self._expect(Command(Kind.CANCEL_TIMER))
        elif not fired:
            return False
        self.waits.append(
            Waited(self._since, self._here, wait.summary, self._recorded.lasts or wait.longest)
        )
        return True

    def _has_answer(self, deed: Deed) -> bool:
        task, number = self._task, self._recorded.number
        if self._asks.kind is Kind.LOCAL:
            if not self._left or not self._left[0].is_alike(self._asks):
                return deed.is_over  # the run gives it up without an answer
            done = self._left.popleft()
            self._answer = self._read(done.answer)
            self._here = max(self._here, done.at or self._here)
            return True
        if deed.is_over:
            if number not in task.answers and number not in task.failures:
                self._expect(Command(Kind.CANCEL_ACTIVITY))
            self._given_up[self._called] += 1
            return True
        if number in task.failures:
            self._answer = Reply(failure=task.failures[number])
        elif number in task.answers:
            self._answer = self._read(task.answers[number])
        else:
            return False
        return True

    def _compare(self) -> None:
        """Compare what the run asks for now with what its history says."""
        self._recorded = Command(Kind.OTHER)
        if isinstance(self._request, Wait):
            self._asks = Command(Kind.TIMER)
            if self._request.woken():
                return  # its timer ends before anybody has set it
        elif self._asks.kind is Kind.LOCAL:
            return  # its marker is written at its end
        self._recorded = self._expect(self._asks)

    def _expect(self, asked: Command) -> Command:
        if not self._left:
            raise _Differs(f"the steps come to {asked} where the run has waited")
        recorded = self._left.popleft()
        if not recorded.is_alike(asked):
            raise _Differs(f"the steps come to {asked} where the run has come to {recorded}")
        return recorded

    def _go_on_from(self, rest: Task) -> None:
        """Leave the history: its last timer or activity is what the run waits for now."""
        self._follows = False
        recorded, number = self._recorded, self._recorded.number
        if isinstance(self._request, Wait) and recorded.kind is Kind.TIMER:
            wait = self._request
            self._request = Wait(wait.woken, recorded.lasts, wait.summary)
            self._since = recorded.at or self._since
        elif isinstance(self._request, Deed):
            self._given = recorded.given or self._given
            if number in rest.failures:
                self._answer = Reply(failure=rest.failures[number])
            elif number in rest.answers:
                self._answer = self._read(rest.answers[number])
        self._hear(rest)
        self._runs.wake(self)

    # ---- the runtime -----------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the clock of the history, and once it is used up that of all runs."""
        return self._here if self._follows else super().now()

    def is_outgrown(self) -> bool:
        """Tell what Temporal has told."""
        return self._follows and self._task.outgrown

    def patched(self, change: str) -> bool:
        """Tell by the markers of the history; where there is none yet, take the changed steps."""
        if change not in self._patches:
            takes = not self._follows or change in self._marked
            self._patches[change] = takes
            if self._follows and takes:
                self._expect(Command(Kind.PATCH, change))
        return self._patches[change]

    async def send(self, delivery: Delivery, summary: str) -> Receipt:
        """Have the history or the desk answer for a message."""
        self._asks = Command(Kind.ACTIVITY, "send", f"{delivery.n}-{delivery.step}")
        self._given, self._read = delivery, Receipt.model_validate
        self._times += 1
        self.asked.setdefault(delivery.message_id, len(self.waits))

        async def do(desk: Desk) -> tuple[Receipt, datetime]:
            assert self._given is not None, "it was asked for"
            return await desk.send(self._given)

        receipt: Receipt = await self._have(Deed(do, SEND_PAUSE, dated=True))
        return receipt

    async def _have(self, deed: Deed) -> Any:
        """Have something done; what the history has the answer to is not asked of the desk."""
        return await (deed if self._follows else super()._have(deed))

    async def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Reply | None:
        """Have the history or the desk answer for an activity.

        Args:
            asked: as for `LocalRun`.
            attempt: likewise.
            within: likewise.
            over: likewise.

        Returns:
            As `LocalRun`.
        """
        name = f"{asked.activity}-{asked.occurrence}"
        self._called, times = name, self._given_up[name]
        again = times and self.patched(CALLS_AGAIN)
        self._asks = Command(
            Kind.ACTIVITY, asked.activity, f"{name}-{times + 1}" if again else name
        )
        self._read = Reply.model_validate
        return await super().call(asked, attempt, within, over)

    async def ask(self, asked: Question, summary: str, over: Callable[[], bool]) -> Reply | None:
        """Have the history or the desk answer a question.

        Args:
            asked: as for `LocalRun`.
            summary: likewise.
            over: likewise.

        Returns:
            As `LocalRun`.
        """
        self._asks, self._read = Command(Kind.LOCAL, READ_FACT), Reply.model_validate
        return await super().ask(asked, summary, over)

    async def say(self, said: Saying, summary: str) -> bool:
        """Have the history or the desk take in what the run says."""
        deed = NOTE_TRAITS if isinstance(said, Noting) else TELL_EVENT
        self._asks = Command(Kind.ACTIVITY, deed, f"{said.what}-{said.occurrence}")
        self._read = bool
        return await super().say(said, summary)

    async def task(self, said: Opening | Closing, summary: str) -> TaskStand:
        """Have the history or the desk open or close a task."""
        deed = OPEN_TASK if isinstance(said, Opening) else CLOSE_TASK
        self._asks = Command(Kind.ACTIVITY, deed, f"{deed}-{said.question}-{said.occurrence}")
        self._read = TaskStand.model_validate
        stand = await super().task(said, summary)
        if isinstance(said, Opening) and self._follows:
            self.opened.append((said, stand))
        return stand


def _is_a_handlers(command: Command) -> bool:
    """Tell whether the handlers of a run gave a command, and not its steps."""
    return command.name in (STOPS_ARE_STORED, NOTE_STOP)
