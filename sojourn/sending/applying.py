"""The gate's third part: note the verdict in the ledger, and claim a message that may leave."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.content import Content
from sojourn.domain.coupons import Coupon, Pools
from sojourn.domain.events import Event, Events
from sojourn.domain.measuring.measures import one_more
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason, Receipt, Status
from sojourn.domain.only_to import OnlyTo
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.reports import reference
from sojourn.domain.states import AttemptState, MessageState
from sojourn.domain.verdict import Case, Doubt, Late, Ruling, Verdict, receipt
from sojourn.sending import couponing, targets
from sojourn.sending.couponing import NO_POOLS, Taker
from sojourn.sending.drafting import Claim, drafted, launched
from sojourn.sending.gathering import Gathered, entry
from sojourn.sending.ramping import Ramp, counts
from sojourn.sending.targets import Target
from sojourn.store import (
    attempts,
    coupon_stock,
    coupons,
    events,
    exposures,
    holds,
    ledger,
    recipients,
    settling,
)
from sojourn.store.digests import digest
from sojourn.store.tables import ContentRow, LedgerRow

log = logging.getLogger("sojourn.sending")

OF_THE_POLICY = (
    Reason.QUIET_HOURS,
    Reason.WINDOW,
    Reason.SNOOZED,
    Reason.IN_CARE,
    Reason.CAP,
    Reason.GAVE_WAY,
    Reason.RAMP,
)
"""Reasons for which a row's detail names the rules that hold."""


@dataclass
class _Found:
    """The parts of a claim: the event that began the run, what was kept, the code.

    Args:
        start: it enrolled the customer.
        kept: what was handed over before, if the message goes once more.
        coupon: the code that it hands out, unless the kept content has it.
    """

    start: Event | None = None
    kept: ContentRow | None = None
    coupon: Coupon | None = None


async def apply(
    session: AsyncSession,
    verdict: Verdict,
    gathered: Gathered,
    *,
    known: Events,
    pools: Pools = NO_POOLS,
    only_to: OnlyTo | None = None,
    ramp: Ramp | None = None,
) -> Claim | Receipt | Doubt | Late:
    """Note a verdict in the ledger.

    Args:
        session: the transaction that gathered.
        verdict: the verdict on the case.
        gathered: the case and its rows.
        known: the project's events, by wire name.
        pools: the project's, of codes that messages hand out.
        only_to: the addresses that this installation may write to; None: all.
        ramp: of the domain that e-mails leave from; None: it has no budget.

    Returns:
        The claim, if the message may leave; otherwise the receipt or the doubt.
    """
    case = gathered.case
    if not gathered.rows:
        await settling.supersede_holds(session, case.delivery)
    if not isinstance(verdict, Ruling):
        return verdict
    found = _Found()
    if isinstance(verdict.decision, Allow):
        verdict = await _confirmed(
            session, gathered, verdict, found, known, pools=pools, only_to=only_to
        )
    row = noted(gathered, verdict)
    if case.entry is None:
        await ledger.add(session, row)
    note_sides(session, gathered, verdict)
    await _free_a_slot(session, gathered, verdict)
    if isinstance(verdict.decision, Skip):
        await _give_up_coupon(session, row, verdict.decision)
    match verdict.decision:
        case Allow(channel):
            # another attempt at it is the same message
            if ramp is not None and row.attempt == 1 and counts(case.delivery, channel):
                await ramp.count(session, 1)
            return await _claim(session, gathered, row, found, known, in_doubt=verdict.in_doubt)
        case Defer(until, reason, _):
            return Receipt(
                status=Status.DEFERRED, reason=reason, until=until, timezone=case.timezone
            )
        case Skip():
            return receipt(entry(row), case.timezone, verdict.news)
        case decision:
            assert_never(decision)


def note_sides(session: AsyncSession, gathered: Gathered, ruling: Ruling) -> None:
    """Note the sides that a customer is on, when a message leaves or is held out.

    Args:
        session: the transaction that gathered.
        gathered: the case.
        ruling: the verdict on it.
    """
    around, decision = gathered.case.circumstances, ruling.decision
    left = isinstance(decision, Allow)
    if around is None or not (left or decision == Skip(Reason.HELD_OUT, around.held_out)):
        return
    customer_id = gathered.customer.customer_id
    session.add_all(exposures.new(customer_id, around.assigned, gathered.case.delivery))


async def _confirmed(
    session: AsyncSession,
    gathered: Gathered,
    ruling: Ruling,
    found: _Found,
    known: Events,
    *,
    pools: Pools,
    only_to: OnlyTo | None,
) -> Ruling:
    """Return the ruling that lets a message leave, or another one if something for it is missing.

    Args:
        session: the transaction that gathered.
        gathered: the case and its rows.
        ruling: the verdict allows the message.
        found: is filled with the parts of its claim.
        known: the project's events, by wire name.
        pools: the project's, of codes.
        only_to: the addresses that this installation may write to; None: all.

    Returns:
        The ruling.
    """
    case = gathered.case
    found.start = await start_of(session, case.delivery, known)
    if found.start is None:
        return forgotten(case, ruling)
    if ruling.in_doubt and (kept := await _kept(session, gathered)):
        found.kept = kept
        reason = _barred(gathered, ruling.channel, kept.address, only_to)
        return _instead(ruling, reason) if reason else ruling
    if case.delivery.coupon:
        taker = Taker(gathered.customer.customer_id, case.timezone)
        found.coupon = await couponing.reserve(session, case.delivery, taker, pools, case.now)
        if found.coupon is None:
            said = couponing.why_missing(pools, case.delivery.coupon, case.now, case.timezone)
            return _instead(ruling, Reason.NO_COUPON, said)
    return ruling


async def start_of(session: AsyncSession, delivery: Delivery, known: Events) -> Event | None:
    """Return the event that a message is about; None if the store does not have it.

    Args:
        session: any session.
        delivery: the message.
        known: the project's events, by wire name.

    Returns:
        The event that began its run; a stand-in for a campaign's.
    """
    if delivery.campaign:
        return launched(delivery)
    row = await events.stored(session, delivery.enrolment)
    return None if row is None else events.typed(row, known)


def forgotten(case: Case, ruling: Ruling) -> Ruling:
    """Skip a message of a run whose start the store does not have: it was restored.

    It may have forgotten a purchase or a refusal of that time as well.

    Args:
        case: of the message.
        ruling: the verdict allowed it.

    Returns:
        The ruling that skips it.
    """
    log.error(
        "the store has no event %s, which started %s: %s is not sent; see `sojourn recover`",
        case.delivery.enrolment,
        case.delivery.workflow_id,
        case.delivery.step,
    )
    return _instead(ruling, Reason.EVENT_MISSING)


def _instead(ruling: Ruling, reason: Reason, detail: str = "") -> Ruling:
    """Skip a message that the verdict allowed."""
    return replace(
        ruling,
        decision=Skip(reason, detail),
        state=MessageState.UNKNOWN if ruling.in_doubt else MessageState.SKIPPED,
    )


async def _kept(session: AsyncSession, gathered: Gathered) -> ContentRow | None:
    """Return what was handed over before; it goes again to the same address."""
    number = gathered.rows[-1].id
    assert number is not None
    return await ledger.content(session, number)


def _barred(
    gathered: Gathered, channel: Channel, address: str, only_to: OnlyTo | None
) -> Reason | None:
    """Return why a message that may be out does not go to its address once more.

    One of two numbers may take nothing any more: the message goes to no other.
    """
    if only_to is not None and not only_to.allows(channel, address):
        return Reason.ONLY_TO
    if channel is Channel.PUSH:
        return None
    mine = gathered.customer.addresses(channel)
    lost = address in mine and address not in gathered.usable.get(channel, mine)
    return Reason.SUPPRESSED if lost else None


async def _free_a_slot(session: AsyncSession, gathered: Gathered, ruling: Ruling) -> None:
    """Make messages that wait for a slot ask again, if one that was to leave is given up."""
    case = gathered.case
    given_up = isinstance(ruling.decision, Skip) and case.entry is not None and not ruling.in_doubt
    if given_up and case.delivery.message_class is MessageClass.PROMOTIONAL:
        await holds.free_a_slot(
            session,
            gathered.customer.customer_id,
            because=case.delivery.message_id,
            at=case.now,
        )


async def _give_up_coupon(session: AsyncSession, row: LedgerRow, skip: Skip) -> None:
    """Let others have the code of a message that does not go; tell if it had none to give."""
    await coupons.let_go(session, [(row.message_id, row.coupon)])
    if skip.reason is Reason.NO_COUPON and row.coupon:
        await coupon_stock.tell_empty(session, row.coupon, datetime.now(UTC))


def noted(gathered: Gathered, ruling: Ruling) -> LedgerRow:
    """Return the message's row as a verdict leaves it; the caller stores it.

    Args:
        gathered: the case and its rows.
        ruling: the verdict on it.
    """
    case = gathered.case
    row = gathered.rows[-1] if case.entry else ledger.new_row(case.delivery, ruling.channel)
    row.customer_id = gathered.customer.customer_id
    row.state, row.coupon = ruling.state, case.delivery.coupon or row.coupon
    if case.circumstances and case.circumstances.counted_as:
        row.counted_as = case.circumstances.counted_as
    if (
        not ruling.in_doubt
    ):  # a row in doubt keeps channel and moment of the message that may be out
        row.decided_at = case.now
        row.channel = ruling.channel.value
        row.message_id = case.delivery.message_id
        key = case.delivery.ledger_key(ruling.channel)
        if not row.ledger_key.startswith(f"{key}/"):  # a second number has a key of its own
            row.ledger_key, row.reference = key, reference(key)
    if row.reason in OF_THE_POLICY:
        row.detail = None  # it said which rule held the message
    match ruling.decision:
        case Allow():
            row.reason, row.caused_by, row.settled_at = None, None, None
            row.attempt += 1
            row.claimed_at = datetime.now(UTC)
        case Defer(until, reason, detail):
            row.reason, row.held_until = reason.value, until
            row.held_for = one_more(row.held_for, reason)
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
    found: _Found,
    known: Events,
    *,
    in_doubt: bool,
) -> Claim:
    case, start, kept = gathered.case, found.start, found.kept
    assert row.id is not None
    assert start is not None, "else the message is skipped"
    channel = Channel(row.channel)
    perhaps_out = False
    if in_doubt:
        assert case.once_more is not None, "else the verdict is the doubt"
        await attempts.end(session, row.id, AttemptState.SUPERSEDED, by="gate")
        perhaps_out = case.once_more.perhaps_twice
        row.possible_duplicate |= perhaps_out
    draft = await drafted(session, gathered, channel, start, known=known)
    aimed: tuple[Target, ...] = ()
    if channel is Channel.PUSH:
        aimed = await targets.of(
            session,
            row,
            gathered,
            in_doubt=in_doubt,
            perhaps_twice=perhaps_out,
            kept=kept,
        )
    address = aimed[0].address if aimed else draft.address
    if case.delivery.campaign and not aimed:
        taken = await digest(session, channel, address)
        await recipients.take(session, case.delivery.campaign, {case.delivery.customer_id: taken})
    others = [] if in_doubt or channel is Channel.PUSH else gathered.usable.get(channel, ())[1:]
    return replace(
        draft,
        ledger_id=row.id,
        attempt=row.attempt,
        address=kept.address if kept and not aimed else address,
        content=Content.kept(kept.content) if kept else None,
        perhaps_out=perhaps_out,
        decided_at=row.decided_at,
        targets=aimed,
        ledger_key=row.ledger_key,
        instead=next(iter(others), ""),
        coupon=found.coupon,
    )
