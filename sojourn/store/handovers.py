"""Hand-overs: what became of a push message on each device that it was handed over for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.states import UNRESOLVED, AttemptState
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store.tables import HandoverRow


def begin(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    *,
    address: str,
    platform: str,
    reference: str,
) -> None:
    """Note that the message is handed over for a device now.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        address: the device's token.
        platform: the device's platform; may be empty.
        reference: the message's reference for this device, as the provider gets it.
    """
    session.add(
        HandoverRow(
            ledger_id=ledger_id,
            attempt=attempt,
            address=address,
            platform=platform,
            reference=reference,
            state=AttemptState.SUBMITTING,
            submitted_at=datetime.now(UTC),
        )
    )


async def end(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    address: str,
    state: AttemptState,
    *,
    provider_id: str | None = None,
    error: str | None = None,
    detail: str | None = None,
) -> None:
    """Note what became of the message on a device. An end that is known stays.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        address: the device's token.
        state: the end; not ``submitting``.
        provider_id: the provider's id of the message for this device.
        error: the kind of the provider's error.
        detail: what the provider said.
    """
    await session.exec(
        update(HandoverRow)
        .where(
            col(HandoverRow.ledger_id) == ledger_id,
            col(HandoverRow.attempt) == attempt,
            col(HandoverRow.address) == address,
            col(HandoverRow.state).in_(UNRESOLVED),
        )
        .values(
            state=state,
            settled_at=datetime.now(UTC),
            provider_id=provider_id,
            error=error,
            detail=writable(detail, LONGEST_NOTE) if detail else None,
        )
    )


async def absent(session: AsyncSession, ledger_id: int) -> None:
    """Note that the provider has the message for none of the devices that were in doubt."""
    await session.exec(
        update(HandoverRow)
        .where(col(HandoverRow.ledger_id) == ledger_id, col(HandoverRow.state).in_(UNRESOLVED))
        .values(state=AttemptState.RELEASED, settled_at=datetime.now(UTC))
    )


async def last(session: AsyncSession, ledger_id: int) -> Sequence[HandoverRow]:
    """Return the newest hand-over of a message for each device, in the order of the devices."""
    rows = (await of_messages(session, [ledger_id]))[ledger_id]
    return list({row.address: row for row in rows}.values())


async def of_messages(
    session: AsyncSession, ledger_ids: Iterable[int]
) -> Mapping[int, Sequence[HandoverRow]]:
    """Return the hand-overs of each of these messages, oldest first, by the number of its row."""
    kept: dict[int, list[HandoverRow]] = {number: [] for number in ledger_ids}
    query = select(HandoverRow).where(col(HandoverRow.ledger_id).in_(kept))
    query = query.order_by(col(HandoverRow.id)).execution_options(populate_existing=True)
    for row in await session.exec(query):
        kept[row.ledger_id].append(row)
    return kept
