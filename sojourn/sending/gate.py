"""The gate: the last look before a send, in the same transaction as the claim.

The customer's lock is held from the first question to the commit. An event is stored under the same
lock, so a purchase that was acknowledged before the claim is always seen here.

A message that names several channels has a row in the ledger for each that it took. Refused for
good by one, it goes on to the next; possibly out by one, it takes no other.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.channels.provider import Providers
from sojourn.domain.content import Content
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.events import SHIPPED, Event, Events, MessageReplied
from sojourn.domain.messages import Channel, Delivery, Heard, MessageClass, Reason, Receipt, Status
from sojourn.domain.policy import Allow, Decision, Defer, QuietHours, Recipient, Skip, decide
from sojourn.domain.reports import reference
from sojourn.sending.doubt import Doubt, OnceMore
from sojourn.sending.holding import hold_until
from sojourn.store import Store, attempts, customers, events, ledger, pauses, runs
from sojourn.store.tables import AttemptRow, ChannelRow, CustomerRow, LedgerRow

RECEIPTS = {
    "sent": Status.SENT,
    "skipped": Status.SKIPPED,
    "rejected": Status.REJECTED,
    "expired": Status.EXPIRED,
    "unknown": Status.UNKNOWN,
}
WHATSAPP_WINDOW = timedelta(hours=24)

# Settled by an event, not by an attempt: asked again (by a retry whose answer was lost, or by a run
# for which the event changes nothing) the gate looks again, and gives the event along again.
OVERTAKEN = (Reason.GOAL_REACHED, Reason.SUPERSEDED, Reason.RUN_STOPPED)
# Said of a channel, not of the message: if another channel has refused it, that is the news
OF_A_CHANNEL = (Reason.NO_ADDRESS, Reason.SUPPRESSED, Reason.NO_CONSENT, Reason.OPTED_OUT)


@dataclass(frozen=True)
class Claim:
    """Leave to send one message, once, by this attempt.

    Args:
        ledger_id: of its row.
        attempt: of the row's.
        channel: by which.
        address: where to.
        customer: as known now.
        timezone: of the customer.
        start: the event that enrolled the customer.
        history: what concerns the run.
        may_write_freely: of WhatsApp: the customer has written within the last 24 hours.
        content: what was handed over before, if it goes once more: the same, to the same address.
        perhaps_out: an earlier attempt may have sent it, and this one may do so again.
    """

    ledger_id: int
    attempt: int
    channel: Channel
    address: str
    customer: Customer
    timezone: str
    start: Event
    history: Sequence[Event]
    may_write_freely: bool = False
    content: Content | None = None
    perhaps_out: bool = False


def _everywhere(journey: str, template: str) -> Collection[Channel]:
    return tuple(Channel)


@dataclass(frozen=True)
class Gate:
    """What the gate needs beside the delivery.

    Args:
        store: open.
        providers: who carries what.
        quiet_hours: None: none are kept.
        default_zone: of customers whose own nothing tells.
        templates: the channels that have a journey's template.
        events: of the project, by wire name.
    """

    store: Store
    providers: Providers
    quiet_hours: QuietHours | None
    default_zone: str
    templates: Callable[[str, str], Collection[Channel]] = field(default=_everywhere)
    events: Events = field(default_factory=lambda: SHIPPED)

    async def pass_or_refuse(
        self, delivery: Delivery, now: datetime, *, once_more: OnceMore | None = None
    ) -> Claim | Receipt | Doubt:
        """Claim the message, or say why not. One transaction.

        Args:
            delivery: the message.
            now: by the journey's clock.
            once_more: of a message in doubt: hand it over all the same.
        """
        async with self.store.transaction() as session:
            return await _Question(self, session, delivery, now, once_more).ask()


class _Question:
    """One message at the gate, in one transaction."""

    def __init__(
        self,
        gate: Gate,
        session: AsyncSession,
        delivery: Delivery,
        now: datetime,
        once_more: OnceMore | None,
    ) -> None:
        self._gate = gate
        self._session = session
        self._delivery = delivery
        self._now = now
        self._once_more = once_more
        self._timezone = gate.default_zone
        self._unresolved: Sequence[AttemptRow] = ()  # the message may be out by these

    async def ask(self) -> Claim | Receipt | Doubt:
        """The answer."""
        delivery = self._delivery
        held = await customers.lock(self._session, delivery.customer_id)
        customer = customers.card(held)  # by its id everything is found, also after an alias call
        self._timezone = home_zone(customer, self._gate.default_zone)
        rows = await ledger.of_message(self._session, delivery.message_id)
        row = rows[-1] if rows else None
        refused = {Channel(each.channel) for each in rows if each.state == "rejected"}
        left = await self._channels_left(refused)
        if row is None:
            await ledger.supersede_holds(self._session, delivery)
        elif row.state == "rejected" and left:
            row = None
        elif row.state in RECEIPTS and row.reason not in OVERTAKEN:
            return receipt(row, self._timezone)
        else:
            self._unresolved = await self._perhaps_sent(row)
        if row is not None and self._unresolved:
            if self._once_more is None or self._once_more.attempt != row.attempt:
                return self._doubt(row)
            left = (Channel(row.channel),)  # by another channel it would be a second message
        verdict, news = await self._judge(customer, left)
        if isinstance(verdict, Allow) and held.merged and await self._is_told(held):
            verdict = Skip(Reason.ALREADY_TOLD)
        if isinstance(verdict, Skip) and row is None and rows and verdict.reason not in OVERTAKEN:
            return receipt(rows[-1], self._timezone)
        if isinstance(verdict, Allow) and verdict.channel is not delivery.lane:
            return self._elsewhere(verdict.channel)
        return await self._decided(row, verdict, news, customer, left)

    async def _decided(
        self,
        row: LedgerRow | None,
        verdict: Decision,
        news: Heard | None,
        customer: Customer,
        left: Sequence[Channel],
    ) -> Claim | Receipt:
        delivery = self._delivery
        channel = verdict.channel if isinstance(verdict, Allow) else left[0]
        row = row or ledger.new_row(delivery, channel)
        row.customer_id = customer.customer_id
        if not self._unresolved:
            row.decided_at = self._now
            row.channel, row.ledger_key = channel.value, delivery.ledger_key(channel)
            row.reference = reference(row.ledger_key)
        match verdict:
            case Skip(reason):
                row.caused_by = news.id if news else None
                self._close(row, reason)
                return receipt(row, self._timezone, news)
            case Defer(until, reason):
                return self._hold(row, until, reason)
            case Allow():
                return await self._claim(row, customer)

    async def _channels_left(self, refused: Collection[Channel]) -> tuple[Channel, ...]:
        """The channels that may still be tried, in the message's order."""
        delivery = self._delivery
        left = tuple(channel for channel in delivery.channels if channel not in refused)
        if len(delivery.channels) == 1:
            return left  # without its template the one channel is refused by name
        written = self._gate.templates(delivery.journey, delivery.template)
        return tuple(c for c in left if c in written) or left[:1]

    async def _perhaps_sent(self, row: LedgerRow) -> Sequence[AttemptRow]:
        """The attempts by which the message may be out; what the row says of the last is not all.

        An attempt that certainly did not send leaves what the one before it may have done.
        """
        if not row.attempt:
            return ()
        assert row.id is not None
        return await attempts.unresolved(self._session, row.id)

    def _doubt(self, row: LedgerRow) -> Doubt | Receipt:
        channel = Channel(row.channel)
        if channel is not self._delivery.lane:
            return self._elsewhere(channel)
        assert row.id is not None
        first, last = self._unresolved[0], self._unresolved[-1]
        (provider, *others) = {attempt.provider for attempt in self._unresolved}
        return Doubt(
            ledger_id=row.id,
            attempt=row.attempt,
            channel=channel,
            provider="" if others else provider,
            since=first.submitted_at,
            age=self._now - last.journey_at,
            useful=self._now <= self._delivery.useful_until,
            repeated=row.possible_duplicate and len(self._unresolved) > 1,
        )

    async def _judge(
        self, customer: Customer, left: Sequence[Channel]
    ) -> tuple[Decision, Heard | None]:
        """The verdict, and the event that brought it about if one did."""
        reason, news = await self._overtaken(customer.customer_id)
        if reason is not None:
            return Skip(reason), news
        recipient = await customers.recipient(self._session, customer, self._gate.default_zone)
        paused = await pauses.current(self._session)
        open_now = tuple(channel for channel in left if channel not in paused)
        verdict = self._decide(recipient, open_now or left)
        if not paused.keys() & set(left):
            return verdict, None
        if open_now and not (isinstance(verdict, Skip) and verdict.reason in OF_A_CHANNEL):
            return verdict, None
        closed = self._decide(recipient, left)
        if isinstance(closed, Allow):
            return self._wait_for(paused[closed.channel]), None
        return closed, None

    def _decide(
        self, recipient: Recipient, by: tuple[Channel, ...] | Sequence[Channel]
    ) -> Decision:
        delivery = self._delivery
        return decide(
            recipient,
            tuple(by),
            delivery.message_class,
            delivery.topic,
            now=self._now,
            useful_until=delivery.useful_until,
            quiet_hours=self._gate.quiet_hours,
        )

    def _wait_for(self, pause: ChannelRow) -> Defer:
        """Hold a message while its channel is paused; not all come back at one moment."""
        assert pause.paused_at is not None
        until = hold_until(
            self._now,
            paused_for=datetime.now(UTC) - pause.paused_at,
            message_id=self._delivery.message_id,
            promotional=self._delivery.message_class is MessageClass.PROMOTIONAL,
        )
        # asked once more just as it ceases to be of use, it ends as "too late"
        last = self._delivery.useful_until + timedelta(seconds=1)
        return Defer(min(until, max(last, self._now)), Reason.PAUSED)

    def _elsewhere(self, channel: Channel) -> Receipt:
        """Ask again on another channel's queue, whose limits are that channel's."""
        return Receipt(
            status=Status.DEFERRED,
            reason=Reason.OTHER_CHANNEL,
            channel=channel,
            until=self._now,
            timezone=self._timezone,
        )

    async def _overtaken(self, customer_id: str) -> tuple[Reason | None, Heard | None]:
        """Whether an event that is stored already has ended or restarted the run."""
        delivery = self._delivery
        watched = {
            **dict.fromkeys(delivery.restarts, (Reason.SUPERSEDED, delivery.latest)),
            **dict.fromkeys(delivery.ends, (Reason.RUN_STOPPED, delivery.start)),
            **dict.fromkeys(delivery.goals, (Reason.GOAL_REACHED, delivery.start)),
        }
        found = await events.newer(
            self._session,
            customer_id,
            watched,
            than=delivery.start,
            key_field=delivery.key_field,
            key=delivery.key,
            known=self._gate.events,
        )
        for reason in (Reason.GOAL_REACHED, Reason.RUN_STOPPED, Reason.SUPERSEDED):
            for event in found:
                why, since = watched[event.name]
                if why is reason and event.order > since:
                    return reason, event
        return None, None

    async def _claim(self, row: LedgerRow, customer: Customer) -> Claim:
        channel, delivery = Channel(row.channel), self._delivery
        kept, perhaps_out = None, False
        if self._unresolved and self._once_more:  # the same goes to the same address
            assert row.id is not None
            kept = await ledger.content(self._session, row.id)
            await attempts.end(self._session, row.id, "superseded", by="gate")
            perhaps_out = self._once_more.perhaps_twice
            row.possible_duplicate |= perhaps_out
        row.state, row.reason, row.caused_by, row.settled_at = "claimed", None, None, None
        row.attempt += 1
        row.claimed_at = datetime.now(UTC)
        self._session.add(row)
        await self._session.flush()
        assert row.id is not None
        start = await events.find(self._session, delivery.enrolment)
        assert start is not None, "a run starts only after its event is stored"
        return Claim(
            ledger_id=row.id,
            attempt=row.attempt,
            channel=channel,
            address=kept.address if kept else customer.address(channel),
            customer=customer,
            timezone=self._timezone,
            start=events.typed(start, self._gate.events),
            history=await events.history(
                self._session,
                customer.customer_id,
                key_field=delivery.key_field,
                key=delivery.key,
                since_goal=delivery.goals,
                before=delivery.start,
                known=self._gate.events,
            ),
            may_write_freely=channel is Channel.WHATSAPP and await self._has_written(customer),
            content=Content.kept(kept.content) if kept else None,
            perhaps_out=perhaps_out,
        )

    async def _has_written(self, customer: Customer) -> bool:
        """Whether WhatsApp lets us write freely: the customer has within the last 24 hours."""
        replies = await events.since(
            self._session,
            customer.customer_id,
            MessageReplied.event_name,
            self._now - WHATSAPP_WINDOW,
        )
        return any(row.properties.get("channel") == Channel.WHATSAPP for row in replies)

    async def _is_told(self, customer: CustomerRow) -> bool:
        """Whether another run of the same person has said this already.

        Two ids that were joined may each have brought a run of the same journey and key. Both go
        on, told of the same events, and each step leaves once: by the run that comes to it first.
        """
        delivery = self._delivery
        noted = await runs.of_customer(self._session, customer.customer_id)
        twins = {
            run.workflow_id
            for run in noted
            if run.journey == delivery.journey
            and run.key == delivery.key
            and run.workflow_id != delivery.workflow_id
        }
        since, _ = delivery.latest
        return bool(twins) and await ledger.is_under_way(
            self._session, twins, delivery.step, since=since
        )

    def _close(self, row: LedgerRow, reason: Reason) -> None:
        """Settle a message that will not go (again)."""
        if self._unresolved:
            row.state = "unknown"  # an earlier attempt may have sent it: "skipped" would be a lie
        else:
            row.state = "expired" if row.attempt and reason is Reason.TOO_LATE else "skipped"
        row.reason = reason.value
        row.settled_at = datetime.now(UTC)
        self._session.add(row)

    def _hold(self, row: LedgerRow, until: datetime, reason: Reason) -> Receipt:
        row.reason, row.held_until = reason.value, until
        if not self._unresolved:  # else it may be out already: that is no hold
            row.state = "deferred"
        self._session.add(row)
        return Receipt(status=Status.DEFERRED, reason=reason, until=until, timezone=self._timezone)


def receipt(row: LedgerRow, timezone: str, news: Heard | None = None) -> Receipt:
    """The receipt that a settled row amounts to."""
    return Receipt(
        status=RECEIPTS[row.state],
        reason=Reason(row.reason) if row.reason else None,
        channel=Channel(row.channel) if row.state in ("sent", "rejected", "unknown") else None,
        news=news,
        timezone=timezone,
    )
