"""The gate: the last look before a send, in the same transaction as the claim.

The customer's lock is held from the first question to the commit. An event is stored under the same
lock, so a purchase that was acknowledged before the claim is always seen here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.provider import Providers
from domain.customer import Customer, home_zone
from domain.events import Event
from domain.messages import (
    Channel,
    Delivery,
    Heard,
    MessageClass,
    Reason,
    Receipt,
    Status,
)
from domain.policy import Allow, Decision, Defer, QuietHours, Skip, decide
from domain.reports import reference
from store import Store, customers, events, ledger, runs
from store.tables import CustomerRow, LedgerRow

RECEIPTS = {
    "sent": Status.SENT,
    "skipped": Status.SKIPPED,
    "rejected": Status.REJECTED,
    "expired": Status.EXPIRED,
    "unknown": Status.UNKNOWN,
}


# Settled by an event, not by an attempt: asked again (by a retry whose answer was lost, or by a run
# for which the event changes nothing) the gate looks again, and gives the event along again.
OVERTAKEN = (Reason.GOAL_REACHED, Reason.SUPERSEDED, Reason.RUN_STOPPED)


@dataclass(frozen=True)
class Claim:
    """Leave to send one message, once, by this attempt."""

    ledger_id: int
    attempt: int
    channel: Channel
    address: str
    customer: Customer
    timezone: str
    start: Event
    history: Sequence[Event]


@dataclass(frozen=True)
class Gate:
    """What the gate needs beside the delivery."""

    store: Store
    providers: Providers
    quiet_hours: QuietHours | None
    default_zone: str

    async def pass_or_refuse(self, delivery: Delivery, now: datetime) -> Claim | Receipt:
        """Claim the message, or say why not. One transaction.

        Args:
            delivery: the message.
            now: by the journey's clock.
        """
        async with self.store.transaction() as session:
            return await self._ask(session, delivery, now)

    async def _ask(
        self, session: AsyncSession, delivery: Delivery, now: datetime
    ) -> Claim | Receipt:
        held = await customers.lock(session, delivery.customer_id)
        customer = customers.card(held)  # by its id everything is found, also after an alias call
        timezone = home_zone(customer, self.default_zone)
        row = await ledger.of_message(session, delivery.message_id)
        if row is None:
            await ledger.supersede_holds(session, delivery)
        elif row.state in RECEIPTS and row.reason not in OVERTAKEN:
            return receipt(row, timezone)
        elif row.state == "submitting" and not self._may_go_again(row):
            _close(session, row, "unknown")
            return receipt(row, timezone)
        verdict, news = await self._judge(session, delivery, customer, now)
        if isinstance(verdict, Allow) and held.merged and await _is_told(session, delivery, held):
            verdict = Skip(Reason.ALREADY_TOLD)
        channel = verdict.channel if isinstance(verdict, Allow) else delivery.channels[0]
        row = row or ledger.new_row(delivery, channel)
        row.customer_id, row.decided_at = customer.customer_id, now
        if row.state != "submitting":
            row.channel, row.ledger_key = channel.value, delivery.ledger_key(channel)
            row.reference = reference(row.ledger_key)
        elif isinstance(verdict, Allow) and row.channel != channel:
            # it may be out by the one: by another it would be a second message
            _close(session, row, "unknown")
            return receipt(row, timezone)
        match verdict:
            case Skip(reason):
                row.caused_by = news.id if news else None
                _close(session, row, _skipped_as(row, reason), reason)
                return receipt(row, timezone, news)
            case Defer(until, reason):
                return _hold(session, row, until, reason, timezone)
            case Allow():
                return await self._claim(session, delivery, row, customer, timezone)

    async def _judge(
        self, session: AsyncSession, delivery: Delivery, customer: Customer, now: datetime
    ) -> tuple[Decision, Heard | None]:
        """The verdict, and the event that brought it about if one did."""
        reason, news = await self._overtaken(session, delivery, customer.customer_id)
        if reason is not None:
            return Skip(reason), news
        verdict = decide(
            await customers.recipient(session, customer, self.default_zone),
            delivery.channels,
            delivery.message_class,
            delivery.topic,
            now=now,
            useful_until=delivery.useful_until,
            quiet_hours=self.quiet_hours,
        )
        return verdict, None

    def _may_go_again(self, row: LedgerRow) -> bool:
        """Whether a message that an attempt died over may be handed to the provider again."""
        if self.providers[Channel(row.channel)].abilities.idempotent_for:
            return True
        # a second copy is worse than none for what we want to say, and better than none for what
        # the customer needs; but it is one second copy, not one for every crash
        promotional = row.message_class == MessageClass.PROMOTIONAL
        return not promotional and not row.possible_duplicate

    async def _overtaken(
        self, session: AsyncSession, delivery: Delivery, customer_id: str
    ) -> tuple[Reason | None, Heard | None]:
        """Whether an event that is stored already has ended or restarted the run."""
        watched = {
            **dict.fromkeys(delivery.restarts, (Reason.SUPERSEDED, delivery.latest)),
            **dict.fromkeys(delivery.ends, (Reason.RUN_STOPPED, delivery.start)),
            **dict.fromkeys(delivery.goals, (Reason.GOAL_REACHED, delivery.start)),
        }
        found = await events.newer(
            session,
            customer_id,
            watched,
            than=delivery.start,
            key_field=delivery.key_field,
            key=delivery.key,
        )
        for reason in (Reason.GOAL_REACHED, Reason.RUN_STOPPED, Reason.SUPERSEDED):
            for event in found:
                why, since = watched[event.name]
                if why is reason and event.order > since:
                    return reason, event
        return None, None

    async def _claim(
        self,
        session: AsyncSession,
        delivery: Delivery,
        row: LedgerRow,
        customer: Customer,
        timezone: str,
    ) -> Claim:
        channel = Channel(row.channel)
        if row.state == "submitting" and not self.providers[channel].abilities.idempotent_for:
            row.possible_duplicate = True
        row.state, row.reason, row.caused_by, row.settled_at = "claimed", None, None, None
        row.attempt += 1
        row.claimed_at = datetime.now(UTC)
        session.add(row)
        await session.flush()
        assert row.id is not None
        start = await events.find(session, delivery.enrolment)
        assert start is not None, "a run starts only after its event is stored"
        return Claim(
            ledger_id=row.id,
            attempt=row.attempt,
            channel=channel,
            address=customer.address(channel),
            customer=customer,
            timezone=timezone,
            start=events.typed(start),
            history=await events.history(
                session,
                customer.customer_id,
                key_field=delivery.key_field,
                key=delivery.key,
                since_goal=delivery.goals,
                before=delivery.start,
            ),
        )


async def _is_told(session: AsyncSession, delivery: Delivery, customer: CustomerRow) -> bool:
    """Whether another run of the same person has said this already.

    Two ids that were joined may each have brought a run of the same journey and key. Both go on,
    told of the same events, and each step leaves once: by the run that comes to it first.
    """
    noted = await runs.of_customer(session, customer.customer_id)
    twins = {
        run.workflow_id
        for run in noted
        if run.journey == delivery.journey
        and run.key == delivery.key
        and run.workflow_id != delivery.workflow_id
    }
    since, _ = delivery.latest
    return bool(twins) and await ledger.is_under_way(session, twins, delivery.step, since=since)


def _skipped_as(row: LedgerRow, reason: Reason) -> str:
    """The state of a message that will not go (again)."""
    if row.state == "submitting":
        return "unknown"  # an earlier attempt may have sent it: "skipped" would be a lie
    return "expired" if row.attempt and reason is Reason.TOO_LATE else "skipped"


def _close(session: AsyncSession, row: LedgerRow, state: str, reason: Reason | None = None) -> None:
    row.state, row.reason = state, reason.value if reason else None
    row.settled_at = datetime.now(UTC)
    session.add(row)


def _hold(
    session: AsyncSession, row: LedgerRow, until: datetime, reason: Reason, timezone: str
) -> Receipt:
    row.reason, row.held_until = reason.value, until
    if row.state != "submitting":  # else it may be out already: that is no hold
        row.state = "deferred"
    session.add(row)
    return Receipt(status=Status.DEFERRED, reason=reason, until=until, timezone=timezone)


def receipt(row: LedgerRow, timezone: str, news: Heard | None = None) -> Receipt:
    """The receipt that a settled row amounts to."""
    return Receipt(
        status=RECEIPTS[row.state],
        reason=Reason(row.reason) if row.reason else None,
        channel=Channel(row.channel) if row.state in ("sent", "rejected", "unknown") else None,
        news=news,
        timezone=timezone,
    )
