"""A customer of an installation in memory, with the verbs of a journey's test."""

from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_ids
from sojourn.in_memory.people import Row
from sojourn.in_memory.world import World
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
from sojourn.settings import Settings
from sojourn.testkit.engines.rest import TASK_TIME
from sojourn.testkit.kit import EVERYTHING

MOMENT = timedelta(milliseconds=1)


def world_of(project: Project, settings: Settings, now: datetime) -> World:
    """Return an installation that nobody has been in."""
    rules = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
    renderer = Renderer(settings, "a test", project.templates, project.languages, project.topics)
    return World(project, Grounds.of(settings, project, rules), renderer, now)


class InMemory:
    """One customer, who can be reached everywhere and has agreed to everything."""

    def __init__(self, world: World, customer_id: str) -> None:
        self.world = world
        self.customer_id = customer_id
        self._calls = 0
        self._say(EVERYTHING)

    @property
    def rows(self) -> list[Row]:
        return self.world.registry.person(self.customer_id).rows

    async def now(self) -> datetime:
        return self.world.now

    async def publish(self, event: type[Event], **fields: Any) -> None:
        named = {"customer_id": self.customer_id, "occurred_at": self.world.now}
        self.world.publish(event.model_validate({**made_up_ids(event), **named, **fields}))
        self._rest()

    async def identify(self, **traits: Any) -> None:
        self._say(traits)
        self._rest()

    async def after(self, duration: timedelta) -> None:
        self.world.advance(self.world.now + duration)
        self._rest()

    async def stop(self, reason: str) -> None:
        runs = [
            noted
            for noted in self.world.registry.runs.values()
            if noted.run.enrolment.customer_id == self.customer_id
        ]
        if len({noted.journey for noted in runs}) != 1:
            raise BadInput("no journey, or several")
        newest = max(runs, key=lambda noted: noted.id)
        self.world.stop(newest.workflow_id, reason)
        self._rest()

    def _say(self, traits: dict[str, Any]) -> None:
        self._calls += 1
        now = self.world.now
        self.world.identify(
            read_identity(
                traits,
                customer_id=self.customer_id,
                message_id=f"identify-{self._calls}-{self.customer_id}",
                at=now,
                received_at=now,
            )
        )

    def _rest(self) -> None:
        """Let a moment pass, and what falls due at once."""
        self.world.advance(self.world.now + MOMENT)
        while (moment := self.world.next_moment()) is not None:
            if moment > self.world.now + TASK_TIME:
                return
            self.world.advance(moment)
