"""Attempts: each time that a message was handed to a provider, and how that ended.

::

    submitting ─► accepted | refused | released | ambiguous
    ambiguous ──► accepted | released   (looked up, reported)
        └───────► superseded            (sent once more, or given up)
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.tables import AttemptRow

OPEN = ("submitting", "ambiguous")
"""Nobody knows how it ended."""


async def begin(session: AsyncSession, ledger_id: int, attempt: int, *, provider: str) -> None:
    """Note that the message is handed over now."""
    session.add(
        AttemptRow(
            ledger_id=ledger_id,
            attempt=attempt,
            provider=provider,
            state="submitting",
            submitted_at=datetime.now(UTC),
        )
    )


async def end(
    session: AsyncSession,
    ledger_id: int,
    state: str,
    *,
    by: str,
    attempt: int | None = None,
    provider_id: str | None = None,
    error: str | None = None,
    detail: str | None = None,
) -> None:
    """Note how an attempt ended; one whose end is known already is left as it is.

    Args:
        session: a writing transaction.
        ledger_id: of the message.
        state: accepted, refused, released, ambiguous or superseded.
        by: answer, look-up, report, gate, or an operator's name.
        attempt: which one; None: all whose end is not known.
        provider_id: the provider's id of the message.
        error: the kind of the provider's error.
        detail: what the provider said.
    """
    values: dict[str, Any] = {"state": state, "settled_at": datetime.now(UTC), "settled_by": by}
    given = {"provider_id": provider_id, "error": error, "detail": detail}
    values |= {name: value for name, value in given.items() if value is not None}
    query = update(AttemptRow).where(
        col(AttemptRow.ledger_id) == ledger_id, col(AttemptRow.state).in_(OPEN)
    )
    if attempt is not None:
        query = query.where(col(AttemptRow.attempt) == attempt)
    await session.exec(query.values(**values))


async def of_messages(session: AsyncSession, ledger_ids: Iterable[int]) -> Sequence[AttemptRow]:
    """The attempts of these rows of the ledger, oldest first."""
    query = select(AttemptRow).where(col(AttemptRow.ledger_id).in_(list(ledger_ids)))
    return (await session.exec(query.order_by(col(AttemptRow.id)))).all()


async def first(session: AsyncSession, ledger_id: int) -> AttemptRow | None:
    """The first attempt whose end is not known: since when the message may be out."""
    query = select(AttemptRow).where(
        AttemptRow.ledger_id == ledger_id, col(AttemptRow.state).in_(OPEN)
    )
    return (await session.exec(query.order_by(col(AttemptRow.id)).limit(1))).first()
