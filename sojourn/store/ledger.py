"""The ledger: one row for every message that was decided on, and the queries for it.

`store.settling` changes the rows; `domain.states.MessageState` draws how they move.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, or_, text
from sqlalchemy import select as core_select
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.reports import reference
from sojourn.domain.states import WAITING, MessageState
from sojourn.store import prepared, shadow, unsent
from sojourn.store.prepared import few_lengths, value, values
from sojourn.store.tables import ACCEPTED, AttemptRow, ContentRow, LedgerRow, UnsentRow

LEDGER = SQLModel.metadata.tables["ledger"]
REFERENCE_LENGTH = 32
MAYBE_SENT = (
    MessageState.CLAIMED,
    MessageState.SUBMITTING,
    MessageState.SENT,
    MessageState.UNKNOWN,
)
"""The states of messages that left, may have left, or are about to leave."""
_IS_OF_STEP = (
    LEDGER.c.workflow_id == value("workflow_id", LEDGER.c.workflow_id),
    LEDGER.c.step == value("step", LEDGER.c.step),
)
_IS_OF_ENROLMENT = LEDGER.c.enrolment == value("enrolment", LEDGER.c.enrolment)
_DECIDED = core_select(
    LEDGER.c.enrolment, LEDGER.c.message_id, LEDGER.c.state, LEDGER.c.would
).where(
    *_IS_OF_STEP,
    or_(_IS_OF_ENROLMENT, LEDGER.c.decided_at >= value("since", LEDGER.c.decided_at)),
)
_OF_STEP = (
    select(LedgerRow)
    .where(*_IS_OF_STEP, _IS_OF_ENROLMENT)
    .order_by(col(LedgerRow.id))
    .with_for_update()
)
_ADDED = insert(LEDGER).returning(LEDGER.c.id)

_LAST_SENT, _LAST_SUPPOSED = (
    core_select(LEDGER.c.workflow_id, LEDGER.c.enrolment, func.max(LEDGER.c.decided_at).label("at"))
    .where(LEDGER.c.workflow_id.in_(values("runs", LEDGER.c.workflow_id)), has_left)
    .group_by(LEDGER.c.workflow_id, LEDGER.c.enrolment)
    for has_left in (LEDGER.c.state.in_(MAYBE_SENT), shadow.would_be(MAYBE_SENT))
)


def _is_held() -> ColumnElement[bool]:
    held = col(LedgerRow.state) == MessageState.DEFERRED
    return or_(held, shadow.would_be([MessageState.DEFERRED]))


_CUSTOMERS = values("customers", LEDGER.c.customer_id)
_HELD_BY = (
    select(LedgerRow)
    .where(
        unsent.among(unsent.HELD, customers=_CUSTOMERS),
        col(LedgerRow.customer_id).in_(_CUSTOMERS),
        _is_held(),
    )
    .order_by(col(LedgerRow.id))
)


@dataclass(frozen=True)
class Counts:
    """The number of messages of a channel, by state.

    Args:
        waiting: held, claimed or being handed over.
        unknown: perhaps sent.
        sent: sent since the caller's moment.
    """

    waiting: int = 0
    unknown: int = 0
    sent: int = 0


def new_row(delivery: Delivery, channel: Channel) -> LedgerRow:
    """Return a row for a message that is being decided on; the database does not have it yet."""
    return LedgerRow(
        ledger_key=delivery.ledger_key(channel),
        reference=reference(delivery.ledger_key(channel)),
        message_id=delivery.message_id,
        workflow_id=delivery.workflow_id,
        enrolment=delivery.enrolment,
        journey=delivery.journey,
        customer_id=delivery.customer_id,
        n=delivery.n,
        step=delivery.step,
        template=delivery.template,
        channel=channel.value,
        message_class=delivery.message_class.value,
        topic=delivery.topic,
        counted_as=delivery.counted_as or None,
        coupon=delivery.coupon or None,
        variant=delivery.variant or None,
        version=delivery.version or None,
        state=MessageState.DEFERRED,
        due_at=delivery.due,
        decided_at=delivery.now,
    )


async def add(session: AsyncSession, row: LedgerRow) -> None:
    """Store a new row at once, and give it its number. The session does not watch it.

    Args:
        session: a writing transaction.
        row: as `new_row` makes it.
    """
    (added,) = await prepared.rows(session, _ADDED, row.model_dump(exclude={"id"}))
    row.id = added.id


# ---- one message ---------------------------------------------------------------------------


async def of_message(session: AsyncSession, delivery: Delivery) -> tuple[Sequence[LedgerRow], bool]:
    """Return the rows of a message, one for each channel it took, oldest first.

    The transaction holds the rows. An attempt settles its row without the customer's lock, so a
    gate that did not hold the row could overwrite a state that became "sent" meanwhile.

    Rows of the former rule, whose names count decisions, get today's name.

    Args:
        session: a writing transaction.
        delivery: the message.

    Returns:
        The rows; and whether the run has said the same for the same event already, in another
        enrolment. An event that came late may end the enrolment in which steps had begun again, and
        then the next one begins with the event from which they had.
    """
    if delivery.campaign:  # all its messages have one workflow id
        return await of_messages(session, [delivery.message_id]), False
    asked = {
        "workflow_id": delivery.workflow_id,
        "enrolment": delivery.enrolment,
        "step": delivery.step,
    }
    since, _ = delivery.latest
    decided = await prepared.rows(session, _DECIDED, {**asked, "since": since})
    said = bool(delivery.cause) and any(_has_said(row, delivery) for row in decided)
    if all(row.enrolment != delivery.enrolment for row in decided):
        return [], said  # as most messages, when they are due
    return await _of_step(session, delivery, asked), said


def _has_said(row: Any, delivery: Delivery) -> bool:
    """Tell whether a row is of the same message in another enrolment, and left or may have."""
    state = shadow.state_of(row) if delivery.shadow else row.state
    return (
        row.enrolment != delivery.enrolment
        and state in MAYBE_SENT
        and row.message_id.endswith(delivery.of_cause)
    )


async def _of_step(
    session: AsyncSession, delivery: Delivery, asked: Mapping[str, str]
) -> Sequence[LedgerRow]:
    rows = (await session.exec(_OF_STEP, params=asked)).all()
    named = [row for row in rows if row.message_id == delivery.message_id]
    if named or not delivery.cause:
        return named
    counted = _counted(rows, delivery)
    for row in counted:
        row.message_id, row.n = delivery.message_id, delivery.n
    return counted


async def of_messages(session: AsyncSession, message_ids: Collection[str]) -> Sequence[LedgerRow]:
    """Return and hold the rows of messages by their names, oldest first.

    Args:
        session: a writing transaction.
        message_ids: `Delivery.message_id` of each.
    """
    query = select(LedgerRow).where(col(LedgerRow.message_id).in_(message_ids))
    return (await session.exec(query.order_by(col(LedgerRow.id)).with_for_update())).all()


async def gone_to(
    session: AsyncSession, workflow_id: str, customer_ids: Collection[str]
) -> Mapping[str, Sequence[str]]:
    """Return the messages of a campaign that customers got, may have got, or are about to get.

    Args:
        session: any session.
        workflow_id: the campaign's workflow id.
        customer_ids: ids that hold everything.

    Returns:
        The messages' names, by customer.
    """
    query = select(LedgerRow.customer_id, LedgerRow.message_id).where(
        col(LedgerRow.customer_id).in_(customer_ids),
        LedgerRow.workflow_id == workflow_id,
        col(LedgerRow.state).in_(MAYBE_SENT),
    )
    found: dict[str, list[str]] = {}
    for customer_id, message_id in await session.exec(query):
        found.setdefault(customer_id, []).append(message_id)
    return found


def _counted(rows: Sequence[LedgerRow], delivery: Delivery) -> list[LedgerRow]:
    """Return the rows of a message by the former rule.

    Such a row does not say which event began the steps. It is the same message if it fell due at
    the same moment.
    """
    return [
        row
        for row in rows
        if row.message_id == delivery.counted_id(row.n) and row.due_at == delivery.due
    ]


async def of_reference(session: AsyncSession, reference: str) -> LedgerRow | None:
    """Return the row of a message by its name in links and at providers."""
    query = select(LedgerRow).where(LedgerRow.reference == reference)
    return (await session.exec(query)).first()


async def sent_to(session: AsyncSession, reference: str) -> str | None:
    """Return the address that a message was handed over to; None if it never was."""
    query = (
        select(ContentRow.address)
        .join(LedgerRow, col(LedgerRow.id) == ContentRow.ledger_id)
        .where(LedgerRow.reference == reference)
    )
    return (await session.exec(query)).first()


async def found(session: AsyncSession, name: str, *, hold: bool = False) -> LedgerRow | None:
    """Return the row with this number or reference.

    Args:
        session: any session; a writing transaction if ``hold`` is set.
        name: the row's number, or the message's reference.
        hold: lock the row until the transaction ends.

    Returns:
        The row; None if there is no such row.
    """
    if len(name) == REFERENCE_LENGTH:
        wanted = col(LedgerRow.reference) == name.lower()
    elif name.isascii() and name.isdecimal() and len(name) < REFERENCE_LENGTH // 2:
        wanted = col(LedgerRow.id) == int(name)
    else:
        return None
    query = select(LedgerRow).where(wanted)
    return (await session.exec(query.with_for_update() if hold else query)).first()


async def content(session: AsyncSession, ledger_id: int) -> ContentRow | None:
    """Return the text of a message that was handed over, and its address."""
    return await session.get(ContentRow, ledger_id)


async def last_signs(session: AsyncSession, workflow_ids: Iterable[str]) -> Mapping[str, datetime]:
    """Return when each run last had a message claimed or settled, by the machine's clock.

    Args:
        session: any session.
        workflow_ids: the runs.

    Returns:
        The moments by workflow id, of the runs that have any.
    """
    query = (
        select(
            LedgerRow.workflow_id,
            func.max(func.coalesce(LedgerRow.settled_at, LedgerRow.claimed_at)),
        )
        .where(col(LedgerRow.workflow_id).in_(list(workflow_ids)))
        .group_by(col(LedgerRow.workflow_id))
    )
    return {run: at for run, at in await session.exec(query) if at is not None}


# ---- many messages -------------------------------------------------------------------------


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[LedgerRow]:
    """Return every message decided on for a customer, oldest first."""
    query = select(LedgerRow).where(LedgerRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(LedgerRow.id)))).all()


async def went_to(session: AsyncSession, customer_id: str) -> dict[int, str]:
    """Return the addresses of a customer's messages that were handed over, by row number."""
    rows = await session.exec(
        select(ContentRow.ledger_id, ContentRow.address)
        .join(LedgerRow, col(LedgerRow.id) == ContentRow.ledger_id)
        .where(LedgerRow.customer_id == customer_id)
    )
    return dict(rows.all())


async def is_under_way(
    session: AsyncSession,
    workflow_ids: Iterable[str],
    step: str,
    *,
    since: datetime,
    in_shadow: bool = False,
) -> bool:
    """Tell whether one of these runs has sent a step, or may be about to.

    Args:
        session: any session.
        workflow_ids: the runs.
        step: the step's name.
        since: decisions earlier than this, by the journey's clock, do not count.
        in_shadow: a message in shadow asks: those that would have left count as well.

    Returns:
        True if a message of that step is claimed, being handed over, sent or perhaps sent.
    """
    left = col(LedgerRow.state).in_(MAYBE_SENT)
    query = select(LedgerRow.id).where(
        col(LedgerRow.workflow_id).in_(list(workflow_ids)),
        or_(left, shadow.would_be(MAYBE_SENT)) if in_shadow else left,
        LedgerRow.step == step,
        col(LedgerRow.decided_at) >= since,
    )
    return (await session.exec(query.limit(1))).first() is not None


async def sent_by(session: AsyncSession, workflow_id: str) -> list[tuple[datetime, datetime]]:
    """Return when the messages of a run left or may have left.

    Args:
        session: any session.
        workflow_id: the run's; earlier runs of the same id count as well.

    Returns:
        Each message's claim by the machine's clock, and the same by the journey's.
    """
    query = select(LedgerRow.claimed_at, LedgerRow.decided_at).where(
        LedgerRow.workflow_id == workflow_id, col(LedgerRow.state).in_(MAYBE_SENT)
    )
    return [(claimed, at) for claimed, at in (await session.exec(query)).all() if claimed]


async def last_sent(
    session: AsyncSession, workflow_ids: Iterable[str], *, in_shadow: bool = False
) -> Mapping[str, Mapping[str, datetime]]:
    """Return when the last message of each of these runs left or may have left.

    Args:
        session: any session.
        workflow_ids: the runs.
        in_shadow: ask for those that would have left, of messages in shadow.

    Returns:
        The moments by the journey's clock, by workflow id and enrolment; runs that sent nothing are
        left out.
    """
    wanted = list(workflow_ids)
    found: dict[str, dict[str, datetime]] = {}
    if not wanted:
        return found
    asked = _LAST_SUPPOSED if in_shadow else _LAST_SENT
    for row in await prepared.rows(session, asked, {"runs": few_lengths(wanted)}):
        found.setdefault(row.workflow_id, {})[row.enrolment] = row.at
    return found


async def every(session: AsyncSession) -> Sequence[LedgerRow]:
    """Return the whole ledger, oldest first."""
    return (await session.exec(select(LedgerRow).order_by(col(LedgerRow.id)))).all()


async def held_by(session: AsyncSession, customer_ids: Iterable[str]) -> Sequence[LedgerRow]:
    """Return the messages of customers that are held, or would be in shadow, oldest first."""
    customers = list(customer_ids)
    if not customers:
        return []
    found = await session.exec(_HELD_BY, params={"customers": few_lengths(customers)})
    return found.all()


async def held(session: AsyncSession, workflow_ids: Iterable[str]) -> Sequence[LedgerRow]:
    """Return the messages of runs that are held, or would be in shadow, oldest first."""
    query = select(LedgerRow).where(col(LedgerRow.workflow_id).in_(list(workflow_ids)), _is_held())
    return (await session.exec(query.order_by(col(LedgerRow.id)))).all()


async def overdue(
    session: AsyncSession, *, before: datetime, after: int = 0, limit: int
) -> Sequence[LedgerRow]:
    """Return waiting messages that their runs should have asked about by now, oldest first.

    Args:
        session: any session.
        before: their hold, their last claim or their last hand-over lies before this moment.
        after: only rows with a higher number than this.
        limit: the most rows to return.

    Returns:
        The rows.
    """
    since = case(
        (col(LedgerRow.state) == MessageState.DEFERRED, col(LedgerRow.held_until)),
        (col(LedgerRow.state) == MessageState.SUBMITTING, col(LedgerRow.submitted_at)),
        else_=col(LedgerRow.claimed_at),
    )
    query = (
        select(LedgerRow)
        .where(
            unsent.among(WAITING),
            col(LedgerRow.state).in_(WAITING),
            col(LedgerRow.id) > after,
            since < before,
        )
        .order_by(col(LedgerRow.id))
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def listed(
    session: AsyncSession,
    *,
    state: MessageState | None = None,
    customer_id: str | None = None,
    limit: int = 50,
) -> Sequence[LedgerRow]:
    """Return rows of the ledger, newest first.

    Args:
        session: any session.
        state: only messages in this state.
        customer_id: only this customer's; the id that holds everything (`people.resolve`).
        limit: the most rows to return.

    Returns:
        The rows.
    """
    query = select(LedgerRow).order_by(col(LedgerRow.id).desc()).limit(limit)
    if state is not None:
        query = query.where(LedgerRow.state == state)
        if state not in (MessageState.SENT, MessageState.SKIPPED):
            query = _found_by_state(query, state)
    if customer_id is not None:
        query = query.where(LedgerRow.customer_id == customer_id)
    return (await session.exec(query)).all()


def _found_by_state(
    query: SelectOfScalar[LedgerRow], state: MessageState
) -> SelectOfScalar[LedgerRow]:
    """Return the query in the order of the messages that are neither sent nor skipped."""
    query = query.join(UnsentRow, col(UnsentRow.ledger_id) == col(LedgerRow.id))
    query = query.where(col(UnsentRow.state) == unsent.kept_as([state])[0])
    return query.order_by(None).order_by(col(UnsentRow.ledger_id).desc())


async def outbox(
    session: AsyncSession, *, customer_id: str | None = None, limit: int = 100
) -> Sequence[tuple[LedgerRow, ContentRow]]:
    """Return the newest messages that went out, with their full text, newest first.

    Args:
        session: any session.
        customer_id: only this customer's.
        limit: the most messages to return.

    Returns:
        Each message's row and content.
    """
    query = (
        select(LedgerRow, ContentRow)
        .where(ContentRow.ledger_id == LedgerRow.id, LedgerRow.state == MessageState.SENT)
        # a message that was held is newer than its row
        .order_by(col(LedgerRow.settled_at).desc(), col(LedgerRow.id).desc())
        .limit(limit)
    )
    if customer_id is not None:
        query = query.where(LedgerRow.customer_id == customer_id)
    else:
        # an index finds the newest; a message that went out twice has two attempts there
        newest = _accepted().order_by(col(AttemptRow.settled_at).desc()).limit(2 * limit)
        numbers = set((await session.exec(newest)).all())
        # one that was proved by a report alone may have no attempt there
        last = select(ContentRow.ledger_id).order_by(col(ContentRow.ledger_id).desc())
        numbers |= set((await session.exec(last.limit(2 * limit))).all())
        query = query.where(col(LedgerRow.id).in_(numbers))
    return (await session.exec(query)).all()


def _accepted() -> Any:
    """Return the query for the messages that a provider has, as an index finds the newest."""
    return select(AttemptRow.ledger_id).where(text(f"attempts.{ACCEPTED}"))


def newly_accepted(since: datetime) -> ColumnElement[bool]:
    """Return the condition that a provider took a message of the ledger since a moment."""
    return col(LedgerRow.id).in_(_accepted().where(col(AttemptRow.settled_at) >= since))


async def sent_since(session: AsyncSession, since: datetime) -> Sequence[LedgerRow]:
    """Return the messages that went out since a moment of the machine's clock, in no order."""
    query = select(LedgerRow).where(
        newly_accepted(since),
        LedgerRow.state == MessageState.SENT,
        col(LedgerRow.settled_at) >= since,
    )
    return (await session.exec(query)).all()


async def counts(session: AsyncSession, *, since: datetime) -> Mapping[Channel, Counts]:
    """Count the messages of each channel that wait, are unknown, or were sent since a moment."""
    wanted = unsent.kept_as((*WAITING, MessageState.UNKNOWN))
    unsettled = select(UnsentRow.channel, UnsentRow.state, func.count()).where(
        col(UnsentRow.state).in_(wanted)
    )
    by_state: dict[tuple[str, MessageState], int] = {}
    query = unsettled.group_by(col(UnsentRow.channel), col(UnsentRow.state))
    for channel, state, number in await session.exec(query):
        by_state[channel, MessageState(state)] = number
    newly = select(LedgerRow.channel, func.count()).where(
        newly_accepted(since),
        LedgerRow.state == MessageState.SENT,
        col(LedgerRow.settled_at) >= since,
    )
    sent = dict((await session.exec(newly.group_by(col(LedgerRow.channel)))).all())
    return {
        channel: Counts(
            waiting=sum(by_state.get((channel.value, state), 0) for state in WAITING),
            unknown=by_state.get((channel.value, MessageState.UNKNOWN), 0),
            sent=sent.get(channel.value, 0),
        )
        for channel in Channel
    }
