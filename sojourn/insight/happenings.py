"""The history of a customer beside messages: events, consents, addresses, aliases."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from sojourn.domain.consent import Purpose
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Events
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.notes import few
from sojourn.domain.reasons import explain
from sojourn.domain.states import AnswerState
from sojourn.domain.tasks import TaskState
from sojourn.insight.card import masked
from sojourn.insight.recall import Recall
from sojourn.insight.tasks import task_of
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import events
from sojourn.store.tables import (
    AddressRow,
    AnswerRow,
    ConsentRow,
    CustomerRow,
    EntryRow,
    EventRow,
    MuteRow,
    TaskRow,
)

PROPERTIES_WIDTH = 100
_NAMES = {
    "email": "e-mail address",
    "phone": "phone number",
    "phone2": "second phone number",
    "push_token": "push token",
}


class Happened(BaseModel):
    """An event.

    ``heard``: a journey listens to it. ``routed``: the runs were told of it. ``notes``: the parts
    that were sent, but not understood, without their values.
    """

    kind: Literal["event"] = "event"
    at: datetime
    text: str
    message_id: str
    name: str
    properties: dict[str, Any]
    heard: bool
    routed: bool
    notes: list[str] = []


class Entry(BaseModel):
    """The judgement on an event that could start a run.

    ``taken``: it may start one. ``reason``: why not. ``instead``: the remedy that would have
    changed it. ``message_id``: the event's.
    """

    kind: Literal["entry"] = "entry"
    at: datetime
    text: str
    message_id: str
    journey: str
    run: str
    taken: bool
    reason: str | None = None
    because: str = ""
    instead: str = ""


class Consented(BaseModel):
    """A statement of consent or refusal."""

    kind: Literal["consent"] = "consent"
    at: datetime
    text: str
    channel: Channel | None
    topic: str
    granted: bool
    source: str


class Readdressed(BaseModel):
    """An address that changed, masked. ``address``: email, phone, phone2 or push_token."""

    kind: Literal["address"] = "address"
    at: datetime
    text: str
    address: str
    source: str


class Aliased(BaseModel):
    """An alias call: two ids are one person."""

    kind: Literal["alias"] = "alias"
    at: datetime
    text: str
    previous_id: str


class Cared(BaseModel):
    """Somebody began or ended looking after the customer: nothing promotional leaves meanwhile.

    ``ended``: an event ended it. ``message_id``: the id of the event that began or ended it.
    """

    kind: Literal["care"] = "care"
    at: datetime
    text: str
    message_id: str
    journey: str
    run: str
    ended: bool


class PersonAsked(BaseModel):
    """A run asked a person of the shop, or got the outcome. ``task``: the task's number."""

    kind: Literal["task"] = "task"
    at: datetime
    text: str
    task: int
    journey: str
    run: str
    state: TaskState


class Answered(BaseModel):
    """Our answer to a word such as STOP. ``meaning``: stop, start or help."""

    kind: Literal["answer"] = "answer"
    at: datetime
    text: str
    channel: Channel
    meaning: str
    state: AnswerState


_ANSWERS: Mapping[AnswerState, str] = {
    AnswerState.WAITING: "our answer is about to be sent",
    AnswerState.CLAIMED: "our answer is being sent; if it stays so, its worker died over it",
    AnswerState.SENT: "our answer was sent",
    AnswerState.UNKNOWN: "our answer was perhaps sent, and is not sent again",
    AnswerState.DROPPED: "no answer was sent",
}
_CAME: Mapping[Reason, str] = {
    Reason.NOT_QUALIFIED: "came, did not qualify",
    Reason.CAME_AGAIN: "came again too soon",
    Reason.ENOUGH_RUNS: "came, had enough open runs",
    Reason.TOO_MANY_REQUESTS: "came, was asked for too often",
    Reason.OLD_NEWS: "came too late",
    Reason.GOAL_REACHED: "came after the goal",
    Reason.RUN_STOPPED: "came after the end",
    Reason.HELD_BACK: "started no run",
}


def answered(row: AnswerRow) -> Answered:
    """Put our answer to a word such as STOP into words."""
    text = f"{row.meaning.upper()} came by {row.channel}: {_ANSWERS[row.state]}"
    if row.reason:
        text += f" ({row.reason.replace('_', ' ')})"
    return Answered(
        at=row.at,
        text=text,
        channel=Channel(row.channel),
        meaning=row.meaning,
        state=row.state,
    )


def entered(row: EntryRow, instead: str = "") -> Entry:
    """Put the judgement on an event that could start a run into words.

    Args:
        row: the judgement.
        instead: the remedy that would have changed it.

    Returns:
        The entry in words.
    """
    told = row.because
    if row.taken:
        text = "entered"
    else:
        reason = Reason(row.reason or "")
        text, told = _CAME.get(reason, "did not enter"), told or explain(reason)
    return Entry(
        at=row.at,
        text=f"{row.workflow_id}: {text}" + (f": {told}" if told else ""),
        message_id=row.message_id,
        journey=row.journey,
        run=row.workflow_id,
        taken=row.taken,
        reason=row.reason,
        because=row.because,
        instead=instead,
    )


def consented(row: ConsentRow) -> Consented:
    """Put a statement of consent into words."""
    what = f"messages on {row.topic}" if row.topic else "promotional messages"
    text = f"{'agreed to' if row.granted else 'said no to'} {what} by {row.channel or 'any way'}"
    if row.purpose == Purpose.OPENS:
        text = f"{'agreed' if row.granted else 'said no'} to be measured when e-mails are opened"
    if row.purpose == Purpose.PENDING:
        text = f"asked for {what} by {row.channel}, to be confirmed"
    if row.answers is not None:
        text += f", confirmed on request {row.answers}"
    if row.granted and row.expires_at is not None:
        text += f", until {row.expires_at:%Y-%m-%d %H:%M} UTC"
    return Consented(
        at=row.at,
        text=text,
        channel=Channel(row.channel) if row.channel else None,
        topic=row.topic if row.purpose != Purpose.OPENS else "",
        granted=row.granted,
        source=row.source,
    )


def cared(row: MuteRow) -> list[Cared]:
    """Put a time without promotional messages into words: its beginning, and its end."""
    told = {"journey": row.journey, "run": row.workflow_id}
    until = f"until {row.until:%Y-%m-%d %H:%M} UTC at the latest"
    text = f"{row.workflow_id}: in care, no promotional message {until}"
    begun = Cared(at=row.at, text=text, message_id=row.message_id, ended=False, **told)
    if row.ended_at is None or row.ended_by is None:
        return [begun]
    text = f"{row.workflow_id}: in care no more"
    return [begun, Cared(at=row.ended_at, text=text, message_id=row.ended_by, ended=True, **told)]


def asked(row: TaskRow) -> list[PersonAsked]:
    """Put a question to a person into words: its beginning, and its outcome."""
    task = task_of(row)
    told = {"task": task.id, "journey": task.journey, "run": task.run, "state": task.state}
    until = f"waits until {task.until:%Y-%m-%d %H:%M} UTC"
    text = f"{task.run}: asked a person (task {task.id}), {until}: {task.text}"
    opened = PersonAsked(at=task.opened_at, text=text, **told)
    if task.ended_at is None:
        return [opened]
    text = f"{task.run}: task {task.id}: {task.standing()}"
    return [opened, PersonAsked(at=task.ended_at, text=text, **told)]


def aliased(row: CustomerRow) -> Aliased:
    """Put an alias call into words."""
    assert row.joined_at is not None
    return Aliased(
        at=row.joined_at,
        text=f"{row.customer_id} is the same person: what either id did counts for both",
        previous_id=row.customer_id,
    )


def readdressed(versions: Sequence[AddressRow]) -> list[Readdressed]:
    """Put the changes of addresses into words; the first address of a kind is no change."""
    held: dict[str, str] = {}
    changes = []
    for row in versions:
        before = held.get(row.kind)
        held[row.kind] = row.value
        if before is None:
            continue
        change = f"became {masked(row.value)}" if row.value else "was taken away"
        changes.append(
            Readdressed(
                at=row.at,
                text=f"{_NAMES[row.kind]} {change}" + (f", was {masked(before)}" if before else ""),
                address=row.kind,
                source=row.source,
            )
        )
    return changes


def happened(
    row: EventRow,
    project: Project,
    recall: Recall,
) -> Happened:
    """Put an event into words.

    Args:
        row: the event.
        project: has the journeys and events.
        recall: all events of the customer, which tell whether the event names one of their keys.

    Returns:
        The event in words.
    """
    properties = _public(row, project.events)
    text = row.name
    if shown := _shortly(properties, project.journeys):
        text += f" ({shown})"
    if row.sent_as is not None:
        text += f", sent as {row.sent_as}"
    if row.copy_of is not None:
        text += ", under another id of the same person"
    text += "".join(f"; {words}" for words in _beyond_its_key(row, project.journeys, recall))
    if row.routed_at is None:
        text += "; stored, but no run was told of it yet: a worker's sweep will"
    return Happened(
        at=row.occurred_at,
        text=text,
        message_id=row.message_id,
        name=row.name,
        properties=properties,
        heard=bool(project.journeys.heard_by(row.name)),
        routed=row.routed_at is not None,
        notes=[*_notes(row, project.events)],
    )


def _notes(row: EventRow, known: Events) -> Iterator[str]:
    """Yield the differences between an event as it was sent and as it is kept."""
    if row.as_sent is None:
        return
    given, properties = row.as_sent.get("event"), row.as_sent.get("properties")
    if given != row.name:
        yield f'the sender calls it "{given}"'
    if not isinstance(properties, dict):
        if properties is not None:
            yield "properties: left out: must be an object"
        return
    envelope = {
        "message_id": row.message_id,
        "customer_id": row.customer_id,
        "occurred_at": row.occurred_at,
    }
    try:
        understood = known.understand(row.name, properties, envelope)
    except BadEvent as error:  # its class has become stricter since
        yield f"{error.path}: {error.reason}"
    else:
        yield from map(str, few(understood.notes))


def _beyond_its_key(row: EventRow, journeys: Journeys, recall: Recall) -> Iterator[str]:
    """Say for which journeys an event ends the runs of every key, since it names none of theirs."""
    for name, journey in journeys.heard_by(row.name).items():
        reach = journey.terms.reach
        if not reach.field or row.name not in reach.ends or row.seq is None:
            continue
        said, had = reach.thing(events.said(row, reach)), recall.had(reach)
        others = any(key and seq < row.seq for key, seq in had.items())
        if said and others and had.get(said, row.seq) >= row.seq:
            yield f"nothing of this {reach.field} before, so it counts for every run of {name}"


def _public(row: EventRow, known: Events) -> dict[str, Any]:
    """Return the fields of an event that are not personal; none if the event has no class."""
    if row.name not in known:
        return {}
    try:
        return events.typed(row, known).public()
    except BadEvent:
        return {}  # its class has become stricter, so nobody knows which fields are personal


def _shortly(properties: Mapping[str, Any], journeys: Journeys) -> str:
    """Write the fields that tell events apart, the keys of runs first."""
    keys = journeys.key_fields
    plain = [(k, v) for k, v in properties.items() if isinstance(v, str | int | float)]
    plain.sort(key=lambda item: item[0] not in keys)
    line = ", ".join(f"{name} {value}" for name, value in plain if "url" not in name)
    return line if len(line) <= PROPERTIES_WIDTH else f"{line[: PROPERTIES_WIDTH - 1]}…"
