"""Customers in memory: their cards, words, events, runs and messages."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sojourn.domain.again import Begun
from sojourn.domain.card_words import TRAIT
from sojourn.domain.consent import Consents
from sojourn.domain.consent_words import ordered, standing
from sojourn.domain.customer import Customer, Identity, Word, home_zone
from sojourn.domain.events import Event
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason
from sojourn.domain.policy import Recipient
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import Entry
from sojourn.journeys.stepping import LocalRun

NEVER = (datetime.min.replace(tzinfo=UTC), 0)
"""The place before all events."""


@dataclass(slots=True, eq=False)
class Happened:
    """An event (`domain.stored.StoredEvent`).

    Args:
        seq: its order of arrival.
        message_id: the sender's id of it.
        customer_id: the id that holds everything.
        name: its wire name.
        occurred_at: when it happened.
        received_at: when it arrived.
        properties: those that were understood.
        event: the same, typed; None: no journey listens to it, or its class cannot read it.
        routed_at: when the runs concerned were told.
        sent_as: the id that it came under, if an alias call has moved it since.
        read: the same, typed for a template; None: no template has asked for it.
    """

    seq: int
    message_id: str
    customer_id: str
    name: str
    occurred_at: datetime
    received_at: datetime
    properties: dict[str, Any]
    event: Event | None = None
    routed_at: datetime | None = None
    sent_as: str | None = None
    read: Event | None = None

    @property
    def place(self) -> tuple[datetime, int]:
        """Its place among the customer's events."""
        return (self.occurred_at, self.seq)


@dataclass(slots=True, eq=False)
class Spoken:
    """A statement of consent or refusal (`domain.stored.Asking`).

    Who it came from, and its address, are noted of requests for confirmation alone.
    """

    id: int
    channel: str
    topic: str
    granted: bool
    at: datetime
    received_at: datetime | None
    purpose: str | None = None
    expires_at: datetime | None = None
    wording: str | None = None
    wording_version: str | None = None
    locale: str | None = None
    proof: str | None = None
    source: str = ""
    address: str | None = None


@dataclass(slots=True, eq=False)
class Noted:
    """A run (`domain.stored.NotedRun`)."""

    id: int
    workflow_id: str
    journey: str
    key: str
    run: LocalRun
    shadow: bool = False
    delayed_until: datetime | None = None  # in memory a run begins at once


@dataclass(slots=True, eq=False)
class Mute:
    """A time in which somebody looks after a customer."""

    message_id: str
    journey: str
    workflow_id: str
    key: str
    start: Happened | None
    until: datetime


@dataclass(slots=True, eq=False)
class Row:
    """A message's row in the ledger, for one channel.

    Args:
        number: of the row.
        message_id: names the message.
        customer_id: the id that holds everything.
        workflow_id: of its run.
        enrolment: the id of the event that began the run.
        journey: its journey.
        step: its step.
        n: its number among the messages of the run.
        message_class: decides which rules hold.
        topic: its topic.
        counted_as: the value by which its step is counted.
        due_at: when it fell due.
        channel: that it took last.
        state: what became of it.
        decided_at: when it was decided on last, by the journey's clock.
        reason: why, if there is a reason.
        detail: that in words.
        held_until: the end of its last hold.
        attempt: how often it was claimed.
        caused_by: the event that kept it from leaving.
    """

    number: int
    message_id: str
    customer_id: str
    workflow_id: str
    enrolment: str
    journey: str
    step: str
    n: int
    message_class: MessageClass
    topic: str
    counted_as: str
    due_at: datetime
    channel: Channel
    state: MessageState
    decided_at: datetime
    reason: Reason | None = None
    detail: str | None = None
    held_until: datetime | None = None
    attempt: int = 0
    caused_by: str | None = None

    @classmethod
    def of(cls, number: int, customer_id: str, delivery: Delivery, now: datetime) -> "Row":
        """Return the row that a message begins with.

        Args:
            number: of the row.
            customer_id: the id that holds everything.
            delivery: the message.
            now: by the journey's clock.

        Returns:
            The row.
        """
        return cls(
            number,
            delivery.message_id,
            customer_id,
            delivery.workflow_id,
            delivery.enrolment,
            delivery.journey,
            delivery.step,
            delivery.n,
            delivery.message_class,
            delivery.topic,
            delivery.counted_as,
            delivery.due,
            delivery.lane,
            MessageState.DEFERRED,
            now,
        )

    @property
    def entry(self) -> Entry:
        """The row as the verdict sees it."""
        return Entry(
            self.number, self.channel, self.state, self.reason, self.decided_at, self.attempt
        )


@dataclass(slots=True, eq=False)
class Person:
    """A customer.

    Args:
        customer_id: the id that holds everything.
        known: somebody has said who the customer is.
        words: the last word on each field of the card.
        said: statements on consent, in the order of their arrival.
        events: in the order of their arrival.
        by_name: the same, by wire name.
        last: the place of the one that happened last.
        runs: those that were open when somebody looked last, oldest first.
        rows: the messages that were decided on, oldest first.
        begun: the runs that the customer has had, by journey.
        variants: the first variant of each experiment.
        mutes: those that nothing has ended.
        calls: the identify calls that were heard, and when, by their message ids.
        recipient: the customer as the policy sees recipients, until something changes; None: it
            has changed since, or a consent will end by itself.
        is_merged: another id was joined to this one.
        besides: fields of the card that no call says: an erasure, a break, devices.
        dead: the suppressed ones of the customer's addresses.
    """

    customer_id: str
    known: bool = False
    words: dict[str, Word] = field(default_factory=dict)
    said: list[Spoken] = field(default_factory=list)
    events: list[Happened] = field(default_factory=list)
    by_name: dict[str, list[Happened]] = field(default_factory=dict)
    last: tuple[datetime, int] = NEVER
    runs: list[Noted] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    begun: dict[str, list[tuple[str, Begun]]] = field(default_factory=dict)
    variants: dict[str, list[str]] = field(default_factory=dict)
    mutes: list[Mute] = field(default_factory=list)
    calls: dict[str, list[tuple[Identity, datetime]]] = field(default_factory=dict)
    recipient: Recipient | None = None
    is_merged: bool = False
    besides: dict[str, Any] = field(default_factory=dict)
    dead: frozenset[tuple[Channel, str]] = frozenset()
    _card: Customer | None = None
    _zones: dict[str, str] = field(default_factory=dict)
    _consents: Consents | None = None

    @property
    def card(self) -> Customer:
        """The card, as the domain sees it."""
        if self._card is None:
            told: dict[str, Any] = {}
            attributes: dict[str, Any] = {}
            for name, word in self.words.items():
                if name.startswith(TRAIT):
                    attributes[name.removeprefix(TRAIT)] = word.value
                else:
                    told[name] = word.value
            if self.mutes:
                last = max(self.mutes, key=lambda mute: mute.until)
                told |= {"in_care_until": last.until, "in_care_of": last.journey}
            self._card = Customer(
                self.customer_id,
                known=self.known,
                attributes=attributes,
                **told,
                **self.besides,
            )
        return self._card

    def is_changed(self) -> None:
        """Forget what was read of the card: it says something else now."""
        self._card = self.recipient = self._consents = None
        self._zones.clear()

    def consents(self, now: datetime) -> Consents:
        """Return what the customer agrees to and refuses.

        Args:
            now: the moment; until something changes it matters only to a consent that ends by
                itself.
        """
        if self._consents is not None:
            return self._consents
        found = standing(ordered(self.said), now)
        if self.says_for_good:
            self._consents = found
        return found

    @property
    def says_for_good(self) -> bool:
        """Tell whether none of the customer's words on consent ends by itself."""
        return all(one.expires_at is None for one in self.said)

    def zone(self, default: str) -> str:
        """Return the zone in which the customer lives, an IANA name.

        Args:
            default: of customers whose own is unknown.
        """
        if default not in self._zones:
            self._zones[default] = home_zone(self.card, default)
        return self._zones[default]

    def keep(self, one: Happened) -> None:
        """Keep an event."""
        self.events.append(one)
        alike = self.by_name.get(one.name)
        if alike is None:
            self.by_name[one.name] = [one]
        else:
            alike.append(one)
        if (place := one.place) > self.last:
            self.last = place

    def is_newest(self, one: Happened) -> bool:
        """Tell whether an event is the last one, by its moment and by its arrival."""
        return one.place == self.last and self.events[-1] is one

    @property
    def open_runs(self) -> list[Noted]:
        """The runs that are not over, oldest first."""
        for noted in self.runs:
            if not noted.run.is_open:
                self.runs = [one for one in self.runs if one.run.is_open]
                break
        return self.runs

    def held(self) -> list[Row]:
        """Return the messages that wait, oldest first."""
        return [row for row in self.rows if row.state is MessageState.DEFERRED]
