"""Send a batch of a campaign: gate, claim, render, hand over, record; three transactions in all.

Messages that a batch cannot settle at once go the way of single messages: those whose worker died,
whose provider's answer was lost, or that go to one of several devices.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider, Providers
from sojourn.domain.content import Content
from sojourn.domain.errors import NothingToSay, RateLimited, TemplateError, TransientError
from sojourn.domain.messages import Delivery, Reason, Receipt, Status
from sojourn.rendering.faults import reason_for
from sojourn.sending.batches.gate import Answers, BatchGate
from sojourn.sending.batches.gathering import fits
from sojourn.sending.batches.recording import BatchRecorder, Rendered
from sojourn.sending.drafting import Claim
from sojourn.sending.handing import to_its_end
from sojourn.sending.handing_many import Outcome, hand_over_many
from sojourn.sending.recording import Recorder, kind_of
from sojourn.sending.send import Messages
from sojourn.sending.whereabouts import whereabouts
from sojourn.store import Store, recipients

AT_ONCE = 8
"""Messages that are handed over side by side where a provider takes one message a call."""
SOONEST, LATEST = timedelta(seconds=1), timedelta(minutes=5)
"""The shortest and the longest wait before another attempt."""
RECORD_AGAIN = (timedelta(milliseconds=200), timedelta(seconds=1), timedelta(seconds=4))
"""The waits before the outcome of a batch is noted again, if the database does not answer."""

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class BatchEnd:
    """The end of a batch.

    Args:
        decided: messages that were sent or will never be.
        unrenderable: of these, messages whose template failed.
        slow_down: the provider asks for a pause of this length.
    """

    decided: int = 0
    unrenderable: int = 0
    slow_down: timedelta = timedelta(0)


class Batches:
    """Sends batches of campaigns."""

    def __init__(
        self,
        store: Store,
        gate: BatchGate,
        messages: Messages,
        recorder: Recorder,
        providers: Providers,
    ) -> None:
        """Make the sender.

        Args:
            store: an open store.
            gate: decides and claims.
            messages: the way of single messages.
            recorder: records what becomes of single ones.
            providers: the provider of each channel.
        """
        self._store = store
        self._gate = gate
        self._messages = messages
        self._record = recorder
        self._record_many = BatchRecorder(store)
        self._providers = providers

    async def send(self, deliveries: Mapping[int, Delivery], clock: Clock) -> BatchEnd:
        """Send the messages of a batch, each once, or note why not and when to ask again.

        Args:
            deliveries: of one campaign, alike except for recipients and moments, by the recipient's
                number.
            clock: the campaign's.

        Returns:
            The end of the batch.
        """
        if not deliveries:
            return BatchEnd()
        fence = Fence()  # it begins before the claims: the gate's answers must not grow old
        answers: Answers | None = {}
        if all(map(fits, deliveries.values())):
            answers = await self._gate.decide(deliveries, clock())
        if answers is None:
            return BatchEnd()
        claims = {
            number: answer
            for number, one in deliveries.items()
            if isinstance(answer := answers.get(one.customer_id), Claim)
        }
        end = await self._carry(deliveries, claims, clock, fence)
        singly = {n: one for n, one in deliveries.items() if one.customer_id not in answers}
        decided = end.decided + await self._singly(singly, clock)
        decided += sum(
            isinstance(one, Receipt) and one.status is not Status.DEFERRED
            for one in answers.values()
        )
        return BatchEnd(decided, end.unrenderable, end.slow_down)

    # ---- the claims of a batch: render and hand over -------------------------------------------

    async def _carry(
        self,
        deliveries: Mapping[int, Delivery],
        claims: Mapping[int, Claim],
        clock: Clock,
        fence: Fence,
    ) -> BatchEnd:
        if not claims:
            return BatchEnd()
        provider = self._providers[next(iter(claims.values())).channel]
        rendered: list[Rendered] = []
        given_up: list[int] = []
        broken = 0
        for number, claim in claims.items():
            content = await self._rendered(deliveries[number], claim)
            if isinstance(content, Reason):
                given_up.append(number)
                broken += content is Reason.TEMPLATE
            elif not content.files:  # one that takes files along goes singly: fetching is slow
                rendered.append(Rendered(number, claim, content))
            await asyncio.sleep(0)  # a message that somebody waits for need not wait for all
        if given_up:
            async with self._store.transaction() as session:
                await recipients.decided(session, given_up)
        going = await self._record_many.submit(rendered, provider, clock())
        message_class = next(iter(deliveries.values())).message_class
        parcels = {
            one.claim.ledger_key: Parcel(
                one.claim.ledger_key, one.claim.address, one.content, message_class
            )
            for one in going
        }

        async def hand_over() -> BatchEnd:
            handed = await hand_over_many(provider, list(parcels.values()), fence, at_once=AT_ONCE)
            return await self._record_all(going, handed, provider, clock)

        end = await to_its_end(hand_over(), fence) if going else BatchEnd()
        return BatchEnd(end.decided + len(given_up), broken, end.slow_down)

    async def _rendered(self, delivery: Delivery, claim: Claim) -> Content | Reason:
        """Render one message, or return why it is given up."""
        try:
            return self._messages.render(delivery, claim)
        except NothingToSay as declined:
            why = reason_for(declined)
            await self._record.skipped(claim, why, declined.why)
            return why
        except TemplateError as error:
            activity.logger.error(
                "message %s (%s) cannot be rendered: sojourn ledger show tells why",
                claim.ledger_id,
                delivery.template,
            )
            await self._record.unrenderable(claim, str(error))
            return Reason.TEMPLATE

    async def _record_all(
        self,
        going: Sequence[Rendered],
        handed: Sequence[Outcome],
        provider: Provider,
        clock: Clock,
    ) -> BatchEnd:
        of = {one.claim.ledger_key: one for one in going}
        taken = [(of[one.parcel.ledger_key], one.provider_id) for one in handed if not one.error]
        for claim in await self._sent(taken, provider):
            activity.logger.error("message %s went out twice by %s", claim.ledger_id, provider.name)
        slow_down = timedelta(0)
        again: dict[int, datetime] = {}
        for one in handed:
            if one.error is None:
                continue
            message = of[one.parcel.ledger_key]
            await self._messages.failed(message.claim, provider, one.error)
            if isinstance(one.error, TransientError):
                after = one.error.retry_after or SOONEST * 30
                again[message.number] = clock() + min(after, LATEST)
                if isinstance(one.error, RateLimited):
                    slow_down = max(slow_down, min(after, LATEST))
        async with self._store.transaction() as session:
            await recipients.ask_again(session, again)
        return BatchEnd(len(taken), slow_down=slow_down)

    async def _sent(
        self, taken: Sequence[tuple[Rendered, str | None]], provider: Provider
    ) -> list[Claim]:
        """Note what a provider took, again if the connection to the database was lost.

        No other process knows the provider's answers. Without them the whole batch would be in
        doubt, and promotional messages of a provider that cannot be asked would stay unknown.
        """
        for wait in RECORD_AGAIN:
            try:
                return await self._record_many.sent(taken, provider)
            except (DBAPIError, OSError) as error:
                activity.logger.warning("a batch is noted again: %s", kind_of(error))
                await asyncio.sleep(wait.total_seconds())
        return await self._record_many.sent(taken, provider)

    # ---- the others, one by one ------------------------------------------------------------------

    async def settle(self, deliveries: Mapping[int, Delivery], clock: Clock) -> BatchEnd:
        """Find out what became of messages that were claimed; the gate lets nothing new leave.

        Args:
            deliveries: of a campaign that was stopped, by the recipient's number.
            clock: the campaign's.

        Returns:
            The number that are settled.
        """
        return BatchEnd(await self._singly(deliveries, clock))

    async def _singly(self, deliveries: Mapping[int, Delivery], clock: Clock) -> int:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, delivery: Delivery) -> bool:
            async with places:
                return await self._alone(number, delivery, clock)

        ends = await asyncio.gather(*(one(n, each) for n, each in deliveries.items()))
        return sum(ends)

    async def _alone(self, number: int, delivery: Delivery, clock: Clock) -> bool:
        """Send one message as a journey's; return whether it is decided on."""
        now = clock()
        try:
            receipt = await self._messages.attempt(delivery.model_copy(update={"now": now}), clock)
        except ApplicationError as error:
            after = error.next_retry_delay or SOONEST * 30
            return await self._later(number, clock() + min(max(after, SOONEST), LATEST))
        except Exception as error:
            activity.logger.error(
                "a message of %s could not be sent: %s at %s",
                delivery.campaign,
                kind_of(error),
                whereabouts(error),
            )
            return await self._later(number, clock() + LATEST)
        if receipt.status is not Status.DEFERRED:
            async with self._store.transaction() as session:
                await recipients.decided(session, [number])
            return True
        if receipt.reason is Reason.OTHER_CHANNEL:
            assert receipt.channel is not None
            async with self._store.transaction() as session:
                await recipients.change_lane(session, number, receipt.channel.value, at=now)
            return False
        assert receipt.until is not None
        return await self._later(number, max(receipt.until, now + SOONEST))

    async def _later(self, number: int, at: datetime) -> bool:
        async with self._store.transaction() as session:
            await recipients.ask_again(session, {number: at})
        return False
