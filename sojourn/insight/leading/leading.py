"""Leading on: the open runs of a snapshot go on in memory. Time passes, and nothing happens."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from sojourn.domain.errors import UnknownName
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.prices import Prices
from sojourn.domain.sms import segments
from sojourn.in_memory.people import Person, Row
from sojourn.in_memory.world import World, rarely_collected
from sojourn.in_memory.writing import Writer
from sojourn.insight.backtesting.side import Line
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
from sojourn.settings import Settings

LED_ON = timedelta(days=400)
"""The time in which runs go on to their ends."""
MOST = 1000
"""A run that waits, or asks for messages, more often goes round in a circle, and is left off."""
NO_KEY = "links of a run that is led on in memory open nothing"
LEAPS = 100
"""The steps in which time passes, to tell how far it is."""


@dataclass(frozen=True)
class Cost:
    """The cost of one text message.

    Args:
        amount: of all its segments; None: no price is known.
        currency: its ISO 4217 code; empty without a price.
    """

    amount: Decimal | None = None
    currency: str = ""


class _Bill:
    """Takes every message, as a provider would, and notes what texts cost.

    Args:
        prices: of the project.
        provider: that carries texts.
    """

    def __init__(self, prices: Prices, provider: str) -> None:
        self.costs: list[Cost] = []
        self.writer: Writer | None = None
        self._prices = prices
        self._provider = provider

    def __call__(self, person: Person, delivery: Delivery, channel: Channel) -> None:
        if channel is Channel.SMS and self.writer is not None:
            self.costs.append(self._cost(self.writer, person, delivery))

    def _cost(self, writer: Writer, person: Person, delivery: Delivery) -> Cost:
        price = self._prices.of(person.card.address(Channel.SMS), self._provider)
        if price is None:
            return Cost()
        content = writer.written(person, delivery, Channel.SMS)
        if content is None:
            return Cost()
        return Cost(price.amount * segments(content.text).count, price.currency)


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
        left_out: journeys that are not led on: a confirmation that nobody gives here ends them.
        costs: of the texts that were sent, if somebody asked for them.
    """

    now: datetime
    until: datetime
    lines: Sequence[Line] = ()
    runs: Mapping[str, str] = field(default_factory=dict)
    journeys: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    costs: Sequence[Cost] = ()

    def as_json(self) -> dict[str, Any]:
        """Return everything but the costs as JSON values."""
        return {
            "now": self.now.isoformat(),
            "until": self.until.isoformat(),
            "lines": [line.as_json() for line in self.lines],
            "runs": self.runs,
            "journeys": self.journeys,
            "broken": self.broken,
            "ends": self.ends,
            "left_out": self.left_out,
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
        )


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
    rules = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
    renderer = Renderer(settings, NO_KEY, project.templates, project.languages, project.topics)
    grounds = Grounds.of(settings, project, rules)
    bill = _Bill(project.prices, settings.sms_provider)
    world = World(project, grounds, renderer, snapshot.now, carries=bill, most=MOST)
    if billing:
        bill.writer = Writer(renderer, grounds, world.registry)
    until = snapshot.now + led_on
    broken: dict[str, str] = {}
    journeys: dict[str, str] = {}
    with rarely_collected():
        world.load(snapshot.customers)
        for course in snapshot.courses:
            try:
                why = world.follow(course)
            except UnknownName as error:
                why = str(error)
            if why:
                broken[course.workflow_id] = why
            else:
                journeys[course.workflow_id] = course.journey
        for step in range(1, LEAPS + 1):
            world.advance(snapshot.now + led_on * step / LEAPS)
            progress(step, LEAPS)
    rows = [row for row in _rows(world) if row.decided_at >= snapshot.now]
    return Led(
        snapshot.now,
        until,
        [_line(row) for row in rows],
        {row.message_id: row.workflow_id for row in rows},
        journeys,
        broken,
        _ends(world),
        tuple(sorted({name for name in journeys.values() if name in world.left_out})),
        bill.costs,
    )


def _rows(world: World) -> Iterable[Row]:
    people = {id(person): person for person in world.registry.people.values()}
    return (row for person in people.values() for row in person.rows)


def _ends(world: World) -> dict[str, dict[str, int]]:
    ends: dict[str, Counter[str]] = {}
    for noted in world.registry.every_run:
        counts = ends.setdefault(noted.journey, Counter())
        counts.update(outcome.value for outcome in noted.run.outcomes)
        counts["open"] += noted.run.result is None
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
