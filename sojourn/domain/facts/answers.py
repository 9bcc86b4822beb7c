"""Answers to measures: what was looked up about one customer."""

from collections.abc import Collection, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from sojourn.domain.consent import Consents
from sojourn.domain.customer import Customer
from sojourn.domain.facts.kept import Kept
from sojourn.domain.facts.nodes import (
    Agrees,
    Compare,
    CountOf,
    Fact,
    Listed,
    Measure,
    OfCampaign,
    OfEvents,
    TimeOf,
    TotalOf,
    TraitOf,
    WrittenTo,
)
from sojourn.domain.facts.values import MISSING
from sojourn.domain.facts.walking import leaves, measures
from sojourn.domain.traits import card_field
from sojourn.domain.value_class import value_class


class _Unsure(Enum):
    UNSURE = "depends on what is unknown"


UNSURE = _Unsure.UNSURE
"""Stands for a moment or a sum that depends on an event of which ``where`` is unknown."""


class Range(NamedTuple):
    """A number of events: those that are meant, and those that are or may be.

    Args:
        low: events of which ``where`` holds.
        high: events of which it does not fail.
    """

    low: int
    high: int


@value_class
class Answers:
    """All that the judgement on a fact depends on.

    Args:
        now: the moment at which it is judged, by the journey's clock.
        customer: the card.
        consents: what the customer agrees to and refuses.
        events: the answer to each measure of events: a `Range`; a moment, None for never, or
            `UNSURE`; a sum or `UNSURE`.
        fields: of the event at hand; empty without one.
        own: topics that need a yes of their own.
        lists: names of the lists that the customer is on, of those that are asked about.
        written_to: the facts that hold, of those that ask whether somebody wrote to the customer.
        campaigns: the answer to each question about the messages of campaigns.
        happened: the wire names of the events that the customer has, of those that are asked about;
            then `events` has nothing on the others, of which there are none that count. None: it
            has an answer to each measure.
    """

    now: datetime
    customer: Customer
    consents: Consents = field(default_factory=lambda: Consents({}))
    events: Mapping[OfEvents, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    own: Collection[str] = ()
    lists: Collection[str] = ()
    written_to: Collection[WrittenTo] = ()
    campaigns: Mapping[OfCampaign, bool | None] = field(default_factory=dict)
    happened: Collection[str] | None = None

    def with_events(
        self, events: Mapping[OfEvents, Any], happened: Collection[str] | None = None
    ) -> "Answers":
        """Return the answers with those to measures of events.

        Args:
            events: the answer to each measure.
            happened: as for the class.
        """
        return self._but(events, self.fields, happened)

    def at(self, fields: Mapping[str, Any]) -> "Answers":
        """Return the answers as they are for an event with these fields."""
        return self._but(self.events, fields, self.happened)

    def _but(
        self,
        events: Mapping[OfEvents, Any],
        fields: Mapping[str, Any],
        happened: Collection[str] | None,
    ) -> "Answers":
        return Answers(  # as `replace` does, which is slower by far
            self.now,
            self.customer,
            self.consents,
            events,
            fields,
            self.own,
            self.lists,
            self.written_to,
            self.campaigns,
            happened,
        )

    def trait(self, of: TraitOf) -> object:
        """Return the JSON value of a trait, or `MISSING`."""
        return trait_of(self.customer, of)


def trait_of(customer: Customer, of: TraitOf) -> object:
    """Return the JSON value of a customer's trait, or `MISSING`."""
    head, *inner = of.path
    if (name := card_field(head)) is not None:
        return MISSING if inner else getattr(customer, name) or MISSING
    value: Any = customer.attributes.get(head)
    for name in inner:
        value = value.get(name) if isinstance(value, Mapping) else None
    return MISSING if value is None else value


OF_NOTHING: Mapping[type, Any] = MappingProxyType(
    {CountOf: Range(0, 0), TimeOf: None, TotalOf: 0.0}
)
"""The measures of no event at all."""


@Kept
def of_events(fact: Fact) -> Mapping[OfEvents, int | None]:
    """Return what a fact looks up in events, and how many of them it needs at most.

    Returns:
        For each measure the number from which on a count makes no difference; None: all count.
    """
    found: dict[OfEvents, int | None] = {}
    for leaf in leaves(fact):
        of: Measure | None = getattr(leaf, "of", None)
        if not isinstance(of, OfEvents):
            continue
        most = enough(leaf) if isinstance(leaf, Compare) else None
        if isinstance(of, CountOf) and not isinstance(leaf, Compare):
            most = 1  # asked whether it is known, and it always is
        before = found.get(of, 0)
        found[of] = None if most is None or before is None else max(most, before)
    return MappingProxyType(found)


@Kept
def of_events_named(fact: Fact) -> Mapping[str, Mapping[OfEvents, int | None]]:
    """Return what `of_events` does, by the wire names of the events.

    A fact may ask about dozens of events, of which most customers have few.
    """
    found: dict[str, dict[OfEvents, int | None]] = {}
    for of, most in of_events(fact).items():
        found.setdefault(of.event, {})[of] = most
    return MappingProxyType(found)


def enough(leaf: Compare) -> int | None:
    """Return the count from which on the comparison always has the same answer."""
    if not isinstance(leaf.of, CountOf):
        return None
    number = int(leaf.value.value)
    return max(number, 1) if leaf.op in (">=", "<") else number + 1


@Kept
def needs_consents(fact: Fact) -> bool:
    """Tell whether a fact asks what the customer agrees to."""
    return any(isinstance(leaf, Agrees) for leaf in leaves(fact))


@Kept
def lists_of(fact: Fact) -> frozenset[str]:
    """Return the names of the lists that a fact asks about."""
    return frozenset(leaf.name for leaf in leaves(fact) if isinstance(leaf, Listed))


def needs_events(fact: Fact) -> bool:
    """Tell whether a fact asks what the customer did."""
    return any(isinstance(of, OfEvents) for of in measures(fact))


@Kept
def writers_of(fact: Fact) -> frozenset[WrittenTo]:
    """Return what a fact asks about journeys and campaigns that wrote to the customer."""
    return frozenset(leaf for leaf in leaves(fact) if isinstance(leaf, WrittenTo))


@Kept
def event_names(fact: Fact) -> frozenset[str]:
    """Return the wire names of the events that a fact looks at."""
    return frozenset(looks_back(fact))


@Kept
def looks_back(fact: Fact) -> Mapping[str, timedelta | None]:
    """Return the events that a fact looks at, and how far it looks back.

    Returns:
        By wire name the time before now in which they count; None: however long ago they happened.
    """
    found: dict[str, timedelta | None] = {}
    for of in of_events(fact):
        within = None if isinstance(of, TimeOf) else of.within
        before = found.get(of.event, timedelta(0))
        found[of.event] = None if within is None or before is None else max(within, before)
    return MappingProxyType(found)
