"""Temporal as a journey's runtime: the handlers of its workflow, and what the verbs stand on."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import Priority, RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.errors import UnknownName
from sojourn.domain.message import Message
from sojourn.domain.messages import (
    Answer,
    Delivery,
    Enrolment,
    Heard,
    Outcome,
    Receipt,
    Result,
    Stop,
)
from sojourn.domain.sayings import Noting, Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.journeys.leaving import StepsChanged
from sojourn.journeys.queues import OUTCOME, PRIORITIES, channel_queue, search_attributes
from sojourn.journeys.runtime import Words
from sojourn.journeys.state import State
from sojourn.journeys.terms import Terms

SEND_TIMEOUT = timedelta(seconds=60)
"""Longest duration of one attempt; a provider's own time-out is shorter."""
HEARTBEAT_TIMEOUT = timedelta(seconds=5)
"""A worker that died is noticed this soon."""
RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
)  # no limit on attempts: the activity itself ends them when the message is no longer useful
STOP_TIMEOUT = timedelta(seconds=15)
STOP_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15)
)  # no limit on attempts: nobody is told "stopped" before the store has it
NOTE_STOP = "note-stop"
"""The activity that has the store note a stop; a project's own activities have no hyphen."""
STOPS_ARE_STORED = "stops-are-stored"
"""The patch of runs that were stopped by their state alone."""
CALLS_AGAIN = "calls-again-by-another-id"
"""The patch of runs that called again, by the same id, while the call before was given up."""
READ_FACT = "read-fact"
"""The local activity that reads a fact for the steps."""
ASK_FOR = timedelta(days=3650)
ASK_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)  # no limit on attempts: a question waits until the store can be read, or the run is over
TELL_EVENT = "tell-event"
"""The activity that takes in an event which a run tells."""
NOTE_TRAITS = "note-traits"
"""The activity that writes a run's statement on its customer's card."""
OPEN_TASK = "open-task"
"""The activity that opens a task for a person."""
CLOSE_TASK = "close-task"
"""The activity that closes it, unless it was answered."""
SAY_TIMEOUT = timedelta(seconds=30)
SAY_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)  # no limit on attempts: what a run says is not lost
CALL_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=15)
)  # no limit on attempts: the call's deadline ends them


Watcher = Callable[[str, timedelta, str], None]
"""Is told of a wait: the workflow id, the timer's duration, what the run waits for."""


class TemporalRuntime:
    """The runtime of a run that is a Temporal workflow.

    Attributes:
        watcher: of a replay, which must not change the run; None outside of one.
    """

    watcher: ClassVar[Watcher | None] = None

    def __init__(self) -> None:
        self._given_up: dict[str, int] = {}

    @property
    def run_id(self) -> str:
        """The workflow id."""
        return workflow.info().workflow_id

    def now(self) -> datetime:
        """Return Temporal's clock."""
        return workflow.now()

    def is_outgrown(self) -> bool:
        """Tell whether Temporal suggests to continue as new."""
        return workflow.info().is_continue_as_new_suggested()

    async def wait(self, woken: Callable[[], bool], longest: timedelta, summary: Words) -> None:
        """Set a durable timer, and sleep until it fires or a signal wakes the run.

        Args:
            woken: is asked after each signal.
            longest: the timer's duration.
            summary: the timer's, in Temporal's UI.
        """
        told = summary()
        if TemporalRuntime.watcher is not None:
            TemporalRuntime.watcher(self.run_id, longest, told)
        with suppress(TimeoutError):  # the moment came
            await workflow.wait_condition(woken, timeout=longest, timeout_summary=told)

    async def send(self, delivery: Delivery, summary: str) -> Receipt:
        """Schedule the send activity on the queue of the channel."""
        receipt: Receipt = await workflow.execute_activity(
            "send",
            delivery,
            result_type=Receipt,
            task_queue=channel_queue(delivery.lane, workflow.info().task_queue),
            activity_id=f"{delivery.n}-{delivery.step}",
            summary=summary,
            start_to_close_timeout=SEND_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRIES,
            priority=Priority(priority_key=PRIORITIES[delivery.message_class]),
        )
        return receipt

    async def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Reply | None:
        """Schedule the project's activity on the journeys' own queue.

        Args:
            asked: the activity and its arguments.
            attempt: one that takes longer, such as that of a worker that died, is given up.
            within: Temporal retries it for so long.
            over: whether the run has a reason to leave its steps meanwhile.

        Returns:
            The activity's reply, or its failure; None if ``over`` came first.
        """
        name = f"{asked.activity}-{asked.occurrence}"
        times = self._given_up.get(name, 0)
        # Temporal keeps the id of a call that was given up until its attempt has ended
        activity_id = f"{name}-{times + 1}" if times and workflow.patched(CALLS_AGAIN) else name
        doing = workflow.start_activity(
            asked.activity,
            asked,
            result_type=Reply,
            activity_id=activity_id,
            summary=asked.activity.replace("_", " "),
            start_to_close_timeout=min(attempt, within),
            schedule_to_close_timeout=within,
            retry_policy=CALL_RETRIES,
        )
        await workflow.wait_condition(lambda: doing.done() or over())
        if not doing.done():
            self._given_up[name] = times + 1
            doing.cancel()
        try:
            reply: Reply = await doing
        except ActivityError as error:
            if is_cancelled_exception(error) and over():
                return None
            return Reply(failure=_kind(error))
        except asyncio.CancelledError:
            return None
        return reply

    async def ask(self, asked: Question, summary: str, over: Callable[[], bool]) -> Reply | None:
        """Read a fact in a local activity: a marker in the history, and no action.

        Args:
            asked: the question.
            summary: of the marker, in Temporal's UI.
            over: whether the run has a reason to leave its steps meanwhile.

        Returns:
            The answer; None if ``over`` came first.
        """
        doing = workflow.start_local_activity(
            READ_FACT,
            asked,
            result_type=Reply,
            summary=summary,
            # the activity limits its attempts: the SDK's clock of one that failed goes on
            schedule_to_close_timeout=ASK_FOR,
            retry_policy=ASK_RETRIES,
        )
        await workflow.wait_condition(lambda: doing.done() or over())
        if not doing.done():
            doing.cancel()
        try:
            reply: Reply = await doing
        except (ActivityError, asyncio.CancelledError):
            if over():
                return None
            raise
        return reply

    async def say(self, said: Saying, summary: str) -> bool:
        """Schedule the activity on the journeys' own queue, and wait for its end.

        Nothing cuts it short: it takes one write to the store, and the run acts afterwards on what
        it heard meanwhile.

        Args:
            said: what the run says.
            summary: of the activity, in Temporal's UI.

        Returns:
            Whether it was taken in.
        """
        taken: bool = await workflow.execute_activity(
            NOTE_TRAITS if isinstance(said, Noting) else TELL_EVENT,
            said,
            result_type=bool,
            activity_id=f"{said.what}-{said.occurrence}",
            summary=summary,
            start_to_close_timeout=SAY_TIMEOUT,
            retry_policy=SAY_RETRIES,
        )
        return taken

    async def task(self, said: Opening | Closing, summary: str) -> TaskStand:
        """Schedule the activity on the journeys' own queue, and wait for its end, as `say` does.

        Args:
            said: the task, and whether it opens or closes.
            summary: of the activity, in Temporal's UI.

        Returns:
            The task's stand.
        """
        deed = OPEN_TASK if isinstance(said, Opening) else CLOSE_TASK
        stand: TaskStand = await workflow.execute_activity(
            deed,
            said,
            result_type=TaskStand,
            activity_id=f"{deed}-{said.question}-{said.occurrence}",
            summary=summary,
            start_to_close_timeout=SAY_TIMEOUT,
            retry_policy=SAY_RETRIES,
        )
        return stand

    def patched(self, change: str) -> bool:
        """Ask Temporal's marker, or set it."""
        return workflow.patched(change)

    def reading(self) -> AbstractContextManager[None]:
        """Let the sandbox open the files of a pinned package: they are the same at each replay."""
        return workflow.unsafe.sandbox_unrestricted()

    def tell(self, details: Callable[[], str]) -> None:
        """Set the current details of the run's page."""
        workflow.set_current_details(details())

    def end(self, outcome: Outcome) -> None:
        """Set the search attribute: one action, spent on the ends that operators filter by."""
        workflow.upsert_search_attributes([OUTCOME.value_set(outcome.value)])

    async def answers_given(self) -> None:
        """Wait for the handlers of updates."""
        await workflow.wait_condition(workflow.all_handlers_finished)

    def continue_as_new(self, enrolment: Enrolment) -> NoReturn:
        """Continue as new; search attributes are those of the start, without an outcome."""
        workflow.continue_as_new(
            enrolment,
            search_attributes=search_attributes(
                workflow.info().workflow_type, enrolment.customer_id
            ),
        )


def _kind(error: ActivityError) -> str:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.type or "ApplicationError"
    return type(cause).__name__ if cause else "ActivityError"


class Handlers:
    """The handlers of a journey's workflow. They change the run's state, and nothing else.

    Only a stop is noted in the store before that: the gate must know of it before the run does.
    """

    terms: Terms
    _state: State

    @workflow.signal(dynamic=True)
    def hear(self, name: str, args: Sequence[RawValue]) -> None:
        """Take in a customer event; the signal has its name ("Order Completed")."""
        try:
            (raw,) = args
            event = self._examined(workflow.payload_converter().from_payload(raw.payload, Heard))
        except (ValueError, ValidationError, RuntimeError, UnknownName) as error:
            # raising would block the run for a slip of the person who typed the signal
            workflow.logger.warning("signal %s is not an event and is ignored: %s", name, error)
            return
        self._state.take(event)

    @workflow.update(
        name="ask", description="Take in a customer event, and say what it did to this run"
    )
    async def hear_and_answer(self, event: Heard) -> Answer:
        """Take in an event, as `hear`; wait for a message that is on its way."""
        await workflow.wait_condition(lambda: self._state.is_enrolled)
        self._state.take(event)
        await workflow.wait_condition(lambda: not self._state.sending)
        return self._state.answer(event, self._declared())

    @hear_and_answer.validator
    def _check_event(self, event: Heard) -> None:
        self._examined(event)

    @workflow.update(description="End this run; nothing more is sent. Say why.")
    async def stop(self, reason: str) -> str:
        """End the run as ``stopped``, and answer once the store has it.

        A message that waits for its next attempt, or in the queue of its channel, asks the gate
        first, and the gate asks the store.
        """
        if workflow.patched(STOPS_ARE_STORED):
            await workflow.wait_condition(lambda: self._state.is_enrolled)
            update = workflow.current_update_info()
            self._state.take(await self._note_stop(reason, update.id if update else ""))
        else:
            self._state.stopped = True
        return f"stopped: {reason}"

    @stop.validator
    def _check_stop(self, reason: str) -> None:
        if not reason.strip():
            raise ValueError("say why the run is stopped")

    async def cancelled(self) -> None:
        """Have the store note that the run was cancelled, which stops it as an update does."""
        if workflow.patched(STOPS_ARE_STORED):
            why = workflow.cancellation_reason()
            await self._note_stop(f"cancelled: {why}" if why else "cancelled", "cancel")

    async def _note_stop(self, because: str, asked: str) -> Heard:
        info, run = workflow.info(), self._state.enrolment
        noted: Heard = await workflow.execute_activity(
            NOTE_STOP,
            Stop(
                workflow_id=info.workflow_id,
                journey=info.workflow_type,
                customer_id=run.customer_id,
                asked=f"{info.run_id}/{asked}",
                because=because,
                now=workflow.now() + run.clock,
            ),
            result_type=Heard,
            summary="note the stop",
            start_to_close_timeout=STOP_TIMEOUT,
            retry_policy=STOP_RETRIES,
            priority=Priority(priority_key=1),
        )
        return noted

    @workflow.query(description="What the run waits for, until when, and what it has sent")
    def status(self) -> dict[str, Any]:
        """Return the run's state, as JSON values."""
        return self._status()

    def _declared(self) -> Iterable[Message]:
        raise NotImplementedError

    def _status(self) -> dict[str, Any]:
        raise NotImplementedError

    async def follow(self, enrolment: Enrolment) -> Result:
        """Run the steps until their end."""
        raise NotImplementedError

    def _examined(self, said: object) -> Heard:
        """Refuse a value that is not an event, or that the steps could not read later."""
        if not isinstance(said, Heard):  # a null or raw bytes pass the converter as they are
            raise ValueError("its argument is not an event")
        # an event that ends the run counts in doubt; nobody reads the fields of it that are wrong
        if not self.terms.is_ended_by(said.name):
            self.terms.event(said, "anybody")
        return said


_DEFINITION = "__temporal_workflow_definition"
"""The attribute by which temporalio keeps the definition of a workflow, on class and ``run``."""
_HOUSE = f"{__name__.partition('.')[0]}."
_defined: dict[tuple[str, str, str], Any] = {}
"""Definitions by module, class and workflow type: of journeys that add no handlers.

The sandbox loads a journey's file for every run. To look through the class for handlers again took
a tenth of the time that a run needs of a worker.
"""


def make_workflow(journey: type[Handlers], name: str) -> None:
    """Make a journey's class a Temporal workflow: what the decorators of temporalio do by hand.

    Temporal asks for ``run`` on the very class, not on a base.

    Args:
        journey: the class.
        name: the workflow type.
    """

    async def run(self: Handlers, enrolment: Enrolment) -> Result:
        try:
            return await self.follow(enrolment)
        except StepsChanged as error:
            raise workflow.NondeterminismError(str(error)) from None
        except BaseException as error:
            # a run that leaves the worker's memory is cancelled, too, but has no such reason
            if is_cancelled_exception(error) and workflow.cancellation_reason() is not None:
                await self.cancelled()
            raise

    run.__module__, run.__qualname__ = journey.__module__, f"{journey.__qualname__}.run"
    del run.__annotations__["self"]  # Temporal takes every annotated name for an argument
    run.__doc__ = f"One run of {name}, for one customer and key."
    type.__setattr__(journey, "run", workflow.run(run))
    place = (journey.__module__, journey.__qualname__, name)
    known = _defined.get(place)
    if known is not None and workflow.unsafe.in_sandbox():
        definition = replace(known, cls=journey, run_fn=run)
        type.__setattr__(journey, _DEFINITION, definition)
        setattr(run, _DEFINITION, definition)
        return
    workflow.defn(name=name)(journey)
    definition = workflow._Definition.must_from_class(journey)  # noqa: SLF001 (no other way)
    if all(_is_ours(one.fn) for one in _handlers(definition)):
        _defined[place] = definition


def _handlers(definition: Any) -> Iterator[Any]:
    """Yield what answers a run's signals, queries and updates."""
    for kind in (definition.signals, definition.queries, definition.updates):
        yield from kind.values()


def _is_ours(handler: Callable[..., Any]) -> bool:
    return handler.__module__.startswith(_HOUSE)
