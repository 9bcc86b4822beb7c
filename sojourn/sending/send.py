"""The one activity of a message: gate, claim, render, hand over, record.

Three transactions at most: the claim, the moment before the provider is asked, the outcome. A
worker may die between any two of them; the ledger then tells the next attempt what is certain.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from sojourn.channels.provider import Parcel, Provider, SupportsLookup
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    EndpointGone,
    InvalidRecipient,
    NothingToSay,
    PermanentError,
    RecipientUnsubscribed,
    TemplateError,
    TransientError,
    WindowClosed,
)
from sojourn.domain.history import History
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.reports import reference
from sojourn.rendering.attachments import fetched
from sojourn.rendering.render import RenderContext, Renderer
from sojourn.sending.doubt import Doubt, OnceMore, Wait, Way, way_out
from sojourn.sending.gate import Claim, Gate
from sojourn.store import customers, ledger, pauses, suppressions

PROBE_AFTER = timedelta(minutes=1)
HEARTBEAT = timedelta(seconds=2)  # each is billed: a send that is quick costs none
SOONEST = timedelta(seconds=1)

Clock = Callable[[], datetime]


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
        clock = _journeys_clock(delivery)
        once_more: OnceMore | None = None
        handed_over = False
        while True:
            answer = await self._gate.pass_or_refuse(delivery, clock(), once_more=once_more)
            once_more = None
            match answer:
                case Receipt():
                    return answer
                case Doubt():
                    provider = self._gate.providers[answer.channel]
                    once_more = await self._find_out(delivery, answer, provider)
                    if once_more is not None and handed_over:
                        raise _again(f"{provider.name}: may have the message; once more")
                case Claim():
                    provider = self._gate.providers[answer.channel]
                    handed_over = True
                    receipt = await self._carry(delivery, answer, provider, clock)
                    if receipt is not None:
                        return receipt
            # the ledger has the news; what follows from it says the gate

    async def _carry(
        self, delivery: Delivery, claim: Claim, provider: Provider, clock: Clock
    ) -> Receipt | None:
        """Render and hand over; the receipt, or None if the gate is to be asked what follows."""
        try:
            content = claim.content or self._render(delivery, claim)
            whole = await fetched(content, self._shop_url, self._hosts)
        except NothingToSay:
            return await self._settle(claim, Status.SKIPPED, Reason.NOTHING_TO_SAY)
        except TemplateError as error:
            activity.logger.error("message cannot be rendered: %s", error)
            await self._refused(claim, Reason.TEMPLATE, str(error))
            return None
        except TransientError as error:  # of the shop, from which a file was to be fetched
            activity.logger.warning("%s: %s", delivery.template, error)
            raise _again("a file is not to be had now", error.retry_after) from None
        if claim.channel is Channel.WHATSAPP and not (claim.may_write_freely or content.approved):
            said = "the customer has not written within 24 hours, and no template is approved"
            await self._refused_by(claim, provider, WindowClosed(said))
            return None
        await self._submit(claim, provider, content, clock)
        parcel = Parcel(
            delivery.ledger_key(claim.channel), claim.address, whole, delivery.message_class
        )
        return await self._hand_over(delivery, claim, provider, parcel, clock)

    async def _submit(
        self, claim: Claim, provider: Provider, content: Content, clock: Clock
    ) -> None:
        """Note that the message goes out now; the files that it fetched are not kept."""
        async with self._store.transaction() as session:
            ours = await ledger.submit(
                session,
                claim.ledger_id,
                claim.attempt,
                provider=provider.name,
                address=claim.address,
                content=content,
                now=clock(),
            )
        if not ours:
            raise _again("another attempt has taken this message over")

    async def _hand_over(
        self, delivery: Delivery, claim: Claim, provider: Provider, parcel: Parcel, clock: Clock
    ) -> Receipt | None:
        try:
            provider_id = await provider.send(parcel)
        except PermanentError as error:
            await self._refused_by(claim, provider, error)
            return None
        except TransientError as error:
            await self._release(claim, error)
            after = _not_past_its_use(delivery, clock, error.retry_after)
            raise _again(f"{provider.name}: {_kind(error)}", after) from None
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

    async def _find_out(
        self, delivery: Delivery, doubt: Doubt, provider: Provider
    ) -> OnceMore | None:
        """Settle what became of earlier attempts; how to hand the message over once more, if so.

        Raises:
            ApplicationError: it cannot be told yet.
        """
        match way_out(doubt, provider, delivery.message_class):
            case Wait(after):
                raise _again(f"{provider.name}: whether it has the message shows later", after)
            case Way.ASK:
                await self._ask(delivery, doubt, provider)
            case Way.GIVE_UP:
                await self._give_up(doubt)
            case way:
                return OnceMore(doubt.attempt, perhaps_twice=way is Way.REPEAT)
        return None

    async def _ask(self, delivery: Delivery, doubt: Doubt, provider: Provider) -> None:
        assert isinstance(provider, SupportsLookup), "others are not asked"
        async with self._store.reading() as session:
            kept = await ledger.content(session, doubt.ledger_id)
        assert kept is not None, "it is kept before it is handed over"
        parcel = Parcel(
            delivery.ledger_key(doubt.channel), kept.address, Content.kept(kept.content)
        )
        try:
            provider_id = await provider.find(parcel, doubt.since)
        except (TransientError, AccountError) as error:
            if doubt.useful:
                raise _again(f"{provider.name}: {_kind(error)}") from None
            await self._give_up(doubt)
            return
        async with self._store.transaction() as session:
            if provider_id is None:
                await ledger.absent(session, doubt.ledger_id, doubt.attempt, provider=provider.name)
            else:
                await ledger.settle(
                    session,
                    doubt.ledger_id,
                    Status.SENT.value,
                    by="look-up",
                    provider_id=provider_id,
                )

    async def _give_up(self, doubt: Doubt) -> None:
        """It may be out, and nobody can tell: that is what "unknown" is for."""
        async with self._store.transaction() as session:
            await ledger.settle(session, doubt.ledger_id, Status.UNKNOWN.value, by="gate")

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
            given=delivery.given,
        )
        content = self._renderer.render(context, claim.channel)
        return content.free() if claim.may_write_freely else content

    async def _refused_by(self, claim: Claim, provider: Provider, error: PermanentError) -> None:
        """Note a refusal for good, and what it says of the address or the customer."""
        source = f"{provider.name}:{claim.ledger_id}-{claim.attempt}"
        await self._refused(claim, error.reason, str(error), error=error, source=source)

    async def _refused(
        self,
        claim: Claim,
        reason: str,
        detail: str,
        *,
        error: PermanentError | None = None,
        source: str = "",
    ) -> None:
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
            await ledger.refuse(
                session,
                claim.ledger_id,
                claim.attempt,
                reason,
                detail=detail,
                error=_kind(error) if error else None,
                perhaps_out=claim.perhaps_out,
            )

    async def _pause(self, claim: Claim, provider: Provider, error: AccountError) -> None:
        """Let the message go, and nothing more leave by this channel."""
        async with self._store.transaction() as session:
            await ledger.release(
                session, claim.ledger_id, claim.attempt, str(error), error=_kind(error)
            )
            await pauses.begin(
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


def _journeys_clock(delivery: Delivery) -> Clock:
    """The journey's clock, for this attempt.

    Retries, queues and slow providers take time, which it must show: quiet hours, "useful until"
    and how long ago a message was handed over are judged by it, not by when the step fell due.
    """
    info, began = activity.info(), monotonic()
    asked = delivery.now + max(info.started_time - info.scheduled_time, timedelta(0))
    return lambda: asked + timedelta(seconds=monotonic() - began)


def _not_past_its_use(
    delivery: Delivery, clock: Clock, after: timedelta | None
) -> timedelta | None:
    """Nobody waits longer than a message is of use: a second after that the gate ends it."""
    if after is None:
        return None
    return max(min(after, delivery.useful_until - clock() + SOONEST), SOONEST)


def _again(message: str, after: timedelta | None = None) -> ApplicationError:
    """Ask Temporal for another try; expected, so not an error in its metrics.

    The ledger keeps what the provider said; Temporal does not: it may quote the address.
    """
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
