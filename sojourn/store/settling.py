"""Settle messages: a row of the ledger and its attempts change together."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Executable, and_, or_, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.content import Content
from sojourn.domain.errors import BadInput
from sojourn.domain.measuring.mailboxes import mailbox_of
from sojourn.domain.messages import Delivery, Reason
from sojourn.domain.ordering import latest_start
from sojourn.domain.reports import PROGRESS, Kind, reference
from sojourn.domain.states import UNRESOLVED, WAITING, AttemptState, MessageState
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import attempts, coupons, handovers, holds, prepared, shadow
from sojourn.store.dialects import insert_into, is_postgresql
from sojourn.store.prepared import value
from sojourn.store.tables import AttemptRow, EventRow, LedgerRow

ABANDONED_AFTER = timedelta(minutes=10)
"""A live worker has its answer sooner; the answer to an older hand-over is lost."""
_ENDS = {
    MessageState.SENT: AttemptState.ACCEPTED,
    MessageState.REJECTED: AttemptState.REFUSED,
    MessageState.UNKNOWN: AttemptState.AMBIGUOUS,
}
"""The end of the attempt that brings the message's row to a state."""
_COUPON = col(LedgerRow.message_id), col(LedgerRow.coupon)
"""The columns by which `coupons.let_go` knows a message."""

_LEDGER, _CONTENTS = (SQLModel.metadata.tables[name] for name in ("ledger", "contents"))
_LEAVING = (
    _LEDGER.update()
    .where(
        _LEDGER.c.id == value("number", _LEDGER.c.id),
        _LEDGER.c.state == MessageState.CLAIMED,
        _LEDGER.c.attempt == value("nth", _LEDGER.c.attempt),
    )
    .values(
        state=MessageState.SUBMITTING,
        submitted_at=value("now", _LEDGER.c.submitted_at),
        provider=value("by", _LEDGER.c.provider),
    )
)

_SUPERSEDED = (
    _LEDGER.update()
    .where(
        _LEDGER.c.workflow_id == value("run", _LEDGER.c.workflow_id),
        _LEDGER.c.enrolment == value("begun", _LEDGER.c.enrolment),
        _LEDGER.c.n < value("nth", _LEDGER.c.n),
        _LEDGER.c.state == MessageState.DEFERRED,
    )
    .values(
        state=MessageState.SKIPPED,
        reason=Reason.SUPERSEDED.value,
        caused_by=value("cause", _LEDGER.c.caused_by),
        settled_at=value("now", _LEDGER.c.settled_at),
    )
    .returning(_LEDGER.c.message_id, _LEDGER.c.coupon)
)


@cache
def _kept(postgresql: bool) -> Executable:
    """Return the statement that keeps the text of a message, in place of a former one."""
    kept = insert_into(_CONTENTS, postgresql=postgresql)
    said = kept.excluded
    return kept.on_conflict_do_update(
        index_elements=["ledger_id"], set_={"address": said.address, "content": said.content}
    )


# ---- an attempt, from the hand-over to its end ---------------------------------------------


async def submit(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    *,
    provider: str,
    address: str,
    content: Content,
    now: datetime,
    keyed: bool = True,
) -> bool:
    """Note that the message goes out now, and keep its full text.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        provider: the provider that gets the message.
        address: where it goes.
        content: what the customer reads.
        now: by the journey's clock.
        keyed: False if it leaves in a call with others, whose idempotency key is not its alone.

    Returns:
        False if another attempt has taken the message over meanwhile; then it must not go out.

    Raises:
        ValueError: an earlier attempt may have sent it, under a key that would not be used.
    """
    if not keyed and await attempts.unresolved(session, ledger_id):
        raise ValueError(f"message {ledger_id} is in doubt: it goes alone, under its own key")
    leaving = {"number": ledger_id, "nth": attempt, "now": datetime.now(UTC), "by": provider}
    if await prepared.change(session, _LEAVING, leaving) != 1:
        return False
    await attempts.begin(
        session,
        ledger_id,
        attempt,
        provider=provider,
        now=now,
        keyed=keyed,
        language=content.locale,
        mailbox=mailbox_of(address) or None,
    )
    kept = {"ledger_id": ledger_id, "address": address, "content": content.filled()}
    await prepared.change(session, _kept(is_postgresql(session)), kept)
    return True


async def settle(
    session: AsyncSession,
    ledger_id: int,
    state: MessageState,
    *,
    by: str = "answer",
    attempt: int | None = None,
    reason: str | None = None,
    error: str | None = None,
    detail: str | None = None,
    provider_id: str | None = None,
) -> None:
    """Note the outcome of a message, and of the attempt at it. A sent message stays sent.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        state: sent, rejected, skipped or unknown.
        by: answer, look-up, report, gate, or an operator's name.
        attempt: the attempt that reports the outcome; None means the last open one.
        reason: a `domain.messages.Reason` value.
        error: the kind of the provider's error.
        detail: what the provider or the template said.
        provider_id: the provider's id of the message.
    """
    detail = writable(detail, LONGEST_NOTE) if detail else None
    values: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "settled_at": datetime.now(UTC),
    }
    # an unknown message keeps the last detail, which is all that is known about it
    if detail is not None or state is not MessageState.UNKNOWN:
        values["detail"] = detail
    if provider_id is not None:
        values["provider_id"] = provider_id
    change = update(LedgerRow).where(
        col(LedgerRow.id) == ledger_id, col(LedgerRow.state) != MessageState.SENT
    )
    # an attempt that did not send says nothing about a later attempt
    if attempt is not None and state is not MessageState.SENT:
        change = change.where(col(LedgerRow.attempt) == attempt)
    changed = await session.exec(change.values(**values).returning(*_COUPON))
    told = changed.all()
    if state is MessageState.SENT:
        await coupons.bring_back(session, told)
    else:
        await coupons.let_go(session, told)
    if state in _ENDS:
        await attempts.end(
            session,
            ledger_id,
            _ENDS[state],
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
    """Note that the provider refused this attempt, and so the message, for good.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        reason: a `domain.messages.Reason` value.
        detail: what the provider or the template said.
        error: the kind of the provider's error.
        perhaps_out: an earlier attempt may have sent the message, so it is unknown, not rejected.
    """
    await attempts.end(
        session,
        ledger_id,
        AttemptState.REFUSED,
        by="answer",
        attempt=attempt,
        error=error,
        detail=writable(detail, LONGEST_NOTE),
    )
    await settle(
        session,
        ledger_id,
        MessageState.UNKNOWN if perhaps_out else MessageState.REJECTED,
        attempt=attempt,
        reason=None if perhaps_out else reason,
        detail=detail,
    )


async def refuse_address(
    session: AsyncSession, ledger_id: int, attempt: int, *, detail: str, error: str
) -> None:
    """Note that the provider refused the address for good; the message may go to another one.

    It gets another key there: a provider that recognises repeated messages by their key must not
    give for the second address its answer for the first.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        detail: what the provider said.
        error: the kind of the provider's error.
    """
    detail = writable(detail, LONGEST_NOTE)
    held = (
        select(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.state) == MessageState.SUBMITTING,
            col(LedgerRow.attempt) == attempt,
        )
        .with_for_update()
    )
    row = (await session.exec(held)).first()
    if row is not None:
        row.state, row.detail = MessageState.CLAIMED, detail
        row.ledger_key = f"{row.ledger_key}/{attempt + 1}"
        row.reference = reference(row.ledger_key)
        session.add(row)
    await attempts.end(
        session,
        ledger_id,
        AttemptState.REFUSED,
        by="answer",
        attempt=attempt,
        error=error,
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
    """Note that this attempt certainly did not send, so the next one may.

    If the message was given up as unknown meanwhile, because of this attempt alone, it becomes
    expired: nobody has sent it.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        detail: what the provider said.
        error: the kind of the provider's error.
    """
    detail = writable(detail, LONGEST_NOTE)
    usual = await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.state) == MessageState.SUBMITTING,
            col(LedgerRow.attempt) == attempt,
        )
        .values(state=MessageState.CLAIMED, detail=detail)
    )
    await attempts.end(
        session,
        ledger_id,
        AttemptState.RELEASED,
        by="answer",
        attempt=attempt,
        error=error,
        detail=detail,
    )
    if usual.rowcount == 0:
        perhaps_out = select(AttemptRow.id).where(
            AttemptRow.ledger_id == ledger_id,
            col(AttemptRow.state).in_((*UNRESOLVED, AttemptState.ACCEPTED)),
        )
        expired = await session.exec(
            update(LedgerRow)
            .where(
                col(LedgerRow.id) == ledger_id,
                col(LedgerRow.state) == MessageState.UNKNOWN,
                ~perhaps_out.exists(),
            )
            .values(state=MessageState.EXPIRED, detail=detail, possible_duplicate=False)
            .returning(*_COUPON)
        )
        await coupons.let_go(session, expired.all())


async def doubt(
    session: AsyncSession, ledger_id: int, attempt: int, detail: str, *, error: str
) -> None:
    """Note that it is unknown whether this attempt sent; the next one finds out first.

    If another attempt has taken the message over meanwhile, it may have gone out twice.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        detail: the known facts of the failure.
        error: the kind of the provider's error.
    """
    detail = writable(detail, LONGEST_NOTE)
    usual = await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.state) == MessageState.SUBMITTING,
            col(LedgerRow.attempt) == attempt,
        )
        .values(detail=detail)
    )
    if usual.rowcount == 0 and await attempts.reopen(session, ledger_id, attempt):
        await session.exec(
            update(LedgerRow).where(col(LedgerRow.id) == ledger_id).values(possible_duplicate=True)
        )
    await attempts.end(
        session,
        ledger_id,
        AttemptState.AMBIGUOUS,
        by="answer",
        attempt=attempt,
        error=error,
        detail=detail,
    )


async def absent(session: AsyncSession, ledger_id: int, attempt: int, *, provider: str) -> None:
    """Note that the provider does not have the message: it may be sent, unmarked as a duplicate.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims when the provider was asked; the answer says nothing
          about a later attempt.
        provider: the provider that was asked. It got every attempt whose end is unknown.
    """
    changed = await session.exec(
        update(LedgerRow)
        .where(
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.attempt) == attempt,
            col(LedgerRow.state).in_(
                (MessageState.CLAIMED, MessageState.SUBMITTING, MessageState.UNKNOWN)
            ),
        )
        .values(
            state=MessageState.CLAIMED,
            detail=f"{provider} does not have it",
            reason=None,
            possible_duplicate=False,
        )
    )
    if changed.rowcount == 1:
        await attempts.absent(session, ledger_id)
        await handovers.absent(session, ledger_id)


# ---- reports of providers, and operators -----------------------------------------------------


async def advance(session: AsyncSession, ledger_id: int, kind: Kind, at: datetime) -> None:
    """Move a message's progress forward. An earlier stage changes nothing.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        kind: what happened to the message.
        at: when it happened. If one kind is reported twice, the earlier moment counts.
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


async def settle_by_hand(
    session: AsyncSession,
    row: LedgerRow,
    *,
    sent: bool,
    because: str,
    by: str,
    now: datetime,
) -> None:
    """Note an operator's finding on a message whose end was unknown.

    The finding sends nothing: the run went on long ago, with a receipt that says "unknown".

    Args:
        session: a writing transaction.
        row: the message's row, held by `ledger.found` in this transaction.
        sent: True if the message went out, False if it certainly did not.
        because: how the operator knows.
        by: the operator's name.
        now: by the machine's clock.

    Raises:
        BadInput: the message's end is known, or an attempt is at work on it.
    """
    assert row.id is not None
    unresolved = await attempts.unresolved(session, row.id)
    in_doubt = bool(unresolved) and row.state in (MessageState.CLAIMED, MessageState.SUBMITTING)
    abandoned = in_doubt and unresolved[-1].submitted_at <= now - ABANDONED_AFTER
    if in_doubt and not abandoned:
        raise BadInput(
            f"message {row.id} is being handed to {row.provider}: an operator may settle it "
            f"{ABANDONED_AFTER.total_seconds() / 60:g} minutes after that began"
        )
    if row.state is not MessageState.UNKNOWN and not abandoned:
        raise BadInput(f"message {row.id} is {row.state}: an operator settles only what is unknown")
    row.state = MessageState.SENT if sent else MessageState.REJECTED
    row.reason = None if sent else Reason.REFUSED.value
    row.detail = writable(f"settled by {by}: {because}", LONGEST_NOTE)
    row.settled_at = now
    session.add(row)
    if not sent:
        row.possible_duplicate = False
    for attempt in unresolved[-1:] if sent else unresolved:
        attempt.state = AttemptState.ACCEPTED if sent else AttemptState.REFUSED
        attempt.settled_at, attempt.settled_by = now, by
        session.add(attempt)
    await session.flush()
    if not sent:
        await coupons.let_go(session, [(row.message_id, row.coupon)])


async def abandon(
    session: AsyncSession, ledger_id: int, *, attempt: int, detail: str, now: datetime
) -> bool:
    """Settle a message whose run is over and will not ask about it again.

    Args:
        session: a writing transaction that holds the customer.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims when the run was found over.
        detail: how the run ended.
        now: by the machine's clock.

    Returns:
        False if it is settled already, or an attempt may still be at work on it.
    """
    held = select(LedgerRow).where(col(LedgerRow.id) == ledger_id).with_for_update()
    row = (await session.exec(held)).first()
    if row is None or row.state not in WAITING or row.attempt != attempt:
        return False
    unresolved = await attempts.unresolved(session, ledger_id)
    if unresolved and unresolved[-1].submitted_at > now - ABANDONED_AFTER:
        return False
    if unresolved:
        await settle(session, ledger_id, MessageState.UNKNOWN, by="gate", detail=detail)
    else:
        await settle(
            session,
            ledger_id,
            MessageState.SKIPPED,
            by="gate",
            reason=Reason.RUN_STOPPED.value,
            detail=detail,
        )
    return True


# ---- holds that are over -------------------------------------------------------------------


async def void_holds(
    session: AsyncSession,
    workflow_ids: Sequence[str],
    *,
    reason: str,
    cause: EventRow,
    within: timedelta = timedelta(0),
) -> int:
    """Skip the held messages of runs that an event has just overtaken.

    A later run may reuse a workflow id, so only enrolments for which the event counts are affected.

    Args:
        session: a writing transaction that holds the customer.
        workflow_ids: the runs.
        reason: a `domain.messages.Reason` value.
        cause: the event.
        within: how far senders' clocks may differ.

    Returns:
        The number of runs that are to ask again, because a slot of a cap is free.
    """
    these = (
        col(LedgerRow.workflow_id).in_(workflow_ids),
        col(LedgerRow.enrolment).in_(_older(cause, within)),
    )
    held = (MessageState.DEFERRED,)
    await shadow.void(session, these, held, reason=reason, cause=cause.message_id)
    voided = await session.exec(
        update(LedgerRow)
        .where(*these, col(LedgerRow.state) == MessageState.DEFERRED)
        .values(
            state=MessageState.SKIPPED,
            reason=reason,
            caused_by=cause.message_id,
            settled_at=datetime.now(UTC),
        )
        .returning(*_COUPON)
    )
    told = voided.all()
    await coupons.let_go(session, told)
    return await _free_slots(session, cause) if told else 0


async def void_waiting(session: AsyncSession, workflow_id: str, *, cause: EventRow) -> None:
    """Skip the waiting messages of a run that an operator has just stopped.

    These include messages that are claimed, but certainly not handed over: an attempt that is about
    to hand one over finds that it may not (`submit`).

    Args:
        session: a writing transaction that holds the customer.
        workflow_id: the run's; enrolments that began after the stop are another run's.
        cause: the stop.
    """
    perhaps_out = select(AttemptRow.id).where(
        AttemptRow.ledger_id == LedgerRow.id, col(AttemptRow.state).in_(UNRESOLVED)
    )
    these = col(LedgerRow.workflow_id) == workflow_id, col(LedgerRow.enrolment).in_(_older(cause))
    waiting = (MessageState.DEFERRED, MessageState.CLAIMED)
    stopped = Reason.RUN_STOPPED.value
    await shadow.void(session, these, waiting, reason=stopped, cause=cause.message_id)
    voided = await session.exec(
        update(LedgerRow)
        .where(*these, col(LedgerRow.state).in_(waiting), ~perhaps_out.exists())
        .values(
            state=MessageState.SKIPPED,
            reason=stopped,
            caused_by=cause.message_id,
            settled_at=datetime.now(UTC),
        )
        .returning(*_COUPON)
    )
    told = voided.all()
    await coupons.let_go(session, told)
    if told:
        await _free_slots(session, cause)


async def _free_slots(session: AsyncSession, cause: EventRow) -> int:
    """Have messages of the customer that wait for the freed slots ask again."""
    woken = await holds.free_a_slot(
        session, cause.customer_id, because=cause.message_id, at=cause.occurred_at
    )
    return len(woken)


def _older(than: EventRow, within: timedelta = timedelta(0)) -> Any:
    """Return the query that selects the enrolments for which an event counts."""
    assert than.seq is not None
    began, first = col(EventRow.occurred_at), col(EventRow.seq)
    return select(EventRow.message_id).where(
        EventRow.customer_id == than.customer_id,
        or_(  # as `domain.ordering.counts_for` defines it
            and_(first < than.seq, began <= latest_start(than.occurred_at, within)),
            began < than.occurred_at,
        ),
    )


async def supersede_holds(session: AsyncSession, delivery: Delivery) -> None:
    """Skip the messages that the run held before its steps began again.

    The session has read none of them.
    """
    if delivery.n <= 1:
        return
    if delivery.shadow:
        these = (
            col(LedgerRow.workflow_id) == delivery.workflow_id,
            col(LedgerRow.enrolment) == delivery.enrolment,
            col(LedgerRow.n) < delivery.n,
        )
        held, reason = (MessageState.DEFERRED,), Reason.SUPERSEDED.value
        await shadow.void(session, these, held, reason=reason, cause=delivery.cause or None)
        return
    asked = {
        "run": delivery.workflow_id,
        "begun": delivery.enrolment,
        "nth": delivery.n,
        "cause": delivery.cause or None,
        "now": datetime.now(UTC),
    }
    voided = await prepared.rows(session, _SUPERSEDED, asked)
    await coupons.let_go(session, ((row.message_id, row.coupon) for row in voided))
