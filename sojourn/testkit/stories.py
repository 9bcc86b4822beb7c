"""Write a test's customer down as a `Story`, for invariants to look at.

The card comes from what the test said, not from what the store made of it: a word that the engine
missed must show.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote

from sojourn.domain.calendar import zone
from sojourn.domain.countries import home_country
from sojourn.domain.customer import Customer
from sojourn.domain.invariants import (
    SHIPPED,
    Breach,
    Card,
    Course,
    Happened,
    Invariant,
    Said,
    Story,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.rules import Rules
from sojourn.journeys.journey import Journey
from sojourn.journeys.terms import names
from sojourn.project import Project

ADDRESSES: Mapping[str, tuple[Channel, ...]] = {
    "email": (Channel.EMAIL,),
    "phone": (Channel.SMS, Channel.WHATSAPP),
    "pushToken": (Channel.PUSH,),
}
"""The traits that are addresses, and the channels that need them."""

Words = tuple[datetime, Mapping[str, Any]]
"""The traits of an identify call, and its moment."""


class EventOf(Protocol):
    """An event, as a store or a memory keeps it."""

    name: str
    message_id: str
    occurred_at: datetime
    properties: dict[str, Any]


class MessageOf(Protocol):
    """A row of the ledger, as a store or a memory keeps it."""

    @property
    def message_id(self) -> str:
        """Names it, whatever channel it takes."""
        ...

    @property
    def journey(self) -> str:
        """Its journey."""
        ...

    @property
    def step(self) -> str:
        """Its step."""
        ...

    @property
    def channel(self) -> str:
        """By which it left, or would have."""
        ...

    @property
    def message_class(self) -> str:
        """Its class."""
        ...

    @property
    def topic(self) -> str:
        """Its topic."""
        ...

    @property
    def due_at(self) -> datetime:
        """When it fell due."""
        ...

    @property
    def decided_at(self) -> datetime:
        """When it was decided on last."""
        ...

    @property
    def state(self) -> str:
        """Its state."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it did not leave."""
        ...


def story_of(
    project: Project,
    rules: Rules,
    *,
    said: Iterable[Words],
    events: Iterable[EventOf],
    arrivals: Mapping[str, datetime],
    messages: Iterable[MessageOf],
) -> Story:
    """Write a story down.

    Args:
        project: with the journeys.
        rules: of the policy that holds.
        said: what identify calls said, oldest first.
        events: the customer's rows.
        arrivals: when each event was acknowledged, by its message id; one that a run told arrived
            when it happened.
        messages: the customer's rows of the ledger.

    Returns:
        The story.
    """
    happened = [
        Happened(
            name=row.name,
            at=row.occurred_at.astimezone(UTC),
            arrived=arrivals.get(row.message_id, row.occurred_at).astimezone(UTC),
            id=row.message_id,
            fields=row.properties,
        )
        for row in events
    ]
    return Story(
        events=tuple(sorted(happened, key=lambda one: one.arrived)),
        messages=tuple(_said(row) for row in messages),
        cards=tuple(_cards(said)),
        courses={name: course_of(journey) for name, journey in project.journeys.items()},
        rules=rules,
    )


def course_of(journey: type[Journey]) -> Course:
    """Return a journey as invariants look at it."""
    terms = journey.terms
    return Course(
        reach=terms.reach,
        goals=names(terms.goal),
        ends=names(terms.ends_on),
        messages={message.step: message for message in journey.messages},
    )


def breaches(project: Project, story: Story) -> list[Breach]:
    """Return what a story breaks of the shipped invariants, the project's and the journeys' own.

    A journey's own are asked about the messages of that journey alone.
    """
    found = [one for each in (*SHIPPED, *project.invariants) for one in each.breaches(story)]
    for name, journey in project.journeys.items():
        for own in journey.terms.invariants:
            found += own.breaches(story.of(name))
    return found


def every_invariant(project: Project) -> list[Invariant]:
    """Return the invariants that hold in a project: shipped ones, its own, its journeys'."""
    own = [one for journey in project.journeys.values() for one in journey.terms.invariants]
    return [*SHIPPED, *project.invariants, *own]


def _said(row: MessageOf) -> Said:
    workflow_id, _, cause, _ = row.message_id.rsplit("/", 3)
    return Said(
        at=row.decided_at.astimezone(UTC),
        journey=row.journey,
        step=row.step,
        channel=Channel(row.channel),
        message_class=MessageClass(row.message_class),
        topic=row.topic,
        due=row.due_at.astimezone(UTC),
        state=str(row.state),
        reason=row.reason or "",
        key=workflow_id.partition(":")[2].partition(":")[2],
        workflow_id=workflow_id,
        cause=unquote(cause),
        id=row.message_id,
    )


def _cards(said: Iterable[Words]) -> Iterable[Card]:
    traits: dict[str, Any] = {}
    card: Card | None = None
    for at, told in said:
        traits |= told
        words = _Consents(card)
        words.take(told)
        card = replace(
            _addresses(traits, at),
            agreed=frozenset(words.agreed),
            refused=frozenset(words.refused),
            wanted=frozenset(words.wanted),
        )
        yield card


def _addresses(traits: Mapping[str, Any], at: datetime) -> Card:
    country, region = home_country(
        Customer(
            "",
            phone=traits.get("phone", ""),
            locale=traits.get("locale", ""),
            timezone=traits.get("timezone", ""),
            attributes=dict(traits),
        )
    )
    return Card(
        since=at,
        tz=zone(traits.get("timezone") or "UTC"),
        reachable=frozenset(
            channel
            for trait, channels in ADDRESSES.items()
            for channel in channels
            if traits.get(trait)
        ),
        country=country,
        region=region,
    )


class _Consents:
    """The customer's words, of which the later counts."""

    def __init__(self, card: Card | None) -> None:
        self.agreed = set(card.agreed) if card else set()
        self.refused = set(card.refused) if card else set()
        self.wanted = set(card.wanted) if card else set()

    def take(self, traits: Mapping[str, Any]) -> None:
        """Take the words of one identify call."""
        for channel, granted in (traits.get("marketingConsent") or {}).items():
            self._channel(Channel(channel), granted=granted)
        for word in traits.get("consents") or ():
            channel = Channel(word["channel"]) if "channel" in word else None
            if topic := word.get("topic", ""):
                yes, no = self.wanted, self.refused
                (yes if word["granted"] else no).add((channel, topic))
                (no if word["granted"] else yes).discard((channel, topic))
            elif channel is not None:
                self._channel(channel, granted=word["granted"])

    def _channel(self, channel: Channel, *, granted: bool) -> None:
        (self.agreed.add if granted else self.agreed.discard)(channel)
