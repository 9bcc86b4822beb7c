"""The archive: every message as it was sent, found by customer, run, or any of its ids."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import union
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from sojourn.domain.errors import UnknownName
from sojourn.insight.letters import Letter, letter_of
from sojourn.store import Store, people
from sojourn.store.tables import AttemptRow, ContentRow, LedgerRow


class Archived(BaseModel):
    """A message, with what is left of its text.

    Args:
        id: its number in the ledger.
        message_id: our id of it, the same in every attempt and on every channel.
        reference: the id by which providers know it.
        at: the moment of the gate's decision, by the journey's clock.
        customer_id: the customer; if they were erased, a name that identifies nobody.
        workflow_id: the run.
        journey: the journey.
        step: the message of the journey.
        channel: the channel.
        state: what became of it.
        reason: why it was not sent, if it was not.
        provider: the provider that carried it.
        provider_id: the provider's id of it.
        letter: its text, as the customer reads it; None if it was never handed over, or its text
            was deleted by age or erased.
    """

    id: int
    message_id: str
    reference: str
    at: datetime
    customer_id: str
    workflow_id: str
    journey: str
    step: str
    channel: str
    state: str
    reason: str | None
    provider: str | None
    provider_id: str | None
    letter: Letter | None

    @property
    def headline(self) -> str:
        """The beginning of the text, or why there is none."""
        if self.letter is not None:
            return self.letter.headline
        return "(text gone)" if self.provider else "(never handed over)"


async def named(store: Store, name: str) -> list[Archived]:
    """Return the messages with a name, newest first: one, or one for each channel it took.

    Args:
        store: the open store.
        name: a number in the ledger, a reference, a message id, or a provider's id.

    Returns:
        The messages.

    Raises:
        UnknownName: no message has the name.
    """
    async with store.reading() as session:
        found: list[Archived] = []
        if name.isascii() and name.isdigit() and len(name) < 19:
            found = await _read(session, _messages().where(col(LedgerRow.id) == int(name)))
        if not found:
            # each by its index: the database would go through the table for an "or"
            ways = union(
                select(LedgerRow.id).where(LedgerRow.reference == name),
                select(LedgerRow.id).where(LedgerRow.message_id == name),
                _known_as(name),
            )
            found = await _read(session, _messages().where(col(LedgerRow.id).in_(ways)))
    if not found:
        raise UnknownName("message", name, hint="`sojourn message list` lists them")
    return found


async def listed(
    store: Store,
    *,
    customer_id: str | None = None,
    run: str | None = None,
    provider_id: str | None = None,
    limit: int,
) -> list[Archived]:
    """Return messages that were handed over, newest first.

    Args:
        store: the open store.
        customer_id: only this customer's, by any id.
        run: only this run's, by its workflow id.
        provider_id: only messages that the provider knows by this id.
        limit: the most messages to return.

    Returns:
        The messages.
    """
    async with store.reading() as session:
        query = _messages().where(col(LedgerRow.submitted_at).is_not(None)).limit(limit)
        if customer_id is not None:
            root = await people.resolve(session, customer_id)
            query = query.where(LedgerRow.customer_id == root)
        if run is not None:
            query = query.where(LedgerRow.workflow_id == run)
        if provider_id is not None:
            query = query.where(col(LedgerRow.id).in_(_known_as(provider_id)))
        return await _read(session, query)


def _known_as(provider_id: str) -> Any:
    """Return the query for the messages that a provider knows by this id."""
    return select(AttemptRow.ledger_id).where(AttemptRow.provider_id == provider_id)


async def html_of(session: AsyncSession, reference: str) -> str | None:
    """Return an e-mail's document by the reference of the message; None if it is gone."""
    query = (
        select(ContentRow)
        .join(LedgerRow, col(LedgerRow.id) == ContentRow.ledger_id)
        .where(LedgerRow.reference == reference)
    )
    row = (await session.exec(query)).first()
    html: Any = row.content.get("html") if row else None
    return html or None


def _messages() -> SelectOfScalar[LedgerRow]:
    return select(LedgerRow).order_by(col(LedgerRow.id).desc())


async def _read(session: AsyncSession, query: SelectOfScalar[LedgerRow]) -> list[Archived]:
    rows: Sequence[LedgerRow] = (await session.exec(query)).all()
    kept = select(ContentRow).where(col(ContentRow.ledger_id).in_([row.id for row in rows]))
    texts = {row.ledger_id: row for row in await session.exec(kept)}
    return [_archived(row, texts.get(row.id or 0)) for row in rows]


def _archived(row: LedgerRow, text: ContentRow | None) -> Archived:
    assert row.id is not None
    return Archived(
        id=row.id,
        message_id=row.message_id,
        reference=row.reference,
        at=row.decided_at,
        customer_id=row.customer_id,
        workflow_id=row.workflow_id,
        journey=row.journey,
        step=row.step,
        channel=row.channel,
        state=row.state.value,
        reason=row.reason,
        provider=row.provider,
        provider_id=row.provider_id,
        letter=letter_of(row, text) if text is not None and text.content else None,
    )
