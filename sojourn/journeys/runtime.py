"""`Runtime`: what the verbs stand on."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.messages import Delivery, Enrolment, Outcome, Receipt
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand

Words = Callable[[], str]
"""Makes words for an operator. Most of the time nobody reads them."""


class Runtime(Protocol):
    """Carries a run: tells the time, sleeps, hands messages over, continues as new.

    Temporal's is the product (`sojourn.journeys.temporal`). The verbs use nothing else, so that the
    same steps run on another one.
    """

    @property
    def run_id(self) -> str:
        """The workflow id: ``abandoned-cart:c42:cart7``."""
        ...

    def now(self) -> datetime:
        """Return the runtime's clock, in UTC."""
        ...

    def is_outgrown(self) -> bool:
        """Tell whether the run's history has grown so long that it continues as new."""
        ...

    def wait(
        self, woken: Callable[[], bool], longest: timedelta, summary: Words
    ) -> Awaitable[None]:
        """Sleep until ``woken`` or for ``longest``.

        Args:
            woken: is asked whenever the run hears something.
            longest: positive.
            summary: what the run waits for, as an operator reads it: it is made where it is shown.

        Returns:
            The wait, for the verb to await.
        """
        ...

    def send(self, delivery: Delivery, summary: str) -> Awaitable[Receipt]:
        """Have the gate decide on a message, and a provider carry it.

        Args:
            delivery: the message.
            summary: as an operator reads it.

        Returns:
            What became of it.
        """
        ...

    def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Awaitable[Reply | None]:
        """Have one of the project's activities done; retry it until the deadline.

        Args:
            asked: the activity and its arguments.
            attempt: how long one attempt may take.
            within: the deadline, from now.
            over: whether the run has a reason to leave its steps meanwhile.

        Returns:
            The activity's result or its failure; None if ``over`` came first.
        """
        ...

    def ask(
        self, asked: Question, summary: str, over: Callable[[], bool]
    ) -> Awaitable[Reply | None]:
        """Read a fact about the customer, once: the answer stays what it was.

        Args:
            asked: the question.
            summary: as an operator reads it.
            over: whether the run has a reason to leave its steps meanwhile.

        Returns:
            The answer; None if ``over`` came first.
        """
        ...

    def say(self, said: Saying, summary: str) -> Awaitable[bool]:
        """Have the store take in what the run says; try again until it has.

        Args:
            said: an event, or a statement on the card.
            summary: as an operator reads it.

        Returns:
            False if it was set aside instead (`dispatch.sayings`).
        """
        ...

    def task(self, said: Opening | Closing, summary: str) -> Awaitable[TaskStand]:
        """Have the store open or close a task for a person; try again until it has.

        Args:
            said: which, and the question.
            summary: as an operator reads it.

        Returns:
            The task's stand. An answer that came before it was closed stands.
        """
        ...

    def patched(self, change: str) -> bool:
        """Tell whether the run takes the changed way: not if it passed here before the change."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """Enter a block that reads pinned data, such as holidays, from the files of a package."""
        ...

    def tell(self, details: Callable[[], str]) -> None:
        """Show an operator what the run does.

        Args:
            details: writes it, in Markdown; is called only where somebody can read it.
        """
        ...

    def end(self, outcome: Outcome) -> None:
        """Make the outcome one that an operator can filter by."""
        ...

    async def answers_given(self) -> None:
        """Wait until everybody who asked what an event did has an answer."""
        ...

    def continue_as_new(self, enrolment: Enrolment) -> NoReturn:
        """End this execution of the run and begin its next one."""
        ...
