"""The ledger: every message decided on, one row each, and what became of it.

States move one way::

    deferred ─► claimed ─► submitting ─► sent | rejected | unknown
        └──────────┴─► skipped | rejected | expired
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, or_, tuple_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.content import Content
from sojourn.domain.messages import Channel, Delivery, Reason
from sojourn.domain.reports import PROGRESS, Kind, reference
from sojourn.store import attempts
from sojourn.store.tables import ContentRow, EventRow, LedgerRow
from sojourn.store.text import writable

SETTLED = ("sent", "skipped", "rejected", "unknown", "expired")


async def of_message(session: AsyncSession, message_id: str) -> Sequence[LedgerRow]:
    """The rows of a message, one a channel it took, oldest first; held until the transaction ends.

    The attempt that sends it settles it without the customer's lock: without one on the row, what
    became "sent" meanwhile could be overwritten.
    """
    query = select(LedgerRow).where(LedgerRow.message_id == message_id).with_for_update()
    return (await session.exec(query.order_by(col(LedgerRow.id)))).all()


async def of_reference(session: AsyncSession, reference: str) -> LedgerRow | None:
    """The row of a message, by the name that its links and providers have for it."""
    query = select(LedgerRow).where(LedgerRow.reference == reference)
    return (await session.exec(query)).first()


def new_row(delivery: Delivery, channel: Channel) -> LedgerRow:
    """A row for a message that is being decided on; not yet in the database."""
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
        state="deferred",
        due_at=delivery.due,
        decided_at=delivery.now,
    )


async def is_under_way(
    session: AsyncSession, workflow_ids: Iterable[str], step: str, *, since: datetime
) -> bool:
    """Whether one of these runs has sent a step, or may be about to.

    Args:
        session: any.
        workflow_ids: of the runs.
        step: its name.
        since: by the journey's clock; what was decided on before does not count.
    """
    query = select(LedgerRow.id).where(
        col(LedgerRow.workflow_id).in_(list(workflow_ids)),
        col(LedgerRow.state).in_(("claimed", "submitting", "sent", "unknown")),
        LedgerRow.step == step,
        col(LedgerRow.decided_at) >= since,
    )
    return (await session.exec(query.limit(1))).first() is not None


async def submit(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    *,
    provider: str,
    address: str,
    content: Content,
    now: datetime,
) -> bool:
    """Note that the message goes out now, and keep its full text.

    Args:
        session: a writing transaction.
        ledger_id: of its row.
        attempt: of the row's.
        provider: who gets it.
        address: where to.
        content: what.
        now: by the journey's clock.

    Returns:
        False if another attempt has taken the message over meanwhile; then it must not go out.
    """
    changed = await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.state) == "claimed",
            col(LedgerRow.attempt) == attempt,
        )
        .values(state="submitting", submitted_at=datetime.now(UTC), provider=provider)
    )
    if changed.rowcount != 1:
        return False
    await attempts.begin(session, ledger_id, attempt, provider=provider, now=now)
    await session.merge(ContentRow(ledger_id=ledger_id, address=address, content=content.filled()))
    return True


async def settle(
    session: AsyncSession,
    ledger_id: int,
    state: str,
    *,
    by: str = "answer",
    attempt: int | None = None,
    reason: str | None = None,
    error: str | None = None,
    detail: str | None = None,
    provider_id: str | None = None,
) -> None:
    """Note what became of a message, and of the attempt at it. What was sent stays sent.

    Args:
        session: a writing transaction.
        ledger_id: of the message.
        state: sent, rejected, skipped or unknown.
        by: answer, look-up, report, gate, or an operator's name.
        attempt: the one that tells; None: whichever is open.
        reason: a `domain.messages.Reason` value.
        error: the kind of the provider's error.
        detail: what the provider or the template said.
        provider_id: the provider's id of the message.
    """
    detail = writable(detail) if detail else None
    values: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "settled_at": datetime.now(UTC),
    }
    if detail is not None or state != "unknown":  # what was said of it last is all that is known
        values["detail"] = detail
    if provider_id is not None:
        values["provider_id"] = provider_id
    change = update(LedgerRow).where(col(LedgerRow.id) == ledger_id, col(LedgerRow.state) != "sent")
    if attempt is not None and state != "sent":  # what a later attempt does, it does not know
        change = change.where(col(LedgerRow.attempt) == attempt)
    await session.exec(change.values(**values))
    ended = {"sent": "accepted", "rejected": "refused", "unknown": "ambiguous"}.get(state)
    if ended is not None:
        await attempts.end(
            session,
            ledger_id,
            ended,
            by=by,
            attempt=attempt,
            provider_id=provider_id,
            error=error,
            detail=detail,
        )


async def refuse(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    reason: str,
    *,
    detail: str,
    error: str | None = None,
    perhaps_out: bool = False,
) -> None:
    """Note that this attempt was refused for good, and with it the message.

    Args:
        session: a writing transaction.
        ledger_id: of the message.
        attempt: of the row's.
        reason: a `domain.messages.Reason` value.
        detail: what the provider or the template said.
        error: the kind of the provider's error.
        perhaps_out: an earlier attempt may have sent it: then it is not rejected but unknown.
    """
    await attempts.end(
        session,
        ledger_id,
        "refused",
        by="answer",
        attempt=attempt,
        error=error,
        detail=writable(detail),
    )
    await settle(
        session,
        ledger_id,
        "unknown" if perhaps_out else "rejected",
        attempt=attempt,
        reason=None if perhaps_out else reason,
        detail=detail,
    )


async def release(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    detail: str,
    *,
    error: str | None = None,
) -> None:
    """Note that this attempt certainly did not send: the next one may."""
    detail = writable(detail)
    await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.state) == "submitting",
            col(LedgerRow.attempt) == attempt,
        )
        .values(state="claimed", detail=detail)
    )
    await attempts.end(
        session, ledger_id, "released", by="answer", attempt=attempt, error=error, detail=detail
    )


async def absent(session: AsyncSession, ledger_id: int, attempt: int, *, provider: str) -> None:
    """Note that the provider does not have the message: it may go, and not for a second time.

    Args:
        session: a writing transaction.
        ledger_id: of the message.
        attempt: of the row's, as it was when the provider was asked; of a later one it says
            nothing.
        provider: who was asked, and got all that nobody knows the end of.
    """
    detail = f"{provider} does not have it"
    changed = await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.attempt) == attempt,
            col(LedgerRow.state).in_(("claimed", "submitting", "unknown")),
        )
        .values(state="claimed", detail=detail, reason=None, possible_duplicate=False)
    )
    if changed.rowcount == 1:
        await attempts.absent(session, ledger_id)


async def doubt(
    session: AsyncSession, ledger_id: int, attempt: int, detail: str, *, error: str
) -> None:
    """Note that nobody knows whether this attempt sent: the next one finds out first."""
    await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.state) == "submitting",
            col(LedgerRow.attempt) == attempt,
        )
        .values(detail=writable(detail))
    )
    await attempts.end(
        session,
        ledger_id,
        "ambiguous",
        by="answer",
        attempt=attempt,
        error=error,
        detail=writable(detail),
    )


async def advance(session: AsyncSession, ledger_id: int, kind: Kind, at: datetime) -> None:
    """Note how far a message has come; what is behind that already changes nothing.

    Args:
        session: a writing transaction.
        ledger_id: of its row.
        kind: what happened to it.
        at: when. Of the same happening told twice, the first time counts.
    """
    progress, since = col(LedgerRow.progress), col(LedgerRow.progress_at)
    behind = [earlier.value for earlier, n in PROGRESS.items() if n < PROGRESS[kind]]
    await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            or_(
                progress.is_(None),
                progress.in_(behind),
                and_(progress == kind.value, since > at),
            ),
        )
        .values(progress=kind.value, progress_at=at)
    )


async def void_holds(
    session: AsyncSession, workflow_ids: Sequence[str], *, reason: str, cause: EventRow
) -> None:
    """Settle messages held for quiet hours in runs that an event has just overtaken.

    A run's id may have been another's before: only enrolments older than the event are meant.
    """
    older = select(EventRow.message_id).where(
        EventRow.customer_id == cause.customer_id,
        tuple_(col(EventRow.occurred_at), col(EventRow.seq)) < (cause.occurred_at, cause.seq),
    )
    await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.workflow_id).in_(workflow_ids),
            col(LedgerRow.state) == "deferred",
            col(LedgerRow.enrolment).in_(older),
        )
        .values(
            state="skipped",
            reason=reason,
            caused_by=cause.message_id,
            settled_at=datetime.now(UTC),
        )
    )


async def supersede_holds(session: AsyncSession, delivery: Delivery) -> None:
    """Settle what the run held for quiet hours before its steps began anew."""
    if delivery.n > 1:
        await session.exec(
            update(LedgerRow)
            .where(
                col(LedgerRow.workflow_id) == delivery.workflow_id,
                col(LedgerRow.enrolment) == delivery.enrolment,
                col(LedgerRow.state) == "deferred",
                col(LedgerRow.n) < delivery.n,
            )
            .values(state="skipped", reason=Reason.SUPERSEDED.value, settled_at=datetime.now(UTC))
        )


async def content(session: AsyncSession, ledger_id: int) -> ContentRow | None:
    """What was handed over, and where to."""
    return await session.get(ContentRow, ledger_id)


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[LedgerRow]:
    """Every message decided on for a customer, oldest first."""
    query = select(LedgerRow).where(LedgerRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(LedgerRow.id)))).all()


async def went_to(session: AsyncSession, customer_id: str) -> dict[int, str]:
    """The address to which each message was handed over, by the number of its row."""
    rows = await session.exec(
        select(ContentRow.ledger_id, ContentRow.address)
        .join(LedgerRow, col(LedgerRow.id) == ContentRow.ledger_id)
        .where(LedgerRow.customer_id == customer_id)
    )
    return dict(rows.all())


async def every(session: AsyncSession) -> Sequence[LedgerRow]:
    """The whole ledger, oldest first."""
    return (await session.exec(select(LedgerRow).order_by(col(LedgerRow.id)))).all()


async def outbox(
    session: AsyncSession, *, customer_id: str | None = None, limit: int = 100
) -> Sequence[tuple[LedgerRow, ContentRow]]:
    """The newest messages that went out, with their full text; newest first."""
    query = (
        select(LedgerRow, ContentRow)
        .where(ContentRow.ledger_id == LedgerRow.id, LedgerRow.state == "sent")
        # a message that was held is newer than its row
        .order_by(col(LedgerRow.settled_at).desc(), col(LedgerRow.id).desc())
        .limit(limit)
    )
    if customer_id is not None:
        query = query.where(LedgerRow.customer_id == customer_id)
    return (await session.exec(query)).all()
