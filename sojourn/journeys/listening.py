"""`Listening`: the verbs that give events to the steps."""

from datetime import timedelta
from typing import TypeVar, cast

from sojourn.domain.events import Event
from sojourn.domain.messages import Heard, Performed
from sojourn.journeys import wording
from sojourn.journeys.run import as_json
from sojourn.journeys.waits import Waits

E = TypeVar("E", bound=Event)


class Listening(Waits):
    """A run that waits for what its customer does."""

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
            return Performed(due=max(event.at, self._state.due), value=as_json(event))

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
            found = [as_json(h) for h in self._state.heard_of(events)]
            missed = journal.plan.missed
            journal.add(Performed(verb="heard", due=self._state.due, missed=missed, value=found))
        values = journal.next("heard").value
        return [cast(E, self._event(Heard.model_validate(value))) for value in values]

    def _check_declared(self, events: tuple[type[Event], ...]) -> None:
        for event in events:
            if event.event_name not in self.terms.declared:
                raise TypeError(
                    f"{type(self).__name__} never hears {event.event_name}: "
                    f"add hears={event.__name__} to its class keywords"
                )
