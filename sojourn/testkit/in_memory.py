"""`InMemory`: one customer of an installation in memory, with the verbs of a journey's test."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_ids
from sojourn.in_memory.people import Person
from sojourn.in_memory.world import World
from sojourn.testkit.engines.in_process import MOMENT
from sojourn.testkit.engines.rest import TASK_TIME
from sojourn.testkit.kit import EVERYTHING


class InMemory:
    """One customer, who is reached on every channel and has agreed to everything.

    Args:
        world: in which the customer lives.
        customer_id: the customer's.

    Attributes:
        said: the traits of each identify call, with its moment.
        arrivals: when each event arrived first, by the message id that it is kept under.
    """

    def __init__(self, world: World, customer_id: str) -> None:
        self.world = world
        self.customer_id = customer_id
        self.said: list[tuple[datetime, Mapping[str, Any]]] = []
        self.arrivals: dict[str, datetime] = {}
        self._say(EVERYTHING)

    @property
    def person(self) -> Person:
        """The customer as memory has them: card, events, messages."""
        return self.world.registry.person(self.customer_id)

    async def now(self) -> datetime:
        """Return the journeys' clock."""
        return self.world.now

    async def identify(self, **traits: Any) -> None:
        """Change the customer."""
        self._say(traits)
        self._rest()

    async def publish(self, event: Event | type[Event], **fields: Any) -> None:
        """Publish an event of the customer, now.

        Args:
            event: the event, or its class.
            fields: the fields of the class; missing ids are made up.
        """
        now = self.world.now
        if isinstance(event, type):
            named = {"customer_id": self.customer_id, "occurred_at": now}
            event = event.model_validate({**made_up_ids(event), **named, **fields})
        taken = self.world.publish(event)
        self.arrivals.setdefault(taken.event.message_id, now)
        self._rest()

    async def after(self, duration: timedelta) -> None:
        """Let time pass."""
        self.world.advance(self.world.now + duration)
        self._rest()

    async def stop(self, reason: str) -> None:
        """Stop the newest run.

        Raises:
            BadInput: there is none, or there are those of several journeys.
        """
        runs = [
            noted
            for noted in self.world.registry.runs.values()
            if noted.run.enrolment.customer_id == self.customer_id
        ]
        if len({noted.journey for noted in runs}) != 1:
            raise BadInput(f"{self.customer_id} has no run, or runs of several journeys")
        newest = max(runs, key=lambda noted: noted.id)
        self.world.stop(newest.workflow_id, reason)
        self._rest()

    async def answer(self, name: str) -> None:
        """Answer the open task of the customer's runs.

        Args:
            name: the name of the answer.

        Raises:
            BadInput: there is no open task, there are several, or the task has no such answer.
        """
        person = self.person
        registry = self.world.registry
        found = [
            one
            for one in self.world.tasks.listed
            if registry.person(one.said.customer_id) is person
        ]
        if len(found) != 1:
            raise BadInput(f"answer takes one open task, and {len(found)} are open")
        self.world.answer(found[0].number, name)
        self._rest()

    def _say(self, traits: Mapping[str, Any]) -> None:
        now = self.world.now
        self.said.append((now, traits))
        self.world.identify(
            read_identity(
                traits,
                customer_id=self.customer_id,
                message_id=f"identify-{self.customer_id}-{len(self.said)}",
                at=now,
                received_at=now,
            )
        )

    def _rest(self) -> None:
        """Let a moment pass, and what falls due at once, as the engine of tests does."""
        self.world.advance(self.world.now + MOMENT)
        while (moment := self.world.next_moment()) is not None:
            if moment > self.world.now + TASK_TIME:
                return
            self.world.advance(moment)
