"""`Waits`: the verbs that wait for a moment, and those that name one."""

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from functools import partial

from sojourn.domain.calendar import LocalMoment
from sojourn.domain.calendar_days import Day
from sojourn.domain.events import Event
from sojourn.domain.office_hours import next_opening
from sojourn.domain.working_time import Span, later
from sojourn.journeys import wording
from sojourn.journeys.journal import Done
from sojourn.journeys.run import Run
from sojourn.journeys.runtime import Words

SHORTEST = timedelta(seconds=1)
"""A wait that is past takes a timer of this duration."""
NOT_AT_ALL = timedelta(0)


def never() -> bool:
    """Return False: nothing ends the wait but its moment."""
    return False


class Waits(Run):
    """A run that waits for moments by the customer's clock."""

    async def sleep(self, span: Span) -> None:
        """Wait for a span from the plan's last moment on, however late its message left.

        Args:
            span: a duration; ``months(1)``, ``business_days(3)`` and the like, which end at the
                same time of that day; ``working(hours(4), "mon-fri 09:00-18:00")``.
        """

        async def perform() -> Done:
            return Done(due=await self._wait_for(span, self.terms.goal))

        await self._once("sleep", perform)

    async def sleep_until(self, when: datetime) -> None:
        """Wait until ``when``. If it is past already, the next message is skipped as too late."""

        async def perform() -> Done:
            missed: bool | None = None
            while True:
                zone = self._state.zone
                there = self._in_zone(when)
                past = self._state.was_past(there)
                target = there if past else self._state.spaced(there)
                if missed is None:
                    # a runtime is a little late for each step: one that falls due at the moment of
                    # the one before is as late as that one was
                    plan, at_once = self._state.journal.plan, there == self._state.due
                    missed = plan.missed if at_once else target < self.now()
                summary = partial(wording.wait_until, target, zone, self.terms.goal)
                moved = partial(self._has_moved, zone)
                await self._wait_until(target, summary, wake=moved)
                if not moved() or self.now() >= target:
                    # a message is of use from its own moment on, however far it was moved away
                    return Done(due=min(there, self._reached(target)), missed=missed)

        await self._once("sleep_until", perform)

    async def quiet_for(self, duration: timedelta, *, of: type[Event]) -> None:
        """Wait until no ``of`` has happened for ``duration``; each one begins the wait again.

        The timer is left alone while events come and is only set again when it fires early: a
        customer who adds ten products costs one more timer, not ten.
        """

        async def perform() -> Done:
            summary = partial(wording.quiet, duration, of, self.terms.goal)
            due = self._state.first(of, self._runtime.now) + duration
            while True:
                await self._wait_until(due, summary, restarts=False)
                latest = self._state.last(of) + duration
                if latest <= due:
                    self._state.waited_out()
                    return Done(due=self._reached(due))
                due = latest

        await self._once("quiet_for", perform, restarts=False)

    def local(
        self,
        at: time,
        *,
        days: int = 0,
        on: Day | None = None,
        after: datetime | None = None,
        zone: str | None = None,
    ) -> datetime:
        """Return ``at`` o'clock where the customer lives, ``days`` calendar days after ``after``.

        Args:
            at: local time of day; in a spring gap it moves forward, of an overlap the first counts.
            days: may be negative.
            on: the day is found from that one: `months`, `weekday`, `nth_weekday`, `day_of_month`,
                `business_days`.
            after: any moment; None: the event that (re)started the steps.
            zone: the clocks of a place, an IANA name; None: those of the customer.

        Returns:
            The moment. A wait until then moves with the customer, who may live by other clocks
            before it ends; one by the clocks of a place stays.
        """
        after = after or self.cause.occurred_at
        with self._runtime.reading():
            there = LocalMoment.of(at, days, after, zone or self._state.zone, on)
        return there.fixed() if zone else there

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

    async def _wait_until(
        self,
        due: datetime,
        summary: Words,
        *,
        wake: Callable[[], bool] = never,
        restarts: bool = True,
    ) -> None:
        """Sleep until ``due``, ``wake()`` or a reason to leave."""
        state, runtime = self._state, self._runtime

        def woken() -> bool:
            return state.is_interrupted(restarts=restarts) or wake() or runtime.is_outgrown()

        left = due - (runtime.now() + state.enrolment.clock)
        if left < SHORTEST and state.replans:
            left = SHORTEST  # always a timer: histories stay alike when the plan changes
        was_waited = state.delay_is_over(runtime.now)  # by Temporal, before the first task
        state.come_to_wait()
        if left > NOT_AT_ALL and not was_waited and not wake():
            self._tell(summary, due)
            await runtime.wait(woken, left, summary)
        self._leave_if_due(restarts=restarts)
        if runtime.is_outgrown():
            await runtime.answers_given()  # an operator's stop may be under way
            self._leave_if_due(restarts=restarts)
            if self.now() < due and not wake():
                # a wait can be taken up again where it was: the journal does not hold it yet. One
                # that is over cannot: its moment would look past before it began
                runtime.continue_as_new(state.carried_on())

    async def _wait_for(
        self,
        span: Span | datetime,
        events: Iterable[type[Event]],
        wake: Callable[[], bool] = never,
    ) -> datetime:
        """Wait for a span from the plan's last moment on, or until ``wake()``.

        Args:
            span: a wait by the calendar moves with a customer who moves. A moment is waited for as
                it is, whatever left late before it.
            events: those that may end the wait, for an operator.
            wake: whether the wait is over.

        Returns:
            The plan's moment, had the span passed.
        """
        state = self._state
        if isinstance(span, timedelta):
            due = state.spaced(state.due + span)
            await self._wait_until(due, partial(wording.wait, span, events), wake=wake)
            return self._reached(due)
        while True:
            zone = state.zone
            if isinstance(span, datetime):
                due = there = self._in_zone(span)
            else:
                with self._runtime.reading():
                    there = LocalMoment.found(partial(later, span, state.due), zone)
                due = state.spaced(there)
            moved = partial(self._has_moved, zone)
            summary = partial(wording.wait_until, due, zone, events)
            await self._wait_until(due, summary, wake=partial(_either, moved, wake))
            if not moved() or wake() or self.now() >= due:
                return min(there, self._reached(due))

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
        if not self._state.replans:
            return due
        now = self.now()
        return now if now < due - SHORTEST else due


def _either(one: Callable[[], bool], other: Callable[[], bool]) -> bool:
    return one() or other()
