"""Facts about a customer in memory, as `store.facts.one` judges them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sojourn.domain.consent import Consents
from sojourn.domain.consent_words import ordered, standing
from sojourn.domain.facts import Answers, Fact, Finding, OfEvents
from sojourn.domain.facts import judge as judge_by
from sojourn.domain.facts.answers import event_names, needs_consents, writers_of
from sojourn.domain.facts.events import Happened, look_up, measured
from sojourn.domain.facts.nodes import WrittenTo
from sojourn.domain.facts.of_campaigns import asked_of_campaigns
from sojourn.domain.states import WAITING, MessageState
from sojourn.in_memory.people import Person

WROTE = (*WAITING, MessageState.SENT, MessageState.UNKNOWN)
"""The states of messages by which a journey has written, or is about to."""
NONE = Consents({})
"""Nobody asks what the customer agrees to."""


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
    answers = Answers(
        now=now,
        customer=person.card,
        consents=said or (standing(ordered(person.said), now) if needs_consents(fact) else NONE),
        fields=fields or {},
        own=own,
        written_to={one for one in writers_of(fact) if _wrote(person, one, now)},
        campaigns=dict.fromkeys(asked_of_campaigns(fact), False),
    )
    return judge_by(fact, look_up(fact, answers, _events(person, event_names(fact))))


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
    return measured(of, _events(person, [of.event]), answers)


def _wrote(person: Person, asked: WrittenTo, now: datetime) -> bool:
    return any(
        row.journey == asked.by
        and row.state in WROTE
        and now - asked.within < row.decided_at <= now
        for row in person.rows
    )


def _events(person: Person, names: Iterable[str]) -> list[Happened]:
    found = []
    for name in names:
        for one in person.by_name.get(name, ()):
            if one.looked_at is None:
                one.looked_at = Happened(one.name, one.occurred_at, one.properties)
            found.append(one.looked_at)
    return found
