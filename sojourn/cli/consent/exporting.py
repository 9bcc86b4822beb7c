"""Consent as rows: the log of statements, oldest first, and the refusals of addresses."""

from collections.abc import AsyncIterator
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.consent import Purpose
from sojourn.domain.consent_words import since
from sojourn.store.digests import is_digest
from sojourn.store.tables import ConsentRow, RefusalRow

COLUMNS = (
    "customer_id",
    "channel",
    "topic",
    "purpose",
    "granted",
    "at",
    "source",
    "address",
    "wording",
    "wording_version",
    "locale",
    "proof",
    "expires_at",
)
_PAGE = 500


async def statements(session: AsyncSession) -> AsyncIterator[dict[str, Any]]:
    """Yield every yes and no, as a row that `sojourn consent import` takes.

    The moment of a no is when it takes effect: its arrival.
    """
    after = 0
    while True:
        query = select(ConsentRow).where(col(ConsentRow.id) > after).order_by(col(ConsentRow.id))
        page = (await session.exec(query.limit(_PAGE))).all()
        for row in page:
            if row.purpose != Purpose.PENDING:  # it is neither
                yield shown(row)
        if len(page) < _PAGE:
            return
        assert page[-1].id is not None
        after = page[-1].id


async def refused_addresses(session: AsyncSession) -> AsyncIterator[dict[str, Any]]:
    """Yield the refusals of addresses, without those of erased people, which are digests."""
    query = select(RefusalRow).order_by(
        col(RefusalRow.channel), col(RefusalRow.address), col(RefusalRow.topic)
    )
    for row in (await session.exec(query)).all():
        if not is_digest(row.address):
            yield {
                "channel": row.channel,
                "address": row.address,
                "topic": row.topic or None,
                "granted": False,
                "at": row.at,
                "source": row.source,
            }


def shown(row: ConsentRow) -> dict[str, Any]:
    """Return a statement's values by `COLUMNS`; None for values that it lacks."""
    return {
        **{name: getattr(row, name) for name in COLUMNS},
        "channel": row.channel or None,
        "topic": (row.topic or None) if row.purpose != Purpose.OPENS else None,
        "at": since(row),
    }
