"""`Journey`: the class keywords and the verbs.

The body of a journey, `steps`, is straight-line Python on the verbs alone: `send`, `sleep`,
`sleep_until`, `quiet_for`, `wait_for`, `heard`, `call`, `ask`. It never asks whether the customer
has bought meanwhile: every verb does, and leaves by an exception that `follow` turns into the
outcome.

Each verb's result goes into a journal, so that a run whose history grows too long continues as new
in the middle of its steps: the new execution runs the same lines, and verbs that have a result give
it back at once.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, ClassVar, TypeVar, cast, overload

from pydantic import BaseModel

from sojourn.domain.again import Again
from sojourn.domain.calendar import LocalMoment
from sojourn.domain.calendar_days import Day
from sojourn.domain.calls import Asked, Failed, Reply
from sojourn.domain.events import AnyKey, Event
from sojourn.domain.events.base import personal_fields
from sojourn.domain.facts import Fact, Operand
from sojourn.domain.keys import plain
from sojourn.domain.message import Message, declared_messages
from sojourn.domain.messages import (
    Channel,
    Delivery,
    Enrolment,
    Heard,
    Outcome,
    Performed,
    Reason,
    Receipt,
    Result,
    Status,
)
from sojourn.domain.office_hours import next_opening
from sojourn.journeys import wording
from sojourn.journeys.activities import Activity, P, T
from sojourn.journeys.asking import question, read_answer, summary
from sojourn.journeys.conditions import checked_conditions
from sojourn.journeys.leaving import End, Restart
from sojourn.journeys.runtime import Runtime
from sojourn.journeys.state import State
from sojourn.journeys.temporal import Handlers, TemporalRuntime, make_workflow
from sojourn.journeys.terms import Terms, names

E = TypeVar("E", bound=Event)
V = TypeVar("V")
Classes = type[Event] | tuple[type[Event], ...]
Ends = type[Event] | AnyKey | tuple[type[Event] | AnyKey, ...]

SHORTEST = timedelta(seconds=1)
"""A wait that is past takes a timer of this duration."""

_NAME = re.compile(r"[a-z\d]+(-[a-z\d]+)*", re.ASCII)


class Journey(Handlers):
    """Base of all journeys.

    Class keywords say what the dispatcher and the gate need to know; messages are attributes::

        class AbandonedCart(
            Journey, name="abandoned-cart", topic="cart",
            starts_on=ProductAdded, key="cart_id", goal=OrderCompleted,
        ):
            reminder = Message(EMAIL, useful_for=hours(24))

    A keyword that is left out is the base class's. A class without a name is no journey: others
    extend it.

    Args:
        name: kebab-case; part of workflow ids, and the folder of the templates.
        topic: what the customer can say no to; of messages that name none. The journey's name if
            left out.
        starts_on: events that start a run.
        goal: events that make the journey succeed and stop its messages; ``Event.any_key()`` for
            those that do so whichever key they name.
        key: the field of those events that tells a customer's runs apart; none: one run a customer.
        restarts_on: events that begin the steps again, if `restarts` agrees.
        ends_on: events that end the run as ``stopped``.
        hears: further events that the steps wait for or ask about.
        anchor: the field of those events that the plan counts from, such as the end of a
            subscription. Another value begins the steps again, whether a ``restarts_on`` event
            brings it or a second start; one that comes after the run has ended starts a new one.
        enters_if: a fact (docs/facts.md) that is judged once, when an event that would start a run
            is stored; ``field("total")`` is a field of that event. The run starts only if it holds.
        stays_if: a fact that the gate judges before each message, whatever its class. A message
            leaves only if it holds; else it is skipped as ``no_longer``.
        again: whether a customer may enter once more after the first run: ``ALWAYS``, which is the
            default, ``ONCE``, or ``after(days=30)``. Runs of every key count; those of one key
            alone by ``ONCE.per_key``. What an open run hears is no entry.
        at_most: the runs that one customer may have open at a time, of a journey with a key.

    Raises:
        TypeError: a keyword or a message makes no sense; the text says which, and the way out.
    """

    name: ClassVar[str] = ""
    topic: ClassVar[str] = ""
    terms: ClassVar[Terms] = Terms()  # type: ignore[misc]  # a class's own, where a run reads it
    messages: ClassVar[tuple[Message, ...]] = ()
    """The messages that the class declares, in their order."""

    def __init_subclass__(
        cls,
        *,
        name: str = "",
        topic: str = "",
        starts_on: Classes | None = None,
        goal: Ends | None = None,
        key: str | None = None,
        restarts_on: Classes | None = None,
        ends_on: Ends | None = None,
        hears: Classes | None = None,
        anchor: str | None = None,
        enters_if: Fact | None = None,
        stays_if: Fact | None = None,
        again: Again | None = None,
        at_most: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        of = cls.terms
        ends = (*_ends(goal, of.goal, of.any_key), *_ends(ends_on, of.ends_on, of.any_key))
        cls.terms = Terms(
            starts_on=_tuple(starts_on, of.starts_on),
            goal=_tuple(_events(goal), of.goal),
            key=of.key if key is None else key,
            restarts_on=_tuple(restarts_on, of.restarts_on),
            ends_on=_tuple(_events(ends_on), of.ends_on),
            hears=_tuple(hears, of.hears),
            any_key=tuple(one.event for one in ends if isinstance(one, AnyKey)),
            anchor=of.anchor if anchor is None else anchor,
            enters_if=of.enters_if if enters_if is None else enters_if,
            stays_if=of.stays_if if stays_if is None else stays_if,
            again=of.again if again is None else again,
            at_most=of.at_most if at_most is None else at_most,
        )
        if name:
            cls.terms = checked_conditions(cls.terms, cls.__name__)
        cls.name = name
        cls.topic = topic or cls.topic or name
        cls.messages = declared_messages(cls)
        _check(cls)
        if name:
            make_workflow(cls, name)

    def __init__(self) -> None:
        self._runtime: Runtime = TemporalRuntime()
        self._state = State(self.terms, self._restarts if restarts_by_content(type(self)) else None)
        self._doing = "starting"
        self._until: datetime | None = None

    # ---- defined by a journey ------------------------------------------------------------

    async def steps(self) -> None:
        """Say everything there is to say, in the verbs below; returning means it was said."""
        raise NotImplementedError

    def restarts(self, event: Event) -> bool:
        """Tell whether a ``restarts_on`` event really begins the steps again.

        By default each does; with an anchor, only one that brings another value of it.
        """
        anchor = self.terms.anchor
        if not anchor:
            return True
        return getattr(event, anchor, None) not in (None, getattr(self.cause, anchor, None))

    # ---- the verbs -------------------------------------------------------------------------

    async def send(
        self, message: Message, *, until: datetime | None = None, **given: Any
    ) -> Receipt:
        """Send a message, held over quiet hours if need be.

        It falls due when the wait before it ends, and is worth sending for ``message.useful_for``
        after that. If that moment was past before its wait began, the message is skipped.

        Args:
            message: an attribute of the class.
            until: from this moment on, what the message says is no longer true: it is not sent,
                whatever held it. None: `useful_for` alone counts.
            given: values for its template, as ``given.code``: nothing personal, for the history
                keeps them.

        Returns:
            What became of it.
        """

        async def perform() -> Performed:
            receipt = await self._send(message.of(self.topic), until, given)
            plan = self._state.journal.plan
            return Performed(due=self._state.due, missed=plan.missed, value=_json(receipt))

        verb = f"send {message.step}"
        return Receipt.model_validate((await self._once(verb, perform)).value)

    async def call(self, activity: Activity[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Failed:
        """Have the project do something in its own world: issue a code, open a ticket.

        It is retried until the activity's deadline. A failure is a value, and falsy::

            code = await self.call(issue_code.within(days(1)), percent=10)
            await self.send(self.offer, code=code.code if code else "")

        Args:
            activity: made by `sojourn.activity`.
            args: none; arguments have names.
            kwargs: the activity's arguments, nothing personal.

        Returns:
            The activity's result, or `Failed`.

        Raises:
            TypeError: an argument is unknown, missing or has no name.
        """
        if args:
            raise TypeError(f"{activity.name}: write its arguments with their names")
        arguments = activity.written(kwargs)
        verb = f"call {activity.name}"

        async def perform() -> Performed:
            reply = await self._call(activity, arguments)
            plan = self._state.journal.plan
            value = reply.model_dump(mode="json")
            return Performed(due=plan.due, missed=plan.missed, value=value)

        reply = Reply.model_validate((await self._once(verb, perform)).value)
        if reply.failure:
            return Failed(activity=activity.name, kind=reply.failure)
        return activity.read_result(reply.result)

    @overload
    async def ask(self, about: Fact) -> bool | None: ...
    @overload
    async def ask(self, about: Operand[V]) -> V | None: ...
    async def ask(self, about: Fact | Operand[Any]) -> Any:
        """Ask a question about the customer (docs/facts.md), to branch on the answer.

        ::

            if await self.ask(did(OrderCompleted, at_least=5)):
                await self.send(self.thanks)

        The store answers once, by what it knows at that moment; the run's history keeps the answer.

        Args:
            about: a fact, or the value of `count`, `last`, `total` or of a trait that is declared
                not to be personal.

        Returns:
            True or False, or the value. None if it is unknown.

        Raises:
            TypeError: it is no question, or its answer may be personal.
        """

        async def perform() -> Performed:
            plan = self._state.journal.plan
            asked = question(
                about, run=self._runtime.run_id, customer_id=self.customer_id, now=self.now()
            )
            reply = await self._runtime.ask(asked, summary(about), self._state.is_interrupted)
            self._leave_if_due()
            assert reply is not None, "only a reason to leave ends a question without an answer"
            return Performed(due=plan.due, missed=plan.missed, value=reply.result)

        return read_answer(about, (await self._once("ask", perform)).value)

    async def sleep(self, duration: timedelta) -> None:
        """Wait ``duration`` from the plan's last moment on, however late its message left."""

        async def perform() -> Performed:
            due = self._state.spaced(self._state.due + duration)
            await self._wait_until(due, wording.wait(duration, self.terms.goal))
            return Performed(due=self._reached(due))

        await self._once("sleep", perform)

    async def sleep_until(self, when: datetime) -> None:
        """Wait until ``when``. If it is past already, the next message is skipped as too late."""

        async def perform() -> Performed:
            missed: bool | None = None
            while True:
                zone = self._state.zone
                there = self._in_zone(when)
                target = self._state.spaced(there)
                if missed is None:
                    missed = target < self.now()
                summary = wording.wait_until(target, zone, self.terms.goal)
                moved = partial(self._has_moved, zone)
                await self._wait_until(target, summary, wake=moved)
                if not moved() or self.now() >= target:
                    # a message is of use from its own moment on, however far it was moved away
                    return Performed(due=min(there, self._reached(target)), missed=missed)

        await self._once("sleep_until", perform)

    async def quiet_for(self, duration: timedelta, *, of: type[Event]) -> None:
        """Wait until no ``of`` has happened for ``duration``; each one begins the wait again.

        The timer is left alone while events come and is only set again when it fires early: a
        customer who adds ten products costs one more timer, not ten.
        """

        async def perform() -> Performed:
            summary = wording.quiet(duration, of, self.terms.goal)
            due = self._state.last(of) + duration
            while True:
                await self._wait_until(due, summary, restarts=False)
                latest = self._state.last(of) + duration
                if latest <= due:
                    self._state.waited_out()
                    return Performed(due=self._reached(due))
                due = latest

        await self._once("quiet_for", perform, restarts=False)

    async def wait_for(
        self,
        *events: type[E],
        timeout: timedelta,  # noqa: ASYNC109 (a durable timer, not a deadline on a task)
    ) -> E | None:
        """Wait for the next of ``events`` that no wait has given back yet.

        Args:
            events: classes that a class keyword names.
            timeout: from the plan's last moment on.

        Returns:
            The event, without its personal fields; None after ``timeout``.
        """
        self._check_declared(events)

        async def perform() -> Performed:
            due = self._state.spaced(self._state.due + timeout)
            summary = wording.wait(timeout, (*events, *self.terms.goal))
            await self._wait_until(
                due, summary, wake=lambda: self._state.not_awaited(events) is not None
            )
            event = self._state.not_awaited(events)
            if event is None:
                return Performed(due=self._reached(due))
            return Performed(due=max(event.at, self._state.due), value=_json(event))

        value = (await self._once("wait_for", perform)).value
        if value is None:
            return None
        event = Heard.model_validate(value)
        self._state.give_back(event)
        return cast(E, self._event(event))

    def heard(self, *events: type[E]) -> list[E]:
        """Return what the run has heard so far of ``events``, oldest first."""
        self._check_declared(events)
        journal = self._state.journal
        if journal.is_used_up:
            found = [_json(h) for h in self._state.heard_of(events)]
            missed = journal.plan.missed
            journal.add(Performed(verb="heard", due=self._state.due, missed=missed, value=found))
        values = journal.next("heard").value
        return [cast(E, self._event(Heard.model_validate(value))) for value in values]

    def patched(self, change: str) -> bool:
        """Tell whether the run takes a changed set or order of steps.

        A run that has passed this line before the change goes on as it began::

            if self.patched("issue-code"):
                ...  # the new steps
            else:
                ...  # the former ones

        Args:
            change: a name of its own, which stays for as long as such runs are open.

        Returns:
            True for a run that comes here for the first time.
        """
        journal, verb = self._state.journal, f"patched {change}"
        if journal.is_used_up:
            now, plan = self._runtime.patched(change), journal.plan
            journal.add(Performed(verb=verb, due=plan.due, missed=plan.missed, value=now))
        elif not journal.comes_to(verb):
            return False  # an execution from before the change went on without it
        return bool(journal.next(verb).value)

    def now(self) -> datetime:
        """Return the journey's clock: Temporal's, shifted by the enrolment's in time travel."""
        return self._runtime.now() + self._state.enrolment.clock

    def local(
        self, at: time, *, days: int = 0, on: Day | None = None, after: datetime | None = None
    ) -> datetime:
        """Return ``at`` o'clock where the customer lives, ``days`` calendar days after ``after``.

        Args:
            at: local time of day; in a spring gap it moves forward, of an overlap the first counts.
            days: may be negative.
            on: the day is found from that one: `months`, `weekday`, `nth_weekday`, `day_of_month`,
                `business_days`.
            after: any moment; None: the event that (re)started the steps.

        Returns:
            The moment. A wait until then moves with the customer, who may live by other clocks
            before it ends.
        """
        with self._runtime.reading():
            return LocalMoment.of(at, days, after or self.cause.occurred_at, self._state.zone, on)

    def opening(self, hours: str, *, holidays: str = "", after: datetime | None = None) -> datetime:
        """Return ``after`` if it lies in some hours of the customer's week, else their beginning.

        Args:
            hours: ``"mon-fri 09:00-18:00"``, as in the project's policy.
            holidays: a country, or a region of it, on whose public holidays there are no such
                hours: ``IT``, ``DE-BY``.
            after: any moment; None: the one at which the last step fell due.

        Returns:
            The moment, which moves with the customer as that of `local` does.

        Raises:
            ValueError: the hours or the place cannot be read, or nothing opens within a year.
        """
        find = partial(next_opening, hours, holidays, after or self._state.due)
        with self._runtime.reading():
            return LocalMoment.found(find, self._state.zone)

    @property
    def customer_id(self) -> str:
        """The customer whose run this is."""
        return self._state.enrolment.customer_id

    @property
    def key(self) -> str:
        """The value of the journey's key; empty where it has none."""
        return self._state.enrolment.key

    @property
    def cause(self) -> Event:
        """The event that last (re)started the steps; its personal fields are empty."""
        return self._event(self._state.cause)

    # ---- running the steps -----------------------------------------------------------------

    async def follow(self, enrolment: Enrolment) -> Result:
        """Run `steps` until they end, the goal is reached, or the run is stopped.

        A goal that also starts the journey (a renewal), or a start that happened after the goal,
        begins the next enrolment in the same run, by continue-as-new.
        """
        state = self._state
        state.enrol(enrolment)
        outcome, closing = Outcome.EXHAUSTED, None
        try:
            await self._until_said()
        except End as end:
            outcome, closing = end.outcome, end.closing
            self._runtime.end(outcome)  # a run that said everything is Completed without an outcome
        # a sender that asked what an event did gets the answer before the run is closed
        await self._runtime.answers_given()
        following = state.following(closing)
        if following is not None:
            self._runtime.continue_as_new(state.followed_by(following, outcome))
        self._tell(f"ended: {outcome}")
        return Result(
            outcome=outcome, enrolment=state.enrolment.start.id, messages=tuple(state.messages)
        )

    async def _until_said(self) -> None:
        while True:
            try:
                await self.steps()
                self._leave_if_due()
                return
            except Restart:
                self._state.begin_again()

    async def _once(
        self, verb: str, perform: Callable[[], Awaitable[Performed]], *, restarts: bool = True
    ) -> Performed:
        """Perform a verb, or take what it came to in an earlier execution of this run."""
        journal = self._state.journal
        if journal.is_used_up:
            self._leave_if_due(restarts=restarts)
            performed = await perform()
            journal.add(performed.model_copy(update={"verb": verb}))
        journal.plan = journal.next(verb)
        return journal.plan

    def _leave_if_due(self, *, restarts: bool = True) -> None:
        """Leave the steps if there is a reason to."""
        reason = self._state.reason_to_leave(restarts=restarts)
        if reason is not None:
            raise reason

    async def _wait_until(
        self,
        due: datetime,
        summary: str,
        *,
        wake: Callable[[], bool] = lambda: False,
        restarts: bool = True,
    ) -> None:
        """Sleep until ``due``, ``wake()`` or a reason to leave."""
        state, runtime = self._state, self._runtime

        def woken() -> bool:
            return state.is_interrupted(restarts=restarts) or wake() or runtime.is_outgrown()

        left = due - self.now()
        if state.plans_anew:  # always a timer: histories stay alike when the plan changes
            left = max(left, SHORTEST)
        if left > timedelta(0) and not wake():
            self._tell(summary, due)
            await runtime.wait(woken, left, summary)
        self._leave_if_due(restarts=restarts)
        if runtime.is_outgrown():
            await runtime.answers_given()  # an operator's stop may be under way
            self._leave_if_due(restarts=restarts)
        if runtime.is_outgrown() and self.now() < due and not wake():
            # a wait can be taken up again where it was: the journal does not hold it yet. One that
            # is over cannot: its moment would look past before it began
            runtime.continue_as_new(state.carried_on())

    def _in_zone(self, when: datetime) -> datetime:
        """Return a moment by the zone in which the customer lives now."""
        if not isinstance(when, LocalMoment):
            return when
        with self._runtime.reading():
            return when.in_zone(self._state.zone)

    def _has_moved(self, zone: str) -> bool:
        """Tell whether the customer has lived by other clocks since."""
        return self._state.zone != zone

    def _reached(self, due: datetime) -> datetime:
        """Return the plan's moment after a wait that is over.

        It lies before ``due`` where the wait was begun by a plan that has grown longer since.
        """
        now = self.now()
        changed = self._state.plans_anew and now < due - SHORTEST
        return now if changed else due

    async def _send(
        self, message: Message, until: datetime | None, given: dict[str, Any]
    ) -> Receipt:
        n = self._state.sends + 1
        try:
            return await self._send_as(n, message, until, given)
        finally:  # but a run that continues as new while it holds the message asks again as n
            self._state.sends = n

    async def _send_as(
        self,
        n: int,
        message: Message,
        until: datetime | None = None,
        given: dict[str, Any] | None = None,
    ) -> Receipt:
        state = self._state
        channel = message.channels[0]
        while True:
            self._leave_if_due()
            summary = wording.sending(message)
            self._tell(summary)
            ended = state.holds_ended
            receipt = await self._ask_to_send(
                self._delivery(n, message, channel, until, given or {}), summary
            )
            state.zone = receipt.timezone or state.zone
            if receipt.due is not None:
                state.journal.fell_due(receipt.due)
            if receipt.reason is Reason.OTHER_CHANNEL:
                assert receipt.channel is not None
                channel = receipt.channel
                continue
            if receipt.status is Status.DEFERRED:
                assert receipt.until is not None
                why = receipt.reason or Reason.QUIET_HOURS
                held = wording.held(message, receipt.until, state.zone, why, self.terms.goal)
                await self._wait_until(
                    receipt.until, held, wake=partial(state.has_ended_a_hold, since=ended)
                )
                continue
            if receipt.news is not None:
                state.take_from_gate(receipt.news, receipt.reason)
                if not state.is_interrupted():
                    continue  # it changes nothing for this journey: ask again, knowing it
            state.record(message, receipt, self.now())
            self._leave_if_due()
            return receipt

    async def _ask_to_send(self, delivery: Delivery, summary: str) -> Receipt:
        self._state.sending = True
        try:
            return await self._runtime.send(delivery, summary)
        finally:
            self._state.sending = False

    def _delivery(
        self,
        n: int,
        message: Message,
        channel: Channel,
        until: datetime | None,
        given: dict[str, Any],
    ) -> Delivery:
        state, terms = self._state, self.terms
        run = state.enrolment
        useful_for = timedelta(0) if state.journal.plan.missed else message.useful_for
        useful_until = state.due + useful_for
        return Delivery(
            workflow_id=self._runtime.run_id,
            journey=self.name,
            customer_id=run.customer_id,
            key=run.key,
            key_field=terms.key,
            enrolment=run.start.id,
            n=n,
            step=message.step,
            template=message.words,
            channels=message.channels,
            channel=channel,
            message_class=message.message_class,
            topic=message.topic,
            due=state.due,
            useful_until=useful_until if until is None else min(useful_until, until),
            useful_for=message.useful_for if state.plans_anew else None,
            true_until=until,
            within=message.within,
            at_most=message.at_most,
            counted_as=_counted_as(message, state),
            at_cap=message.at_cap,
            now=self.now(),
            start=run.start.order,
            exact=terms.exact(run.start.name),
            latest=state.latest.order,
            goals=names(terms.goal),
            ends=names(terms.ends_on),
            restarts=names(terms.moved_by),
            starts=terms.reach.starts,
            any_key=terms.reach.any_key,
            timezone=state.zone,
            given=given,
            cause=state.cause.id,
            occurrence=1 + state.journal.times(f"send {message.step}"),
        )

    async def _call(self, activity: Activity[..., Any], arguments: dict[str, Any]) -> Reply:
        state = self._state
        run, verb = state.enrolment, f"call {activity.name}"
        asked = Asked(
            activity=activity.name,
            run=self._runtime.run_id,
            journey=self.name,
            customer_id=run.customer_id,
            key=run.key,
            enrolment=run.start.id,
            cause=state.cause.id,
            occurrence=1 + state.journal.times(verb),
            arguments=arguments,
            now=self.now(),
        )
        self._tell(verb)
        reply = await self._runtime.call(
            asked, activity.timeout, activity.deadline, state.is_interrupted
        )
        self._leave_if_due()
        assert reply is not None, "only a reason to leave ends a call without a reply"
        return reply

    def _restarts(self, heard: Heard) -> bool:
        return self.restarts(self._event(heard))

    def _event(self, heard: Heard) -> Event:
        return self.terms.event(heard, self._state.enrolment.customer_id)

    def _check_declared(self, events: tuple[type[Event], ...]) -> None:
        for event in events:
            if event.event_name not in self.terms.declared:
                raise TypeError(
                    f"{type(self).__name__} never hears {event.event_name}: "
                    f"add hears={event.__name__} to its class keywords"
                )

    # ---- shown to an operator -------------------------------------------------------------

    def _declared(self) -> tuple[Message, ...]:
        return self.messages

    def _tell(self, doing: str, until: datetime | None = None) -> None:
        self._doing, self._until = doing, until
        state = self._state
        self._runtime.tell(wording.details(doing, until, state.zone, state.messages))

    def _status(self) -> dict[str, Any]:
        return {
            "doing": self._doing,
            "until": self._until.isoformat() if self._until else None,
            "as_of": self.now().isoformat(),
            "messages": [_json(sent) for sent in self._state.messages],
        }


def restarts_by_content(journey: type[Journey]) -> bool:
    """Tell whether an event restarts the steps by what it says, not by its happening.

    What it says (a new end) moves the plan however late it is heard. What merely happened (one more
    product) begins no ladder again whose messages have left since.
    """
    return bool(journey.terms.anchor) or journey.restarts is not Journey.restarts


def cause_after(journey: type[Journey], enrolment: Enrolment, news: Iterable[Heard]) -> Heard:
    """Return the event from which the steps of a run count once it has heard some news.

    Args:
        journey: the run's.
        enrolment: the run's.
        news: events, in the order in which the run hears them.

    Returns:
        The event that (re)started the steps last.
    """
    run = journey()
    run._state.enrol(enrolment)  # noqa: SLF001 (of this very class)
    for event in news:
        run._state.take(event)  # noqa: SLF001
    return run._state.cause  # noqa: SLF001


def _check(cls: type[Journey]) -> None:
    """See that a class can be a journey, or a base of journeys.

    Raises:
        TypeError: it cannot.
    """
    called = cls.__name__
    for attribute, value in vars(cls).items():
        if isinstance(value, Message) and hasattr(Journey, attribute):
            raise TypeError(f'{called}.{attribute}: "{attribute}" is taken: rename the message')
    if cls.name:
        _check_named(cls, called)
    elif "steps" in vars(cls) and cls.terms.starts_on:
        raise TypeError(f'{called} needs its name: class {called}(Journey, name="its-name")')


def _check_named(cls: type[Journey], called: str) -> None:
    if not _NAME.fullmatch(cls.name):
        raise TypeError(f'{called}: "{cls.name}" is not kebab-case: write it like "abandoned-cart"')
    if not cls.terms.starts_on:
        raise TypeError(f"{called} never starts: add starts_on= to its class keywords")
    for event in cls.terms.starts_on:
        if cls.terms.key and cls.terms.key not in event.model_fields:
            raise TypeError(f'{called}: {event.__name__} has no field "{cls.terms.key}" to key on')
        if cls.terms.anchor and cls.terms.anchor not in event.model_fields:
            raise TypeError(
                f'{called}: {event.__name__} has no field "{cls.terms.anchor}" to count from'
            )
    for message in cls.messages:
        _check_counted(message, cls)
    for event in cls.terms.any_key:
        if event in cls.terms.starts_on:
            raise TypeError(
                f"{called}: {event.__name__} starts runs of the key that it names, and cannot end "
                "those of any key: leave any_key() out"
            )
    if cls.steps is Journey.steps:
        raise TypeError(f"{called} has no steps: write async def steps(self)")


def _check_counted(message: Message, cls: type[Journey]) -> None:
    """See that the field by which a limit counts is one that runs are told of."""
    key = message.at_most.key if message.at_most else ""
    for event in cls.terms.starts_on if key else ():
        if key not in event.model_fields or key in personal_fields(event):
            raise TypeError(
                f'{cls.__name__}, {message.step}: {event.__name__} has no field "{key}" to count '
                "by that may be in a run's history: name another in at_most(key=...)"
            )


def _tuple(events: Classes | None, otherwise: tuple[type[Event], ...]) -> tuple[type[Event], ...]:
    if events is None:
        return otherwise
    return events if isinstance(events, tuple) else (events,)


def _ends(
    given: Ends | None, otherwise: tuple[type[Event], ...], any_key: tuple[type[Event], ...]
) -> tuple[type[Event] | AnyKey, ...]:
    """Return what a keyword says of the events that end runs, or what its base class says."""
    if given is None:
        return tuple(AnyKey(event) if event in any_key else event for event in otherwise)
    return given if isinstance(given, tuple) else (given,)


def _events(given: Ends | None) -> tuple[type[Event], ...] | None:
    if given is None:
        return None
    ends = given if isinstance(given, tuple) else (given,)
    return tuple(one.event if isinstance(one, AnyKey) else one for one in ends)


def _counted_as(message: Message, state: State) -> str:
    """Return the value by which the limit of a message counts: of the event that began the steps.

    An event that restarted them may not have the field; then the start's value counts.
    """
    key = message.at_most.key if message.at_most else ""
    for event in (state.cause, state.enrolment.start) if key else ():
        if value := plain(event.fields.get(key)):
            return value
    return ""


def _json(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_none=True)
