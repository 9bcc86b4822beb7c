"""The one activity of a message: gate, claim, render, hand over, record.

Three transactions at most: the claim, the moment before the provider is asked, the outcome. A
worker may die between any two of them; the ledger then tells the next attempt what is certain.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.attachments import fetched
from activities.doubt import Wait, Way, way_out
from activities.gate import Claim, Doubt, Gate
from activities.render import RenderContext, Renderer
from channels.provider import Parcel, Provider
from domain.content import Content
from domain.errors import (
    AccountError,
    AmbiguousSend,
    EndpointGone,
    InvalidRecipient,
    NothingToSay,
    PermanentError,
    ProviderError,
    RecipientUnsubscribed,
    TemplateError,
    TransientError,
    WindowClosed,
)
from domain.history import History
from domain.messages import Channel, Delivery, Reason, Receipt, Status
from domain.reports import reference
from store import channels, customers, ledger, suppressions

PROBE_AFTER = timedelta(minutes=1)
HEARTBEAT = timedelta(seconds=2)  # each is billed: a send that is quick costs none
SOONEST = timedelta(seconds=1)


class Messages:
    """Sends the messages of journeys."""

    def __init__(
        self, gate: Gate, renderer: Renderer, *, shop_url: str = "", hosts: Iterable[str] = ()
    ) -> None:
        """Make it.

        Args:
            gate: decides.
            renderer: writes.
            shop_url: where files that go along with a message may come from.
            hosts: and from where else.
        """
        self._gate = gate
        self._store = gate.store
        self._renderer = renderer
        self._shop_url = shop_url
        self._hosts = tuple(hosts)

    @activity.defn
    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message, once, or say why not.

        Raises:
            ApplicationError: worth another try; Temporal makes it.
        """
        beating = asyncio.create_task(_heartbeat())
        try:
            receipt = await self._send(delivery)
        except ApplicationError:
            raise
        except Exception as error:
            # the last failure of an activity stays in the run's history, and an error's text may
            # quote an address: Temporal gets its kind, the worker's log the rest
            activity.logger.exception("the message could not be sent")
            kind = type(error).__name__
            raise ApplicationError(f"{kind}: see the worker's log", type=kind) from None
        finally:
            beating.cancel()
        _count(delivery, receipt)
        return receipt

    async def _send(self, delivery: Delivery) -> Receipt:
        info = activity.info()
        # retries and queues take time, which the journey's clock must show: quiet hours and
        # "useful until" are judged by when this attempt runs, not by when the step fell due
        now = delivery.now + max(info.started_time - info.scheduled_time, timedelta(0))
        go_again, handed_over = False, False
        while True:
            answer = await self._gate.pass_or_refuse(delivery, now, go_again=go_again)
            go_again = False
            match answer:
                case Receipt():
                    return answer
                case Doubt():
                    go_again = await self._find_out(delivery, answer, now)
                    if go_again and handed_over:
                        raise _again(f"{answer.provider}: may have the message; once more")
                case Claim():
                    handed_over = True
                    receipt = await self._carry(delivery, answer, now)
                    if receipt is not None:
                        return receipt
            # the ledger has the news; what follows from it says the gate

    async def _carry(self, delivery: Delivery, claim: Claim, now: datetime) -> Receipt | None:
        """Render and hand over; the receipt, or None if the gate is to be asked what follows."""
        provider = self._gate.providers[claim.channel]
        try:
            content = claim.content or self._render(delivery, claim)
            whole = await fetched(content, self._shop_url, self._hosts)
        except NothingToSay:
            return await self._settle(claim, Status.SKIPPED, Reason.NOTHING_TO_SAY)
        except TemplateError as error:
            activity.logger.error("message cannot be rendered: %s", error)
            await self._settle(claim, Status.REJECTED, Reason.TEMPLATE, detail=str(error))
            return None
        except TransientError as error:  # of the shop, from which a file was to be fetched
            activity.logger.warning("%s: %s", delivery.template, error)
            raise _again("a file is not to be had now", error.retry_after) from None
        if claim.channel is Channel.WHATSAPP and not (claim.may_write_freely or content.approved):
            said = "the customer has not written within 24 hours, and no template is approved"
            await self._refused(claim, provider, WindowClosed(said))
            return None
        return await self._hand_over(delivery, claim, content, whole, now)

    async def _hand_over(
        self, delivery: Delivery, claim: Claim, content: Content, whole: Content, now: datetime
    ) -> Receipt | None:
        """Hand over the whole content; what is kept of it does without the files it fetched."""
        provider = self._gate.providers[claim.channel]
        async with self._store.transaction() as session:
            ours = await ledger.submit(
                session,
                claim.ledger_id,
                claim.attempt,
                provider=provider.name,
                address=claim.address,
                content=content,
            )
        if not ours:
            raise _again("another attempt has taken this message over")
        parcel = Parcel(
            delivery.ledger_key(claim.channel), claim.address, whole, delivery.message_class
        )
        try:
            provider_id = await provider.send(parcel)
        except PermanentError as error:
            await self._refused(claim, provider, error)
            return None
        except TransientError as error:
            await self._release(claim, error)
            raise _asks_again(delivery, now, provider, error, error.retry_after) from None
        except AccountError as error:
            activity.logger.error("%s does not let us send: %s", provider.name, error)
            await self._pause(claim, provider, error)
            return None
        except AmbiguousSend as error:
            activity.logger.warning("%s: %s", provider.name, error)
            async with self._store.transaction() as session:
                await ledger.doubt(
                    session, claim.ledger_id, claim.attempt, str(error), error=_kind(error)
                )
            return None
        return await self._settle(claim, Status.SENT, provider_id=provider_id)

    async def _find_out(self, delivery: Delivery, doubt: Doubt, now: datetime) -> bool:
        """Settle what became of an earlier attempt; whether to hand the message over once more.

        Raises:
            ApplicationError: it cannot be told yet.
        """
        provider = self._gate.providers[doubt.channel]
        match way_out(doubt, provider, delivery.message_class):
            case Wait(after):
                raise _again(f"{provider.name}: whether it has the message shows later", after)
            case Way.AGAIN:
                return True
            case Way.ASK:
                await self._ask(delivery, doubt, provider, now)
            case Way.GIVE_UP:
                async with self._store.transaction() as session:
                    await ledger.settle(session, doubt.ledger_id, Status.UNKNOWN.value, by="gate")
        return False

    async def _ask(
        self, delivery: Delivery, doubt: Doubt, provider: Provider, now: datetime
    ) -> None:
        async with self._store.reading() as session:
            kept = await ledger.content(session, doubt.ledger_id)
        assert kept is not None, "it is kept before it is handed over"
        parcel = Parcel(
            delivery.ledger_key(doubt.channel), kept.address, Content.kept(kept.content)
        )
        try:
            provider_id = await provider.find(parcel, doubt.since)
        except (TransientError, AccountError) as error:
            if not doubt.useful:  # it may be out and cannot be told: that is what "unknown" is for
                async with self._store.transaction() as session:
                    await ledger.settle(session, doubt.ledger_id, Status.UNKNOWN.value, by="gate")
                return
            raise _asks_again(delivery, now, provider, error) from None
        async with self._store.transaction() as session:
            if provider_id is not None:
                await ledger.settle(
                    session,
                    doubt.ledger_id,
                    Status.SENT.value,
                    by="look-up",
                    provider_id=provider_id,
                )
            else:
                await ledger.release(
                    session,
                    doubt.ledger_id,
                    doubt.attempt,
                    f"{provider.name} does not have it",
                    by="look-up",
                )

    def _render(self, delivery: Delivery, claim: Claim) -> Content:
        context = RenderContext(
            customer=claim.customer,
            journey=delivery.journey,
            template=delivery.template,
            message_id=delivery.message_id,
            reference=reference(delivery.ledger_key(claim.channel)),
            message_class=delivery.message_class,
            topic=delivery.topic,
            start=claim.start,
            key=delivery.key,
            history=History(claim.history),
            now=delivery.now,
            timezone=claim.timezone,
        )
        content = self._renderer.render(context, claim.channel)
        return content.free() if claim.may_write_freely else content

    async def _refused(self, claim: Claim, provider: Provider, error: PermanentError) -> None:
        """Note a refusal for good, and what it says of the address or the customer."""
        source = f"{provider.name}:{claim.ledger_id}-{claim.attempt}"
        async with self._store.transaction() as session:
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
                await customers.record_consent(
                    session,
                    claim.customer.customer_id,
                    claim.channel,
                    granted=False,
                    at=datetime.now(UTC),
                    source=source,
                )
            await ledger.settle(
                session,
                claim.ledger_id,
                Status.REJECTED.value,
                attempt=claim.attempt,
                reason=error.reason,
                error=_kind(error),
                detail=str(error),
            )

    async def _pause(self, claim: Claim, provider: Provider, error: AccountError) -> None:
        """Let the message go, and nothing more leave by this channel."""
        async with self._store.transaction() as session:
            await ledger.release(
                session, claim.ledger_id, claim.attempt, str(error), error=_kind(error)
            )
            await channels.pause(
                session,
                claim.channel,
                because=str(error),
                by=provider.name,
                probe_at=datetime.now(UTC) + PROBE_AFTER,
            )

    async def _release(self, claim: Claim, error: TransientError) -> None:
        said = str(error)
        if error.retry_after is not None:
            said += f" (told to wait {error.retry_after.total_seconds():.0f} s)"
        async with self._store.transaction() as session:
            await ledger.release(session, claim.ledger_id, claim.attempt, said, error=_kind(error))

    async def _settle(
        self,
        claim: Claim,
        status: Status,
        reason: Reason | None = None,
        detail: str | None = None,
        provider_id: str | None = None,
    ) -> Receipt:
        async with self._store.transaction() as session:
            await ledger.settle(
                session,
                claim.ledger_id,
                status.value,
                attempt=claim.attempt,
                reason=reason.value if reason else None,
                detail=detail,
                provider_id=provider_id,
            )
        return Receipt(status=status, reason=reason, channel=claim.channel, timezone=claim.timezone)


async def _heartbeat() -> None:
    """Tell Temporal that this worker lives, so that a dead one is noticed in seconds."""
    while True:
        await asyncio.sleep(HEARTBEAT.total_seconds())
        activity.heartbeat()


def _asks_again(
    delivery: Delivery,
    now: datetime,
    provider: Provider,
    error: ProviderError,
    after: timedelta | None = None,
) -> ApplicationError:
    """The ledger keeps what the provider said; Temporal does not: it may quote the address.

    Nobody waits past the message's use: a second after that the gate ends it.
    """
    if after is not None:
        after = max(min(after, delivery.useful_until - now + SOONEST), SOONEST)
    return _again(f"{provider.name}: {_kind(error)}", after)


def _again(message: str, after: timedelta | None = None) -> ApplicationError:
    """Ask Temporal for another try; expected, so not an error in its metrics."""
    return ApplicationError(
        message, next_retry_delay=after, category=ApplicationErrorCategory.BENIGN
    )


def _kind(error: Exception) -> str:
    return type(error).__name__


def _count(delivery: Delivery, receipt: Receipt) -> None:
    """``sojourn_messages``, in the worker's metrics: what became of messages, by channel."""
    channel: Channel = receipt.channel or delivery.lane
    meter = activity.metric_meter().with_additional_attributes(
        {"channel": channel.value, "class": delivery.message_class.value, "status": receipt.status}
    )
    meter.create_counter("sojourn_messages", "Messages decided on.").add(1)
