"""The gate's third part: note the verdict in the ledger, and claim a message that may leave."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.content import Content
from sojourn.domain.customer import Customer
from sojourn.domain.events import Event, Events, MessageReplied
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt, Status
from sojourn.domain.only_to import OnlyTo
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.reports import reference
from sojourn.domain.states import AttemptState, MessageState
from sojourn.domain.verdict import Case, Doubt, Late, Ruling, Verdict, receipt
from sojourn.rendering.vocabulary import folded
from sojourn.sending.gathering import Gathered, entry
from sojourn.store import attempts, events, ledger, settling
from sojourn.store.tables import ContentRow, EventRow, LedgerRow

log = logging.getLogger("sojourn.sending")

OF_THE_POLICY = (Reason.QUIET_HOURS, Reason.WINDOW, Reason.CAP, Reason.GAVE_WAY)
"""Reasons for which a row's detail names the rules that hold."""
WHATSAPP_WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class Claim:
    """Permission to send one message, once, by this attempt.

    Args:
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        channel: the message's channel.
        address: the customer's address on the channel.
        customer: the customer's card as it is now.
        timezone: the customer's, an IANA name.
        start: the event that enrolled the customer.
        moves: the events that have restarted the steps since, oldest first.
        history: the customer's events that concern the run.
        may_write_freely: on WhatsApp, the customer has written within the last 24 hours.
        content: the content of the earlier hand-over, if the message goes once more: it goes
            unchanged, to the same address.
        perhaps_out: an earlier attempt may have sent the message; this one may send it again.
        decided_at: when it was claimed, by the journey's clock.
        opens: the customer's word on being measured when the e-mail is opened; None: never said.
    """

    ledger_id: int
    attempt: int
    channel: Channel
    address: str
    customer: Customer
    timezone: str
    start: Event
    moves: tuple[Event, ...]
    history: Sequence[Event]
    may_write_freely: bool = False
    content: Content | None = None
    perhaps_out: bool = False
    decided_at: datetime | None = None
    opens: bool | None = None


async def apply(
    session: AsyncSession,
    verdict: Verdict,
    gathered: Gathered,
    *,
    known: Events,
    only_to: OnlyTo | None = None,
) -> Claim | Receipt | Doubt | Late:
    """Note a verdict in the ledger.

    Args:
        session: the transaction that gathered.
        verdict: the verdict on the case.
        gathered: the case and its rows.
        known: the project's events, by wire name.
        only_to: the addresses that this installation may write to; None: all.

    Returns:
        The claim, if the message may leave; otherwise the receipt or the doubt.
    """
    case = gathered.case
    if not gathered.rows:
        await settling.supersede_holds(session, case.delivery)
    if not isinstance(verdict, Ruling):
        return verdict
    start: EventRow | None = None
    kept: ContentRow | None = None
    if isinstance(verdict.decision, Allow):
        start = await events.find(session, case.delivery.enrolment)
        if start is None:
            verdict = _forgotten(case, verdict)
        elif verdict.in_doubt:
            kept = await _kept(session, gathered)
            if kept and only_to and not only_to.allows(verdict.channel, kept.address):
                verdict = _instead(verdict, Reason.ONLY_TO)
    row = _note(gathered, verdict)
    session.add(row)
    await session.flush()
    match verdict.decision:
        case Allow():
            assert start is not None
            return await _claim(
                session, gathered, row, start, known, in_doubt=verdict.in_doubt, kept=kept
            )
        case Defer(until, reason, _):
            return Receipt(
                status=Status.DEFERRED, reason=reason, until=until, timezone=case.timezone
            )
        case Skip():
            return receipt(entry(row), case.timezone, verdict.news)
        case decision:
            assert_never(decision)


def _forgotten(case: Case, ruling: Ruling) -> Ruling:
    """Skip a message of a run whose start the store does not have: it was restored.

    It may have forgotten a purchase or a refusal of that time as well.
    """
    log.error(
        "the store has no event %s, which started %s: %s is not sent; see `sojourn recover`",
        case.delivery.enrolment,
        case.delivery.workflow_id,
        case.delivery.step,
    )
    return _instead(ruling, Reason.EVENT_MISSING)


def _instead(ruling: Ruling, reason: Reason) -> Ruling:
    """Skip a message that the verdict allowed."""
    return replace(
        ruling,
        decision=Skip(reason),
        state=MessageState.UNKNOWN if ruling.in_doubt else MessageState.SKIPPED,
    )


async def _kept(session: AsyncSession, gathered: Gathered) -> ContentRow | None:
    """Return what was handed over before; it goes again to the same address."""
    number = gathered.rows[-1].id
    assert number is not None
    return await ledger.content(session, number)


def _note(gathered: Gathered, ruling: Ruling) -> LedgerRow:
    case = gathered.case
    row = gathered.rows[-1] if case.entry else ledger.new_row(case.delivery, ruling.channel)
    row.customer_id = gathered.customer.customer_id
    row.state = ruling.state
    if (
        not ruling.in_doubt
    ):  # a row in doubt keeps channel and moment of the message that may be out
        row.decided_at = case.now
        row.channel = ruling.channel.value
        row.message_id = case.delivery.message_id
        row.ledger_key = case.delivery.ledger_key(ruling.channel)
        row.reference = reference(row.ledger_key)
    if row.reason in OF_THE_POLICY:
        row.detail = None  # it said which rule held the message
    match ruling.decision:
        case Allow():
            row.reason, row.caused_by, row.settled_at = None, None, None
            row.attempt += 1
            row.claimed_at = datetime.now(UTC)
        case Defer(until, reason, detail):
            row.reason, row.held_until = reason.value, until
            row.detail = detail or row.detail
        case Skip(reason, detail):
            row.reason, row.settled_at = reason.value, datetime.now(UTC)
            row.detail = detail or row.detail
            row.caused_by = ruling.news.id if ruling.news else None
    return row


async def _claim(
    session: AsyncSession,
    gathered: Gathered,
    row: LedgerRow,
    start: EventRow,
    known: Events,
    *,
    in_doubt: bool,
    kept: ContentRow | None,
) -> Claim:
    case, delivery, customer = gathered.case, gathered.case.delivery, gathered.customer
    assert row.id is not None
    channel = Channel(row.channel)
    perhaps_out = False
    if in_doubt:
        assert case.once_more is not None, "else the verdict is the doubt"
        await attempts.end(session, row.id, AttemptState.SUPERSEDED, by="gate")
        perhaps_out = case.once_more.perhaps_twice
        row.possible_duplicate |= perhaps_out
    began = events.typed(start, known)
    history = await events.history(
        session,
        customer.customer_id,
        key_field=delivery.key_field,
        key=delivery.key,
        since_goal=delivery.goals,
        before=delivery.start,
        known=known,
        folded=folded(known),
    )
    return Claim(
        ledger_id=row.id,
        attempt=row.attempt,
        channel=channel,
        address=kept.address if kept else customer.address(channel),
        customer=customer,
        timezone=case.timezone,
        start=began,
        moves=_moves(began, history, delivery),
        history=history,
        may_write_freely=channel is Channel.WHATSAPP
        and await _has_written(session, customer.customer_id, case),
        content=Content.kept(kept.content) if kept else None,
        perhaps_out=perhaps_out,
        decided_at=row.decided_at,
        opens=case.circumstances.recipient.consents.opens if case.circumstances else None,
    )


def _moves(start: Event, history: Sequence[Event], delivery: Delivery) -> tuple[Event, ...]:
    """Return the events that have restarted the steps, up to the one that did so last.

    A delivery of before the cause was told goes by the newest that the run had heard of.
    """
    if delivery.cause == start.message_id:
        return ()
    newest, _ = delivery.latest
    cause = next((one for one in history if one.message_id == delivery.cause), None)
    if cause is not None:
        newest = cause.occurred_at
    return tuple(
        event
        for event in history
        if event.event_name in delivery.restarts
        and event.message_id != start.message_id
        and start.occurred_at <= event.occurred_at <= newest
    )


async def _has_written(session: AsyncSession, customer_id: str, case: Case) -> bool:
    """Tell whether WhatsApp allows free text: the customer wrote there in the last 24 hours."""
    replies = await events.since(
        session, customer_id, MessageReplied.event_name, case.now - WHATSAPP_WINDOW
    )
    return any(row.properties.get("channel") == Channel.WHATSAPP for row in replies)
