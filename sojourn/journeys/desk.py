"""`Desk`: answers for what runs in this process ask of the world."""

from datetime import datetime, timedelta
from typing import Protocol

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.messages import Delivery, Receipt
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand


class TryAgain(Exception):
    """An attempt has failed; another one may succeed.

    Args:
        kind: of the error, as an operator reads it.
        after: when to make it, from now; None: a moment that grows with the attempts.
        final: no other attempt can succeed.
    """

    def __init__(self, kind: str, after: timedelta | None = None, *, final: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.after = after
        self.final = final


class Desk(Protocol):
    """Answers for what a run asks of the world. Each answer may be a `TryAgain` instead."""

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        """Tell what becomes of a message, and when, by the journey's clock."""
        ...

    async def call(self, asked: Asked) -> Reply:
        """Answer for one of the project's activities."""
        ...

    async def ask(self, asked: Question) -> Reply:
        """Answer a question about the customer."""
        ...

    async def say(self, said: Saying, summary: str) -> bool:
        """Take in what the run says."""
        ...

    async def task(self, said: Opening | Closing) -> TaskStand:
        """Open or close a task for a person."""
        ...
