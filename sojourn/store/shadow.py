"""Shadow: what would have become of the messages of runs from which nothing leaves.

Their rows are in the ledger in one state, `MessageState.SHADOW`, whatever happens to them. Who asks
the ledger for messages by their states meets none of them; who wants them asks here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.states import MessageState
from sojourn.store.tables import LedgerRow


def would_be(states: Iterable[MessageState]) -> ColumnElement[bool]:
    """Return the condition that a row of the ledger is in shadow, and would be in these states."""
    return and_(
        col(LedgerRow.state) == MessageState.SHADOW,
        col(LedgerRow.would).in_([state.value for state in states]),
    )


def state_of(row: LedgerRow) -> MessageState:
    """Return the state of a message, or the one that it would have if it is in shadow."""
    if row.state is not MessageState.SHADOW:
        return row.state
    assert row.would is not None, "the gate's first decision says so"
    return MessageState(row.would)


async def void(
    session: AsyncSession,
    which: Iterable[Any],
    states: Iterable[MessageState],
    *,
    reason: str,
    cause: str | None,
) -> None:
    """Note that messages in shadow that wait would have been skipped. It wakes nobody.

    Args:
        session: a writing transaction that holds their customers.
        which: conditions on their rows.
        states: those that they would be in.
        reason: a `domain.messages.Reason` value.
        cause: the message id of the event that skips them.
    """
    await session.exec(
        update(LedgerRow)
        .where(would_be(states), *which)
        .values(
            would=MessageState.SKIPPED.value,
            reason=reason,
            caused_by=cause,
            settled_at=datetime.now(UTC),
        )
    )


async def settle(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    would: MessageState,
    *,
    reason: str | None = None,
    detail: str | None = None,
) -> None:
    """Note what would have become of a message that the gate would have let pass.

    Args:
        session: a writing transaction.
        ledger_id: the number of its row.
        attempt: that of the decision; a later one stands.
        would: the state that it would have.
        reason: a `domain.messages.Reason` value.
        detail: the same in words.
    """
    await session.exec(
        update(LedgerRow)
        .where(
            would_be([MessageState.CLAIMED]),
            col(LedgerRow.id) == ledger_id,
            col(LedgerRow.attempt) == attempt,
        )
        .values(would=would.value, reason=reason, detail=detail, settled_at=datetime.now(UTC))
    )
