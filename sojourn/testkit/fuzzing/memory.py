"""`Memory`: scripts are played in memory, ten times as fast as on a store, by the same rules.

A breach that is found here counts only once it is found on the real gate as well.
"""

from datetime import datetime

from sojourn.domain.invariants import Breach
from sojourn.in_memory.world import World
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
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
from sojourn.testkit.in_memory import InMemory
from sojourn.testkit.stories import breaches, story_of

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
        self._renderer = Renderer.of(settings, SECRET, project)

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
        customer, played = InMemory(world, CUSTOMER), Played(script)
        try:
            await Playing(customer, played).all(script)
            person = customer.person
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
        return World(project, grounds, self._renderer, begin, most=CIRCLE, forgets=False)
