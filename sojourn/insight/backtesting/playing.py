"""Playing a side: recorded calls through a project's journeys, in memory."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Reason
from sojourn.in_memory.people import Row
from sojourn.in_memory.world import World, rarely_collected
from sojourn.insight.backtesting.side import Line, Side
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
from sojourn.settings import Settings

LED_ON = timedelta(days=400)
"""The time after the last call in which runs go on to their ends."""
NO_KEY = "a backtest's links open nothing"
OVERTAKEN = (Reason.GOAL_REACHED, Reason.SUPERSEDED, Reason.RUN_STOPPED)
MOST = 1000
"""A run that waits, or asks for messages, more often goes round in a circle, and is left off."""

Recorded = Track | Identity | Alias


def play(
    calls: Sequence[Recorded],
    project: Project,
    settings: Settings,
    *,
    led_on: timedelta = LED_ON,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Side:
    """Play recorded calls, each at its moment, and let every run go on to its end.

    Args:
        calls: in any order.
        project: has the journeys.
        settings: of the installation.
        led_on: the time after the last call.
        progress: is called with the calls that are done, and with all.

    Returns:
        What they came to.
    """
    ordered = sorted(calls, key=lambda call: call.at)
    if not ordered:
        return Side()
    rules = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
    renderer = Renderer(settings, NO_KEY, project.templates, project.languages, project.topics)
    grounds = Grounds.of(settings, project, rules)
    world = World(project, grounds, renderer, ordered[0].at, most=MOST)
    with rarely_collected():
        for number, call in enumerate(ordered, start=1):
            world.advance(call.at)
            try:
                world.take(call)
            except BadCustomer:  # its only trait cannot be read: nobody would have taken the call
                continue
            finally:
                progress(number, len(ordered))
        world.advance(ordered[-1].at + led_on)
    return _side(world, len(ordered))


def _side(world: World, played: int) -> Side:
    entered: Counter[str] = Counter()
    outcomes: dict[str, Counter[str]] = {}
    for noted in world.registry.every_run:
        ends = [outcome.value for outcome in noted.run.outcomes]
        ends += ["open"] if noted.run.result is None else []
        entered[noted.journey] += len(ends)
        outcomes.setdefault(noted.journey, Counter()).update(ends)
    refused: dict[str, Counter[str]] = {}
    for each in world.refused:
        refused.setdefault(each.journey, Counter())[each.reason.value] += 1
    people = {id(person): person for person in world.registry.people.values()}
    return Side(
        entered,
        outcomes,
        refused,
        [_line(world, row) for person in people.values() for row in person.rows],
        world.left_out,
        played,
    )


def _line(world: World, row: Row) -> Line:
    cause = world.registry.events.get(row.caused_by or "")
    return Line(
        row.message_id,
        row.customer_id,
        row.journey,
        row.step,
        row.channel.value,
        row.state.value,
        row.reason.value if row.reason else "",
        row.due_at,
        row.decided_at,
        held=row.held_until is not None,
        overtaken=row.reason in OVERTAKEN and cause is not None and cause.occurred_at < row.due_at,
    )
