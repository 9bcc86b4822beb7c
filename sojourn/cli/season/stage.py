"""`Stage`: where a season is played: no more of an engine is met by customers, shop and staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sojourn.cli.season.replies import Letter
from sojourn.cli.season.told import Said
from sojourn.cli.time_travel import Taken, Unknown


@dataclass(frozen=True)
class Asked:
    """A question of a run to the staff.

    Args:
        number: of the task.
        task: its name.
        customer_id: the customer of the run.
        journey: the run's.
        answers: the names of the answers.
        opened_at: when it was asked.
    """

    number: int
    task: str
    customer_id: str
    journey: str
    answers: tuple[str, ...]
    opened_at: datetime


class Stage(Protocol):
    """An engine with its clock."""

    @property
    def unknown(self) -> Sequence[Unknown]:
        """The runs and events without a known outcome."""
        ...

    @property
    def left_out(self) -> Sequence[str]:
        """The journeys that are not played here."""
        ...

    async def take(self, call: Taken) -> None:
        """Let everything happen that is due by the moment of a call, then take the call."""
        ...

    async def advance(self, to: datetime) -> None:
        """Let everything happen that is due by a moment."""
        ...

    async def rest(self) -> None:
        """Let every run come to rest."""
        ...

    async def letters(self) -> Sequence[tuple[str, Letter]]:
        """Return who got what since the last look, sorted by minute and name."""
        ...

    async def asked(self) -> Sequence[Asked]:
        """Return the open questions to the staff."""
        ...

    async def answer(self, one: Asked, name: str, at: datetime) -> None:
        """Let everything happen that is due by a moment, then answer a question, if it is open.

        Args:
            one: the question.
            name: the name of the answer.
            at: the moment.
        """
        ...

    async def said_to(self, customer_id: str) -> list[Said]:
        """Return all messages that were decided on for a customer, oldest first."""
        ...
