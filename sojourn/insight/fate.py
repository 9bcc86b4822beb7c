"""The fate of a message in words: sent, held or skipped, and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.reports import Kind
from sojourn.insight.card import masked
from sojourn.insight.course import Course, OnDevice, Reported, Tried, without
from sojourn.insight.recall import Recall
from sojourn.insight.runs import key_in
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.journeys.wording import clock
from sojourn.store import events
from sojourn.store.tables import AddressRow, ChannelRow, EventRow, LedgerRow

OF_RULES = (Reason.QUIET_HOURS, Reason.WINDOW, Reason.SNOOZED, Reason.IN_CARE)
"""Reasons of holds whose detail only names the cause."""

_KINDS = {
    Channel.EMAIL: ("email",),
    Channel.SMS: ("phone", "phone2"),
    Channel.WHATSAPP: ("phone", "phone2"),
    Channel.PUSH: ("push_token",),
}


class Cause(BaseModel):
    """The event that decided the fate of a message. ``received_at`` is by the machine's clock."""

    message_id: str
    name: str
    at: datetime
    received_at: datetime


class Decided(BaseModel):
    """A message that was decided on, and its fate.

    Args:
        at: the moment of the gate's last decision, by the journey's clock.
        text: the fate in words.
        number: its number in the ledger; ``sojourn outbox --id`` shows the text.
        state: its state, as in docs/reasons.md.
        held_until: the end of the last hold.
        caused_by: the event that prevented the message.
        learnt_late: an event that would have prevented it, but came in after the claim.
        possible_duplicate: it may have arrived twice.
        progress: the furthest point that the provider has reported.
        attempts: its hand-overs to providers; empty for messages from before attempts were kept.
        reports: the provider's later reports.
        instead: the remedy that would have changed it; empty if it was sent.
        devices: the ends of a push message on the customer's devices.
        variant: the variant whose words it has; None if there are no variants.
    """

    kind: Literal["message"] = "message"
    at: datetime
    text: str
    number: int
    workflow_id: str
    journey: str
    key: str
    step: str
    channel: Channel
    state: str
    reason: Reason | None
    detail: str | None
    held_until: datetime | None
    caused_by: Cause | None
    learnt_late: Cause | None
    possible_duplicate: bool
    progress: Kind | None
    attempts: list[Tried]
    reports: list[Reported]
    instead: str = ""
    devices: list[OnDevice] = []
    variant: str | None = None


def decided(
    row: LedgerRow,
    recall: Recall,
    tz: str,
    *,
    journeys: Journeys,
    course: Course,
    pauses: Mapping[Channel, ChannelRow],
    held_back: str = "",
    moved: str,
    address: str,
    instead: str = "",
) -> Decided:
    """Put the fate of a message into words.

    Args:
        row: its row of the ledger.
        recall: the customer's events, and those that decided messages.
        journeys: the project's journeys.
        tz: the customer's time zone.
        course: attempts and reports, with the address masked.
        pauses: the channels that are paused now.
        held_back: the words of `held.held_back` on the operator who holds it back.
        moved: the words of `moved` on a change of address.
        address: the address of the message; masked in the words of providers.
        instead: the words of `remedies.remedy` on what would have changed it.

    Returns:
        The message with its fate.
    """
    assert row.id is not None
    cause = recall.named(row.caused_by)
    late = _learnt_late(row, recall, journeys)
    detail = without(address, row.detail) if row.detail else row.detail
    text = [
        _fate(row, course, pauses.get(Channel(row.channel)), tz)
        + (f": {cause.name}, {clock(cause.occurred_at, tz)}" if cause else ""),
        f"variant {row.variant}" if row.variant else "",
        held_back,
        twice(row) or "",
        _detail(row, detail, course),
        _too_late(late, tz) if late else "",
        moved,
    ]
    return Decided(
        at=row.decided_at,
        text="; ".join(filter(None, text)),
        number=row.id,
        workflow_id=row.workflow_id,
        journey=row.journey,
        key=key_in(row.workflow_id),
        step=row.step,
        channel=Channel(row.channel),
        state=row.state,
        reason=Reason(row.reason) if row.reason else None,
        detail=detail,
        held_until=row.held_until,
        caused_by=_cause(cause),
        learnt_late=_cause(late),
        possible_duplicate=row.possible_duplicate,
        progress=Kind(row.progress) if row.progress else None,
        attempts=course.attempts,
        reports=course.reports,
        instead=instead,
        devices=course.devices,
        variant=row.variant,
    )


def _cause(row: EventRow | None) -> Cause | None:
    if row is None:
        return None
    return Cause(
        message_id=row.message_id, name=row.name, at=row.occurred_at, received_at=row.received_at
    )


def _learnt_late(row: LedgerRow, recall: Recall, journeys: Journeys) -> EventRow | None:
    """Find an event that happened before a message left and came in after its claim."""
    journey = journeys.get(row.journey)
    start = recall.named(row.enrolment)
    if journey is None or start is None or row.claimed_at is None or row.state == "skipped":
        return None
    ending = names((*journey.terms.goal, *journey.terms.ends_on))
    key, reach = key_in(row.workflow_id), journey.terms.reach
    late = recall.between(ending, start.occurred_at, row.decided_at, came_after=row.claimed_at)
    return next(
        (
            event
            for event in late
            if events.reaches(event, reach, key, recall.had(reach), begun=start.seq or 0)
        ),
        None,
    )


def twice(row: LedgerRow) -> str | None:
    """Return in words what is known about a second delivery; None if nothing hints at one."""
    if row.twice_at is not None:
        return "it went out twice"
    return "it may have arrived twice" if row.possible_duplicate else None


def _fate(row: LedgerRow, course: Course, pause: ChannelRow | None, tz: str) -> str:
    text = _state(row, tz)
    if row.state == "rejected" and course.by_operator:
        text = "rejected because an operator found that it was not sent"
    if row.reason == Reason.PAUSED and pause is not None:
        text += f", and {row.channel} still is: {pause.paused_because}"
    if row.held_until is not None and "deferred" not in (row.state, row.would):
        text = f"held until {clock(row.held_until, tz)}, then {text}"
    if row.state == "sent" and row.progress and row.progress != Kind.ACCEPTED:
        text += f", then {row.progress}"
    return text


def _detail(row: LedgerRow, detail: str | None, course: Course) -> str:
    """Return the detail of the message, unless an attempt shows it already."""
    if not detail:
        return ""
    if row.reason in (Reason.CAP, Reason.GAVE_WAY, Reason.NO_LONGER):
        return detail
    if row.reason in OF_RULES or not (row.attempt or course.attempts):
        return f"held by {detail}"  # no attempt, so these are words of rules
    if course.attempts:
        return detail if detail not in [each.detail for each in course.attempts] else ""
    return f"attempt {row.attempt}: {detail}" if row.state != "sent" else ""


def _too_late(late: EventRow, tz: str) -> str:
    return (
        f"{late.name} of {clock(late.occurred_at, tz)} came in only after that, "
        f"at {clock(late.received_at, tz)} by the machine's clock"
    )


_IN_WORDS = {
    "sent": "sent by {channel}",
    "deferred": "held until {until}{because}",
    "claimed": "about to be sent",
    "submitting": "being handed to {provider}; if it stays so, an attempt died over it",
    "skipped": "skipped{because}",
    "rejected": "rejected{because}",
    "expired": "given up: no attempt succeeded while it was of use",
    "unknown": "perhaps sent: the provider's answer was lost, and it is not sent again",
}
_IN_SHADOW = {
    "sent": "in shadow: it would have been sent by {channel}",
    "claimed": "in shadow: it would be sent by {channel}, and is being rendered",
    "deferred": "in shadow: it would be held until {until}{because}",
    "skipped": "in shadow: it would have been skipped{because}",
    "rejected": "in shadow: it would have been rejected{because}",
    "expired": "in shadow: it would have been given up",
}


def _state(row: LedgerRow, tz: str) -> str:
    words = _IN_SHADOW[row.would or ""] if row.state == "shadow" else _IN_WORDS[row.state]
    return words.format(
        channel=row.channel,
        provider=row.provider,
        until=clock(row.held_until, tz) if row.held_until else "",
        because=f" because {explain(Reason(row.reason))}" if row.reason else "",
    )


def moved(
    row: LedgerRow, went_to: Mapping[int, str], versions: Sequence[AddressRow], tz: str
) -> str:
    """Say how a change of address affects a message.

    Args:
        row: its row of the ledger.
        went_to: the addresses of messages, by their numbers in the ledger.
        versions: the customer's addresses, oldest first.
        tz: the customer's time zone.

    Returns:
        The words; empty if no change affects the message.
    """
    assert row.id is not None
    kinds, address = _KINDS[Channel(row.channel)], went_to.get(row.id)
    mine = [version for version in versions if version.kind in kinds]
    current = {version.kind: version for version in mine}
    if not current:
        return ""
    if row.reason == Reason.NO_ADDRESS and not any(last.value for last in current.values()):
        return f"it was taken away {clock(max(last.at for last in current.values()), tz)}"
    if address is None:
        return ""
    had = [version.kind for version in mine if version.value == address]
    now = current[had[-1]] if had else next(current[kind] for kind in kinds if kind in current)
    if address == now.value:
        return f"it went to the second number, {masked(address)}" if now.kind == "phone2" else ""
    change = f"became {masked(now.value)}" if now.value else "was taken away"
    return f"it went to {masked(address)}; the address {change} {clock(now.at, tz)}"
