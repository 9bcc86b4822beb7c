"""The one activity of a message: gate, claim, render, hand over, record.

It takes three transactions at most: the claim, the submission and the outcome. A worker may die
between any two of them; the ledger then gives the next attempt the facts that are certain.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import assert_never

from temporalio import activity
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider, Providers, SupportsLookup
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    NothingToSay,
    PermanentError,
    ProviderError,
    TemplateError,
    TransientError,
    Unforeseen,
    WindowClosed,
)
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.reports import reference
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import Doubt, Late, OnceMore
from sojourn.rendering.attachments import fetched
from sojourn.rendering.faults import reason_for
from sojourn.rendering.render import Renderer
from sojourn.sending.doubt import Wait, Way, until_absent, way_out
from sojourn.sending.drafting import WINDOW_IS_CLOSED, Claim, context_of
from sojourn.sending.fanning import Outcome, for_devices, to_devices, whole
from sojourn.sending.gate import Gate
from sojourn.sending.handing import hand_over, to_its_end
from sojourn.sending.recording import Recorder, kind_of
from sojourn.sending.waits import replanned
from sojourn.sending.whereabouts import whereabouts

HEARTBEAT = timedelta(seconds=2)  # each is billed; a quick send costs none
SOONEST = timedelta(seconds=1)

Clock = Callable[[], datetime]


class Messages:
    """The activity that sends the messages of journeys."""

    def __init__(
        self,
        gate: Gate,
        providers: Providers,
        renderer: Renderer,
        recorder: Recorder,
        *,
        shop_url: str = "",
        hosts: Iterable[str] = (),
        replan: Callable[[Delivery], Awaitable[Delivery]] = replanned,
    ) -> None:
        """Make the activity.

        Args:
            gate: the gate, which decides and claims.
            providers: the provider of each channel.
            renderer: the renderer of the messages.
            recorder: the recorder of the outcomes.
            shop_url: the shop from which a message's attached files may come.
            hosts: further hosts from which attached files may come.
            replan: finds out when the wait before a message really ended.
        """
        self._gate = gate
        self._providers = providers
        self._renderer = renderer
        self._record = recorder
        self._shop_url = shop_url
        self._hosts = tuple(hosts)
        self._replan = replan

    @activity.defn
    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message, once, or say why not.

        Raises:
            ApplicationError: another attempt may succeed; Temporal makes it.
        """
        beating = asyncio.create_task(_heartbeat())
        try:
            receipt = await self._send(delivery)
        except ApplicationError:
            raise
        except Exception as error:
            # The run's history keeps the last failure of an activity, and an error's text may quote
            # an address: Temporal gets the error's kind, the worker's log the rest.
            kind = kind_of(error)
            activity.logger.error(
                "the message could not be sent: %s at %s", kind, whereabouts(error)
            )
            raise ApplicationError(f"{kind}: see the worker's log", type=kind) from None
        finally:
            beating.cancel()
        _count(delivery, receipt)
        return receipt

    async def _send(self, delivery: Delivery) -> Receipt:
        return await self.attempt(delivery, _journeys_clock(delivery))

    async def attempt(self, delivery: Delivery, clock: Clock) -> Receipt:
        """Send one message, once, or say why not.

        Args:
            delivery: the message.
            clock: the journey's, or the campaign's.

        Returns:
            The receipt.

        Raises:
            ApplicationError: another attempt may succeed, after the delay that it names.
        """
        once_more: OnceMore | None = None
        handed_over = False
        planned = delivery.due
        while True:
            fence = Fence()  # it begins before the claim: the gate's answer must not grow old
            answer = await self._gate.pass_or_refuse(delivery, clock(), once_more=once_more)
            once_more = None
            match answer:
                case Receipt():
                    return _replanned(answer, delivery, planned)
                case Late():
                    delivery = await self._replan(delivery)
                case Doubt():
                    provider = self._providers[answer.channel]
                    once_more = await self._find_out(delivery, answer, provider)
                    if once_more is not None and handed_over:
                        raise _again(f"{provider.name}: may have the message; sent once more")
                case Claim():
                    handed_over = True
                    receipt = await self._carry(delivery, answer, clock, fence)
                    if receipt is not None:
                        return _replanned(receipt, delivery, planned)
                case _:
                    assert_never(answer)
            # the ledger has the outcome; the gate decides what follows from it

    # ---- a claim: render and hand over ---------------------------------------------------------

    async def _carry(
        self, delivery: Delivery, claim: Claim, clock: Clock, fence: Fence
    ) -> Receipt | None:
        """Render and hand over; return None if the gate must decide what follows."""
        if claim.shadow:
            return await self._suppose(delivery, claim)
        provider = self._providers[claim.channel]
        try:
            content = claim.content or self.render(delivery, claim)
            whole = await fetched(content, self._shop_url, self._hosts)
        except NothingToSay as declined:
            why = reason_for(declined)
            await self._record.skipped(claim, why, declined.why)
            return _receipt(claim, Status.SKIPPED, why)
        except TemplateError as error:
            activity.logger.error(
                "message %s (%s) cannot be rendered: sojourn ledger show tells why",
                claim.ledger_id,
                delivery.template,
            )
            await self._record.unrenderable(claim, str(error))
            return None
        except TransientError as error:  # of the shop, from which a file is fetched
            activity.logger.warning(
                "a file of %s cannot be fetched: %s", delivery.template, error.told
            )
            raise _again("a file cannot be fetched now", error.retry_after) from None
        if _is_shut(claim, content):
            await self._record.refused(claim, provider, WindowClosed(WINDOW_IS_CLOSED))
            return None
        await self._submit(claim, provider, content, clock)
        parcel = Parcel(claim.ledger_key, claim.address, whole, delivery.message_class)
        handing_over = self._hand_over(delivery, claim, provider, parcel, clock, fence=fence)
        return await to_its_end(handing_over, fence)

    async def _suppose(self, delivery: Delivery, claim: Claim) -> Receipt | None:
        """Render what would leave, note that it would, and hand nothing over.

        Returns:
            As `_carry`.
        """
        state, reason, why = MessageState.SENT, None, ""
        try:
            content = self.render(delivery, claim)
        except NothingToSay as declined:
            state, reason, why = MessageState.SKIPPED, reason_for(declined), declined.why
        except TemplateError as error:
            activity.logger.error(
                "message %s (%s), in shadow, cannot be rendered: sojourn ledger show tells why",
                claim.ledger_id,
                delivery.template,
            )
            state, reason, why = MessageState.REJECTED, Reason.TEMPLATE, str(error)
        else:
            if _is_shut(claim, content):
                state, reason, why = MessageState.REJECTED, Reason.WINDOW_CLOSED, WINDOW_IS_CLOSED
        await self._record.supposed(claim, state, reason, why)
        return _receipt(claim, Status.SENT) if state is MessageState.SENT else None

    def render(self, delivery: Delivery, claim: Claim) -> Content:
        """Return what the customer reads.

        Raises:
            TemplateError: it cannot be rendered.
            NothingToSay: its template declined.
        """
        name = reference(claim.ledger_key)
        context = context_of(delivery, claim, reference=name)
        content = self._renderer.render(context, claim.channel)
        return content.free() if claim.may_write_freely else content

    async def _submit(
        self, claim: Claim, provider: Provider, content: Content, clock: Clock
    ) -> None:
        if not await self._record.submit(claim, provider, content, clock()):
            raise _again("another attempt has taken this message over")

    async def _hand_over(
        self,
        delivery: Delivery,
        claim: Claim,
        provider: Provider,
        parcel: Parcel,
        clock: Clock,
        *,
        fence: Fence,
    ) -> Receipt | None:
        outcomes: Sequence[Outcome] = ()
        try:
            if claim.targets:
                outcomes = await to_devices(provider, parcel, claim.targets, fence)
                provider_id = whole(outcomes)
            else:
                provider_id = await hand_over(provider, parcel, fence)
        except (PermanentError, TransientError, AccountError, AmbiguousSend) as error:
            await self.failed(claim, provider, error, outcomes)
            if not isinstance(error, TransientError):
                return None
            after = _not_past_its_use(delivery, clock, error.retry_after)
            raise _again(f"{provider.name}: {kind_of(error)}", after) from None
        if await self._record.sent(claim, provider, provider_id, outcomes):
            activity.logger.error("message %s went out twice by %s", claim.ledger_id, provider.name)
            _meter(claim.channel, delivery).create_counter(
                "sojourn_messages_twice",
                "Messages of which it was proved that they went out twice.",
            ).add(1)
        return _receipt(claim, Status.SENT)

    async def failed(
        self,
        claim: Claim,
        provider: Provider,
        error: ProviderError,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Record that a hand-over failed, and how.

        Args:
            claim: the claim of the attempt.
            provider: the provider that got it, or should have.
            error: what it said.
            outcomes: what became of the message on each device.

        Raises:
            ProviderError: it is of no kind that a provider may raise.
        """
        match error:
            case PermanentError():
                await self._record.refused(claim, provider, error, outcomes)
            case TransientError():
                if isinstance(error, Unforeseen):
                    cause = error.__cause__ or error
                    activity.logger.error(
                        "%s could not be given message %s: %s at %s",
                        provider.name,
                        claim.ledger_id,
                        kind_of(cause),
                        whereabouts(cause),
                    )
                await self._record.released(claim, provider, error, outcomes)
            case AccountError():
                activity.logger.error("%s does not let us send: %s", provider.name, error.told)
                await self._record.paused(claim, provider, error, outcomes)
            case AmbiguousSend():
                activity.logger.warning(
                    "%s: message %s: %s", provider.name, claim.ledger_id, error.told
                )
                await self._record.in_doubt(claim, provider, error, outcomes)
            case _:
                raise error

    # ---- a doubt: find out ---------------------------------------------------------------------

    async def _find_out(
        self, delivery: Delivery, doubt: Doubt, provider: Provider
    ) -> OnceMore | None:
        """Settle the outcome of earlier attempts, or permit another.

        Raises:
            ApplicationError: the outcome is not known yet.
        """
        match way_out(doubt, provider, delivery.message_class):
            case Wait(after):
                raise _again(f"{provider.name}: it may tell later about the message", after)
            case Way.ASK:
                await self._ask(doubt, provider)
            case Way.GIVE_UP:
                await self._record.given_up(doubt)
            case (Way.AGAIN | Way.REPEAT) as way:
                return OnceMore(doubt.attempt, perhaps_twice=way is Way.REPEAT)
            case way:
                assert_never(way)
        return None

    async def _ask(self, doubt: Doubt, provider: Provider) -> None:
        assert isinstance(provider, SupportsLookup), "others are not asked"
        key, kept, doubtful = await self._record.handed_over(doubt)
        parcel = Parcel(key, kept.address, Content.kept(kept.content))
        parcels = for_devices(parcel, doubtful) or [parcel]
        try:
            found = [await provider.find(each, doubt.since) for each in parcels]
            provider_id = next(filter(None, found), None)
        except (TransientError, AccountError) as error:
            if doubt.useful:
                raise _again(f"{provider.name}: {kind_of(error)}") from None
            await self._record.given_up(doubt)
            return
        if provider_id is None and (early := until_absent(doubt, provider)):
            raise _again(f"{provider.name}: does not have the message yet", early)
        await self._record.looked_up(doubt, provider, provider_id)


def _is_shut(claim: Claim, content: Content) -> bool:
    """Tell whether WhatsApp takes no such message to the customer now."""
    is_open = claim.may_write_freely or content.approved
    return claim.channel is Channel.WHATSAPP and not is_open


def _replanned(receipt: Receipt, delivery: Delivery, planned: datetime) -> Receipt:
    """Return the receipt; with the moment at which it fell due, if that is not the planned one."""
    if delivery.due == planned:
        return receipt
    return receipt.model_copy(update={"due": delivery.due})


def _receipt(claim: Claim, status: Status, reason: Reason | None = None) -> Receipt:
    at = claim.decided_at if status is Status.SENT else None
    return Receipt(
        status=status, reason=reason, channel=claim.channel, timezone=claim.timezone, at=at
    )


async def _heartbeat() -> None:
    """Tell Temporal that this worker lives; it notices a dead worker within seconds."""
    while True:
        await asyncio.sleep(HEARTBEAT.total_seconds())
        activity.heartbeat()


def _journeys_clock(delivery: Delivery) -> Clock:
    """Return the journey's clock for this attempt.

    The clock includes the time that retries, queues and slow providers take. Quiet hours, "useful
    until" and the age of a hand-over go by this clock, not by the moment the step fell due.
    """
    info, began = activity.info(), monotonic()
    asked = delivery.now + max(info.started_time - info.scheduled_time, timedelta(0))
    return lambda: asked + timedelta(seconds=monotonic() - began)


def _not_past_its_use(
    delivery: Delivery, clock: Clock, after: timedelta | None
) -> timedelta | None:
    """Shorten a wait that outlasts the message's use: the gate ends it a second later."""
    if after is None:
        return None
    return max(min(after, delivery.useful_until - clock() + SOONEST), SOONEST)


def _again(message: str, after: timedelta | None = None) -> ApplicationError:
    """Ask Temporal for another attempt, without an error in its metrics.

    Only the ledger keeps the provider's words, which may quote the address.
    """
    return ApplicationError(
        message, next_retry_delay=after, category=ApplicationErrorCategory.BENIGN
    )


def _count(delivery: Delivery, receipt: Receipt) -> None:
    """Count the message in ``sojourn_messages``, by channel, class and status."""
    meter = _meter(receipt.channel or delivery.lane, delivery)
    status = MessageState.SHADOW if delivery.shadow else receipt.status
    meter = meter.with_additional_attributes({"status": status.value})
    meter.create_counter("sojourn_messages", "Messages decided on.").add(1)


def _meter(channel: Channel, delivery: Delivery) -> MetricMeter:
    return activity.metric_meter().with_additional_attributes(
        {"channel": channel.value, "class": delivery.message_class.value}
    )
