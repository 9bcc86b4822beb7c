"""Runs in this process: stepped by hand, by a clock that is moved. Nothing sleeps.

A run is a coroutine, as everywhere. Its verbs end in a request: to wait, or to have something done.
`Runs` takes the request, answers it when its moment has come, and steps the coroutine on. Among
equal moments, what was asked for first comes first.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple, NoReturn, TypeVar

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Delivery, Enrolment, Heard, Outcome, Receipt, Result
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.journeys.desk import Desk, TryAgain
from sojourn.journeys.journey import Journey
from sojourn.journeys.runtime import Words
from sojourn.journeys.waits import SHORTEST

FIRST_PAUSE = timedelta(seconds=1)
"""Between the first attempt at something and the second one; it doubles from there."""
SEND_PAUSE = timedelta(minutes=5)
"""The longest pause between two attempts at a message, as `journeys.temporal.RETRIES` has it."""
CALL_PAUSE = timedelta(minutes=15)
SAY_PAUSE = timedelta(minutes=1)

T = TypeVar("T")


class _Request:
    """A request of a run, which its verb awaits."""

    __slots__ = ()

    def __await__(self) -> Generator["_Request", Any, Any]:
        return (yield self)


@dataclass(eq=False, slots=True)
class Wait(_Request):
    """Wait until something has woken the run, or for a span.

    Args:
        woken: is asked whenever the run has heard something.
        longest: the span.
        summary: what the run waits for, as an operator reads it.
    """

    woken: Callable[[], bool]
    longest: timedelta
    summary: Words


@dataclass(eq=False, slots=True)
class Deed(_Request):
    """Have something done, however many attempts it takes.

    Args:
        do: has the desk make an attempt.
        longest_pause: between two attempts.
        over: whether the run has a reason not to wait for it any more.
        within: the time after which the last failure is the answer; None: it is tried for ever.
        dated: it returns the answer and when that came, by the journey's clock; else the answer
            alone, which comes at once.
        tried: what the first attempt came to, if the run has made that itself.
    """

    do: Callable[[Desk], Awaitable[Any]]
    longest_pause: timedelta
    over: Callable[[], bool] | None = None
    within: timedelta | None = None
    dated: bool = False
    tried: "Tried | None" = None

    @property
    def is_over(self) -> bool:
        """True if the run has a reason not to wait for it any more."""
        return self.over is not None and self.over()


class Tried(NamedTuple):
    """The end of an attempt: an answer, or a failure."""

    answer: Any = None
    failed: Exception | None = None


class Waited(NamedTuple):
    """A wait of a run.

    Args:
        began: by the journey's clock.
        ended: likewise; of a wait that is not over, when it would end by itself.
        words: what the run waited for, as an operator reads it.
        longest: the span after which it would end by itself.
    """

    began: datetime
    ended: datetime
    words: Words
    longest: timedelta = timedelta(0)

    @property
    def doing(self) -> str:
        """The event or moment that the run waited for, as an operator reads it."""
        return self.words()

    @property
    def was_woken(self) -> bool:
        """Tell whether something ended the wait before its time."""
        return self.ended < self.began + self.longest


class GoesOn(BaseException):
    """The run goes on by another enrolment. Not an `Exception`: no ``except`` may swallow it."""

    def __init__(self, enrolment: Enrolment) -> None:
        self.enrolment = enrolment


class Unwatched:
    """The part of a runtime that is for operators and replays: a run without them needs none."""

    def patched(self, change: str) -> bool:
        """Take the changed steps."""
        return True

    def reading(self) -> AbstractContextManager[None]:
        """Open files freely: there is no sandbox."""
        return nullcontext()

    def tell(self, details: Callable[[], str]) -> None:
        """Leave out what an operator would read."""

    def end(self, outcome: Outcome) -> None:
        """Leave out what an operator would filter by."""

    async def answers_given(self) -> None:
        """Return at once: nobody asks."""


class LocalRun(Unwatched):
    """One run, and the runtime that its verbs stand on.

    Attributes:
        journey: the run's.
        enrolment: the one that it follows.
        steps: the journey's own object, with the state of this execution; gone with the run's end
            where `Runs.forgets`.
        outcomes: how its enrolments ended, oldest first.
        result: its end; None: it is open, or it has forgotten it (`Runs.forgets`).
        has_ended: its steps have come to their end.
        is_open: they have not, and nobody has terminated it.
        waits: those that are over, oldest first.
        asked: for each message that it has asked for, how many waits were over then.
    """

    def __init__(
        self, runs: "Runs", journey: type[Journey], workflow_id: str, enrolment: Enrolment
    ) -> None:
        self.journey = journey
        self.outcomes: list[Outcome] = []
        self.result: Result | None = None
        self.has_ended = False
        self.is_open = True
        self.waits: list[Waited] = []
        self.asked: dict[str, int] = {}
        self._times = 0
        self._runs = runs
        self._workflow_id = workflow_id
        self._request: _Request | None = None
        self._since = runs.now
        self._resumes_at: datetime | None = None
        self._answer: Any = None
        self._attempts = 0
        self._begin(enrolment)

    def _begin(self, enrolment: Enrolment) -> None:
        self.enrolment = enrolment
        self.steps = self.journey()
        self.steps._runtime = self  # noqa: SLF001 (a run of our own, which no server knows)
        self._coroutine = self.steps.follow(enrolment)

    # ---- what the run is told --------------------------------------------------------------

    def hear(self, event: Heard) -> None:
        """Take in an event; the run goes on when its turn comes."""
        self.steps._state.take(event)  # noqa: SLF001
        self._runs.wake(self)

    def terminate(self) -> None:
        """End the run where it stands."""
        if self.is_open:
            self.is_open = False
            self._coroutine.close()

    @property
    def waiting(self) -> Waited | None:
        """The wait that the run is in."""
        if not self.is_open or not isinstance(self._request, Wait):
            return None
        shift, wait = self.enrolment.clock, self._request
        began = self._since + shift
        return Waited(began, began + wait.longest, wait.summary, wait.longest)

    def last_wait_before(self, delivery: Delivery) -> datetime | None:
        """Return when the wait before a message really ended.

        The waits of holds come after the message was first asked for, and do not count; nor does
        a wait that was past when it began, one that something ended, or one of a plan that was
        given up.

        Args:
            delivery: a message that the run has asked for.

        Returns:
            The moment by the journey's clock; None: it had no such wait.
        """
        shift = self.enrolment.clock
        ended = [
            one.ended
            for one in self.waits[: self.asked[delivery.message_id]]
            if one.longest > SHORTEST
            and not one.was_woken
            and not (delivery.begun and one.began - shift < delivery.begun)
        ]
        return ended[-1] if ended else None

    # ---- stepping --------------------------------------------------------------------------

    async def go_on(self) -> None:
        """Step the run as far as it comes at this moment."""
        while (deed := self.comes_to()) is not None and await self._is_done(deed):
            self._step()

    def comes_to(self) -> Deed | None:
        """Step the run until it comes to something that is to be done; return that.

        Returns:
            None if the run waits before that, or is over.
        """
        most = self._runs.most
        while self.is_open:
            if most is not None and (len(self.waits) > most or self._times > most):
                self.terminate()
                return None
            request = self._request
            if isinstance(request, Deed):
                return request
            if isinstance(request, Wait) and not self._is_over(request):
                return None
            self._step()
        return None

    def _step(self) -> None:
        answer, self._answer = self._answer, None
        self._resumes_at, self._attempts, self._since = None, 0, self._runs.now
        try:
            request = self._coroutine.send(answer)
            if not isinstance(request, _Request):
                raise BadInput(self._told_of(request))
            self._request = request
        except StopIteration as ended:
            self.result, self._request = ended.value, None
            self.has_ended, self.is_open = True, False
            self.outcomes.append(ended.value.outcome)
            if self._runs.forgets:
                self._forget()
        except GoesOn as goes_on:
            carried = goes_on.enrolment.carried
            if carried is not None and carried.ended is not None:
                self.outcomes.append(carried.ended)
            self._request = None
            self._begin(goes_on.enrolment)
        except BaseException:
            self.is_open = False
            raise

    def _forget(self) -> None:
        """Let go of what nobody asks a run for that is over: most of all that there is of it."""
        del self.steps, self._coroutine, self.waits, self.asked
        self.result = self._answer = None

    def _told_of(self, request: object) -> str:
        return (
            f"{self.journey.name} awaits something that is no verb ({type(request).__name__}): "
            "its steps use the verbs alone"
        )

    def _is_over(self, wait: Wait) -> bool:
        now, ends = self._runs.now, self._since + wait.longest
        if now < ends and not wait.woken():
            if self._resumes_at is None:
                self._resume_at(ends)
            return False
        began, shift = self._since, self.enrolment.clock
        if shift:
            began, now = began + shift, now + shift
        self.waits.append(Waited(began, now, wait.summary, wait.longest))
        return True

    async def _is_done(self, deed: Deed) -> bool:
        """Make an attempt if its time has come; tell whether the run goes on."""
        if deed.is_over:
            self._answer = None
            return True
        if self._resumes_at is not None and self._runs.now < self._resumes_at:
            return False
        if self._answer is not None:  # it came at a later moment, which is now
            return True
        self._attempts += 1
        try:
            answer = await self._attempt(deed)
        except TryAgain as failed:
            return self._has_failed(deed, failed)
        at = self._runs.now
        if deed.dated:
            answer, at = answer[0], answer[1] - self.enrolment.clock
        self._answer = answer
        if at > self._runs.now:
            self._resume_at(at)
            return False
        return True

    async def _attempt(self, deed: Deed) -> Any:
        tried, deed.tried = deed.tried, None
        if tried is None:
            return await deed.do(self._runs.desk)
        if tried.failed is not None:
            raise tried.failed
        return tried.answer

    def _has_failed(self, deed: Deed, failed: TryAgain) -> bool:
        pause = min(FIRST_PAUSE * 2 ** min(self._attempts - 1, 20), deed.longest_pause)
        again = self._runs.now + (failed.after or pause)
        if deed.within is not None and (failed.final or again > self._since + deed.within):
            self._answer = Reply(failure=failed.kind)
            return True
        if failed.final:
            raise failed
        self._resume_at(again)
        return False

    def _resume_at(self, moment: datetime) -> None:
        self._resumes_at = moment
        self._runs.wake_at(moment, self)

    def resumes_at(self, moment: datetime) -> bool:
        """Tell whether the run still goes on at a moment for which it was to be woken."""
        return self.is_open and self._resumes_at == moment

    async def _have(self, deed: Deed) -> Any:
        """Have something done; return the answer.

        Where the desk never waits, the run asks it in the middle of its step. Leaving the step and
        coming back to it costs more than most answers. An attempt that brings no answer at once is
        the first of several: the rest is made from outside, where its fault is none of the steps'.
        """
        runs = self._runs
        if not runs.at_once or (runs.most is not None and self._times > runs.most):
            return await deed
        if deed.is_over:
            return None
        try:
            answer = await deed.do(runs.desk)
        except Exception as failed:
            deed.tried = Tried(failed=failed)
        else:
            if not deed.dated:
                return answer
            if answer[1] - self.enrolment.clock <= runs.now:
                return answer[0]
            deed.tried = Tried(answer)
        return await deed

    # ---- the runtime -----------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The workflow id."""
        return self._workflow_id

    def now(self) -> datetime:
        """Return the runs' clock."""
        return self._runs.now

    def is_outgrown(self) -> bool:
        """Tell that no run outgrows a memory."""
        return False

    def wait(
        self, woken: Callable[[], bool], longest: timedelta, summary: Words
    ) -> Awaitable[None]:
        """Wait, as `Runtime.wait`.

        Args:
            woken: is asked whenever the run has heard something.
            longest: the span after which the wait ends by itself.
            summary: what the run waits for, as an operator reads it.

        Returns:
            The wait, which the verb awaits.
        """
        return Wait(woken, longest, summary)

    def send(self, delivery: Delivery, summary: str) -> Awaitable[Receipt]:
        """Have the desk answer for a message."""
        self._times += 1
        self.asked.setdefault(delivery.message_id, len(self.waits))
        return self._have(Deed(lambda desk: desk.send(delivery), SEND_PAUSE, dated=True))

    def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Awaitable[Reply | None]:
        """Have the desk answer for an activity.

        Args:
            asked: the activity and its arguments.
            attempt: how long one attempt may take; the desk's take no time.
            within: how long it is tried.
            over: whether the run has a reason to leave its steps meanwhile.

        Returns:
            The reply, or its last failure; None if ``over`` came first.
        """
        return self._have(Deed(lambda desk: desk.call(asked), CALL_PAUSE, over, within))

    def ask(
        self, asked: Question, summary: str, over: Callable[[], bool]
    ) -> Awaitable[Reply | None]:
        """Have the desk answer a question.

        Args:
            asked: the question.
            summary: as an operator reads it.
            over: whether the run has a reason to leave its steps meanwhile.

        Returns:
            The answer; None if ``over`` came first.
        """
        return self._have(Deed(lambda desk: desk.ask(asked), SAY_PAUSE, over))

    def say(self, said: Saying, summary: str) -> Awaitable[bool]:
        """Have the desk take in what the run says."""
        return self._have(Deed(lambda desk: desk.say(said, summary), SAY_PAUSE))

    def task(self, said: Opening | Closing, summary: str) -> Awaitable[TaskStand]:
        """Have the desk open or close a task."""
        return self._have(Deed(lambda desk: desk.task(said), SAY_PAUSE))

    def continue_as_new(self, enrolment: Enrolment) -> NoReturn:
        """Begin the next execution."""
        raise GoesOn(enrolment)


class Runs:
    """The runs of this process, and their clock.

    Args:
        desk: answers for the world.
        now: where the clock begins.
        most: waits, and messages asked for, of one run: one with more goes round in a circle, and
            is left off; None: there is no such limit.
        forgets: nobody asks a run that is over what it was doing, or for its waits. Of a year of a
            shop nearly all runs are over.
        at_once: the desk never waits for anything outside: a run gets its answers within its step.

    Attributes:
        now: the clock, in UTC.
    """

    def __init__(
        self,
        desk: Desk,
        now: datetime,
        most: int | None = None,
        *,
        forgets: bool = False,
        at_once: bool = False,
    ) -> None:
        self.desk = desk
        self.now = now
        self.most = most
        self.forgets = forgets
        self.at_once = at_once
        self._due: dict[LocalRun, None] = {}  # in their order, each once
        self._later: list[tuple[datetime, int, Callable[[], object] | LocalRun]] = []
        self._count = count()

    def start(
        self,
        journey: type[Journey],
        workflow_id: str,
        enrolment: Enrolment,
        *heard: Heard,
    ) -> LocalRun:
        """Start a run; it takes its first step when its turn comes.

        Args:
            journey: the run's.
            workflow_id: the run's.
            enrolment: the run's.
            heard: what comes along with the start.

        Returns:
            The run.
        """
        run = LocalRun(self, journey, workflow_id, enrolment)
        for event in heard:
            run.hear(event)
        self.wake(run)
        return run

    def clear(self) -> None:
        """Let go of all runs: none of them goes on."""
        self._due.clear()
        self._later.clear()

    def at(self, moment: datetime, do: Callable[[], object]) -> None:
        """Have something happen once the clock comes to a moment.

        Args:
            moment: by the runs' clock.
            do: what happens.
        """
        heappush(self._later, (moment, next(self._count), do))

    def wake_at(self, moment: datetime, run: LocalRun) -> None:
        """Have a run look whether it can go on at a moment, if it still goes on then.

        Args:
            moment: by the runs' clock.
            run: the run.
        """
        heappush(self._later, (moment, next(self._count), run))

    def wake(self, run: LocalRun) -> None:
        """Have a run look whether it can go on."""
        self._due.setdefault(run)

    @property
    def are_due(self) -> bool:
        """True if some run is to look whether it can go on."""
        return bool(self._due)

    async def rest(self) -> None:
        """Step all runs as far as they come at this moment."""
        while self._due:
            run = next(iter(self._due))
            del self._due[run]
            if run.comes_to() is not None:  # seldom, where the desk answers at once
                await run.go_on()

    async def advance(self, until: datetime) -> None:
        """Move the clock; everything that falls due on the way happens, in its order."""
        await self.rest()
        while self._later and self._later[0][0] <= until:
            moment, _, due = heappop(self._later)
            if not isinstance(due, LocalRun):
                self.now = max(self.now, moment)
                due()
            elif due.resumes_at(moment):
                self.now = max(self.now, moment)
                if due.comes_to() is not None:
                    await due.go_on()
            if self._due:
                await self.rest()
        self.now = max(self.now, until)

    def next_moment(self) -> datetime | None:
        """Return when the next thing falls due; None if nothing does."""
        while self._later:
            moment, _, due = self._later[0]
            if not isinstance(due, LocalRun) or due.resumes_at(moment):
                return moment
            heappop(self._later)
        return None
