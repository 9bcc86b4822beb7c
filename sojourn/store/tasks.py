"""Tasks: questions of runs to a person, each answered once.

An answer and the end of a wait both lock the customer, so one of them comes first: an answer that
was acknowledged before the run gave up counts, and a later one is told that it is late. The answer
is an event of the customer, stored in the same transaction: the run is told as of any event, and
the sweep tells runs that could not be told at once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import LONGEST_ID, TaskAnswered
from sojourn.domain.tasks import Closing, Opening, TaskStand, TaskState, WhyClosed
from sojourn.domain.text import LONGEST_NOTE, bounded, writable
from sojourn.store import mutes, ours, people
from sojourn.store.tables import CustomerRow, EventRow, MuteRow, TaskRow


async def open_one(session: AsyncSession, said: Opening, *, to_tell: bool) -> TaskStand:
    """Open a task; one that was opened before stays as it is.

    Args:
        session: a writing transaction.
        said: the question.
        to_tell: a helpdesk is to be told of it.

    Returns:
        Where it stands. Nobody is asked about an erased customer.
    """
    person = await people.lock(session, said.customer_id)
    if person.erased_at is not None:
        return TaskStand(state=TaskState.CLOSED, task=said.task)
    row = await _named(session, said.task)
    if row is None:
        row = TaskRow(
            task=said.task,
            customer_id=person.customer_id,
            journey=said.journey,
            run=said.run,
            question=said.question,
            text=said.text,
            answers=said.answers,
            opened_at=said.now,
            until=said.until,
            state=TaskState.OPEN,
            to_tell=to_tell,
            tell_at=datetime.now(UTC) if to_tell else None,
        )
        session.add(row)
        if said.silent:
            mute = MuteRow(
                customer_id=person.customer_id,
                message_id=said.task,
                journey=said.journey,
                workflow_id=said.run,
                at=said.now,
                until=said.until,
            )
            await mutes.begin(session, person, mute)
        await session.flush()
    return _stand(row)


async def close(session: AsyncSession, said: Closing) -> TaskStand:
    """Close a task, unless it was answered.

    Args:
        session: a writing transaction.
        said: the task, and why.

    Returns:
        Where it stands: the answer, if that was quicker.
    """
    person = await people.lock(session, said.customer_id)
    row = await _named(session, said.task)
    if row is None:  # erased meanwhile
        return TaskStand(state=TaskState.CLOSED, task=said.task)
    if row.state is TaskState.OPEN:
        state = TaskState.EXPIRED if said.because is None else TaskState.CLOSED
        await _end(session, person, row, state, at=said.now, because=said.because)
    return _stand(row)


async def close_all_of(
    session: AsyncSession, person: CustomerRow, run: str, *, at: datetime, because: WhyClosed
) -> None:
    """Close the open tasks of a run that is stopped.

    Args:
        session: a writing transaction.
        person: the run's customer, held.
        run: the workflow id.
        at: by the journey's clock.
        because: why.
    """
    query = select(TaskRow).where(TaskRow.run == run, TaskRow.state == TaskState.OPEN)
    for row in await session.exec(query):
        await _end(session, person, row, TaskState.CLOSED, at=at, because=because)


async def answer(
    session: AsyncSession, person: CustomerRow, row: TaskRow, name: str, *, by: str, at: datetime
) -> EventRow | None:
    """Answer a task, if it is still open.

    Args:
        session: a writing transaction that holds the customer.
        person: the row of the customer of the task.
        row: the task, read in this transaction.
        name: the name of the answer.
        by: who answers.
        at: the moment.

    Returns:
        The event that the run is to be told; None if the task is no longer open.

    Raises:
        BadInput: the question has no such answer, or nobody says who answers.
    """
    if name not in row.answers:
        raise BadInput(
            f'"{name}" is not an answer to {row.question}. Choose one of: {", ".join(row.answers)}'
        )
    if not by.strip():
        raise BadInput("say who answers: others will want to know")
    await session.refresh(row)
    if row.state is not TaskState.OPEN:
        return None
    moment = max(at, row.opened_at)
    row.answer, row.answered_by = name, writable(by.strip(), LONGEST_NOTE)
    await _end(session, person, row, TaskState.ANSWERED, at=moment)
    event = TaskAnswered(
        message_id=bounded(f"answered/{row.task}", LONGEST_ID, prefix="answered/"),
        customer_id=person.customer_id,
        occurred_at=moment,
        journey=row.journey,
        run=row.run,
        task=row.task,
        answer=name,
        by=row.answered_by,
    )
    kept, _ = await ours.write(session, event)
    return kept


async def numbered(session: AsyncSession, number: int) -> TaskRow | None:
    """Return a task by its number; None if there is none."""
    return await session.get(TaskRow, number)


async def required(session: AsyncSession, number: int) -> TaskRow:
    """Return a task by its number.

    Raises:
        UnknownName: there is none.
    """
    row = await numbered(session, number)
    if row is None:
        raise UnknownName("task", str(number), ())
    return row


async def listed(
    session: AsyncSession,
    *,
    customer_id: str | None = None,
    everything: bool = False,
    limit: int = 100,
) -> Sequence[TaskRow]:
    """Return open tasks, those that end first at the top; or all tasks, newest first.

    Args:
        session: any session.
        customer_id: the id that holds everything of a customer; None: of all customers.
        everything: include those that are over.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(TaskRow).limit(limit)
    if customer_id is not None:
        query = query.where(TaskRow.customer_id == customer_id)
    if everything:
        return (await session.exec(query.order_by(col(TaskRow.id).desc()))).all()
    query = query.where(TaskRow.state == TaskState.OPEN)
    return (await session.exec(query.order_by(col(TaskRow.until), col(TaskRow.id)))).all()


async def any_to_tell(session: AsyncSession, now: datetime) -> bool:
    """Tell whether the helpdesk is to be told something; by an index, so it can be asked often."""
    query = select(TaskRow.id).where(col(TaskRow.tell_at) <= now).limit(1)
    return (await session.exec(query)).first() is not None


async def claim_to_tell(
    session: AsyncSession, now: datetime, *, again: datetime, limit: int
) -> Sequence[TaskRow]:
    """Claim tasks that the helpdesk is to be told of; only one of several workers gets each.

    Args:
        session: a writing transaction.
        now: by the machine's clock.
        again: if the caller dies, they wait until then.
        limit: the most to claim.

    Returns:
        The rows, oldest first.
    """
    query = (
        select(TaskRow)
        .where(col(TaskRow.tell_at) <= now)
        .order_by(col(TaskRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.exec(query)).all()
    for row in rows:
        row.tell_at, row.tries = again, row.tries + 1
        session.add(row)
    return rows


async def told(
    session: AsyncSession,
    row: TaskRow,
    *,
    opened: bool,
    accepted: bool,
    again: datetime | None,
) -> None:
    """Note whether the helpdesk could be told.

    A task that has ended meanwhile stays due to be told at once: its end is other news.

    Args:
        session: a writing transaction.
        row: the task, as it was told.
        opened: it was told that the task opened; False: that it is over.
        accepted: the helpdesk has it.
        again: when to try again; None: not any more.
    """
    kept = await _named(session, row.task)
    if kept is None:  # erased meanwhile
        return
    known = kept.opened_told_at if opened else kept.ended_told_at
    if accepted:
        column = "opened_told_at" if opened else "ended_told_at"
        setattr(kept, column, known or datetime.now(UTC))
    if kept.state is row.state and (accepted or known is None):  # else another worker told it
        kept.tell_at, kept.tries = again, 0 if accepted else kept.tries
    session.add(kept)


async def tell_again(session: AsyncSession, row: TaskRow) -> None:
    """Have the helpdesk told of a task once more, with a fresh count of tries.

    Args:
        session: a writing transaction.
        row: a task that a helpdesk is told of.

    Raises:
        BadInput: no helpdesk is told of it.
    """
    if not row.to_tell:
        raise BadInput(
            f"task {row.id} was opened while no helpdesk was told of tasks: "
            "set SOJOURN_TASKS_WEBHOOK for the workers"
        )
    row.tell_at, row.tries = datetime.now(UTC), 0
    session.add(row)


async def untold(session: AsyncSession, *, limit: int) -> Sequence[TaskRow]:
    """Return tasks of which the helpdesk could not be told, the newest first.

    Args:
        session: any session.
        limit: the most to return.

    Returns:
        The rows; no further try is planned.
    """
    query = (
        select(TaskRow)
        .where(col(TaskRow.to_tell), col(TaskRow.tell_at).is_(None), TaskRow.tries > 0)
        .order_by(col(TaskRow.id).desc())
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def _end(
    session: AsyncSession,
    person: CustomerRow,
    row: TaskRow,
    state: TaskState,
    *,
    at: datetime,
    because: WhyClosed | None = None,
) -> None:
    row.state, row.ended_at, row.because = state, at, because
    if row.to_tell:
        row.tell_at, row.tries = datetime.now(UTC), 0
    session.add(row)
    if person.in_care_until is None:
        return
    over = EventRow(  # names the end; it is not stored
        message_id=bounded(f"over/{row.task}", LONGEST_ID, prefix="over/"),
        customer_id=person.customer_id,
        name=TaskAnswered.event_name,
        occurred_at=at,
        received_at=at,
    )
    on = await mutes.standing(session, person.customer_id)
    await mutes.end(session, person, [one for one in on if one.message_id == row.task], by=over)


async def _named(session: AsyncSession, task: str) -> TaskRow | None:
    query = (
        select(TaskRow)
        .where(TaskRow.task == task)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).first()


def _stand(row: TaskRow) -> TaskStand:
    return TaskStand(state=row.state, answer=row.answer or "", task=row.task)
