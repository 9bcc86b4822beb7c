"""A season in memory: the same journeys and gate, no server and no database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.cli.season.replies import Letter
from sojourn.cli.season.stage import Asked
from sojourn.cli.season.told import Said, said
from sojourn.cli.time_travel import Taken, Unknown
from sojourn.domain.content import Content
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.in_memory.people import Row
from sojourn.in_memory.world import World
from sojourn.project import Project
from sojourn.settings import Settings

TASK_TIME = timedelta(seconds=1)
"""The length of a wait that is past: at rest, it is over."""
MOMENT = timedelta(milliseconds=1)


class InMemory:
    """An installation in memory as a stage.

    Args:
        settings: of the installation.
        project: has the journeys.
        begins: the first moment of the season.
    """

    unknown: Sequence[Unknown] = ()

    def __init__(self, settings: Settings, project: Project, begins: datetime) -> None:
        self._words: dict[tuple[str, Channel], Mapping[str, Any]] = {}
        self._world = World.of(settings, project, begins, keeps=self._keep)
        self._posted: list[tuple[datetime, str, str, Letter]] = []

    @property
    def left_out(self) -> Sequence[str]:
        """The journeys that are not played here."""
        return self._world.left_out

    async def take(self, call: Taken) -> None:
        """Let everything happen that is due by the moment of a call, then take the call."""
        await self.advance(call.at)
        try:
            self._world.take(call)
        except BadCustomer:  # its only trait cannot be read
            return

    async def advance(self, to: datetime) -> None:
        """Let everything happen that is due by a moment."""
        if to > self._world.now:
            self._world.advance(to)

    async def rest(self) -> None:
        """Let a moment pass, and what falls due at once."""
        world = self._world
        world.advance(world.now + MOMENT)
        while (due := world.next_moment()) is not None and due <= world.now + TASK_TIME:
            world.advance(due)

    async def letters(self) -> Sequence[tuple[str, Letter]]:
        """Return who got what since the last look, sorted by minute and name."""
        new, self._posted = sorted(self._posted, key=lambda one: one[:2]), []
        return [(customer_id, letter) for _, _, customer_id, letter in new]

    async def asked(self) -> Sequence[Asked]:
        """Return the open questions to the staff."""
        return [
            Asked(
                one.number,
                one.said.task,
                one.said.customer_id,
                one.said.journey,
                tuple(sorted(one.said.answers)),
                one.said.now.astimezone(UTC),
            )
            for one in self._world.tasks.listed
        ]

    async def answer(self, one: Asked, name: str, at: datetime) -> None:
        """Let everything happen that is due by a moment, then answer a question, if it is open.

        Args:
            one: the question.
            name: the name of the answer.
            at: the moment.
        """
        await self.advance(at)
        await self.rest()
        self._world.answer(one.number, name)

    async def said_to(self, customer_id: str) -> list[Said]:
        """Return all messages that were decided on for a customer, oldest first."""
        rows = self._world.registry.person(customer_id).rows
        return sorted(map(self._said, rows), key=lambda one: one.at)

    def _keep(self, delivery: Delivery, content: Content) -> None:
        channel = content.channel
        self._words[delivery.message_id, channel] = content.filled()
        promotional = delivery.message_class is MessageClass.PROMOTIONAL
        letter = Letter(
            delivery.journey, delivery.step, channel.value, promotional, delivery.workflow_id
        )
        at = self._world.now.replace(second=0, microsecond=0)
        self._posted.append((at, delivery.ledger_key(channel), delivery.customer_id, letter))

    def _said(self, row: Row) -> Said:
        return said(
            self._words.get((row.message_id, row.channel), {}),
            at=row.decided_at.astimezone(UTC),
            workflow_id=row.workflow_id,
            journey=row.journey,
            step=row.step,
            channel=row.channel.value,
            message_class=row.message_class.value,
            state=row.state.value,
            reason=row.reason.value if row.reason else "",
            held_until=row.held_until,
        )
