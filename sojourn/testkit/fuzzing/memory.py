"""`Memory`: scripts are played in memory, ten times as fast as on a store, by the same rules.

A breach that is found here counts only once it is found on the real gate as well.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.invariants import Breach
from sojourn.in_memory.world import World
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
from sojourn.testkit.engines.in_process import MOMENT
from sojourn.testkit.engines.rest import TASK_TIME
from sojourn.testkit.fuzzing.script import Script
from sojourn.testkit.fuzzing.stage import (
    CIRCLE,
    CUSTOMER,
    FAILS,
    Played,
    Playing,
    Stage,
    circles,
    moments,
)
from sojourn.testkit.kit import EVERYTHING
from sojourn.testkit.stories import Words, breaches, story_of

SECRET = "fuzz"  # noqa: S105 (links of messages that nobody gets)


class Memory:
    """A place in memory where scripts are played.

    Args:
        stage: whose policies hold here, too.
        project: with the journeys that take part.
    """

    def __init__(self, stage: Stage, project: Project) -> None:
        self._stage = stage
        self._project = project
        self._worlds: dict[str | None, tuple[Project, Grounds, Policy]] = {}
        settings, _ = stage.under(None, project)
        self._renderer = Renderer(
            settings, SECRET, project.templates, project.languages, project.topics
        )

    def plays_all(self) -> bool:
        """Tell whether all journeys of the project can be played in memory."""
        return not self._world(None, Script(()).begin).left_out

    async def play(self, script: Script) -> Played:
        """Play a script, and ask for breaches.

        Args:
            script: to be played.

        Returns:
            The acts that could be done, and what came of them.
        """
        world = self._world(script.policy, script.begin)
        project, _, rules = self._worlds[script.policy]
        customer, played = _Customer(world), Played(script)
        try:
            await Playing(customer, played).all(script)
            person = world.registry.person(CUSTOMER)
            played.story = story_of(
                project,
                rules(),
                said=customer.said,
                events=person.events,
                arrivals=customer.arrivals,
                messages=person.rows,
            )
            played.breaches = breaches(project, played.story)
        except Exception as error:  # the real gate tells whether a journey is to blame
            played.breaches = [Breach(type(error).__name__, (world.now,), FAILS)]
        runs = [noted.run for noted in world.registry.runs.values()]
        played.breaches += circles(runs)
        played.waits = moments(runs, script.begin, world.now)
        return played

    def _world(self, policy: str | None, begin: datetime) -> World:
        if policy not in self._worlds:
            settings, project = self._stage.under(policy, self._project)
            rules = Policy(project.policy, settings.quiet_hours)
            grounds = Grounds.of(settings, project, rules)
            self._worlds[policy] = project, grounds, rules
        project, grounds, _ = self._worlds[policy]
        return World(project, grounds, self._renderer, begin, most=CIRCLE)


class _Customer:
    """One customer of an installation in memory, with the verbs of a journey's test."""

    def __init__(self, world: World) -> None:
        self.said: list[Words] = []
        self.arrivals: dict[str, datetime] = {}
        self._world = world
        self._say(EVERYTHING)

    async def now(self) -> datetime:
        """Return the journeys' clock."""
        return self._world.now

    async def identify(self, **traits: Any) -> None:
        """Change the customer."""
        self._say(traits)
        self._rest()

    async def publish(self, event: Event) -> None:
        """Publish an event."""
        now = self._world.now
        self._world.publish(event)
        self.arrivals.setdefault(event.message_id, now)
        self._rest()

    async def after(self, duration: timedelta) -> None:
        """Let time pass."""
        self._world.advance(self._world.now + duration)
        self._rest()

    async def stop(self, reason: str) -> None:
        """Stop the newest run.

        Raises:
            BadInput: there is none, or there are those of several journeys.
        """
        runs = list(self._world.registry.runs.values())
        if len({noted.journey for noted in runs}) != 1:
            raise BadInput("the customer has no run, or runs of several journeys")
        newest = max(runs, key=lambda noted: noted.id)
        self._world.stop(newest.workflow_id, reason)
        self._rest()

    def _say(self, traits: Mapping[str, Any]) -> None:
        now = self._world.now
        self.said.append((now, traits))
        named = f"identify-{CUSTOMER}-{len(self.said)}"
        self._world.identify(
            read_identity(traits, customer_id=CUSTOMER, message_id=named, at=now, received_at=now)
        )

    def _rest(self) -> None:
        """Let a moment pass, and what falls due at once, as the engine of tests does."""
        self._world.advance(self._world.now + MOMENT)
        while (moment := self._world.next_moment()) is not None:
            if moment > self._world.now + TASK_TIME:
                return
            self._world.advance(moment)
