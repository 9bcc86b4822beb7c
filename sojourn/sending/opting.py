"""Messages of runs that an opt-in request began: they leave while it is open, and not too often."""

from dataclasses import replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import OptInRequested
from sojourn.domain.facts import Finding
from sojourn.domain.messages import Delivery
from sojourn.domain.opt_ins import OptIn, Stage
from sojourn.domain.verdict import Circumstances
from sojourn.store import events, opting
from sojourn.store.card_addresses import address_of
from sojourn.store.tables import CustomerRow

A_DAY = 3
"""Times that one address is asked to confirm within a day, unless the settings say otherwise."""


def asks(delivery: Delivery) -> bool:
    """Tell whether a message is of a run that an opt-in request begins."""
    return OptInRequested.event_name in delivery.starts


async def judged(
    session: AsyncSession,
    delivery: Delivery,
    person: CustomerRow,
    around: Circumstances,
    now: datetime,
    *,
    a_day: int,
    holding: bool,
) -> Circumstances:
    """Return the circumstances of a message with what the opt-in request lets it do.

    It leaves by the channel of the request alone, to the address that the request is about, and no
    more often than any one address may be asked: a form into which somebody types a stranger's
    address must not fill that mailbox.

    Args:
        session: a writing transaction that holds the customer, and takes no lock afterwards.
        delivery: the message.
        person: the customer's row.
        around: the circumstances without the request.
        now: by the journey's clock.
        a_day: how often one address is asked within a day.
        holding: nobody else counts the same address until the transaction ends.

    Returns:
        The circumstances.
    """
    asked = await _asked(session, delivery, person, now)
    if asked is None:
        start = await events.find(session, delivery.enrolment)
        if (start is None and not holding) or (
            start is not None and start.name != OptInRequested.event_name
        ):
            return around  # the journey has other ways to begin, or the start is made up
        return without_request(around)
    around = narrowed(around, asked.opt_in, asked.stage)
    channel = asked.opt_in.channel
    address = address_of(person, channel)
    if not may_ask(around) or not address:
        return around
    counted = await opting.counted_as(session, channel, address)
    times = await opting.times_asked(
        session, counted, besides=delivery.message_id, now=now, holding=holding
    )
    return replace(around, counted_as=counted, asked_enough=times >= a_day)


def without_request(around: Circumstances) -> Circumstances:
    """Return the circumstances of a message whose request is gone.

    Args:
        around: the circumstances without it.
    """
    return replace(around, condition=Finding(False, "the request is not kept any more"))


def narrowed(around: Circumstances, opt_in: OptIn, stage: Stage) -> Circumstances:
    """Return the circumstances of a message that asks for a confirmation.

    Args:
        around: the circumstances without the request.
        opt_in: the request.
        stage: that it has reached.

    Returns:
        The circumstances: the message leaves by the channel of the request, while that is open.
    """
    found = Finding(stage is Stage.OPEN, stage.words)
    if around.condition is not None:
        parts = (found, around.condition)
        holds = around.condition.holds if found.holds else False
        found = Finding(holds, "all of", parts)
    recipient = around.recipient
    by_its_channel = replace(recipient, reachable=recipient.reachable & {opt_in.channel})
    return replace(around, condition=found, opt_in=opt_in, recipient=by_its_channel)


def may_ask(around: Circumstances) -> bool:
    """Tell whether the request and the message's own condition let it leave."""
    return around.condition is not None and bool(around.condition.holds)


async def _asked(
    session: AsyncSession, delivery: Delivery, person: CustomerRow, now: datetime
) -> opting.Asked | None:
    """Return the request that began the steps of a run, or the run itself."""
    for event_id in dict.fromkeys((delivery.cause, delivery.enrolment)):
        if event_id and (found := await opting.of_event(session, person, event_id, now)):
            return found
    return None
