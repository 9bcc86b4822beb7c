"""Answering a task: the store has the answer first, then its run is told, as of any event."""

from datetime import datetime

from sojourn.store import Store, people, tasks
from sojourn.store.tables import EventRow, TaskRow


async def answer(
    store: Store, number: int, name: str, *, by: str, at: datetime
) -> tuple[TaskRow, EventRow | None]:
    """Answer a task, if it is still open. From now on the answer counts.

    The run still has to be told: `Sojourn.route` tells it, or the sweep of any worker.

    Args:
        store: open.
        number: of the task.
        name: of the answer.
        by: who answers.
        at: the moment, by the journeys' clock.

    Returns:
        The task as it is now; and the answer's event, None if the task was over before.

    Raises:
        UnknownName: there is no such task.
        BadInput: the question has no such answer, or nobody says who answers.
    """
    async with store.transaction() as session:
        row = await tasks.required(session, number)
        person = await people.lock(session, row.customer_id)
        return row, await tasks.answer(session, person, row, name, by=by, at=at)
