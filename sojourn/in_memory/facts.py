"""Facts about a customer in memory, as `store.facts.one` judges them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sojourn.domain.consent import Consents
from sojourn.domain.facts import Answers, Fact, Finding, OfEvents
from sojourn.domain.facts import judge as judge_by
from sojourn.domain.facts.answers import looks_back, needs_consents, writers_of
from sojourn.domain.facts.events import look_up_in, measured
from sojourn.domain.facts.judging import of_nothing
from sojourn.domain.facts.kept import Kept
from sojourn.domain.facts.nodes import OfCampaign, WrittenTo
from sojourn.domain.facts.of_campaigns import asked_of_campaigns
from sojourn.domain.states import WAITING, MessageState
from sojourn.in_memory.people import Happened, Person

WROTE = (*WAITING, MessageState.SENT, MessageState.UNKNOWN)
"""The states of messages by which a journey has written, or is about to."""
NONE = Consents({})
"""Nobody asks what the customer agrees to."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
"""The fields of no event."""


def judged(
    person: Person,
    fact: Fact,
    now: datetime,
    own: Collection[str],
    *,
    said: Consents | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Finding:
    """Judge a fact. Nobody is on a list here, and no campaign has written.

    Args:
        person: the customer.
        fact: the fact.
        now: the moment at which it is judged.
        own: topics that need a yes of their own.
        said: what the customer agrees to, if that was read already.
        fields: properties of the event at hand.

    Returns:
        The answer, with the clauses that gave it.
    """
    asks = _asks(fact)
    named = _named(person, asks, now)
    if not named and not person.card.erased and (nothing := of_nothing(fact)) is not None:
        return nothing
    answers = Answers(
        now=now,
        customer=person.card,
        consents=said or (person.consents(now) if asks.consents else NONE),
        fields=NOTHING if fields is None else fields,
        own=own,
        written_to=[one for one in asks.writers if _wrote(person, one, now)],
        campaigns=asks.campaigns,
        happened=(),
    )
    return judge_by(fact, look_up_in(named, fact, answers) if named else answers)


def _named(person: Person, asks: "_Asks", now: datetime) -> dict[str, list[Happened]]:
    """Return the events that a fact asks about, by their names, where some of them may count."""
    last, _ = person.last
    if asks.furthest is not None and last <= now - asks.furthest:
        return {}  # a customer who sleeps has done nothing for so long
    by_name = person.by_name
    return {
        name: by_name[name]
        for name, within in asks.events
        if name in by_name and _count(by_name[name], within, now)
    }


def _count(events: Sequence[Happened], within: timedelta | None, now: datetime) -> bool:
    """Tell whether some of the events of one name may count: not all of them are too old."""
    if within is None:
        return True
    oldest = now - within
    # mostly the last one that arrived is the last one that happened
    return events[-1].occurred_at > oldest or max([one.occurred_at for one in events]) > oldest


@dataclass(frozen=True)
class _Asks:
    """All that has to be looked up for a fact.

    Args:
        consents: it asks what the customer agrees to.
        writers: what it asks about journeys and campaigns that wrote to the customer.
        campaigns: its questions about the messages of campaigns, with their answer here.
        events: the wire names of the events that it looks at, and how far it looks back.
        furthest: the furthest that it looks back; None: to the beginning.
    """

    consents: bool
    writers: frozenset[WrittenTo]
    campaigns: Mapping[OfCampaign, bool]
    events: tuple[tuple[str, timedelta | None], ...]
    furthest: timedelta | None


@Kept
def _asks(fact: Fact) -> _Asks:
    """Return what has to be looked up for a fact."""
    campaigns = MappingProxyType(dict.fromkeys(asked_of_campaigns(fact), False))
    events = tuple(looks_back(fact).items())
    spans = [within for _, within in events if within is not None]
    furthest = max(spans, default=timedelta(0)) if len(spans) == len(events) else None
    return _Asks(needs_consents(fact), writers_of(fact), campaigns, events, furthest)


def measure(person: Person, of: OfEvents, now: datetime, own: Collection[str]) -> object:
    """Return the value of a measure of a customer's events.

    Args:
        person: the customer.
        of: the measure.
        now: the moment at which it is measured.
        own: topics that need a yes of their own.

    Returns:
        As `domain.facts.events.measured`.
    """
    answers = Answers(now=now, customer=person.card, own=own)
    return measured(of, person.by_name.get(of.event, ()), answers)


def _wrote(person: Person, asked: WrittenTo, now: datetime) -> bool:
    return any(
        row.journey == asked.by
        and row.state in WROTE
        and now - asked.within < row.decided_at <= now
        for row in person.rows
    )
