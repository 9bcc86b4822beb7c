"""A history, played in memory: which runs began and ended, and what became of each message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.states import WAITING, MessageState
from sojourn.in_memory.people import Row
from sojourn.in_memory.world import World
from sojourn.insight.backtesting.playing import Told, feed, world_of
from sojourn.insight.fate import OF_RULES
from sojourn.insight.runs import key_in
from sojourn.journeys.wording import clock
from sojourn.project import Project
from sojourn.settings import Settings


class Happening(BaseModel):
    """One thing that happened in a story.

    Args:
        at: when.
        kind: a run began or ended, its start was refused, or a message was decided on.
        id: tells it from others; the same thing in another story has the same one.
        run: the run's workflow id.
        name: the run in words, or the step.
        text: what became of it, in words.
        channel: of a message.
        state: of a message.
        reason: of a message that did not leave, or waits; of a start that was refused.
    """

    at: datetime
    kind: Literal["began", "ended", "refused", "message"]
    id: str
    run: str
    name: str
    text: str
    channel: Channel | None = None
    state: MessageState | None = None
    reason: Reason | None = None

    @property
    def place(self) -> tuple[datetime, int]:
        """Its place in a story: a run that ends by its last message ends after it."""
        return self.at, _ORDER.index(self.kind)

    def is_as(self, other: "Happening | None") -> bool:
        """Tell whether the same thing happened alike, to the minute."""
        if other is None:
            return False
        apart = abs((self.at - other.at).total_seconds())
        return apart < _SAME and (self.text, self.channel) == (other.text, other.channel)


_SAME = 60
_ORDER = ("began", "refused", "message", "ended")


@dataclass
class Tale:
    """A story.

    Args:
        happenings: in their order.
        rows: the ledger in memory.
        left_out: journeys that are not played.
    """

    happenings: list[Happening] = field(default_factory=list)
    rows: Sequence[Row] = ()
    left_out: tuple[str, ...] = ()


def play_tale(
    calls: Sequence[Told], project: Project, settings: Settings, *, until: datetime
) -> Tale:
    """Play a customer's history.

    Args:
        calls: in the order of their moments; at least one.
        project: has the journeys.
        settings: of the installation.
        until: the end of the story.

    Returns:
        The story.
    """
    world = world_of(project, settings, calls[0].at)
    watch = _Watch(world)
    for call in calls:
        watch.until(call.at)
        feed(world, [call])
        watch.look()
    watch.until(max(until, world.now))
    people = {id(person): person for person in world.registry.people.values()}
    rows = [row for person in people.values() for row in person.rows]
    found = [
        *watch.found,
        *(_message(world, row, settings.timezone) for row in rows),
        *_refused(world),
    ]
    return Tale(sorted(found, key=lambda one: one.place), rows, world.left_out)


class _Watch:
    """Notes when runs begin and end."""

    def __init__(self, world: World) -> None:
        self.found: list[Happening] = []
        self._world = world
        self._ends: list[int] = []

    def until(self, moment: datetime) -> None:
        """Let time pass, from one moment at which something falls due to the next."""
        world = self._world
        while (due := world.next_moment()) is not None and due <= moment:
            world.advance(due)
            self.look()
        if moment > world.now:
            world.advance(moment)
            self.look()

    def look(self) -> None:
        """Note what has begun and ended since the last look."""
        for n, noted in enumerate(self._world.registry.every_run):
            run = noted.run
            if n == len(self._ends):
                self._ends.append(0)
                self._note("began", noted.workflow_id, "began")
            for outcome in run.outcomes[self._ends[n] :]:
                self._ends[n] += 1
                self._note("ended", noted.workflow_id, outcome.value)

    def _note(self, kind: Literal["began", "ended"], workflow_id: str, text: str) -> None:
        # the first, second, ... thing of the run: its end in the other story has the same number
        number = sum(one.run == workflow_id for one in self.found)
        self.found.append(
            Happening(
                at=self._world.now,
                kind=kind,
                id=f"{kind}/{workflow_id}/{number}",
                run=workflow_id,
                name=_run(workflow_id),
                text=text,
            )
        )


def _run(workflow_id: str) -> str:
    journey = workflow_id.partition(":")[0]
    return f"{journey} {key_in(workflow_id)}".strip()


def _message(world: World, row: Row, home: str) -> Happening:
    return Happening(
        at=row.decided_at,
        kind="message",
        id=f"{row.message_id}/{row.channel}",
        run=row.workflow_id,
        name=f"{_run(row.workflow_id)}: {row.step}",
        text=_fate(world, row, home),
        channel=row.channel,
        state=row.state,
        reason=row.reason,
    )


def _fate(world: World, row: Row, home: str) -> str:
    """Say what became of a message, and why; ``home`` is the zone of whose is unknown."""
    if row.state is MessageState.SENT:
        return f"sent by {row.channel}"
    why = explain(row.reason) if row.reason else ""
    if row.detail and row.reason not in OF_RULES:
        why += f" ({row.detail})"
    cause = world.registry.events.get(row.caused_by or "")
    if cause is not None:
        why += f": {cause.name}"
    if row.state in WAITING and row.held_until is not None:
        zone = world.registry.person(row.customer_id).zone(home)
        return f"held until {clock(row.held_until, zone)} because {why}"
    return f"{row.state.value} because {why}" if why else row.state.value


def _refused(world: World) -> Iterator[Happening]:
    for one in world.refused:
        yield Happening(
            at=one.row.occurred_at,
            kind="refused",
            id=f"refused/{one.row.message_id}/{one.journey}",
            run=one.workflow_id,
            name=_run(one.workflow_id),
            text=f"{one.row.name} began no run because {explain(one.reason)}",
            reason=one.reason,
        )
