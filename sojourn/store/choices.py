"""Choices of customers beside consent: a break, "less often", language, time zone.

What holds stands on the customer's card, where the gate reads it with everything else. Each change
is a row, with the value before, the value since, and its source.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.preferences import Kind
from sojourn.store.tables import ChoiceRow, CustomerRow

BY_RUN = "run "
"""Before the workflow id in the source of a choice that a run made."""


def snooze(person: CustomerRow, until: datetime | None) -> None:
    """Give a customer a break until a moment; None ends it.

    Args:
        person: the row of the person, held by `people.lock`.
        until: the end.
    """
    person.snoozed_until = until


def keep_apart(person: CustomerRow, topic: str, days: int) -> None:
    """Keep messages on a topic at least ``days`` calendar days apart; 0 sends them as they come.

    Args:
        person: the row of the person, held by `people.lock`.
        topic: the topic.
        days: the least distance, in calendar days.
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
        source: the link by which the customer came, or the run that chose for them.
        topic: the topic that it is about.
        locale: the language of the page.
        version: the version of the page's words.
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


async def write_less(
    session: AsyncSession,
    person: CustomerRow,
    topics: Iterable[str],
    days: int,
    *,
    at: datetime,
    run: str,
) -> int:
    """Keep messages apart on a customer's behalf; a choice that asks for more distance stays.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        topics: the topics.
        days: the least distance, in calendar days.
        at: the moment.
        run: the workflow id of the run that does so: the source of the choice.

    Returns:
        The number of topics on which messages now keep the distance.
    """
    number = 0
    for topic in topics:
        number += 1
        before = (person.least_days or {}).get(topic, 0)
        if before < days:
            keep_apart(person, topic, days)
            said = {"was": str(before), "became": str(days), "topic": topic}
            await note(session, person, Kind.OFTEN, at=at, source=f"{BY_RUN}{run}", **said)
    session.add(person)
    await session.flush()
    return number


async def write_as_before(
    session: AsyncSession, person: CustomerRow, *, at: datetime, run: str
) -> int:
    """Take back what `write_less` did, where the customer has chosen nothing since.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        at: the moment.
        run: the workflow id of the run that does so.

    Returns:
        The number of topics that are as they were.
    """
    last = {
        row.topic: row
        for row in await of_customer(session, person.customer_id)
        if row.what == Kind.OFTEN
    }
    number = 0
    for topic, row in last.items():
        if row.source.startswith(BY_RUN) and int(row.became) > int(row.was or 0):
            number += 1
            keep_apart(person, topic, int(row.was or 0))
            said = {"was": row.became, "became": row.was, "topic": topic}
            await note(session, person, Kind.OFTEN, at=at, source=f"{BY_RUN}{run}", **said)
    session.add(person)
    await session.flush()
    return number


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[ChoiceRow]:
    """Return the changes of a customer, oldest first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
    """
    query = select(ChoiceRow).where(ChoiceRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(ChoiceRow.id)))).all()
