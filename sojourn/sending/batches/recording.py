"""Record the hand-over of a batch, and that a provider took its messages, in few statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.channels.provider import Provider
from sojourn.domain.content import Content
from sojourn.domain.measuring.mailboxes import mailbox_of
from sojourn.domain.states import AttemptState, MessageState
from sojourn.sending.drafting import Claim
from sojourn.sending.handing_many import is_keyed
from sojourn.store import Store, proofs, recipients
from sojourn.store.tables import AttemptRow, LedgerRow

LEDGER = SQLModel.metadata.tables["ledger"]
ATTEMPTS = SQLModel.metadata.tables["attempts"]
CONTENTS = SQLModel.metadata.tables["contents"]


@dataclass(frozen=True)
class Rendered:
    """A claimed message and what the customer reads.

    Args:
        number: of the recipient.
        claim: the permission to send it.
        content: the words, with their files.
    """

    number: int
    claim: Claim
    content: Content


class BatchRecorder:
    """Records what becomes of a batch."""

    def __init__(self, store: Store) -> None:
        """Record in an open store."""
        self._store = store

    async def submit(
        self, messages: Sequence[Rendered], provider: Provider, now: datetime
    ) -> list[Rendered]:
        """Note that these messages go out now, and keep their texts, in one transaction.

        Args:
            messages: to be handed over.
            provider: the provider that gets them.
            now: by the campaign's clock.

        Returns:
            Those that no other attempt has taken over; the others must not go out.
        """
        at = datetime.now(UTC)
        of = {one.claim.ledger_id: one for one in messages}
        async with self._store.transaction() as session:
            changed = await session.exec(
                update(LedgerRow)
                .where(
                    col(LedgerRow.id).in_(of),
                    col(LedgerRow.state) == MessageState.CLAIMED,
                    col(LedgerRow.attempt) == 1,  # a batch knows first claims alone
                )
                .values(state=MessageState.SUBMITTING, submitted_at=at, provider=provider.name)
                .returning(col(LedgerRow.id))
            )
            ours = set(changed.scalars())
            going = [one for number, one in of.items() if number in ours]
            if not going:
                return []
            connection = await session.connection()
            await connection.execute(
                ATTEMPTS.insert(),
                [
                    AttemptRow(
                        ledger_id=one.claim.ledger_id,
                        attempt=one.claim.attempt,
                        provider=provider.name,
                        state=AttemptState.SUBMITTING,
                        submitted_at=at,
                        journey_at=now,
                        keyed=is_keyed(provider, len(messages)),
                        language=one.content.locale,
                        mailbox=mailbox_of(one.claim.address) or None,
                    ).model_dump(exclude={"id"})
                    for one in going
                ],
            )
            await connection.execute(
                CONTENTS.insert(),
                [
                    {
                        "ledger_id": one.claim.ledger_id,
                        "address": one.claim.address,
                        "content": one.content.filled(),
                    }
                    for one in going
                ],
            )
        return going

    async def sent(
        self, taken: Sequence[tuple[Rendered, str | None]], provider: Provider
    ) -> list[Claim]:
        """Note that the provider took messages, in one transaction.

        Args:
            taken: the messages, with the provider's id of each.
            provider: that took them.

        Returns:
            Those that this proves to have gone out twice.
        """
        if not taken:
            return []
        twice: list[Claim] = []
        async with self._store.transaction() as session:
            usual = await _still_ours(session, [one.claim.ledger_id for one, _ in taken])
            await _mark_sent(
                session,
                {
                    o.claim.ledger_id: their_id
                    for o, their_id in taken
                    if o.claim.ledger_id in usual
                },
            )
            for one, their_id in taken:
                if one.claim.ledger_id in usual:
                    continue
                if await proofs.answered(
                    session,
                    one.claim.ledger_id,
                    one.claim.attempt,
                    provider_id=their_id,
                    keyed=bool(provider.abilities.idempotent_for),
                ):
                    twice.append(one.claim)
            await recipients.decided(session, [one.number for one, _ in taken])
        return twice


async def _still_ours(session: AsyncSession, ledger_ids: Collection[int]) -> set[int]:
    """Hold the rows, and return those whose first attempt is still the one under way."""
    query = select(LedgerRow.id).where(
        col(LedgerRow.id).in_(ledger_ids),
        col(LedgerRow.state) == MessageState.SUBMITTING,
        LedgerRow.attempt == 1,
    )
    found = await session.exec(query.order_by(col(LedgerRow.id)).with_for_update())
    return {one for one in found if one is not None}


async def _mark_sent(session: AsyncSession, provider_ids: Mapping[int, str | None]) -> None:
    if not provider_ids:
        return
    at = datetime.now(UTC)
    told: list[dict[str, Any]] = [
        {"number": number, "their_id": their_id} for number, their_id in provider_ids.items()
    ]
    connection = await session.connection()
    await connection.execute(
        LEDGER.update()
        .where(LEDGER.c.id == bindparam("number"))
        .values(
            state=MessageState.SENT,
            reason=None,
            detail=None,
            caused_by=None,
            settled_at=at,
            provider_id=bindparam("their_id"),
        ),
        told,
    )
    await connection.execute(
        ATTEMPTS.update()
        .where(
            ATTEMPTS.c.ledger_id == bindparam("number"),
            ATTEMPTS.c.state == AttemptState.SUBMITTING,
        )
        .values(
            state=AttemptState.ACCEPTED,
            settled_at=at,
            settled_by=proofs.ANSWER,
            provider_id=bindparam("their_id"),
        ),
        told,
    )
