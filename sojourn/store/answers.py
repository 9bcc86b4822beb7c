"""Answers to STOP, START and HELP: noted with the reply, sent once by a worker.

A row is noted in the transaction that takes the reply in, so a stop that holds is answered, and a
repeated webhook is not. A worker claims an answer before it hands it over, so that a crash
afterwards does not send it twice. A late answer would be a message to somebody who asked for
silence: it is dropped after `USEFUL`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import spellings
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Report
from sojourn.domain.states import AnswerState
from sojourn.domain.stopping import Meaning
from sojourn.store import kin
from sojourn.store.dialects import insert
from sojourn.store.tables import WAITS, AnswerRow, CustomerRow

USEFUL = timedelta(minutes=5)
"""The FCC lets a stop be confirmed once, within five minutes (47 CFR 64.1200(a)(12))."""
ONCE_IN = timedelta(hours=1)
"""The least time between two answers of one kind to one address: machines reply, too."""
KEPT = ONCE_IN
"""After that, nothing tells who got an answer."""
AT_ONCE = 20


async def note(
    session: AsyncSession,
    provider: str,
    report: Report,
    *,
    customer_id: str,
    language: str,
    received_at: datetime,
) -> bool:
    """Note that a reply is to be answered, once however often it comes.

    Args:
        session: a writing transaction.
        provider: the provider that brought the reply.
        report: the reply; with no command, or answered by its provider, it gets no answer.
        customer_id: a customer who has the address; empty if nobody has.
        language: the customer's; empty if it is not known.
        received_at: when it arrived, by the machine's clock.

    Returns:
        True if an answer is to be sent.
    """
    if report.meaning is Meaning.OTHER or report.answered or not report.address:
        return False
    before = select(AnswerRow.id).where(
        AnswerRow.channel == report.channel.value,
        col(AnswerRow.address).in_(spellings(report.channel, report.address)),
        AnswerRow.meaning == report.meaning.value,
        col(AnswerRow.at) > received_at - ONCE_IN,
    )
    if (await session.exec(before.limit(1))).first() is not None:
        return False
    row = AnswerRow(
        provider=provider,
        event_id=report.event_id,
        channel=report.channel.value,
        address=report.address,
        customer_id=customer_id,
        meaning=report.meaning.value,
        language=language or report.language,
        at=received_at,
        state=AnswerState.WAITING,
    )
    added = await session.exec(
        insert(session, AnswerRow)
        .values(row.model_dump(exclude={"id"}))
        .on_conflict_do_nothing()
        .returning(col(AnswerRow.id))
    )
    return added.first() is not None


async def any_waits(session: AsyncSession) -> bool:
    """Tell whether an answer waits; by an index, so it can be asked often."""
    query = select(AnswerRow.id).where(text(WAITS)).limit(1)
    return (await session.exec(query)).first() is not None


async def claim(
    session: AsyncSession, channels: Collection[Channel], now: datetime
) -> Sequence[AnswerRow]:
    """Claim answers that wait; only one of several workers gets each.

    Args:
        session: a writing transaction; the claim holds from its commit on.
        channels: those by which the caller may send now.
        now: by the machine's clock.

    Returns:
        The answers, oldest first.
    """
    await session.exec(
        update(AnswerRow)
        .where(text(WAITS), col(AnswerRow.at) <= now - USEFUL)
        .values(state=AnswerState.DROPPED, reason="too_late", settled_at=now)
    )
    wanted = (
        select(AnswerRow)
        .where(text(WAITS), col(AnswerRow.channel).in_([one.value for one in channels]))
        .order_by(col(AnswerRow.at))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.exec(wanted)).all()
    for row in rows:
        row.state, row.tried_at = AnswerState.CLAIMED, now
        session.add(row)
    return rows


async def settle(
    session: AsyncSession,
    answer_id: int,
    state: AnswerState,
    *,
    at: datetime,
    reason: str | None = None,
    carrier: str | None = None,
    provider_id: str | None = None,
) -> None:
    """Note what became of a claimed answer.

    Args:
        session: a writing transaction.
        answer_id: the number of its row.
        state: its state from now on.
        at: by the machine's clock.
        reason: why it was dropped.
        carrier: the provider that took it.
        provider_id: the provider's id of it.
    """
    await session.exec(
        update(AnswerRow)
        .where(col(AnswerRow.id) == answer_id, col(AnswerRow.state) == AnswerState.CLAIMED)
        .values(
            state=state,
            reason=reason,
            settled_at=None if state is AnswerState.WAITING else at,
            carrier=carrier,
            provider_id=provider_id,
        )
    )


async def listed(
    session: AsyncSession, customer_id: str | None = None, *, limit: int
) -> Sequence[AnswerRow]:
    """Return answers, newest first.

    Args:
        session: any session.
        customer_id: only those to this customer, who stays known for `KEPT`; None: all.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(AnswerRow).order_by(col(AnswerRow.id).desc()).limit(limit)
    if customer_id is not None:
        query = query.where(AnswerRow.customer_id == customer_id)
    return (await session.exec(query)).all()


async def forget(session: AsyncSession, now: datetime) -> int:
    """Forget whose answers the older ones were.

    Args:
        session: a writing transaction.
        now: by the machine's clock.

    Returns:
        The number of answers.
    """
    done = await session.exec(
        update(AnswerRow)
        .where(col(AnswerRow.at) <= now - KEPT, col(AnswerRow.address) != "")
        .values(address="", customer_id="")
    )
    return int(done.rowcount)


async def holder(session: AsyncSession, channel: Channel, address: str) -> CustomerRow | None:
    """Find a customer who has a phone number, as their first or second one.

    Args:
        session: any session.
        channel: the channel that writes to the number.
        address: the number, in any spelling.

    Returns:
        The card of the one who was identified last; None if nobody has it.
    """
    query = (
        select(CustomerRow)
        .where(
            kin.has_number(spellings(channel, address)),
            col(CustomerRow.joined_to).is_(None),
        )
        .order_by(col(CustomerRow.identified_at).desc(), col(CustomerRow.customer_id))
    )
    return (await session.exec(query.limit(1))).first()
