"""`Story`: one customer's events, words and messages, as plain values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sojourn.domain.keys import Reach
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.rules import NO_RULES, UNKNOWN, Rules

NO_KEY = Reach()
LEFT = ("sent", "unknown")
"""The states of a message that has left, or may have."""


@dataclass(frozen=True)
class Happened:
    """An event of the customer.

    Args:
        name: the wire name.
        at: when it happened.
        arrived: when it was acknowledged.
        id: its message id.
        fields: as they were understood.
    """

    name: str
    at: datetime
    arrived: datetime
    id: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """A message that a journey decided on.

    Args:
        at: when it was decided on; of one that left, its claim.
        journey: the journey's name.
        step: the step.
        channel: by which it left, or would have.
        message_class: its class.
        topic: its topic.
        due: when it fell due.
        state: ``sent``, ``skipped``, ... as docs/reasons.md has them.
        reason: why it did not leave; empty if it did.
        key: the key of its run.
        workflow_id: the id of its run.
        cause: the id of the event that (re)started the steps which it is of.
        id: names it, whatever channel it takes.
    """

    at: datetime
    journey: str
    step: str
    channel: Channel
    message_class: MessageClass
    topic: str
    due: datetime
    state: str = "sent"
    reason: str = ""
    key: str = ""
    workflow_id: str = ""
    cause: str = ""
    id: str = ""

    @property
    def name(self) -> str:
        """The message, as people call it: ``abandoned-cart/reminder``."""
        return f"{self.journey}/{self.step}"

    @property
    def has_left(self) -> bool:
        """True if it was sent, or may have been."""
        return self.state in LEFT

    @property
    def is_promotional(self) -> bool:
        """True if it needs consent, and keeps to the hours of the policy."""
        return self.message_class is MessageClass.PROMOTIONAL


@dataclass(frozen=True)
class Card:
    """The customer from a moment on: zone, addresses, words on consent.

    Args:
        since: from this moment on.
        tz: where the customer lives.
        reachable: channels that have an address.
        agreed: channels by which the customer agreed to promotional messages.
        refused: channel and topic that the customer said no to; channel None means every one.
        wanted: channel and topic that the customer said yes to; channel None means every one.
        country: where the customer lives (ISO 3166); empty if nothing tells.
        region: the part of the country.
    """

    since: datetime
    tz: ZoneInfo
    reachable: frozenset[Channel] = frozenset()
    agreed: frozenset[Channel] = frozenset()
    refused: frozenset[tuple[Channel | None, str]] = frozenset()
    wanted: frozenset[tuple[Channel | None, str]] = frozenset()
    country: str = UNKNOWN
    region: str = ""


@dataclass(frozen=True)
class Course:
    """A journey, as far as invariants look at it.

    Args:
        reach: the rule by which events find its runs.
        goals: wire names of the events that make it succeed.
        ends: wire names of the events that end it otherwise.
        messages: its messages, by step.
    """

    reach: Reach = NO_KEY
    goals: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    messages: Mapping[str, Message] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """One customer's story.

    Args:
        events: in order of arrival.
        messages: that journeys decided on, in order.
        cards: the customer's, oldest first: before the first one nobody is known.
        courses: the journeys, by name.
        rules: of the policy that holds.
    """

    events: tuple[Happened, ...] = ()
    messages: tuple[Said, ...] = ()
    cards: tuple[Card, ...] = ()
    courses: Mapping[str, Course] = field(default_factory=dict)
    rules: Rules = NO_RULES

    @cached_property
    def left(self) -> tuple[Said, ...]:
        """The messages that left, or may have, by their moments."""
        return tuple(sorted((one for one in self.messages if one.has_left), key=lambda m: m.at))

    @cached_property
    def _by_id(self) -> Mapping[str, Happened]:
        return {one.id: one for one in self.events}

    def of(self, journey: str) -> "Story":
        """Return the story with the messages of one journey alone."""
        return replace(self, messages=tuple(m for m in self.messages if m.journey == journey))

    def cause(self, message: Said) -> Happened | None:
        """Return the event that (re)started the steps of a message; None if it is not known."""
        return self._by_id.get(message.cause)

    def card(self, at: datetime) -> Card | None:
        """Return the customer as they were just before a moment; None: nobody was known."""
        found = None
        for card in self.cards:
            # the first one is there before anything else can happen at its moment
            if card.since < at or (found is None and card.since == at):
                found = card
        return found

    def cards_at(self, at: datetime) -> Sequence[Card]:
        """Return the customer just before a moment, and as words of that very moment made them.

        A story does not tell which of two things at one moment came first: what a message may not
        do under any of these, it should not have done.

        Args:
            at: the moment.

        Returns:
            The cards; none: nobody was known.
        """
        before = self.card(at)
        since = [card for card in self.cards if card.since == at and card is not before]
        return since if before is None else [before, *since]

    def local(self, at: datetime) -> datetime:
        """Return a moment by the clock on the customer's wall then; in UTC before it is known."""
        card = self.card(at) or next(iter(self.cards), None)
        return at.astimezone(card.tz) if card else at

    def told(self, at: datetime) -> str:
        """Return a moment by the customer's clock, for people: ``Sun 29 Mar 2026 03:30``."""
        shown = self.local(at)
        return f"{shown:%a} {shown.day} {shown:%b %Y %H:%M}"

    def about(self, event: Happened, message: Said) -> bool:
        """Tell whether an event is about what a message's run is about, by the run's key.

        An event that names no key is about all of the customer's runs, and so is each event where
        the journey has none, and one that is of any key. One that ends runs as a whole is about
        none if it names products.
        """
        reach = self.courses[message.journey].reach if message.journey in self.courses else NO_KEY
        if event.name in reach.whole and event.fields.get("products"):
            return False
        said = reach.said(event.name, event.fields.get)
        return event.name in reach.any_key or reach.is_of(message.key, said)

    def after(self, message: Said, *names: str) -> Iterator[Happened]:
        """Yield the events after which a message left, although they are later than its cause.

        An event counts if it was acknowledged before the message left, happened after the event
        from which the message's steps count, and is about what its run is about.

        Args:
            message: one that left.
            names: wire names of the events.
        """
        cause = self.cause(message)
        for event in self.events:
            if (
                event.name in names
                and event.arrived < message.at
                and (cause is None or event.at > cause.at)
                and self.about(event, message)
            ):
                yield event
