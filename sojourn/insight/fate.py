"""What became of a message, in words: sent, held or skipped, and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.reports import Kind
from sojourn.domain.states import MessageState
from sojourn.insight.attempts import Course, Told, Tried, without
from sojourn.insight.card import masked
from sojourn.insight.executions import key_in
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.journeys.wording import clock
from sojourn.store import events
from sojourn.store.tables import AddressRow, ChannelRow, EventRow, LedgerRow

_KINDS = {
    Channel.EMAIL: "email",
    Channel.SMS: "phone",
    Channel.WHATSAPP: "phone",
    Channel.PUSH: "push_token",
}


class Cause(BaseModel):
    """The event that decided a message's fate. ``received_at`` is by the machine's clock."""

    message_id: str
    name: str
    at: datetime
    received_at: datetime


class Decided(BaseModel):
    """A message, and what became of it.

    Args:
        at: when the gate last decided on it, by the journey's clock.
        text: what became of it, in words.
        number: in the ledger; ``sojourn outbox --id`` shows the text.
        state: as in docs/reasons.md.
        held_until: the end of the last hold.
        caused_by: the event that prevented it.
        learnt_late: an event that would have prevented it, had it come in before the claim.
        possible_duplicate: it may have arrived twice.
        progress: how far it has come, by the provider's reports.
        attempts: each time that it was handed to a provider; none of messages from before these
            were kept.
        reports: what the provider told of it afterwards.
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
    state: MessageState
    reason: Reason | None
    detail: str | None
    held_until: datetime | None
    caused_by: Cause | None
    learnt_late: Cause | None
    possible_duplicate: bool
    progress: Kind | None
    attempts: list[Tried]
    reports: list[Told]


def decided(
    row: LedgerRow,
    happened: Sequence[EventRow],
    tz: str,
    *,
    journeys: Journeys,
    course: Course,
    pauses: Mapping[Channel, ChannelRow],
    moved: str,
    address: str,
) -> Decided:
    """A message, in words.

    Args:
        row: of the ledger.
        happened: the customer's events.
        journeys: of the project.
        tz: the customer's zone.
        course: attempts and reports, the address masked.
        pauses: the channels that are paused now.
        moved: how a change of address bears on it (`moved`).
        address: where it went; masked in what providers said.
    """
    assert row.id is not None
    cause = next((e for e in happened if e.message_id == row.caused_by), None)
    late = _learnt_late(row, happened, journeys)
    detail = without(address, row.detail) if row.detail else row.detail
    text = [
        _fate(row, course, pauses.get(Channel(row.channel)), tz)
        + (f": {cause.name}, {clock(cause.occurred_at, tz)}" if cause else ""),
        "it may have arrived twice" if row.possible_duplicate else "",
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
    )


def _cause(row: EventRow | None) -> Cause | None:
    if row is None:
        return None
    return Cause(
        message_id=row.message_id, name=row.name, at=row.occurred_at, received_at=row.received_at
    )


def _learnt_late(
    row: LedgerRow, happened: Sequence[EventRow], journeys: Journeys
) -> EventRow | None:
    """An event that happened before a message left, and came in only after it was claimed."""
    journey = journeys.get(row.journey)
    start = next((e for e in happened if e.message_id == row.enrolment), None)
    if (
        journey is None
        or start is None
        or row.claimed_at is None
        or row.state is MessageState.SKIPPED
    ):
        return None
    ending = names((*journey.terms.goal, *journey.terms.ends_on))
    key = key_in(row.workflow_id)
    return next(
        (
            event
            for event in happened
            if event.name in ending
            and start.occurred_at < event.occurred_at <= row.decided_at
            and event.received_at > row.claimed_at
            and events.concerns(event, journey.terms.key, key)
        ),
        None,
    )


def _fate(row: LedgerRow, course: Course, pause: ChannelRow | None, tz: str) -> str:
    text = _state(row, tz)
    if row.state is MessageState.REJECTED and course.by_operator:
        text = "rejected because an operator found that it was not sent"
    if row.reason == Reason.PAUSED and pause is not None:
        text += f", and {row.channel} still is: {pause.paused_because}"
    if row.held_until is not None and row.state is not MessageState.DEFERRED:
        text = f"held until {clock(row.held_until, tz)}, then {text}"
    if row.state is MessageState.SENT and row.progress and row.progress != Kind.ACCEPTED:
        text += f", then {row.progress}"
    return text


def _detail(row: LedgerRow, detail: str | None, course: Course) -> str:
    """What was said of the message, unless an attempt says it already."""
    if not detail:
        return ""
    if course.attempts:
        return detail if detail not in [each.detail for each in course.attempts] else ""
    return f"attempt {row.attempt}: {detail}" if row.state is not MessageState.SENT else ""


def _too_late(late: EventRow, tz: str) -> str:
    return (
        f"{late.name} of {clock(late.occurred_at, tz)} came in only after that, "
        f"at {clock(late.received_at, tz)} by the machine's clock"
    )


_IN_WORDS = {
    MessageState.SENT: "sent by {channel}",
    MessageState.DEFERRED: "held until {until}{because}",
    MessageState.CLAIMED: "about to be sent",
    MessageState.SUBMITTING: "being handed to {provider}; if it stays so, an attempt died over it",
    MessageState.SKIPPED: "skipped{because}",
    MessageState.REJECTED: "rejected{because}",
    MessageState.EXPIRED: "given up: no attempt succeeded while it was of use",
    MessageState.UNKNOWN: "perhaps sent: the provider's answer was lost, and it is not sent again",
}


def _state(row: LedgerRow, tz: str) -> str:
    return _IN_WORDS[row.state].format(
        channel=row.channel,
        provider=row.provider,
        until=clock(row.held_until, tz) if row.held_until else "",
        because=f" because {explain(Reason(row.reason))}" if row.reason else "",
    )


def moved(
    row: LedgerRow, went_to: Mapping[int, str], versions: Sequence[AddressRow], tz: str
) -> str:
    """How a change of address bears on a message; empty if it does not."""
    assert row.id is not None
    mine = [version for version in versions if version.kind == _KINDS[Channel(row.channel)]]
    if not mine:
        return ""
    now, address = mine[-1], went_to.get(row.id)
    if row.reason == Reason.NO_ADDRESS and not now.value:
        return f"it was taken away {clock(now.at, tz)}"
    if address is None or address == now.value:
        return ""
    change = f"became {masked(now.value)}" if now.value else "was taken away"
    return f"it went to {masked(address)}; the address {change} {clock(now.at, tz)}"
