"""Secrets of events: note how long they are kept, and forget them.

A secret stands in the event's row and in the texts of the messages that the event began. Both lose
it, and so do the provider's remarks on those messages, since they may quote them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import Events, fleeting
from sojourn.store import events
from sojourn.store.dialects import insert
from sojourn.store.tables import (
    AttemptRow,
    ContentRow,
    EventRow,
    HandoverRow,
    LedgerRow,
    ReportRow,
    SecretRow,
)

SECRETS = SQLModel.metadata.tables["secrets"]
AT_ONCE = 200


async def note(session: AsyncSession, stored: Iterable[EventRow], known: Events) -> None:
    """Note which of the events have a secret, and until when it is kept.

    Args:
        session: the transaction that has stored them.
        stored: the events, including those stored before: one that had been set aside has its
          secret again.
        known: the project's events, by wire name.
    """
    rows = [row for row in stored if row.name in known and fleeting.secrets_of(known[row.name])]
    if not rows:
        return
    connection = await session.connection()
    await connection.execute(
        insert(session, SECRETS).on_conflict_do_nothing(index_elements=["message_id"]),
        [
            {
                "message_id": row.message_id,
                "customer_id": row.customer_id,
                "until": _until(row, known),
            }
            for row in rows
        ],
    )


def _until(row: EventRow, known: Events) -> datetime:
    expires_at = getattr(events.typed(row, known), "expires_at", None) or row.received_at
    return fleeting.kept_until(expires_at, row.occurred_at, row.received_at)


async def due(session: AsyncSession, before: datetime) -> Sequence[SecretRow]:
    """Return secrets that have expired, the oldest first, `AT_ONCE` at most.

    Args:
        session: any session.
        before: the moment before which they expired, by the machine's clock.
    """
    query = select(SecretRow).where(col(SecretRow.until) < before)
    return (await session.exec(query.order_by(col(SecretRow.until)).limit(AT_ONCE))).all()


async def forget(session: AsyncSession, rows: Sequence[SecretRow], known: Events) -> None:
    """Forget secrets wherever they stand.

    Args:
        session: a writing transaction.
        rows: as `due` returned them.
        known: the project's events, by wire name; an event that it no longer has loses all its
            fields.
    """
    ids = [row.message_id for row in rows]
    for event in await session.exec(select(EventRow).where(col(EventRow.message_id).in_(ids))):
        kind = known.get(event.name)
        kept = fleeting.without_secrets(kind, event.properties) if kind else {}
        await session.exec(
            update(EventRow)
            .where(col(EventRow.seq) == event.seq)
            .values(properties=kept, as_sent=None)
        )
    begun = select(LedgerRow.id).where(
        col(LedgerRow.customer_id).in_({row.customer_id for row in rows}),
        col(LedgerRow.enrolment).in_(ids),
    )
    told = [number for number in await session.exec(begun) if number is not None]
    if told:
        emptied: tuple[tuple[Any, dict[str, Any]], ...] = (
            (ContentRow, {"content": {}}),
            (AttemptRow, {"detail": None}),
            (HandoverRow, {"detail": None}),
            (ReportRow, {"detail": None}),
        )
        for table, nothing in emptied:
            await session.exec(
                update(table).where(col(table.ledger_id).in_(told)).values(**nothing)
            )
        await session.exec(update(LedgerRow).where(col(LedgerRow.id).in_(told)).values(detail=None))
    for row in rows:
        await session.delete(row)
