"""Leading on: the open runs of a snapshot go on in memory. Time passes, and nothing happens."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from sojourn.domain.errors import UnknownName
from sojourn.garbage import OF_A_WORLD, rarely_collected
from sojourn.in_memory.gate import Carries, takes_all
from sojourn.in_memory.people import Row
from sojourn.in_memory.world import World
from sojourn.insight.backtesting.costing import Bill, Billing
from sojourn.insight.backtesting.side import Line
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.project import Project
from sojourn.settings import Settings

LED_ON = timedelta(days=400)
"""The time in which runs go on to their ends."""
MOST = 1000
"""A run that waits, or asks for messages, more often goes round in a circle, and is left off."""
LEAPS = 100
"""The steps in which time passes, to tell how far it is."""


@dataclass(frozen=True)
class Led:
    """The open runs of a snapshot, led on.

    Args:
        now: the snapshot's moment.
        until: the moment up to which time has passed.
        lines: the messages that were decided on in this time.
        runs: the workflow id of the run of each message, by the line's key.
        journeys: the journey of each run that went on, by workflow id.
        broken: the runs that would break under this code, and the first difference.
        ends: how runs ended, by journey; ``open`` while they have not.
        left_out: journeys that are not led on: they are in shadow.
        bills: what texts cost, by channel, if somebody asked, and as far as prices are known.
    """

    now: datetime
    until: datetime
    lines: Sequence[Line] = ()
    runs: Mapping[str, str] = field(default_factory=dict)
    journeys: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    bills: Mapping[str, Bill] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "now": self.now.isoformat(),
            "until": self.until.isoformat(),
            "lines": [line.as_json() for line in self.lines],
            "runs": self.runs,
            "journeys": self.journeys,
            "broken": self.broken,
            "ends": self.ends,
            "left_out": self.left_out,
            "bills": {channel: bill.as_json() for channel, bill in self.bills.items()},
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        """Return what `as_json` wrote."""
        return cls(
            datetime.fromisoformat(told["now"]),
            datetime.fromisoformat(told["until"]),
            [Line.of_json(one) for one in told["lines"]],
            told["runs"],
            told["journeys"],
            told["broken"],
            told["ends"],
            tuple(told["left_out"]),
            {channel: Bill.of_json(bill) for channel, bill in told["bills"].items()},
        )


@dataclass(frozen=True)
class TakenUp:
    """The open runs of a snapshot in memory, before time passes.

    Args:
        world: in which they are.
        journeys: the journey of each that goes on, by workflow id.
        broken: those that would break under this code, and the first difference.
    """

    world: World
    journeys: Mapping[str, str]
    broken: Mapping[str, str]


def taken_up(
    snapshot: Snapshot, project: Project, settings: Settings, *, carries: Carries = takes_all
) -> TakenUp:
    """Load the customers of a snapshot, and have each run follow its history.

    Args:
        snapshot: the installation.
        project: has the journeys, as their code is now.
        settings: of the installation.
        carries: the providers.

    Returns:
        The runs.
    """
    world = World.of(settings, project, snapshot.now, carries=carries, most=MOST)
    world.load(snapshot.customers)
    broken: dict[str, str] = {}
    journeys: dict[str, str] = {}
    for course in snapshot.courses:
        try:
            why = world.follow(course)
        except UnknownName as error:
            why = str(error)
        if why:
            broken[course.workflow_id] = why
        else:
            journeys[course.workflow_id] = course.journey
    return TakenUp(world, journeys, broken)


def lead(
    snapshot: Snapshot,
    project: Project,
    settings: Settings,
    *,
    led_on: timedelta = LED_ON,
    progress: Callable[[int, int], None] = lambda done, total: None,
    billing: bool = False,
) -> Led:
    """Take up every open run, and let time pass.

    Args:
        snapshot: the installation.
        project: has the journeys, as their code is now.
        settings: of the installation.
        led_on: the time that passes.
        progress: is called with the steps that are done, and with all.
        billing: note what texts cost, by the project's prices.

    Returns:
        Where the runs have come to.
    """
    carried = Billing(project.prices, settings.sms_provider)
    until = snapshot.now + led_on
    with rarely_collected(OF_A_WORLD):
        taken = taken_up(snapshot, project, settings, carries=carried)
        world, journeys = taken.world, taken.journeys
        if billing:
            carried.world = world
        for step in range(1, LEAPS + 1):
            world.advance(snapshot.now + led_on * step / LEAPS)
            progress(step, LEAPS)
        rows = [row for row in _rows(world) if row.decided_at >= snapshot.now]
        led = Led(
            snapshot.now,
            until,
            [_line(row) for row in rows],
            {row.message_id: row.workflow_id for row in rows},
            journeys,
            taken.broken,
            _ends(world),
            tuple(sorted({name for name in journeys.values() if name in world.left_out})),
            carried.bills,
        )
        world.close()
    return led


def _rows(world: World) -> Iterable[Row]:
    people = {id(person): person for person in world.registry.people.values()}
    return (row for person in people.values() for row in person.rows)


def _ends(world: World) -> dict[str, dict[str, int]]:
    ends: dict[str, Counter[str]] = {}
    for noted in world.registry.every_run:
        counts = ends.setdefault(noted.journey, Counter())
        counts.update(outcome.value for outcome in noted.run.outcomes)
        counts["open"] += not noted.run.has_ended
    return {name: dict(+counts) for name, counts in ends.items()}


def _line(row: Row) -> Line:
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
    )
