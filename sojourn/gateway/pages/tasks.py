"""``/t/{token}``: a person of the shop answers a run's question about a customer.

The page shows the question, the customer's id and the recent conversation, and asks for the name of
the person who answers. It is in the project's language. The first answer counts: a later one gets a
page that says who was first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadInput
from sojourn.domain.links import Task, read_task
from sojourn.domain.tasks import TaskState
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.pages.questions import Question, Shown
from sojourn.insight import conversation
from sojourn.insight.tasks import task_of
from sojourn.store import tasks
from sojourn.store.tables import CustomerRow, EventRow, TaskRow


class Tasks(Question[Task]):
    """The questions of runs."""

    path = "/t/{token}"
    page = "A question to a person of the shop"
    deed = "Answer it, by the page's buttons"
    wishes = ()
    for_customers = False

    def read(self, token: str) -> Task:
        """Read a link.

        Raises:
            BadToken: it was not made here, or is damaged.
        """
        return read_task(self.secrets, token)

    async def look(
        self, session: AsyncSession, person: CustomerRow | None, link: Task, now: datetime
    ) -> Shown:
        """Return the page with the buttons, or with the state of the task.

        Args:
            session: any session.
            person: the customer's row; None if nobody has the link's id.
            link: the contents of the link.
            now: by the machine's clock.

        Returns:
            The page.
        """
        row = await self._found(session, person, link)
        if row is None or person is None:
            return Shown("task-gone", 410)
        # data of a restricted customer are kept, but not used
        said = (
            []
            if person.restricted_at is not None
            else await conversation.latest(session, person.customer_id)
        )
        names = {
            "task": task_of(row),
            "conversation": said,
            "restricted": person.restricted_at is not None,
        }
        return Shown("task", names=names)

    async def take(
        self,
        session: AsyncSession,
        person: CustomerRow,
        link: Task,
        form: Mapping[str, str],
        now: datetime,
    ) -> Sequence[EventRow]:
        """Record an answer, if the task is open.

        Args:
            session: a writing transaction that holds the customer.
            person: the customer's row.
            link: the contents of the link.
            form: ``wish`` is the answer's name, ``by`` the name of the person.
            now: by the machine's clock.

        Returns:
            The event that the run is to be told.

        Raises:
            Refusal: the form does not say who answers, or the question has no such answer.
        """
        row = await self._found(session, person, link)
        if row is None or row.state is not TaskState.OPEN:
            return ()
        try:
            event = await tasks.answer(
                session, person, row, form["wish"], by=form.get("by", ""), at=now
            )
        except BadInput as error:
            raise Refusal(400, "body", f"cannot be taken: {error}") from None
        return () if event is None else (event,)

    async def _found(
        self, session: AsyncSession, person: CustomerRow | None, link: Task
    ) -> TaskRow | None:
        row = await tasks.numbered(session, link.number)
        if row is None or person is None or row.customer_id != person.customer_id:
            return None
        return row
