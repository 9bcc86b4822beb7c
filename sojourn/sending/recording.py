"""Record the outcome of an attempt, each time in one transaction."""

from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.channels.provider import Provider
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    EndpointGone,
    InvalidRecipient,
    PermanentError,
    RecipientUnsubscribed,
    TransientError,
)
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import Doubt
from sojourn.sending.drafting import Claim
from sojourn.store import (
    Store,
    consents,
    holds,
    ledger,
    pauses,
    people,
    proofs,
    refusals,
    settling,
    suppressions,
)
from sojourn.store.tables import ContentRow, CustomerRow

PROBE_AFTER = timedelta(minutes=1)


class Recorder:
    """Record the outcomes of claimed messages in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def submit(
        self, claim: Claim, provider: Provider, content: Content, now: datetime
    ) -> bool:
        """Note that the message goes out now.

        Args:
            claim: the claim of the attempt.
            provider: the provider that gets the message.
            content: the content that the customer reads, without fetched files.
            now: by the journey's clock.

        Returns:
            False if another attempt has taken the message over meanwhile.
        """
        async with self._store.transaction() as session:
            return await settling.submit(
                session,
                claim.ledger_id,
                claim.attempt,
                provider=provider.name,
                address=claim.address,
                content=content,
                now=now,
            )

    async def sent(self, claim: Claim, provider: Provider, provider_id: str | None) -> bool:
        """Note that the provider took the message, and its id there.

        Args:
            claim: the claim of the attempt.
            provider: the provider that took it.
            provider_id: the provider's id of the message.

        Returns:
            True if this proves, and nothing did before, that the message went out twice.
        """
        async with self._store.transaction() as session:
            return await proofs.answered(
                session,
                claim.ledger_id,
                claim.attempt,
                provider_id=provider_id,
                keyed=bool(provider.abilities.idempotent_for),
            )

    async def skipped(self, claim: Claim, reason: Reason) -> None:
        """Note that the message was decided against after its claim."""
        async with self._store.transaction() as session:
            person = await people.lock(session, claim.customer.customer_id)
            await settling.settle(
                session,
                claim.ledger_id,
                MessageState.SKIPPED,
                attempt=claim.attempt,
                reason=reason.value,
            )
            await _free_a_slot(session, person, claim)

    async def unrenderable(self, claim: Claim, detail: str) -> None:
        """Note that the message cannot be rendered."""
        async with self._store.transaction() as session:
            person = await people.lock(session, claim.customer.customer_id)
            await settling.refuse(
                session,
                claim.ledger_id,
                claim.attempt,
                Reason.TEMPLATE,
                detail=detail,
                perhaps_out=claim.perhaps_out,
            )
            await _free_a_slot(session, person, claim)

    async def refused(self, claim: Claim, provider: Provider, error: PermanentError) -> None:
        """Note a refusal for good, and its news of the address or the customer.

        Args:
            claim: the claim of the attempt.
            provider: the provider that refused.
            error: what it said.
        """
        source = f"{provider.name}:{claim.ledger_id}-{claim.attempt}"
        async with self._store.transaction() as session:
            person = await people.lock(session, claim.customer.customer_id)
            if isinstance(error, InvalidRecipient):
                await suppressions.add(
                    session,
                    claim.channel,
                    claim.address,
                    because="gone" if isinstance(error, EndpointGone) else "bounced",
                    at=datetime.now(UTC),
                    source=source,
                )
            if isinstance(error, RecipientUnsubscribed):
                await consents.record(session, person, claim.channel, granted=False, source=source)
                await refusals.add(
                    session,
                    claim.channel,
                    claim.address,
                    topic="",
                    at=datetime.now(UTC),
                    source=source,
                )
            await settling.refuse(
                session,
                claim.ledger_id,
                claim.attempt,
                error.reason,
                detail=str(error),
                error=kind_of(error),
                perhaps_out=claim.perhaps_out,
            )
            await _free_a_slot(session, person, claim)

    async def released(self, claim: Claim, error: TransientError) -> None:
        """Note that the provider did not take the message, and may take it later."""
        said = str(error)
        if error.retry_after is not None:
            said += f" (told to wait {error.retry_after.total_seconds():.0f} s)"
        async with self._store.transaction() as session:
            await settling.release(
                session, claim.ledger_id, claim.attempt, said, error=kind_of(error)
            )

    async def paused(self, claim: Claim, provider: Provider, error: AccountError) -> None:
        """Release the message and pause its channel, because the provider refused our account.

        Args:
            claim: the claim of the attempt.
            provider: the provider that refused.
            error: what it said.
        """
        async with self._store.transaction() as session:
            await settling.release(
                session, claim.ledger_id, claim.attempt, str(error), error=kind_of(error)
            )
            await pauses.begin(
                session,
                claim.channel,
                # the provider's words may quote an address; the ledger keeps them
                because=f"{error.told}; its words: sojourn ledger show {claim.ledger_id}",
                by=provider.name,
                probe_at=datetime.now(UTC) + PROBE_AFTER,
            )

    async def in_doubt(self, claim: Claim, error: AmbiguousSend) -> None:
        """Note that the answer was lost."""
        async with self._store.transaction() as session:
            await settling.doubt(
                session, claim.ledger_id, claim.attempt, str(error), error=kind_of(error)
            )

    async def handed_over(self, doubt: Doubt) -> ContentRow:
        """Return the content of a message in doubt that was handed over, and its address."""
        async with self._store.reading() as session:
            kept = await ledger.content(session, doubt.ledger_id)
        assert kept is not None, "it is kept before it is handed over"
        return kept

    async def looked_up(self, doubt: Doubt, provider: Provider, provider_id: str | None) -> None:
        """Note the result of a look-up.

        Args:
            doubt: the doubt about the message.
            provider: the provider that was asked.
            provider_id: the provider's id of the message; None if it does not have the message.
        """
        async with self._store.transaction() as session:
            if provider_id is None:
                await settling.absent(
                    session, doubt.ledger_id, doubt.attempt, provider=provider.name
                )
            else:
                await settling.settle(
                    session,
                    doubt.ledger_id,
                    MessageState.SENT,
                    by="look-up",
                    provider_id=provider_id,
                )

    async def given_up(self, doubt: Doubt) -> None:
        """Note that the message stays unknown: it may be out, and nothing can settle that."""
        async with self._store.transaction() as session:
            await settling.settle(session, doubt.ledger_id, MessageState.UNKNOWN, by="gate")


async def _free_a_slot(session: AsyncSession, person: CustomerRow, claim: Claim) -> None:
    """Have the customer's messages ask again that wait for a slot, for this one does not leave.

    One that an earlier attempt may have sent keeps its slot.
    """
    if not claim.perhaps_out:
        at = claim.decided_at or datetime.now(UTC)
        name = f"{claim.ledger_id}-{claim.attempt}"
        await holds.free_a_slot(session, person.customer_id, because=name, at=at)


def kind_of(error: BaseException) -> str:
    """Return an error's kind, as the ledger and Temporal know it: ``RateLimited``."""
    return type(error).__name__
