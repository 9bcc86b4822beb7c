"""A stage for a journey: its real verbs and state on a small runtime, without a server.

It plays a run in virtual time: events come at their moments, waits pass at once, and every message
leaves unless the test holds it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.events import Event
from sojourn.domain.messages import (
    EDITION,
    Delivery,
    Enrolment,
    Heard,
    Receipt,
    Result,
    Status,
)
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand, TaskState
from sojourn.journeys.in_process import Unwatched
from sojourn.journeys.journey import Journey
from sojourn.journeys.runtime import Words

BEGAN = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""A Monday, at 10:00 in London."""


class NextExecution(BaseException):
    def __init__(self, enrolment: Enrolment) -> None:
        self.enrolment = enrolment


@dataclass
class Stage(Unwatched):
    """A runtime on which one run is played.

    Args:
        coming: events that have not happened yet, in order.
        now_: the clock.
        held: the moment until which messages are held, by step.
        outgrown: continue as new at every wait.
        answer: the answer to all questions about the customer.
    """

    coming: list[Heard]
    now_: datetime
    held: dict[str, datetime] = field(default_factory=dict)
    outgrown: bool = False
    answer: object = None
    journey: Journey | None = None
    sent: list[tuple[str, datetime]] = field(default_factory=list)
    given: list[dict[str, object]] = field(default_factory=list)
    said: list[Saying] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    executions: int = 1
    waited: bool = False
    run_id: str = "a-journey:c1:k1"

    def now(self) -> datetime:
        return self.now_

    def is_outgrown(self) -> bool:
        return self.outgrown and self.waited

    def _hear(self) -> None:
        assert self.journey is not None
        while self.coming and self.coming[0].at <= self.now_:
            self.journey._state.take(self.coming.pop(0))

    async def wait(self, woken: Callable[[], bool], longest: timedelta, summary: Words) -> None:
        self.waits.append(summary())
        due = self.now_ + longest
        if self.outgrown and not self.waited and longest > timedelta(minutes=2):
            self.waited = True  # wakes once in each execution: its history has grown too long
            step = timedelta(minutes=1) if longest <= timedelta(days=1) else timedelta(hours=6)
            self.now_ = min([self.now_ + step, *(one.at for one in self.coming[:1])])
            self._hear()
            return
        while self.coming and self.coming[0].at <= due:
            self.now_ = max(self.now_, self.coming[0].at)
            self._hear()
            if woken():
                return
        self.now_ = due

    async def send(self, delivery: Delivery, summary: str) -> Receipt:
        until = self.held.get(delivery.step)
        if until is not None and until > self.now_:
            return Receipt(status=Status.DEFERRED, until=until)
        self.sent.append((delivery.step, self.now_))
        self.given.append(delivery.given)
        return Receipt(status=Status.SENT, channel=delivery.lane, at=self.now_)

    async def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Reply | None:
        raise NotImplementedError

    async def ask(self, asked: Question, summary: str, over: Callable[[], bool]) -> Reply | None:
        return Reply(result=self.answer)

    async def say(self, said: Saying, summary: str) -> bool:
        self.said.append(said)
        return True

    async def task(self, said: Opening | Closing, summary: str) -> TaskStand:
        state = TaskState.OPEN if isinstance(said, Opening) else TaskState.EXPIRED
        return TaskStand(state=state, task="t")

    def continue_as_new(self, enrolment: Enrolment) -> NoReturn:
        raise NextExecution(enrolment)


def heard(event: Event, seq: int) -> Heard:
    return Heard(
        id=event.message_id,
        name=event.event_name,
        at=event.occurred_at,
        seq=seq,
        fields=event.public(),
    )


async def play(
    journey: type[Journey],
    events: Sequence[Event],
    *,
    timezone: str = "Europe/London",
    held: dict[str, datetime] | None = None,
    outgrown: bool = False,
    answer: object = None,
) -> tuple[Stage, Result]:
    """Play one run from its first event to its end.

    Args:
        journey: the class of the journey.
        events: the events; the first starts the run, and each comes at its moment.
        timezone: the customer's time zone.
        held: the moment until which a message is held, by step.
        outgrown: have the run continue as new once in each wait.
        answer: the answer to all questions about the customer.

    Returns:
            The stage, with its records, and the run's result.
    """
    start, *rest = [heard(event, seq) for seq, event in enumerate(events, start=1)]
    enrolment = Enrolment(
        customer_id="c1", key="k1", start=start, timezone=timezone, edition=EDITION
    )
    stage = Stage(
        coming=rest, now_=start.at, held=dict(held or {}), outgrown=outgrown, answer=answer
    )
    while True:
        run = journey()
        run._runtime = stage
        stage.journey, stage.waited = run, False
        try:
            return stage, await run.follow(enrolment)
        except NextExecution as ended:
            enrolment = Enrolment.model_validate_json(ended.enrolment.model_dump_json())
            stage.executions += 1
