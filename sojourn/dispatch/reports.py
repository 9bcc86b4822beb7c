"""Providers' reports: into the ledger first, then to the run that sent the message."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sojourn.dispatch.client import Sojourn
from sojourn.domain.events import (
    LONGEST_ID,
    MessageBounced,
    MessageClicked,
    MessageComplained,
    MessageDeferred,
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessageOpened,
    MessageRead,
    MessageReplied,
    MessageUnsubscribed,
)
from sojourn.domain.intents import read_intent
from sojourn.domain.reports import Kind, Report, writable
from sojourn.domain.text import digest
from sojourn.store import reports, settling
from sojourn.store.measuring import hits
from sojourn.store.reports import Told

EVENTS: Mapping[Kind, type[MessageEvent]] = MappingProxyType(
    {
        Kind.DEFERRED: MessageDeferred,
        Kind.DELIVERED: MessageDelivered,
        Kind.FAILED: MessageFailed,
        Kind.BOUNCED: MessageBounced,
        Kind.OPENED: MessageOpened,
        Kind.READ: MessageRead,
        Kind.CLICKED: MessageClicked,
        Kind.UNSUBSCRIBED: MessageUnsubscribed,
        Kind.COMPLAINED: MessageComplained,
        Kind.REPLIED: MessageReplied,
    }
)
"""Events that a journey can wait for. A provider's receipt is no news to the run that sent it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


async def take(
    sojourn: Sojourn,
    provider: str,
    report: Report,
    received_at: datetime,
    *,
    hold: timedelta = timedelta(0),
) -> Told | None:
    """Take a report in; its run is told in the background, unless a machine was behind it.

    Taking it again does no harm, and finishes what an earlier call could not.

    Args:
        sojourn: open.
        provider: that tells it.
        report: as its webhook was read.
        received_at: when its webhook came, by our clock.
        hold: the delay before `tell_clicks` tells of a click: until then it can turn out to be one
            of a machine's burst.

    Returns:
        The report with the message it is about; None: it is kept, and about no message of ours.

    Raises:
        StoreUnavailable: nothing is kept, or not the event that it amounts to.
    """
    async with sojourn.store.transaction() as session:
        told = await reports.take(
            session, provider, writable(report, received_at), received_at, hold=hold
        )
    if told is not None and (event := event_of(told)) is not None:
        await sojourn.publish(event, wait=False)
    return told


async def tell_clicks(sojourn: Sojourn, now: datetime) -> int:
    """Tell of clicks that were held, and behind which nobody has found a machine since.

    Args:
        sojourn: open.
        now: by the machine's clock.

    Returns:
        The number that were told.

    Raises:
        StoreUnavailable: those that are not told yet are told the next time.
    """
    count = 0
    async with sojourn.store.reading() as session:
        due = await reports.held_clicks(session, now)
    for click in due:
        event = event_of(click.told)
        if event is not None:
            await sojourn.publish(event, wait=False)  # under one id, however often
            count += 1
        async with sojourn.store.transaction() as session:
            if event is not None:
                report = click.told.report
                await settling.advance(session, click.ledger_id, report.kind, report.at)
            await hits.told(session, click.report_id)
    return count


def event_of(told: Told) -> MessageEvent | None:
    """Return the event that a report amounts to, under an id of its own.

    Returns:
        The event; None if there is none, now or ever: no run is told what a machine did.
    """
    report = told.report
    kind = EVENTS.get(report.kind)
    if kind is None or told.machine or told.held:
        return None
    fields: dict[str, Any] = {}
    match report.kind:
        case Kind.BOUNCED:
            fields = {"hard": report.hard}
        case Kind.CLICKED:
            fields = {"url": report.url or None}
        case Kind.REPLIED:
            said = read_intent(report.text, report.meaning, language=told.locale)
            fields = {"text": report.text, "intent": said.intent, "number": said.number}
        case Kind.UNSUBSCRIBED:
            fields = {"topic": told.refuses or None}
    return kind(
        message_id=_message_id(told.provider, report.event_id),
        customer_id=told.customer_id,
        occurred_at=report.at,
        journey=told.journey,
        run=told.workflow_id,
        step=told.step,
        channel=told.channel.value,
        **fields,
    )


def _message_id(provider: str, event_id: str) -> str:
    told = f"{provider}:{event_id}"
    if len(told) <= LONGEST_ID and not _CONTROL.search(told):
        return told
    return f"{provider}:{digest(event_id)}"
