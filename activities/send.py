"""The one activity of a message: gate, claim, render, hand over, record.

Three transactions at most: the claim, the moment before the provider is asked, the outcome. A
worker may die between any two of them; the ledger then tells the next attempt what is certain.
"""

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.gate import Claim, Gate
from activities.render import RenderContext, Renderer
from channels.provider import Parcel, Provider
from domain.content import Content
from domain.errors import (
    AccountError,
    AmbiguousSend,
    NothingToSay,
    PermanentError,
    ProviderError,
    TemplateError,
    TransientError,
)
from domain.history import History
from domain.messages import Delivery, MessageClass, Reason, Receipt, Status
from store import ledger

ACCOUNT_RETRY = timedelta(minutes=1)
HEARTBEAT = timedelta(seconds=2)  # each is billed: a send that is quick costs none


class Messages:
    """Sends the messages of journeys."""

    def __init__(self, gate: Gate, renderer: Renderer) -> None:
        self._gate = gate
        self._store = gate.store
        self._renderer = renderer

    @activity.defn
    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message, once, or say why not.

        Raises:
            ApplicationError: worth another try; Temporal makes it.
        """
        beating = asyncio.create_task(_heartbeat())
        try:
            return await self._send(delivery)
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

    async def _send(self, delivery: Delivery) -> Receipt:
        info = activity.info()
        # retries and queues take time, which the journey's clock must show: quiet hours and
        # "useful until" are judged by when this attempt runs, not by when the step fell due
        waited = max(info.started_time - info.scheduled_time, timedelta(0))
        claim = await self._gate.pass_or_refuse(delivery, delivery.now + waited)
        if isinstance(claim, Receipt):
            return claim
        try:
            content = self._render(delivery, claim)
        except NothingToSay:
            return await self._settle(claim, Status.SKIPPED, Reason.NOTHING_TO_SAY)
        except TemplateError as error:
            activity.logger.error("message cannot be rendered: %s", error)
            return await self._settle(claim, Status.REJECTED, Reason.TEMPLATE, str(error))
        return await self._hand_over(delivery, claim, content)

    async def _hand_over(self, delivery: Delivery, claim: Claim, content: Content) -> Receipt:
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
        parcel = Parcel(delivery.ledger_key(claim.channel), claim.address, content)
        try:
            provider_id = await provider.send(parcel)
        except PermanentError as error:
            return await self._settle(claim, Status.REJECTED, Reason(error.reason), str(error))
        except TransientError as error:
            await self._release(claim, str(error))
            raise _asks_again(provider, error, error.retry_after) from None
        except AccountError as error:
            activity.logger.error("%s: %s", provider.name, error)
            await self._release(claim, str(error))
            raise _asks_again(provider, error, ACCOUNT_RETRY) from None
        except AmbiguousSend as error:
            if (
                delivery.message_class is MessageClass.PROMOTIONAL
                and not provider.abilities.idempotent_for
            ):
                return await self._settle(claim, Status.UNKNOWN, detail=str(error))
            activity.logger.warning("%s: %s", provider.name, error)
            # the gate lets it go again, marked if need be
            raise _asks_again(provider, error) from None
        return await self._settle(claim, Status.SENT, provider_id=provider_id)

    def _render(self, delivery: Delivery, claim: Claim) -> Content:
        context = RenderContext(
            customer=claim.customer,
            journey=delivery.journey,
            template=delivery.template,
            message_id=delivery.message_id,
            message_class=delivery.message_class,
            topic=delivery.topic,
            start=claim.start,
            key=delivery.key,
            history=History(claim.history),
            now=delivery.now,
            timezone=claim.timezone,
        )
        return self._renderer.render(context, claim.channel)

    async def _release(self, claim: Claim, detail: str) -> None:
        async with self._store.transaction() as session:
            await ledger.release(session, claim.ledger_id, claim.attempt, detail)

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
    provider: Provider, error: ProviderError, after: timedelta | None = None
) -> ApplicationError:
    """The ledger keeps what the provider said; Temporal does not: it may quote the address."""
    return _again(f"{provider.name}: {type(error).__name__}", after)


def _again(message: str, after: timedelta | None = None) -> ApplicationError:
    """Ask Temporal for another try; expected, so not an error in its metrics."""
    return ApplicationError(
        message, next_retry_delay=after, category=ApplicationErrorCategory.BENIGN
    )
