"""Record the outcome of an attempt, each time in one transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.channels.provider import Provider
from sojourn.domain.brakes import Harm
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
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reports import reference
from sojourn.domain.states import UNRESOLVED, MessageState
from sojourn.domain.verdict import Doubt
from sojourn.sending.drafting import Claim
from sojourn.sending.fanning import Outcome
from sojourn.store import (
    Store,
    consents,
    devices,
    handovers,
    harms,
    holds,
    ledger,
    pauses,
    people,
    proofs,
    refusals,
    settling,
    shadow,
    suppressions,
)
from sojourn.store.reports import evidence_from
from sojourn.store.tables import ContentRow, CustomerRow, HandoverRow, LedgerRow

PROBE_AFTER = timedelta(minutes=1)


class Recorder:
    """Record the outcomes of claimed messages in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def submit(
        self,
        claim: Claim,
        provider: Provider,
        content: Content,
        now: datetime,
        *,
        keyed: bool = True,
    ) -> bool:
        """Note that the message goes out now.

        Args:
            claim: the claim of the attempt.
            provider: the provider that gets the message.
            content: the content that the customer reads, without fetched files.
            now: by the journey's clock.
            keyed: False if it leaves in a call with others whose idempotency key does not know it
                alone (`handing_many.is_keyed`).

        Returns:
            False if another attempt has taken the message over meanwhile.
        """
        async with self._store.transaction(brief=True) as session:
            submitted = await settling.submit(
                session,
                claim.ledger_id,
                claim.attempt,
                provider=provider.name,
                address=claim.address,
                content=content,
                now=now,
                keyed=keyed,
            )
            for target in claim.targets if submitted else ():
                handovers.begin(
                    session,
                    claim.ledger_id,
                    claim.attempt,
                    address=target.address,
                    platform=target.platform,
                    reference=reference(target.ledger_key),
                )
            return submitted

    async def sent(
        self,
        claim: Claim,
        provider: Provider,
        provider_id: str | None,
        outcomes: Sequence[Outcome] = (),
    ) -> bool:
        """Note that the provider took the message, and its id there.

        Args:
            claim: the claim of the attempt.
            provider: the provider that took it.
            provider_id: the provider's id of the message.
            outcomes: what became of it on each device.

        Returns:
            True if this proves, and nothing did before, that the message went out twice.
        """
        async with self._store.transaction(brief=True) as session:
            await _note_devices(session, claim, provider, outcomes)
            return await proofs.answered(
                session,
                claim.ledger_id,
                claim.attempt,
                provider_id=provider_id,
                keyed=bool(provider.abilities.idempotent_for),
            )

    async def skipped(self, claim: Claim, reason: Reason, detail: str = "") -> None:
        """Note that the message was decided against after its claim.

        Args:
            claim: the permission to send it.
            reason: why.
            detail: the same in words; empty: none.
        """
        async with self._store.transaction(brief=True) as session:
            person = await people.lock(session, claim.customer.customer_id)
            await settling.settle(
                session,
                claim.ledger_id,
                MessageState.SKIPPED,
                attempt=claim.attempt,
                reason=reason.value,
                detail=detail or None,
            )
            await _free_a_slot(session, person, claim)

    async def supposed(
        self, claim: Claim, would: MessageState, reason: Reason | None = None, detail: str = ""
    ) -> None:
        """Note what would have become of a message in shadow, now that it was rendered.

        Args:
            claim: what it was rendered from.
            would: the state that it would have.
            reason: why it would not have left.
            detail: the same in words; empty: none.
        """
        async with self._store.transaction(brief=True) as session:
            await shadow.settle(
                session,
                claim.ledger_id,
                claim.attempt,
                would,
                reason=reason.value if reason else None,
                detail=detail or None,
            )

    async def unrenderable(self, claim: Claim, detail: str) -> None:
        """Note that the message cannot be rendered."""
        async with self._store.transaction(brief=True) as session:
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

    async def refused(
        self,
        claim: Claim,
        provider: Provider,
        error: PermanentError,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Note a refusal for good, and what it tells about the address or the customer.

        Args:
            claim: the claim of the attempt.
            provider: the provider that refused.
            error: what it said.
            outcomes: what became of it on each device.
        """
        source = _source(claim, provider)
        async with self._store.transaction(brief=True) as session:
            person = await people.lock(session, claim.customer.customer_id)
            await _note_devices(session, claim, provider, outcomes)
            if isinstance(error, InvalidRecipient) and not outcomes:
                await _suppress(session, claim, provider, claim.address, error)
                if claim.instead and not claim.perhaps_out:
                    await settling.refuse_address(
                        session,
                        claim.ledger_id,
                        claim.attempt,
                        detail=str(error),
                        error=kind_of(error),
                    )
                    return  # the gate decides on the other number
            if isinstance(error, RecipientUnsubscribed):
                await consents.record(
                    session,
                    person,
                    claim.channel,
                    granted=False,
                    source=source,
                    evidence=evidence_from(person, claim.channel, claim.address),
                )
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
            if isinstance(error, InvalidRecipient) and claim.channel is not Channel.PUSH:
                await harms.note(session, claim.ledger_id, Harm.BOUNCED)
            await _free_a_slot(session, person, claim)

    async def released(
        self,
        claim: Claim,
        provider: Provider,
        error: TransientError,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Note that the provider did not take the message, and may take it later.

        Args:
            claim: the claim of the attempt.
            provider: the provider that did not take it.
            error: what it said.
            outcomes: what became of it on each device.
        """
        said = str(error)
        if error.retry_after is not None:
            said += f" (told to wait {error.retry_after.total_seconds():.0f} s)"
        async with self._store.transaction(brief=True) as session:
            await _note_devices(session, claim, provider, outcomes)
            await settling.release(
                session, claim.ledger_id, claim.attempt, said, error=kind_of(error)
            )

    async def paused(
        self,
        claim: Claim,
        provider: Provider,
        error: AccountError,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Release the message and pause its channel, because the provider refused our account.

        Args:
            claim: the claim of the attempt.
            provider: the provider that refused.
            error: what it said.
            outcomes: what became of it on each device.
        """
        async with self._store.transaction(brief=True) as session:
            await _note_devices(session, claim, provider, outcomes)
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

    async def in_doubt(
        self,
        claim: Claim,
        provider: Provider,
        error: AmbiguousSend,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Note that the answer was lost.

        Args:
            claim: the claim of the attempt.
            provider: the provider that may have the message.
            error: what is known.
            outcomes: what became of it on each device.
        """
        async with self._store.transaction(brief=True) as session:
            await _note_devices(session, claim, provider, outcomes)
            await settling.doubt(
                session, claim.ledger_id, claim.attempt, str(error), error=kind_of(error)
            )

    async def handed_over(self, doubt: Doubt) -> tuple[str, ContentRow, Sequence[HandoverRow]]:
        """Return the key of a message in doubt, its content and address, and its open hand-overs.

        These are hand-overs for devices whose end is not known.
        """
        async with self._store.reading() as session:
            row = await session.get_one(LedgerRow, doubt.ledger_id)
            kept = await ledger.content(session, doubt.ledger_id)
            rows = await handovers.last(session, doubt.ledger_id)
        assert kept is not None, "it is kept before it is handed over"
        return row.ledger_key, kept, [one for one in rows if one.state in UNRESOLVED]

    async def looked_up(self, doubt: Doubt, provider: Provider, provider_id: str | None) -> None:
        """Note the result of a look-up.

        Args:
            doubt: the doubt about the message.
            provider: the provider that was asked.
            provider_id: the provider's id of the message; None if it does not have the message.
        """
        async with self._store.transaction(brief=True) as session:
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
        async with self._store.transaction(brief=True) as session:
            await settling.settle(session, doubt.ledger_id, MessageState.UNKNOWN, by="gate")


async def _free_a_slot(session: AsyncSession, person: CustomerRow, claim: Claim) -> None:
    """Make the customer's messages that wait for a slot ask again: this one does not leave.

    One that an earlier attempt may have sent keeps its slot.
    """
    if not claim.perhaps_out:
        at = claim.decided_at or datetime.now(UTC)
        name = f"{claim.ledger_id}-{claim.attempt}"
        await holds.free_a_slot(session, person.customer_id, because=name, at=at)


async def _note_devices(
    session: AsyncSession, claim: Claim, provider: Provider, outcomes: Sequence[Outcome]
) -> None:
    """Note what became of a message on each device; a dead one gets nothing more."""
    for outcome in outcomes:
        error, address = outcome.error, outcome.target.address
        await handovers.end(
            session,
            claim.ledger_id,
            claim.attempt,
            address,
            outcome.state,
            provider_id=outcome.provider_id,
            error=kind_of(error) if error else None,
            detail=str(error) if error else None,
        )
        if isinstance(error, InvalidRecipient):
            await _suppress(session, claim, provider, address, error)
            await devices.gone(session, address, datetime.now(UTC))


async def _suppress(
    session: AsyncSession, claim: Claim, provider: Provider, address: str, error: InvalidRecipient
) -> None:
    await suppressions.add(
        session,
        claim.channel,
        address,
        because="gone" if isinstance(error, EndpointGone) else "bounced",
        at=datetime.now(UTC),
        source=_source(claim, provider),
    )


def _source(claim: Claim, provider: Provider) -> str:
    return f"{provider.name}:{claim.ledger_id}-{claim.attempt}"


def kind_of(error: BaseException) -> str:
    """Return an error's kind, as the ledger and Temporal know it: ``RateLimited``."""
    return type(error).__name__
