"""Drafts: what a message is rendered from, read in the transaction that decides on it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.content import Content
from sojourn.domain.coupons import Coupon
from sojourn.domain.customer import Customer
from sojourn.domain.events import Event, Events, MessageReplied
from sojourn.domain.history import History
from sojourn.domain.launched import CampaignLaunched
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.opt_ins import OptIn
from sojourn.domain.value_class import value_class
from sojourn.domain.verdict import Case
from sojourn.rendering.context import RenderContext
from sojourn.rendering.vocabulary import folded, of_any_key
from sojourn.sending.gathering import Gathered
from sojourn.sending.targets import Target
from sojourn.store import events, histories, reports
from sojourn.store.histories import Told

WHATSAPP_WINDOW = timedelta(hours=24)
WINDOW_IS_CLOSED = "the customer has not written within 24 hours, and no template is approved"


@value_class
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
        elsewhere: orders that name another key than the run's.
        may_write_freely: on WhatsApp, the customer has written within the last 24 hours.
        content: the content of the earlier hand-over, if the message goes once more: it goes
            unchanged, to the same address.
        perhaps_out: an earlier attempt may have sent the message; this one may send it again.
        decided_at: when it was claimed, by the journey's clock.
        opens: the customer's word on being measured when the e-mail is opened; None: never said.
        opt_in: the request for confirmation that the message is about; None: it is about none.
        targets: the devices that it goes to, ``address`` first; empty on channels without devices.
        ledger_key: names the message for this address, the same in every attempt.
        coupon: the code that it hands out; None: it hands out none, or its content is kept.
        instead: another address of the customer that the message may go to if this one certainly
            takes none; empty: there is none.
        arrived: of a run that may be about a part, all events about the whole and its parts, in the
            order of their arrival.
        shadow: the message is only rendered: it would leave, and does not.
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
    opt_in: OptIn | None = None
    targets: tuple[Target, ...] = ()
    elsewhere: tuple[Event, ...] = ()
    ledger_key: str = ""
    instead: str = ""
    arrived: tuple[Event, ...] = ()
    coupon: Coupon | None = None
    shadow: bool = False


async def drafted(
    session: AsyncSession,
    gathered: Gathered,
    channel: Channel,
    start: Event,
    *,
    known: Events,
) -> Claim:
    """Read what a message is rendered from, and change nothing.

    Args:
        session: any session.
        gathered: the facts by which the message may leave.
        channel: by which it leaves.
        start: the event that enrolled the customer.
        known: the project's events, by wire name.

    Returns:
        A claim that has no row of the ledger yet: its number and its attempt are zero.
    """
    case, delivery, customer = gathered.case, gathered.case.delivery, gathered.customer
    address = customer.address(channel)
    if channel is not Channel.PUSH:
        address = next(iter(gathered.usable.get(channel, ())), address)
    told = Told([], [])  # a campaign is about no occasion of the customer's
    if not delivery.campaign:
        told = await histories.history(
            session,
            customer.customer_id,
            reach=delivery.reach,
            key=delivery.key,
            since_goal=delivery.goals,
            before=delivery.start,
            known=known,
            folded=folded(known),
            of_any_key=of_any_key(known),
        )
    return Claim(
        ledger_id=0,
        attempt=0,
        channel=channel,
        address=address,
        customer=customer,
        timezone=case.timezone,
        start=start,
        moves=moves_of(start, told.own, delivery),
        history=told.own,
        elsewhere=tuple(told.elsewhere),
        arrived=tuple(told.arrived),
        may_write_freely=channel is Channel.WHATSAPP
        and await _has_written(session, customer, address, case),
        opens=case.circumstances.recipient.consents.opens if case.circumstances else None,
        opt_in=case.circumstances.opt_in if case.circumstances else None,
    )


def launched(delivery: Delivery) -> CampaignLaunched:
    """Return the stand-in, in a campaign's message, for the event that enrols a customer."""
    at, _ = delivery.start
    return CampaignLaunched(
        message_id=delivery.cause,
        customer_id=delivery.customer_id,
        occurred_at=at,
        campaign=delivery.campaign,
    )


def context_of(delivery: Delivery, claim: Claim, *, reference: str) -> RenderContext:
    """Return the context that a renderer takes.

    Args:
        delivery: the message.
        claim: the permission to send it, or the draft of one.
        reference: the message as its links name it; empty: nothing is measured.

    Returns:
        The context.
    """
    thing, part = delivery.reach.divided(delivery.key)
    return RenderContext(
        customer=claim.customer,
        journey=delivery.journey,
        template=delivery.template,
        message_id=delivery.message_id,
        reference=reference,
        message_class=delivery.message_class,
        topic=delivery.topic,
        start=claim.start,
        moves=claim.moves,
        key=thing if delivery.part_field else delivery.key,
        part=part,
        history=History(claim.history),
        elsewhere=claim.elsewhere,
        arrived=claim.arrived,
        now=delivery.now,
        timezone=claim.timezone,
        given=delivery.given,
        opens=claim.opens,
        opt_in=claim.opt_in,
        coupon=claim.coupon,
        articles=delivery.articles,
        step=delivery.step,
        variant=delivery.variant,
    )


def moves_of(start: Event, history: Sequence[Event], delivery: Delivery) -> tuple[Event, ...]:
    """Return the events that have restarted the steps, up to the one that did so last.

    A delivery made before the cause was told goes by the newest that the run had heard of.

    Args:
        start: the event that enrolled the customer.
        history: the customer's events that concern the run, oldest first.
        delivery: the message.

    Returns:
        The events, oldest first.
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


async def _has_written(session: AsyncSession, customer: Customer, address: str, case: Case) -> bool:
    """Tell whether WhatsApp allows free text: the customer wrote there in the last 24 hours.

    It allows it to the number that wrote. No event names that number: for a customer with two, only
    an answer to a message that went to this one counts.
    """
    customer_id, since = customer.customer_id, case.now - WHATSAPP_WINDOW
    if len(customer.addresses(Channel.WHATSAPP)) > 1:
        return await reports.answered_from(session, customer_id, Channel.WHATSAPP, address, since)
    replies = await events.since(session, customer_id, MessageReplied.event_name, since)
    return any(row.properties.get("channel") == Channel.WHATSAPP for row in replies)
