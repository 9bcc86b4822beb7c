"""A customer's story: who they are, which runs they have, what happened, and why not more did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from temporalio.client import Client

from dispatch.routing import hears
from domain.customer import Customer, home_zone
from domain.errors import BadEvent, TemporalUnavailable
from domain.events import event_named, known_events
from domain.messages import Channel, Reason
from domain.policy import Consents
from domain.reasons import explain
from settings import Settings
from starter.executions import Run, key_in, list_runs, with_details
from starter.letters import unknown_customer
from store import Store, customers, events, ledger, runs
from store.tables import AddressRow, ConsentRow, CustomerRow, EventRow, LedgerRow, RunRow
from workflows.registry import journeys
from workflows.wording import clock

NOT_ASKED = "not asked"
NOT_KEPT = "not in Temporal"
PROPERTIES_WIDTH = 100
_KINDS = {
    Channel.EMAIL: "email",
    Channel.SMS: "phone",
    Channel.WHATSAPP: "phone",
    Channel.PUSH: "push_token",
}
_NAMES = {"email": "e-mail address", "phone": "phone number", "push_token": "push token"}


class Reach(BaseModel):
    """One channel to the customer. ``consent`` is None where the customer never said a word."""

    channel: Channel
    address: str
    consent: bool | None


class Card(BaseModel):
    """What is known of the customer, addresses masked.

    Args:
        customer_id: opaque.
        also: ids of the same person that were joined to this one.
        known: an identify call was seen; without one nothing is sent.
        erased: asked to be forgotten.
        timezone: where the customer's clock is taken to be.
        timezone_given: an identify call said so; else it is a guess from phone and locale.
        locale: as given; may be empty.
        channels: address and the latest word on promotional messages, by channel.
        refused: topics opted out of, as "cart" or "cart by sms".
    """

    customer_id: str
    also: list[str]
    known: bool
    erased: bool
    timezone: str
    timezone_given: bool
    locale: str
    channels: list[Reach]
    refused: list[str]


class Cause(BaseModel):
    """The event that decided a message's fate. ``received_at`` is by the machine's clock."""

    message_id: str
    name: str
    at: datetime
    received_at: datetime


class Happened(BaseModel):
    """An event. ``heard``: some journey listens to it. ``routed``: the runs were told."""

    kind: Literal["event"] = "event"
    at: datetime
    text: str
    message_id: str
    name: str
    properties: dict[str, Any]
    heard: bool
    routed: bool


class Consented(BaseModel):
    """A word on consent."""

    kind: Literal["consent"] = "consent"
    at: datetime
    text: str
    channel: Channel | None
    topic: str
    granted: bool
    source: str


class Readdressed(BaseModel):
    """An address that changed, masked. ``address``: email, phone or push_token."""

    kind: Literal["address"] = "address"
    at: datetime
    text: str
    address: str
    source: str


class Joined(BaseModel):
    """An alias call."""

    kind: Literal["alias"] = "alias"
    at: datetime
    text: str
    previous_id: str


class Decided(BaseModel):
    """A message, and what became of it.

    Args:
        at: when the gate last decided on it, by the journey's clock.
        text: what became of it, in words.
        number: in the ledger; ``sojourn outbox --id`` shows the text.
        state: as in docs/reasons.md.
        held_until: the end of the last hold over quiet hours.
        caused_by: the event that prevented it.
        learnt_late: an event that would have prevented it, had it come in before the claim.
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


Entry = Annotated[
    Happened | Consented | Readdressed | Joined | Decided, Field(discriminator="kind")
]


class Story(BaseModel):
    """Everything `sojourn explain` tells.

    Args:
        customer: the card.
        temporal: why Temporal could not be asked, if it could not.
        runs: open ones first.
        timeline: oldest first.
    """

    customer: Card
    temporal: str | None
    runs: list[Run]
    timeline: list[Entry]


async def tell(
    store: Store, settings: Settings, client: Client | TemporalUnavailable, customer_id: str
) -> Story:
    """Gather a customer's story from the store, and from Temporal as far as it can be asked.

    Args:
        store: open.
        settings: for the zone of customers who never told theirs.
        client: connected; or why there is none.
        customer_id: whose story.

    Raises:
        UnknownName: neither an identify call nor an event ever named this customer.
    """
    async with store.reading() as session:
        customer = await customers.find(session, customer_id)
        if customer is None:
            raise unknown_customer(customer_id)
        customer_id = customer.customer_id  # the one that holds everything, whichever was asked for
        joined = await customers.joined(session, customer_id)
        versions = await customers.addresses(session, customer_id)
        went_to = await ledger.went_to(session, customer_id)
        consents = await customers.consents(session, customer_id)
        said = await customers.statements(session, customer_id)
        happened = await events.of_customer(session, customer_id)
        decided = await ledger.of_customer(session, customer_id)
        noted = await runs.of_customer(session, customer_id)
    ids = [customer_id, *(row.customer_id for row in joined)]
    card = _card(customer, ids, consents, settings)
    found, fault = await _runs(client, ids, noted)
    timeline: list[Entry] = [
        *(_joined(row) for row in joined),
        *_readdressed(versions),
        *(_consented(row) for row in said),
        *(_happened(row) for row in happened),
        *(
            _decided(row, happened, card.timezone, _moved(row, went_to, versions, card.timezone))
            for row in decided
        ),
    ]
    timeline.sort(key=lambda entry: entry.at)  # stable: consent, event, message
    return Story(customer=card, temporal=fault, runs=found, timeline=timeline)


def masked(address: str) -> str:
    """Enough of an address to recognise it, too little to use it: ``a***@example.com``."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{address[:3]}***{address[-2:]}" if len(address) > 7 else "***" if address else ""


def _card(customer: Customer, ids: Sequence[str], consents: Consents, settings: Settings) -> Card:
    return Card(
        customer_id=customer.customer_id,
        also=[other for other in ids if other != customer.customer_id],
        known=customer.known,
        erased=customer.erased,
        timezone=home_zone(customer, settings.timezone),
        timezone_given=bool(customer.timezone),
        locale=customer.locale,
        channels=[
            Reach(
                channel=channel,
                address=masked(customer.address(channel)),
                consent=consents.by_channel.get(channel),
            )
            for channel in Channel
        ],
        refused=sorted(
            f"{topic} by {channel}" if channel else topic for channel, topic in consents.refused
        ),
    )


async def _runs(
    client: Client | TemporalUnavailable, ids: Sequence[str], noted: Sequence[RunRow]
) -> tuple[list[Run], str | None]:
    """The customer's runs, and why Temporal could not be asked, if so."""
    if isinstance(client, TemporalUnavailable):
        return [_noted(row, NOT_ASKED) for row in noted], str(client)
    try:
        found = await with_details(client, await list_runs(client, customer_ids=ids))
    except TemporalUnavailable as error:
        return [_noted(row, NOT_ASKED) for row in noted], str(error)
    seen = {(run.workflow_id, run.run_id) for run in found}
    lost = [row for row in noted if (row.workflow_id, row.run_id) not in seen]
    return [*found, *(_noted(row, NOT_KEPT) for row in lost)], None


def _noted(row: RunRow, status: str) -> Run:
    return Run(
        workflow_id=row.workflow_id,
        run_id=row.run_id,
        journey=row.journey,
        customer_id=row.customer_id,
        key=row.key,
        status=status,
        started=row.started_at,
        closed=row.closed_at,
    )


def _consented(row: ConsentRow) -> Consented:
    what = f"messages on {row.topic}" if row.topic else "promotional messages"
    return Consented(
        at=row.at,
        text=f"{'agreed to' if row.granted else 'said no to'} {what} by {row.channel or 'any way'}",
        channel=Channel(row.channel) if row.channel else None,
        topic=row.topic,
        granted=row.granted,
        source=row.source,
    )


def _joined(row: CustomerRow) -> Joined:
    assert row.joined_at is not None
    return Joined(
        at=row.joined_at,
        text=f"{row.customer_id} is the same person: what either id did counts for both",
        previous_id=row.customer_id,
    )


def _readdressed(versions: Sequence[AddressRow]) -> list[Readdressed]:
    """The changes among a customer's addresses; the first of a kind is none."""
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


def _moved(
    row: LedgerRow, went_to: Mapping[int, str], versions: Sequence[AddressRow], tz: str
) -> str:
    """How a change of address bears on a message; empty if it does not."""
    assert row.id is not None
    mine = [version for version in versions if version.kind == _KINDS[Channel(row.channel)]]
    if not mine:
        return ""
    now, address = mine[-1], went_to.get(row.id)
    if row.reason == Reason.NO_ADDRESS and not now.value:
        return f"; it was taken away {clock(now.at, tz)}"
    if address is None or address == now.value:
        return ""
    change = f"became {masked(now.value)}" if now.value else "was taken away"
    return f"; it went to {masked(address)}; the address {change} {clock(now.at, tz)}"


def _happened(row: EventRow) -> Happened:
    properties = _public(row)
    text = row.name
    if shown := _shortly(properties):
        text += f" ({shown})"
    if row.sent_as is not None:
        text += f", sent as {row.sent_as}"
    if row.routed_at is None:
        text += "; stored, but no run was told of it yet: a worker's sweep will"
    return Happened(
        at=row.occurred_at,
        text=text,
        message_id=row.message_id,
        name=row.name,
        properties=properties,
        heard=row.name in known_events()
        and any(hears(journey, event_named(row.name)) for journey in journeys().values()),
        routed=row.routed_at is not None,
    )


def _public(row: EventRow) -> dict[str, Any]:
    """The event's fields without the personal ones; none of an event nobody described."""
    if row.name not in known_events():
        return {}
    try:
        return events.typed(row).public()
    except BadEvent:
        return {}  # its class became stricter since: which fields are personal cannot be told


def _shortly(properties: Mapping[str, Any]) -> str:
    """The fields that tell events apart, those that name a run first."""
    keys = {journey.key for journey in journeys().values()}
    plain = [(k, v) for k, v in properties.items() if isinstance(v, str | int | float)]
    plain.sort(key=lambda item: item[0] not in keys)
    line = ", ".join(f"{name} {value}" for name, value in plain if "url" not in name)
    return line if len(line) <= PROPERTIES_WIDTH else f"{line[: PROPERTIES_WIDTH - 1]}…"


def _decided(row: LedgerRow, happened: Sequence[EventRow], tz: str, moved: str) -> Decided:
    assert row.id is not None
    cause = next((e for e in happened if e.message_id == row.caused_by), None)
    late = _learnt_late(row, happened)
    return Decided(
        at=row.decided_at,
        text=_fate(row, cause, late, tz) + moved,
        number=row.id,
        workflow_id=row.workflow_id,
        journey=row.journey,
        key=key_in(row.workflow_id),
        step=row.step,
        channel=Channel(row.channel),
        state=row.state,
        reason=Reason(row.reason) if row.reason else None,
        detail=row.detail,
        held_until=row.held_until,
        caused_by=_cause(cause),
        learnt_late=_cause(late),
    )


def _cause(row: EventRow | None) -> Cause | None:
    if row is None:
        return None
    return Cause(
        message_id=row.message_id, name=row.name, at=row.occurred_at, received_at=row.received_at
    )


def _learnt_late(row: LedgerRow, happened: Sequence[EventRow]) -> EventRow | None:
    """An event that happened before a message left, and came in only after it was claimed."""
    journey = journeys().get(row.journey)
    start = next((e for e in happened if e.message_id == row.enrolment), None)
    if journey is None or start is None or row.claimed_at is None or row.state == "skipped":
        return None
    ending = {event.event_name for event in (*journey.goal, *journey.ends_on)}
    key = key_in(row.workflow_id)
    return next(
        (
            event
            for event in happened
            if event.name in ending
            and start.occurred_at < event.occurred_at <= row.decided_at
            and event.received_at > row.claimed_at
            and events.concerns(event, journey.key, key)
        ),
        None,
    )


def _fate(row: LedgerRow, cause: EventRow | None, late: EventRow | None, tz: str) -> str:
    text = _state(row, tz)
    if row.held_until is not None and row.state != "deferred":
        text = f"held over quiet hours until {clock(row.held_until, tz)}, then {text}"
    if cause is not None:
        text += f": {cause.name}, {clock(cause.occurred_at, tz)}"
    if row.possible_duplicate:
        text += "; a first copy may have arrived before"
    if row.detail and row.state != "sent":
        text += f"; attempt {row.attempt}: {row.detail}"
    if late is not None:
        text += (
            f"; {late.name} of {clock(late.occurred_at, tz)} came in only after that, "
            f"at {clock(late.received_at, tz)} by the machine's clock"
        )
    return text


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


def _state(row: LedgerRow, tz: str) -> str:
    return _IN_WORDS[row.state].format(
        channel=row.channel,
        provider=row.provider,
        until=clock(row.held_until, tz) if row.held_until else "",
        because=f" because {explain(Reason(row.reason))}" if row.reason else "",
    )
