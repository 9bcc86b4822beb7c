"""All customers of which a fact holds, as one statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from sojourn.domain.facts import Fact, without_fields
from sojourn.store.facts.clauses import CUSTOMERS, Clauses
from sojourn.store.facts.consenting import agrees


def holders(
    fact: Fact, now: datetime, *, postgresql: bool, own: Collection[str] = ()
) -> Select[Any]:
    """Return the statement that selects the ids of all customers of which a fact holds.

    Joined ids are one customer, the one that holds everything. Nobody who is erased is among them,
    nor is anybody for whose answer something is unknown.

    Args:
        fact: the fact.
        now: the moment at which it is judged: events after it do not count.
        postgresql: write it for PostgreSQL; else for SQLite.
        own: topics that need a yes of their own.

    Returns:
        The statement; it can be narrowed, counted and ordered.

    Raises:
        TypeError: the fact is about the field of an event, and there is no event at hand.
    """
    without_fields(fact, "an audience")
    clauses = Clauses(
        postgresql=postgresql,
        now=now,
        customer_id=CUSTOMERS.c.customer_id,
        agrees=lambda asked: agrees(asked, now, needs_own_yes=asked.topic in own),
    )
    return select(CUSTOMERS.c.customer_id).where(
        CUSTOMERS.c.joined_to.is_(None),
        CUSTOMERS.c.erased_at.is_(None),
        clauses.of(fact),
    )
