"""Attempts: each time that a message was handed to a provider, and how that ended.

::

    submitting ─► accepted | refused | released | ambiguous
    ambiguous ──► accepted | released   (looked up, reported)
        └───────► superseded ─► the same, once it is known   (handed over once more meanwhile)
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.tables import AttemptRow

UNRESOLVED = ("submitting", "ambiguous", "superseded")
"""Nobody knows how it ended: the message may be out by it."""


async def begin(
    session: AsyncSession, ledger_id: int, attempt: int, *, provider: str, now: datetime
) -> None:
    """Note that the message is handed over now.

    Args:
        session: a writing transaction.
        ledger_id: of the message.
        attempt: of its row.
        provider: who gets it.
        now: by the journey's clock.
    """
    session.add(
        AttemptRow(
            ledger_id=ledger_id,
            attempt=attempt,
            provider=provider,
            state="submitting",
            submitted_at=datetime.now(UTC),
            journey_at=now,
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
    at: datetime | None = None,
) -> None:
    """Note how an attempt ended; one whose end is known already is left as it is.

    Args:
        session: a writing transaction.
        ledger_id: of the message.
        state: accepted, refused, released, ambiguous or superseded.
        by: answer, look-up, report, gate, or an operator's name.
        attempt: which one; None: the last whose end is not known.
        provider_id: the provider's id of the message.
        error: the kind of the provider's error.
        detail: what the provider said.
        at: when that was known; None: now.
    """
    values: dict[str, Any] = {"state": state, "settled_at": at or datetime.now(UTC)}
    values["settled_by"] = by
    given = {"provider_id": provider_id, "error": error, "detail": detail}
    values |= {name: value for name, value in given.items() if value is not None}
    # one that was given up, but lived, tells its end too
    unresolved = col(AttemptRow.ledger_id) == ledger_id, col(AttemptRow.state).in_(UNRESOLVED)
    query = update(AttemptRow).where(*unresolved)
    if attempt is None:
        last = select(func.max(AttemptRow.id)).where(*unresolved).scalar_subquery()
        query = query.where(col(AttemptRow.id) == last)
    else:
        query = query.where(col(AttemptRow.attempt) == attempt)
    await session.exec(query.values(**values))


async def absent(session: AsyncSession, ledger_id: int) -> None:
    """Note that the provider has none of what it may have had: no attempt has sent.

    What was said when the answer was lost stays: it tells whoever looks why there was doubt.
    """
    await session.exec(
        update(AttemptRow)
        .where(
            col(AttemptRow.ledger_id) == ledger_id,
            col(AttemptRow.state).in_(UNRESOLVED),
        )
        .values(state="released", settled_at=datetime.now(UTC), settled_by="look-up")
    )


async def of_messages(session: AsyncSession, ledger_ids: Iterable[int]) -> Sequence[AttemptRow]:
    """The attempts of these rows of the ledger, oldest first."""
    query = select(AttemptRow).where(col(AttemptRow.ledger_id).in_(list(ledger_ids)))
    return (await session.exec(query.order_by(col(AttemptRow.id)))).all()


async def unresolved(session: AsyncSession, ledger_id: int) -> Sequence[AttemptRow]:
    """The attempts by which the message may be out, oldest first."""
    query = select(AttemptRow).where(
        AttemptRow.ledger_id == ledger_id, col(AttemptRow.state).in_(UNRESOLVED)
    )
    return (await session.exec(query.order_by(col(AttemptRow.id)))).all()
