"""The verbs of a journey.

A journey is a plain Temporal workflow class on `Journey`. Its body, `steps`, is straight-line
Python that uses the verbs alone: `send`, `sleep`, `sleep_until`, `quiet_for`, `wait_for`, `heard`.
It never asks whether the customer has bought meanwhile: every verb does, and leaves by an exception
that `follow` turns into the outcome.

Handlers only change state, synchronously; all waiting is done by the verbs. Each verb's result goes
into a journal, so that a run whose history grows too long continues as new in the middle of its
steps: the new execution runs the same lines, and verbs that have a result give it back at once.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, NoReturn, TypeVar, cast

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import (
    Priority,
    RawValue,
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)

from sojourn.domain.calendar import days_after, zone
from sojourn.domain.errors import UnknownName
from sojourn.domain.events import Event, event_named
from sojourn.domain.messages import (
    Answer,
    Carried,
    Channel,
    Delivery,
    Enrolment,
    Heard,
    Message,
    MessageClass,
    Outcome,
    Performed,
    Reason,
    Receipt,
    Result,
    Sent,
    Status,
    Told,
)
from sojourn.journeys import wording

JOURNEY = SearchAttributeKey.for_keyword("Journey")
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
OUTCOME = SearchAttributeKey.for_keyword("Outcome")
ATTRIBUTES = (JOURNEY, CUSTOMER_ID, OUTCOME)

TASK_QUEUE = "journeys"
SEND_TIMEOUT = timedelta(seconds=60)  # of one try; a provider's own time-out is shorter
HEARTBEAT_TIMEOUT = timedelta(seconds=5)  # a worker that died is noticed this soon
LONGEST_ATTRIBUTE = 2048  # bytes of a search attribute's JSON that Temporal takes
REMEMBERED_IDS = 1000
CARRIED_EVENTS = 500
RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
)  # no limit on attempts: the activity itself ends them when the message is no longer useful
# of a channel's queue: a code to log in does not wait behind a newsletter
PRIORITIES = {
    MessageClass.AUTHENTICATION: 1,
    MessageClass.TRANSACTIONAL: 2,
    MessageClass.PROMOTIONAL: 4,
}

E = TypeVar("E", bound=Event)


class _Leave(BaseException):
    """Ends or restarts the steps.

    Not an `Exception`, so that a journey's own ``except Exception`` cannot swallow a purchase.
    """


class _End(_Leave):
    def __init__(self, outcome: Outcome, closing: Heard | None = None) -> None:
        self.outcome = outcome
        self.closing = closing


class _Restart(_Leave):
    pass


class Journey:
    """Base of all journeys.

    Class keywords declare what the dispatcher and the gate need to know::

        class AbandonedCart(Journey, starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):

    Args:
        starts_on: events that start a run.
        goal: events that make the journey succeed and stop its messages.
        key: the field of those events that tells a customer's runs apart; none: one run a customer.
        restarts_on: events that begin the steps anew, if `restarts` agrees.
        ends_on: events that end the run as ``stopped``.
        hears: further events that the steps wait for or ask about.
    """

    starts_on: ClassVar[tuple[type[Event], ...]] = ()
    goal: ClassVar[tuple[type[Event], ...]] = ()
    key: ClassVar[str] = ""
    restarts_on: ClassVar[tuple[type[Event], ...]] = ()
    ends_on: ClassVar[tuple[type[Event], ...]] = ()
    hears: ClassVar[tuple[type[Event], ...]] = ()

    def __init_subclass__(
        cls,
        *,
        starts_on: type[Event] | tuple[type[Event], ...],
        goal: type[Event] | tuple[type[Event], ...],
        key: str = "",
        restarts_on: type[Event] | tuple[type[Event], ...] = (),
        ends_on: type[Event] | tuple[type[Event], ...] = (),
        hears: type[Event] | tuple[type[Event], ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.starts_on, cls.goal, cls.key = _tuple(starts_on), _tuple(goal), key
        cls.restarts_on, cls.ends_on = _tuple(restarts_on), _tuple(ends_on)
        cls.hears = _tuple(hears)
        for event in cls.starts_on:
            if key and key not in event.model_fields:
                raise TypeError(f'{cls.__name__}: {event.__name__} has no field "{key}" to key on')

    def __init__(self) -> None:
        self._enrolment: Enrolment | None = None
        self._early: list[Heard] = []
        self._heard: list[Heard] = []
        self._seen: dict[str, None] = {}  # ordered, so that the oldest ids can be forgotten
        self._latest: Heard | None = None
        self._cause: Heard | None = None
        self._goal: Heard | None = None
        self._end: Heard | None = None
        self._stopped = False
        self._restart = False
        self._journal: list[Performed] = []
        self._verb = 0
        self._awaited: set[str] = set()
        self._plan = Performed()
        self._sends = 0
        self._sending = False
        self._messages: list[Sent] = []
        self._said: set[str] = set()  # steps decided on since the steps last began
        self._zone = "UTC"
        self._doing = "starting"
        self._until: datetime | None = None

    # ---- what a journey defines ------------------------------------------------------------

    async def steps(self) -> None:
        """The journey itself, in the verbs below. Returning means everything was said."""
        raise NotImplementedError

    def restarts(self, event: Event) -> bool:
        """Whether a ``restarts_on`` event really begins the steps anew."""
        return True

    # ---- the verbs -------------------------------------------------------------------------

    async def send(self, message: Message) -> Receipt:
        """Send a message, held over quiet hours if need be; give back what became of it.

        It falls due when the wait before it ends, and is worth sending for ``message.useful_for``
        after that. If that moment was past before its wait began, it is skipped, not sent late.
        """

        async def perform() -> Performed:
            receipt = await self._send(message)
            return Performed(due=self._due, missed=self._plan.missed, value=_json(receipt))

        verb = f"send {message.step}"
        return Receipt.model_validate((await self._once(verb, perform)).value)

    async def sleep(self, duration: timedelta) -> None:
        """Wait ``duration`` from the plan's last moment on, however late its message left."""

        async def perform() -> Performed:
            due = self._due + duration
            await self._wait_until(due, wording.wait(duration, self.goal))
            return Performed(due=due)

        await self._once("sleep", perform)

    async def sleep_until(self, when: datetime) -> None:
        """Wait until ``when``. If it is past already, the next message is skipped as too late."""

        async def perform() -> Performed:
            missed = when < self.now()
            await self._wait_until(when, wording.wait_until(when, self._zone, self.goal))
            return Performed(due=when, missed=missed)

        await self._once("sleep_until", perform)

    async def quiet_for(self, duration: timedelta, *, of: type[Event]) -> None:
        """Wait until no ``of`` has happened for ``duration``; each one begins the wait anew.

        The timer is left alone while events come and is only set again when it fires early: a
        customer who adds ten products costs one more timer, not ten.
        """

        async def perform() -> Performed:
            summary = wording.quiet(duration, of, self.goal)
            due = self._last(of) + duration
            while True:
                await self._wait_until(due, summary, restarts=False)
                latest = self._last(of) + duration
                if latest <= due:
                    self._restart = False  # what would restart the steps has been waited out
                    return Performed(due=due)
                due = latest

        await self._once("quiet_for", perform, restarts=False)

    async def wait_for(
        self,
        *events: type[E],
        timeout: timedelta,  # noqa: ASYNC109 (a durable timer, not a deadline on a task)
    ) -> E | None:
        """The next of ``events`` that no wait has given back yet, or None after ``timeout``."""

        def arrived() -> Heard | None:
            new = (h for h in self._heard_of(events) if h.id not in self._awaited)
            return next(new, None)

        async def perform() -> Performed:
            due = self._due + timeout
            summary = wording.wait(timeout, (*events, *self.goal))
            await self._wait_until(due, summary, wake=lambda: arrived() is not None)
            event = arrived()
            if event is None:
                return Performed(due=due)
            return Performed(due=max(event.at, self._due), value=_json(event))

        value = (await self._once("wait_for", perform)).value
        if value is None:
            return None
        event = Heard.model_validate(value)
        self._awaited.add(event.id)
        return cast(E, self._event(event))

    def heard(self, *events: type[E]) -> list[E]:
        """What the run has heard so far of ``events``, oldest first."""
        if self._verb == len(self._journal):
            found = [_json(h) for h in self._heard_of(events)]
            kept = Performed(verb="heard", due=self._due, missed=self._plan.missed, value=found)
            self._journal.append(kept)
        values = self._next_entry("heard").value
        return [cast(E, self._event(Heard.model_validate(value))) for value in values]

    def now(self) -> datetime:
        """The journey's clock: Temporal's, shifted by the enrolment's ``clock`` in time travel."""
        return workflow.now() + self._run_of.clock

    def local(self, at: time, *, days: int, after: datetime | None = None) -> datetime:
        """``at`` o'clock where the customer lives, ``days`` calendar days after ``after``.

        Args:
            at: local time of day; in a spring gap it moves forward, of an overlap the first counts.
            days: may be negative.
            after: any moment; None: the event that (re)started the steps.
        """
        return days_after(after or self.cause.occurred_at, days, at, zone(self._zone))

    @property
    def cause(self) -> Event:
        """The event that last (re)started the steps; its personal fields are empty."""
        assert self._cause is not None
        return self._event(self._cause)

    # ---- running the steps -----------------------------------------------------------------

    async def follow(self, enrolment: Enrolment) -> Result:
        """Run `steps` until they end, the goal is reached, or the run is stopped.

        A goal that also starts the journey (a renewal), or a start that happened after the goal,
        begins the next enrolment in the same run, by continue-as-new.
        """
        self._enrol(enrolment)
        outcome, closing = Outcome.EXHAUSTED, None
        try:
            await self._until_said()
        except _End as end:
            outcome, closing = end.outcome, end.closing
            # one action, spent only on the ends an operator filters by: a run that said
            # everything is Completed without an Outcome
            workflow.upsert_search_attributes([OUTCOME.value_set(outcome.value)])
        # whoever asked what an event did gets the answer before the run is closed
        await workflow.wait_condition(workflow.all_handlers_finished)
        following = self._following(closing)
        if following is not None:
            self._begin_next(following, outcome)
        self._tell(f"ended: {outcome}")
        return Result(outcome=outcome, enrolment=self._run_of.start.id, messages=self._messages)

    async def _until_said(self) -> None:
        while True:
            try:
                await self.steps()
                self._check()
                return
            except _Restart:
                self._restart = False
                self._journal.clear()
                self._said.clear()
                self._verb = 0
                self._plan = Performed()

    def _enrol(self, enrolment: Enrolment) -> None:
        self._enrolment = enrolment
        self._zone = enrolment.timezone
        self._latest = self._cause = enrolment.start
        self._seen[enrolment.start.id] = None
        if enrolment.carried is not None:
            carried = enrolment.carried
            for event in carried.heard:
                self._classify(event)
            self._restart = False  # it was acted on before the run continued as new
            self._seen.update(dict.fromkeys(carried.seen))
            self._journal = list(carried.journal)
            self._said = {entry.verb.removeprefix("send ") for entry in self._journal}
            self._sends = carried.sends
            self._messages = list(carried.messages)
        for event in self._early:
            self._take(event)
        self._early.clear()

    @property
    def _run_of(self) -> Enrolment:
        assert self._enrolment is not None, "follow() comes first"
        return self._enrolment

    @property
    def _due(self) -> datetime:
        """The plan's moment: when the last wait ended, had nothing been late."""
        assert self._cause is not None
        return self._plan.due or self._cause.at

    async def _once(
        self, verb: str, perform: Callable[[], Awaitable[Performed]], *, restarts: bool = True
    ) -> Performed:
        """Perform a verb, or take what it came to in an earlier execution of this run."""
        if self._verb == len(self._journal):
            self._check(restarts=restarts)
            performed = await perform()
            self._journal.append(performed.model_copy(update={"verb": verb}))
        self._plan = self._next_entry(verb)
        return self._plan

    def _next_entry(self, verb: str) -> Performed:
        """The journal's next entry, which must be this verb's.

        Raises:
            NondeterminismError: the steps were changed under a run that has continued as new. The
                run stands still, as one whose history does not replay, until they are changed back.
        """
        entry = self._journal[self._verb]
        if entry.verb not in ("", verb):  # none: written before entries had names
            raise workflow.NondeterminismError(
                f'the steps come to "{verb}" where this run has done "{entry.verb}": '
                "put a change of steps into `if workflow.patched(...)`"
            )
        self._verb += 1
        return entry

    def _check(self, *, restarts: bool = True) -> None:
        """Leave the steps if there is a reason to."""
        if self._stopped:
            raise _End(Outcome.STOPPED)
        if self._goal is not None:
            raise _End(Outcome.CONVERTED, self._goal)
        if self._end is not None:
            raise _End(Outcome.STOPPED, self._end)
        if restarts and self._restart:
            raise _Restart

    def _interrupted(self, *, restarts: bool) -> bool:
        over = self._stopped or self._goal is not None or self._end is not None
        return over or (restarts and self._restart)

    async def _wait_until(
        self,
        due: datetime,
        summary: str,
        *,
        wake: Callable[[], bool] = lambda: False,
        restarts: bool = True,
    ) -> None:
        """Sleep until ``due``, ``wake()`` or a reason to leave."""
        outgrown = workflow.info().is_continue_as_new_suggested
        left = due - self.now()
        if left > timedelta(0) and not wake():
            self._tell(summary, due)
            with suppress(TimeoutError):  # the moment came
                await workflow.wait_condition(
                    lambda: self._interrupted(restarts=restarts) or wake() or outgrown(),
                    timeout=left,
                    timeout_summary=summary,
                )
        self._check(restarts=restarts)
        if outgrown() and self.now() < due and not wake():
            # a wait can be taken up again where it was: the journal does not hold it yet. One that
            # is over cannot: its moment would look past before it began
            self._continue_as_new(self._run_of, self._heard, Carried(journal=self._journal))

    async def _send(self, message: Message) -> Receipt:
        n = self._sends + 1
        try:
            return await self._send_as(n, message)
        finally:  # but a run that continues as new while it holds the message asks again as n
            self._sends = n

    async def _send_as(self, n: int, message: Message) -> Receipt:
        channel = message.channels[0]
        while True:
            self._check()
            delivery = self._delivery(n, message, channel)
            summary = wording.sending(message)
            self._tell(summary)
            receipt = await self._ask_to_send(delivery, summary)
            self._zone = receipt.timezone or self._zone
            if receipt.reason is Reason.OTHER_CHANNEL:
                assert receipt.channel is not None
                channel = receipt.channel
                continue
            if receipt.status is Status.DEFERRED:
                assert receipt.until is not None
                why = receipt.reason or Reason.QUIET_HOURS
                held = wording.held(message, receipt.until, self._zone, why, self.goal)
                await self._wait_until(receipt.until, held)
                continue
            if receipt.news is not None:
                self._take(receipt.news)
                if not self._interrupted(restarts=True):
                    continue  # it changes nothing for this journey: ask again, knowing it
            self._said.add(message.step)
            self._messages.append(
                Sent(
                    step=message.step,
                    status=receipt.status,
                    reason=receipt.reason,
                    channel=receipt.channel,
                    at=self.now(),
                )
            )
            if receipt.reason is Reason.ERASED:
                raise _End(Outcome.SUPPRESSED)
            self._check()
            return receipt

    async def _ask_to_send(self, delivery: Delivery, summary: str) -> Receipt:
        self._sending = True
        try:
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
        finally:
            self._sending = False
        return receipt

    def _delivery(self, n: int, message: Message, channel: Channel) -> Delivery:
        run = self._run_of
        assert self._latest is not None
        useful_for = timedelta(0) if self._plan.missed else message.useful_for
        return Delivery(
            workflow_id=workflow.info().workflow_id,
            journey=workflow.info().workflow_type,
            customer_id=run.customer_id,
            key=run.key,
            key_field=self.key,
            enrolment=run.start.id,
            n=n,
            step=message.step,
            template=message.template or message.step,
            channels=message.channels,
            channel=channel,
            message_class=message.message_class,
            topic=message.topic,
            due=self._due,
            useful_until=self._due + useful_for,
            now=self.now(),
            start=run.start.order,
            latest=self._latest.order,
            goals=_names(self.goal),
            ends=_names(self.ends_on),
            restarts=_names(self.restarts_on),
            timezone=self._zone,
        )

    # ---- the next enrolment, and histories that grow too long ------------------------------

    def _following(self, closing: Heard | None) -> Heard | None:
        """The event that begins the next enrolment, if one has come already."""
        if closing is None:
            return None
        starts = (h for h in self._heard if _is(h, self.starts_on) and h.order >= closing.order)
        return min(starts, key=lambda h: h.order, default=None)

    def _begin_next(self, start: Heard, ended: Outcome) -> NoReturn:
        later = [h for h in self._heard if h.order > start.order]
        run = self._run_of.model_copy(update={"start": start, "timezone": self._zone})
        self._continue_as_new(run, later, Carried(ended=ended))

    def _continue_as_new(
        self, run: Enrolment, heard: Sequence[Heard], carried: Carried
    ) -> NoReturn:
        same = run.start.id == self._run_of.start.id
        carried = carried.model_copy(
            update={
                "heard": tuple(heard[-CARRIED_EVENTS:]),
                "seen": tuple(self._seen)[-REMEMBERED_IDS:],
                "sends": self._sends if same else 0,
                "messages": tuple(self._messages) if same else (),
            }
        )
        workflow.continue_as_new(
            run.model_copy(update={"carried": carried}),
            search_attributes=search_attributes(workflow.info().workflow_type, run.customer_id),
        )

    # ---- hearing: handlers only change state -----------------------------------------------

    @workflow.signal(dynamic=True)
    def hear(self, name: str, args: Sequence[RawValue]) -> None:
        """Take in a customer event; the signal bears its name ("Order Completed")."""
        try:
            (raw,) = args
            event = self._examined(workflow.payload_converter().from_payload(raw.payload, Heard))
        except (ValueError, ValidationError, RuntimeError, UnknownName) as error:
            # raising would block the run for a slip of whoever typed the signal
            workflow.logger.warning("signal %s is no event and is ignored: %s", name, error)
            return
        if self._enrolment is None:  # a start's own signal arrives before `follow` runs
            self._early.append(event)
        else:
            self._take(event)

    @workflow.update(description="Take in a customer event, and say what it did to this run")
    async def ask(self, event: Heard) -> Answer:
        """Take in an event, as `hear`; a message that is on its way is waited for."""
        await workflow.wait_condition(lambda: self._enrolment is not None)
        self._take(event)
        await workflow.wait_condition(lambda: not self._sending)
        return self._answer(event)

    @ask.validator
    def _check_ask(self, event: Heard) -> None:
        self._examined(event)

    @workflow.update(description="End this run; nothing more is sent. Say why.")
    def stop(self, reason: str) -> str:
        """End the run as ``stopped``."""
        self._stopped = True
        return f"stopped: {reason}"

    @stop.validator
    def _check_stop(self, reason: str) -> None:
        if not reason.strip():
            raise ValueError("say why the run is stopped")

    @workflow.query(description="What the run waits for, until when, and what it has sent")
    def status(self) -> dict[str, Any]:
        """The run's state, as JSON values."""
        return {
            "doing": self._doing,
            "until": self._until.isoformat() if self._until else None,
            "as_of": self.now().isoformat(),
            "messages": [_json(sent) for sent in self._messages],
        }

    def _answer(self, event: Heard) -> Answer:
        over = event.order > self._run_of.start.order and (
            self._goal is not None or self._end is not None
        )
        left = (m.step for m in messages(type(self)) if m.step not in self._said)
        return Answer(
            effect="ended"
            if over
            else "started"
            if event.id == self._run_of.start.id
            else "signalled",
            prevented=tuple(dict.fromkeys(left)) if over else (),
            already_sent=tuple(
                Told(step=m.step, at=m.at) for m in self._messages if m.status is Status.SENT
            ),
        )

    def _examined(self, said: object) -> Heard:
        """Refuse what is no event, and what the steps could not read later."""
        if not isinstance(said, Heard):  # a null or raw bytes pass the converter as they are
            raise ValueError("its argument is no event")
        # of an event that only ends the run nobody reads the fields: in doubt it counts
        if _is(said, self.starts_on) or not _is(said, (*self.goal, *self.ends_on)):
            _event(said, "anybody")
        return said

    def _take(self, event: Heard) -> None:
        if event.id not in self._seen:
            self._seen[event.id] = None
            self._classify(event)

    def _classify(self, event: Heard) -> None:
        self._heard.append(event)
        assert self._latest is not None
        if event.order <= self._run_of.start.order:
            return  # older than the run: neither its goal nor its restart
        if _is(event, self.goal):
            self._goal = min((self._goal or event, event), key=lambda h: h.order)
        elif _is(event, self.ends_on):
            self._end = self._end or event
        elif _is(event, self.restarts_on):
            if event.order > self._latest.order:
                self._consider(event)
            else:
                self._reconsider()

    def _consider(self, event: Heard) -> None:
        self._latest = event
        if self.restarts(self._event(event)):
            self._cause = event
            self._restart = True

    def _reconsider(self) -> None:
        """Go through what may restart the steps once more: something of it has come in late.

        A change of the price alone must not hide the change of the end that it has overtaken.
        """
        restart, before, start = self._restart, self._cause, self._run_of.start
        self._cause = start
        news = (h for h in self._heard if _is(h, self.restarts_on) and h.order > start.order)
        for event in sorted(news, key=lambda h: h.order):
            self._consider(event)
        self._restart = restart or self._cause != before

    def _heard_of(self, events: Iterable[type[Event]]) -> list[Heard]:
        for event in events:
            if event not in declared(type(self)):
                raise TypeError(
                    f"{type(self).__name__} never hears {event.event_name}: "
                    f"add hears={event.__name__} to its class keywords"
                )
        names = {event.event_name for event in events}
        return sorted((h for h in self._heard if h.name in names), key=lambda h: h.order)

    def _last(self, of: type[Event]) -> datetime:
        """When ``of`` last happened, but not before the run's own last message.

        An event that comes in late must not have the customer reminded twice in a row.
        """
        moments = [h.at for h in (self._run_of.start, *self._heard) if h.name == of.event_name]
        sent = [m.at for m in self._messages if m.status is Status.SENT]
        return max([*moments, *sent[-1:]], default=self._due)

    def _event(self, heard: Heard) -> Event:
        return _event(heard, self._run_of.customer_id)

    # ---- what an operator sees -------------------------------------------------------------

    def _tell(self, doing: str, until: datetime | None = None) -> None:
        self._doing, self._until = doing, until
        workflow.set_current_details(wording.details(doing, until, self._zone, self._messages))


def declared(journey: type[Journey]) -> tuple[type[Event], ...]:
    """Every event that a journey's class keywords name: what its runs are told of."""
    own = (journey.starts_on, journey.goal, journey.restarts_on, journey.ends_on, journey.hears)
    return tuple(event for events in own for event in events)


def messages(journey: type[Journey]) -> list[Message]:
    """The messages of a journey, in the order in which its steps name them.

    They are module-level constants (docs/journeys.md); one that steps make on the fly is not seen.
    """
    names = journey.steps.__code__.co_names
    found = (journey.steps.__globals__.get(name) for name in names)
    return [message for message in found if isinstance(message, Message)]


def channel_queue(channel: Channel, journeys: str = TASK_QUEUE) -> str:
    """The task queue of a channel that belongs to the given queue of journeys."""
    return journeys.replace(TASK_QUEUE, channel.value, 1)


def search_attributes(journey: str, customer_id: str) -> TypedSearchAttributes:
    """What every run bears from its start on."""
    if len(json.dumps(customer_id)) > LONGEST_ATTRIBUTE:
        customer_id = customer_id[: LONGEST_ATTRIBUTE // len(json.dumps("\U0001f6d2"))]
    return TypedSearchAttributes(
        [
            SearchAttributePair(JOURNEY, journey),
            SearchAttributePair(CUSTOMER_ID, customer_id),
        ]
    )


def _tuple(events: type[Event] | tuple[type[Event], ...]) -> tuple[type[Event], ...]:
    return events if isinstance(events, tuple) else (events,)


def _names(events: Iterable[type[Event]]) -> tuple[str, ...]:
    return tuple(event.event_name for event in events)


def _is(heard: Heard, events: Iterable[type[Event]]) -> bool:
    return heard.name in _names(events)


def _event(heard: Heard, customer_id: str) -> Event:
    envelope = {"message_id": heard.id, "customer_id": customer_id, "occurred_at": heard.at}
    return event_named(heard.name).model_validate({**heard.fields, **envelope})


def _json(model: Receipt | Heard | Sent) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_none=True)
