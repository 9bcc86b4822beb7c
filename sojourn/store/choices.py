"""Choices of customers beside consent: a break, "less often", language, time zone.

What holds stands on the customer's card, where the gate reads it with everything else. Each change
is a row, with what was, what became of it, and where it came from.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.preferences import Kind
from sojourn.store.tables import ChoiceRow, CustomerRow


def snooze(person: CustomerRow, until: datetime | None) -> None:
    """Let a customer have a break until a moment; None: end it.

    Args:
        person: the row of the person, held by `people.lock`.
        until: the end.
    """
    person.snoozed_until = until


def keep_apart(person: CustomerRow, topic: str, days: int) -> None:
    """Keep messages on a topic so many calendar days apart; 0: as they come.

    Args:
        person: the row of the person, held by `people.lock`.
        topic: the topic.
        days: the least distance.
    """
    kept = {**(person.least_days or {}), topic: days}
    person.least_days = {name: days for name, days in kept.items() if days} or None


async def note(
    session: AsyncSession,
    person: CustomerRow,
    what: Kind,
    *,
    was: str,
    became: str,
    at: datetime,
    source: str,
    topic: str = "",
    locale: str = "",
    version: str = "",
) -> None:
    """Keep a change as a row.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        what: the kind of choice.
        was: the value before; empty: none.
        became: the value since.
        at: when it was chosen.
        source: the link by which the customer came.
        topic: that it is about.
        locale: the language of the page.
        version: of the page's words.
    """
    session.add(
        ChoiceRow(
            customer_id=person.customer_id,
            what=what.value,
            topic=topic,
            was=was,
            became=became,
            at=at,
            source=source,
            locale=locale,
            version=version,
        )
    )
    await session.flush()


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[ChoiceRow]:
    """Return the changes of a customer, oldest first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
    """
    query = select(ChoiceRow).where(ChoiceRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(ChoiceRow.id)))).all()
