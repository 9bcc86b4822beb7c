"""Hits: keep the circumstances of opens and clicks, judge them, and hold clicks of a burst.

A verdict stands in `ReportRow.machine`. Each new hit has all hits of its message judged again, so
that verdicts do not depend on the order of arrival.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.hits import HITS, Hit, Machine, link_of, verdicts
from sojourn.domain.reports import Kind, Report
from sojourn.store.tables import HELD_HITS, HitRow, LedgerRow, ReportRow

MOST = 200
"""The most hits of one message that are kept: anybody who has a link can follow it for ever."""
AT_ONCE = 100


async def is_full(session: AsyncSession, ledger_id: int) -> bool:
    """Tell whether a message has the most hits that are kept."""
    query = select(func.count()).select_from(HitRow).where(HitRow.ledger_id == ledger_id)
    return (await session.exec(query)).one() >= MOST


async def note(
    session: AsyncSession,
    report_id: int,
    report: Report,
    row: LedgerRow,
    received_at: datetime,
    *,
    tell_at: datetime | None,
) -> None:
    """Keep the circumstances of a hit whose report was just stored, and judge its message.

    Args:
        session: a writing transaction that holds the customer.
        report_id: the number of the report's row.
        report: the stored report.
        row: the row of its message.
        received_at: when it arrived, by the machine's clock.
        tell_at: when its run is to be told; None: at once.
    """
    assert row.id is not None
    session.add(
        HitRow(
            report_id=report_id,
            ledger_id=row.id,
            kind=report.kind.value,
            at=report.at,
            received_at=received_at,
            agent=report.agent,
            network=report.network,
            link=link_of(report.url),
            url=report.url if tell_at is not None else "",
            said=report.said or None,
            tell_at=tell_at,
        )
    )
    await session.flush()
    await judge(session, row.id, row.submitted_at)


async def standing(
    session: AsyncSession, provider: str, report: Report
) -> tuple[int, str | None, bool]:
    """Find a report that is stored.

    Args:
        session: any session.
        provider: the name of the provider that sent it.
        report: the report.

    Returns:
        Its number, the verdict on it, and whether it is still to be told.
    """
    query = (
        select(ReportRow.id, ReportRow.machine, HitRow.tell_at)
        .join(HitRow, col(HitRow.report_id) == ReportRow.id, isouter=True)
        .where(ReportRow.provider == provider, ReportRow.event_id == report.event_id)
    )
    number, machine, tell_at = (await session.exec(query)).one()
    assert number is not None
    return number, machine, tell_at is not None


async def judge(
    session: AsyncSession, ledger_id: int, sent_at: datetime | None, *, dry: bool = False
) -> int:
    """Judge all hits of a message.

    Args:
        session: a writing transaction, in which nobody adds hits of the message meanwhile.
        ledger_id: the number of the message's row.
        sent_at: when it was handed over.
        dry: count, and change nothing.

    Returns:
        How many verdicts changed.
    """
    query = (
        select(HitRow, ReportRow.machine)
        .join(ReportRow, col(ReportRow.id) == HitRow.report_id)
        .where(HitRow.ledger_id == ledger_id)
        .order_by(col(HitRow.report_id))
    )
    rows = (await session.exec(query)).all()
    judged = verdicts([_hit(row) for row, _ in rows], sent_at=sent_at)
    changed = [
        (row.report_id, why)
        for (row, before), why in zip(rows, judged, strict=True)
        if before != (why and why.value)
    ]
    for report_id, why in () if dry else changed:
        await session.exec(
            update(ReportRow)
            .where(col(ReportRow.id) == report_id)
            .values(machine=why and why.value)
        )
    return len(changed)


async def messages_since(
    session: AsyncSession, since: datetime | None, after: int
) -> Sequence[tuple[int, str, datetime | None]]:
    """Return messages that have hits, in the order of their numbers, `AT_ONCE` at most.

    Args:
        session: any session.
        since: only those with a hit that came since this moment; None: all.
        after: only numbers that are higher.

    Returns:
        The number, the customer, and when the message was handed over.
    """
    ours = select(HitRow.ledger_id).where(HitRow.ledger_id == LedgerRow.id)
    if since is not None:
        ours = ours.where(col(HitRow.received_at) >= since)
    query = select(LedgerRow.id, LedgerRow.customer_id, LedgerRow.submitted_at).where(
        col(LedgerRow.id) > after, ours.exists()
    )
    found = await session.exec(query.order_by(col(LedgerRow.id)).limit(AT_ONCE))
    return [(number, customer, at) for number, customer, at in found if number is not None]


async def due(session: AsyncSession, now: datetime) -> Sequence[tuple[HitRow, ReportRow]]:
    """Return clicks whose time to be told has come, oldest first, `AT_ONCE` at most."""
    query = (
        select(HitRow, ReportRow)
        .join(ReportRow, col(ReportRow.id) == HitRow.report_id)
        .where(text(HELD_HITS), col(HitRow.tell_at) <= now)
    )
    return (await session.exec(query.order_by(col(HitRow.tell_at)).limit(AT_ONCE))).all()


async def told(session: AsyncSession, report_id: int) -> None:
    """Note that a click was told, or need not be, because a machine was behind it."""
    await session.exec(
        update(HitRow).where(col(HitRow.report_id) == report_id).values(tell_at=None, url="")
    )


def is_hit(report: Report) -> bool:
    """Tell whether a report is one of those that a machine can be behind."""
    return report.kind in HITS


def _hit(row: HitRow) -> Hit:
    return Hit(
        kind=Kind(row.kind),
        at=row.at,
        agent=row.agent,
        network=row.network,
        link=row.link,
        said=Machine(row.said) if row.said else None,
    )
