"""All customers that a fact holds for, as one SQL statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, false, or_, select

from sojourn.domain.facts import Fact, without_fields
from sojourn.domain.facts.of_campaigns import followed
from sojourn.store.facts.clauses import CUSTOMERS, Clauses
from sojourn.store.facts.consenting import agrees
from sojourn.store.facts.of_campaigns import in_doubt


def holders(
    fact: Fact, now: datetime, *, postgresql: bool, own: Collection[str] = ()
) -> Select[Any]:
    """Return the statement that selects the ids of all customers that a fact holds for.

    Joined ids are one customer, the one that holds everything. Erased customers are not among them,
    nor are those with an unknown answer.

    Args:
        fact: the fact.
        now: the moment at which it is judged: events after it do not count.
        postgresql: write it for PostgreSQL; else for SQLite.
        own: topics that need their own consent.

    Returns:
        The statement; it can be narrowed, counted and ordered.

    Raises:
        TypeError: the fact is about the field of an event, and there is no event at hand.
    """
    return _people(_clause(fact, now, postgresql=postgresql, own=own))


def doubtful(
    fact: Fact, now: datetime, *, postgresql: bool, own: Collection[str] = ()
) -> Select[Any]:
    """Return the statement that selects customers with a fact that depends on messages in doubt.

    The fact is unknown for them, and so is the fate of a message of a campaign that it follows.

    Args:
        fact: the fact.
        now: as for `holders`.
        postgresql: likewise.
        own: likewise.

    Returns:
        The statement.
    """
    doubts = [in_doubt(one, now, CUSTOMERS.c.customer_id) for one in followed(fact)]
    unknown = _clause(fact, now, postgresql=postgresql, own=own).is_(None)
    return _people(and_(or_(false(), *doubts), unknown))


def _people(clause: Any) -> Select[Any]:
    return select(CUSTOMERS.c.customer_id).where(
        CUSTOMERS.c.joined_to.is_(None), CUSTOMERS.c.erased_at.is_(None), clause
    )


def _clause(fact: Fact, now: datetime, *, postgresql: bool, own: Collection[str]) -> Any:
    without_fields(fact, "an audience")
    clauses = Clauses(
        postgresql=postgresql,
        now=now,
        customer_id=CUSTOMERS.c.customer_id,
        agrees=lambda asked: agrees(asked, now, needs_own_yes=asked.topic in own),
    )
    return clauses.of(fact)
