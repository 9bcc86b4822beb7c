"""What operators ask of the ledger, and the one thing that they may tell it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel, Reason
from sojourn.store.attempts import UNRESOLVED
from sojourn.store.tables import SENT, UNSENT, AttemptRow, LedgerRow, ReportRow
from sojourn.store.text import writable

ABANDONED_AFTER = timedelta(minutes=10)
"""A worker that lives has its answer sooner: what is still being handed over has lost its own."""
WAITING = ("deferred", "claimed", "submitting")
_REFERENCE_LENGTH = 32


@dataclass(frozen=True)
class Counts:
    """A channel's messages.

    Args:
        waiting: held, claimed or being handed over.
        unknown: perhaps sent.
        sent: since the moment that was asked for.
    """

    waiting: int = 0
    unknown: int = 0
    sent: int = 0


async def listed(
    session: AsyncSession,
    *,
    state: str | None = None,
    customer_id: str | None = None,
    limit: int = 50,
) -> Sequence[LedgerRow]:
    """Rows of the ledger, the newest first.

    Args:
        session: any.
        state: only those in it.
        customer_id: of this customer only; the id that holds everything (`customers.resolve`).
        limit: at most so many.
    """
    query = select(LedgerRow).order_by(col(LedgerRow.id).desc()).limit(limit)
    if state is not None:
        query = query.where(LedgerRow.state == state)
        if state not in ("sent", "skipped"):
            query = query.where(text(UNSENT))
    if customer_id is not None:
        query = query.where(LedgerRow.customer_id == customer_id)
    return (await session.exec(query)).all()


async def found(session: AsyncSession, name: str, *, hold: bool = False) -> LedgerRow | None:
    """The row with this number or reference.

    Args:
        session: any; of a transaction to hold it.
        name: the row's number, or the message's reference.
        hold: nobody else changes it until the transaction ends.
    """
    if len(name) == _REFERENCE_LENGTH:
        wanted = col(LedgerRow.reference) == name.lower()
    elif name.isascii() and name.isdecimal() and len(name) < _REFERENCE_LENGTH // 2:
        wanted = col(LedgerRow.id) == int(name)
    else:
        return None
    query = select(LedgerRow).where(wanted)
    return (await session.exec(query.with_for_update() if hold else query)).first()


async def attempts(
    session: AsyncSession, ledger_ids: Iterable[int]
) -> Mapping[int, Sequence[AttemptRow]]:
    """The attempts at each of these messages, in their order."""
    kept: dict[int, list[AttemptRow]] = {number: [] for number in ledger_ids}
    query = select(AttemptRow).where(col(AttemptRow.ledger_id).in_(kept))
    for row in await session.exec(query.order_by(col(AttemptRow.id))):
        kept[row.ledger_id].append(row)
    return kept


async def reports(
    session: AsyncSession, ledger_ids: Iterable[int]
) -> Mapping[int, Sequence[ReportRow]]:
    """What providers told of each of these messages, by when it happened."""
    kept: dict[int, list[ReportRow]] = {number: [] for number in ledger_ids}
    query = select(ReportRow).where(col(ReportRow.ledger_id).in_(kept))
    for row in await session.exec(query.order_by(col(ReportRow.at), col(ReportRow.id))):
        assert row.ledger_id is not None
        kept[row.ledger_id].append(row)
    return kept


async def counts(session: AsyncSession, *, since: datetime) -> Mapping[Channel, Counts]:
    """How many messages of each channel wait, are unknown, or were sent since a moment."""
    unsettled = select(LedgerRow.channel, LedgerRow.state, func.count()).where(
        text(UNSENT), col(LedgerRow.state).in_((*WAITING, "unknown"))
    )
    by_state: dict[tuple[str, str], int] = {}
    query = unsettled.group_by(col(LedgerRow.channel), col(LedgerRow.state))
    for channel, state, number in await session.exec(query):
        by_state[channel, state] = number
    newly = select(LedgerRow.channel, func.count()).where(
        text(SENT), col(LedgerRow.settled_at) >= since
    )
    sent = dict((await session.exec(newly.group_by(col(LedgerRow.channel)))).all())
    return {
        channel: Counts(
            waiting=sum(by_state.get((channel.value, state), 0) for state in WAITING),
            unknown=by_state.get((channel.value, "unknown"), 0),
            sent=sent.get(channel.value, 0),
        )
        for channel in Channel
    }


async def settle(
    session: AsyncSession,
    row: LedgerRow,
    *,
    sent: bool,
    because: str,
    by: str,
    now: datetime,
) -> None:
    """Note what an operator found out about a message whose end nobody knew.

    Nothing is sent because of it: the run went on long ago, with a receipt that says "unknown".

    Args:
        session: of a transaction.
        row: of the ledger, held by `found` in this transaction.
        sent: the message went out; else it certainly did not.
        because: how the operator knows.
        by: the operator's name.
        now: by the machine's clock.

    Raises:
        BadInput: the message's end is known, or an attempt is at work on it.
    """
    assert row.id is not None
    tried = (await attempts(session, [row.id]))[row.id]
    unresolved = [attempt for attempt in tried if attempt.state in UNRESOLVED]
    in_doubt = bool(unresolved) and row.state in ("claimed", "submitting")
    abandoned = in_doubt and unresolved[-1].submitted_at <= now - ABANDONED_AFTER
    if in_doubt and not abandoned:
        raise BadInput(
            f"message {row.id} is being handed to {row.provider}: an operator may settle it "
            f"{ABANDONED_AFTER.total_seconds() / 60:g} minutes after that began"
        )
    if row.state != "unknown" and not abandoned:
        raise BadInput(f"message {row.id} is {row.state}: an operator settles only what is unknown")
    row.state = "sent" if sent else "rejected"
    row.reason = None if sent else Reason.REFUSED.value
    row.detail = writable(f"settled by {by}: {because}")
    row.settled_at = now
    session.add(row)
    if not sent:
        row.possible_duplicate = False
    for attempt in unresolved[-1:] if sent else unresolved:
        attempt.state = "accepted" if sent else "refused"
        attempt.settled_at, attempt.settled_by = now, by
        session.add(attempt)
