"""`Listening`: the verbs that give events to the steps."""

from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

from sojourn.domain.events import Event
from sojourn.domain.messages import Heard
from sojourn.domain.working_time import Span
from sojourn.journeys import wording
from sojourn.journeys.journal import Done
from sojourn.journeys.run import as_json
from sojourn.journeys.waits import Waits
from sojourn.journeys.where import Where, meant

E = TypeVar("E", bound=Event)


class Listening(Waits):
    """A run that waits for what its customer does."""

    async def wait_for(
        self,
        *events: type[E],
        timeout: Span | datetime,  # noqa: ASYNC109 (a durable timer, not a deadline on a task)
        where: Where[E] | None = None,
    ) -> E | None:
        """Wait for the first of ``events`` that no wait has given back yet.

        ::

            reply = await self.wait_for(
                MessageReplied, timeout=days(2), where=lambda reply: reply.intent == Intent.YES
            )

        Args:
            events: classes that a class keyword names.
            timeout: from the plan's last moment on: a duration, a day by name or working time. Or a
                moment, which stays what it is, whatever left late before it.
            where: what must be true of the event: ``field("total") >= 50``, or a function of it. An
                event for which it is not true is left for other waits.

        Returns:
            The event, without its personal fields; of several the one that happened first. None
            after ``timeout``.

        Raises:
            TypeError: the journey does not hear an event, or ``where`` cannot be asked of it.
        """
        self._check_declared(events)
        takes = meant(where, events)

        def found() -> Heard | None:
            if takes is None:
                return self._state.not_awaited(events)
            return self._state.not_awaited(events, lambda heard: takes(self._event(heard)))

        async def perform() -> Done:
            due = await self._wait_for(
                timeout, (*events, *self.terms.goal), lambda: found() is not None
            )
            event = found()
            if event is None:
                return Done(due=due)
            return Done(due=max(event.at, self._state.due), value=as_json(event))

        value = (await self._once("wait_for", perform)).value
        if value is None:
            return None
        event = Heard.model_validate(value)
        self._state.give_back(event)
        return cast(E, self._event(event))

    async def collect(self, *events: type[E], for_: timedelta, at_most: int = 100) -> list[E]:
        """Collect events for some time, to say one thing about all of them.

        The time runs from the first event that no wait has given back yet, which may be the one
        that started the run, but not from before the plan's last moment. Without such an event, it
        waits as long for the next.

        An event that comes later is for the next `collect`. If the steps end without one, and the
        event is one that starts the journey, the steps begin again with it.

        Args:
            events: classes that a class keyword names.
            for_: how long.
            at_most: this many events end the wait at once; others are for the next `collect`.

        Returns:
            The events, without their personal fields, oldest first; none if none has come.

        Raises:
            TypeError: the journey does not hear an event.
            ValueError: ``at_most`` is below 1.
        """
        self._check_declared(events)
        if at_most < 1:
            raise ValueError(f"collect: at_most={at_most} collects nothing: write 1 or more")
        state = self._state
        state.collect(events)

        async def perform() -> Done:
            ends: tuple[type[Event], ...] = (*events, *self.terms.goal)
            if not state.to_collect(events):
                due = await self._wait_for(for_, ends, lambda: bool(state.to_collect(events)))
                if not state.to_collect(events):
                    return Done(due=due, value=[])
            first = state.to_collect(events)[0]
            due = state.spaced(max(state.due, first.at) + for_)
            await self._wait_until(
                due,
                partial(wording.collecting, for_, events, self.terms.goal),
                wake=lambda: len(state.to_collect(events)) >= at_most,
            )
            found = state.to_collect(events)[:at_most]
            due = self._reached(due)
            if len(found) == at_most and self.now() < due:
                due = max(state.due, found[-1].at)
            return Done(due=due, value=[as_json(each) for each in found])

        values = (await self._once("collect", perform)).value
        collected = [Heard.model_validate(value) for value in values]
        for event in collected:
            state.give_back(event)
        return [cast(E, self._event(event)) for event in collected]

    def heard(self, *events: type[E]) -> list[E]:
        """Return what the run has heard so far of ``events``, oldest first."""
        self._check_declared(events)
        journal = self._state.journal
        if journal.is_used_up:
            found = [as_json(h) for h in self._state.heard_of(events)]
            missed = journal.plan.missed
            done = journal.put("heard", Done(due=self._state.due, missed=missed, value=found))
        else:
            done = journal.next("heard")
        return [cast(E, self._event(Heard.model_validate(value))) for value in done.value]

    def _check_declared(self, events: tuple[type[Event], ...]) -> None:
        for event in events:
            if event.event_name not in self.terms.declared:
                raise TypeError(
                    f"{type(self).__name__} never hears {event.event_name}: "
                    f"add hears={event.__name__} to its class keywords"
                )
