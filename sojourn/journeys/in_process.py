"""A runtime in this process: a run is played through to its end by a clock that the play moves.

It knows no server and nothing of the world: a `Desk` answers for messages, calls and questions, and
the events that the run is to hear are given beforehand. Nothing else happens meanwhile.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import NoReturn, Protocol

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.messages import Delivery, Enrolment, Heard, Outcome, Receipt, Result
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.journeys.journey import Journey

MOST_WAITS = 1000
"""A plan that waits, or asks for messages, more often goes round in a circle."""


class Desk(Protocol):
    """Answers for what a run asks of the world."""

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        """Tell what becomes of a message, and when, by the journey's clock."""
        ...

    async def call(self, asked: Asked) -> Reply:
        """Answer for one of the project's activities."""
        ...

    async def ask(self, asked: Question) -> Reply:
        """Answer a question about the customer."""
        ...

    async def say(self, said: Saying, summary: str) -> bool:
        """Take in what the run says."""
        ...

    async def task(self, said: Opening | Closing) -> TaskStand:
        """Open or close a task for a person."""
        ...


@dataclass(frozen=True)
class Waited:
    """A wait of a run.

    Args:
        began: by the journey's clock.
        ended: likewise.
        doing: what the run waited for, as an operator reads it.
    """

    began: datetime
    ended: datetime
    doing: str


@dataclass(frozen=True)
class Played:
    """A run that was played.

    Args:
        result: its end; None: the play stopped before it, at its ``up_to``.
        waits: of the run, oldest first.
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
    runtime = _InProcess(workflow_id, enrolment, desk, hears, up_to)
    while True:
        run = journey()
        run._runtime = runtime  # noqa: SLF001 (a run of our own, which no server knows)
        runtime.take = run._state.take  # noqa: SLF001
        try:
            result = await run.follow(enrolment)
        except _GoesOn as goes_on:
            enrolment = goes_on.enrolment
        except _LeftOff:
            return Played(None, tuple(runtime.waits))
        else:
            return Played(result, tuple(runtime.waits))


class _LeftOff(BaseException):
    """Ends the play. Not an `Exception`: a journey's own ``except`` must not swallow it."""


class _GoesOn(BaseException):
    """The run goes on by another enrolment."""

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

    def tell(self, details: str) -> None:
        """Leave out what an operator would read."""

    def end(self, outcome: Outcome) -> None:
        """Leave out what an operator would filter by."""

    async def answers_given(self) -> None:
        """Return at once: nobody asks."""


class _InProcess(Unwatched):
    """The runtime of one play."""

    def __init__(
        self,
        workflow_id: str,
        enrolment: Enrolment,
        desk: Desk,
        hears: Iterable[Heard],
        up_to: datetime,
    ) -> None:
        self.take: Callable[[Heard], None] = lambda _: None
        self.waits: list[Waited] = []
        self._workflow_id = workflow_id
        self._now = enrolment.start.at
        self._shift = enrolment.clock
        self._desk = desk
        self._news = sorted(hears, key=lambda heard: heard.order, reverse=True)
        self._up_to = up_to
        self._asked = count()

    @property
    def run_id(self) -> str:
        return self._workflow_id

    def now(self) -> datetime:
        return self._now - self._shift

    def is_outgrown(self) -> bool:
        return False

    async def wait(self, woken: Callable[[], bool], longest: timedelta, summary: str) -> None:
        began, end = self._now, self._now + longest
        while not woken() and self._news and self._news[-1].at <= end:
            heard = self._news.pop()
            self._now = max(self._now, heard.at)
            self.take(heard)
        if not woken():
            self._now = end
        self.waits.append(Waited(began, self._now, summary))
        if self._now > self._up_to or len(self.waits) > MOST_WAITS:
            raise _LeftOff

    async def send(self, delivery: Delivery, summary: str) -> Receipt:
        if next(self._asked) > MOST_WAITS:
            raise _LeftOff
        receipt, at = await self._desk.send(delivery)
        self._now = max(self._now, at)
        while self._news and self._news[-1].at <= self._now:
            self.take(self._news.pop())
        return receipt

    async def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Reply | None:
        return None if over() else await self._desk.call(asked)

    async def ask(self, asked: Question, summary: str, over: Callable[[], bool]) -> Reply | None:
        return None if over() else await self._desk.ask(asked)

    async def say(self, said: Saying, summary: str) -> bool:
        return await self._desk.say(said, summary)

    async def task(self, said: Opening | Closing, summary: str) -> TaskStand:
        return await self._desk.task(said)

    def continue_as_new(self, enrolment: Enrolment) -> NoReturn:
        raise _GoesOn(enrolment)
