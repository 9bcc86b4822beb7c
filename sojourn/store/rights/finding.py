"""Find the rows of a person in any table of the register, a page at a time."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, cast, false, func, or_, tuple_
from sqlalchemy import String as Text
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.person import Person
from sojourn.store.rights.register import Find, Part
from sojourn.store.tables import AddressRow, ConsentRow, LedgerRow

PAGE = 500

Row = Mapping[str, Any]


def table_of(name: str) -> Table:
    """Return the table of this name."""
    return SQLModel.metadata.tables[name]


def rows_of(name: str, person: Person) -> ColumnElement[bool]:
    """Return the condition that selects a person's rows in a table.

    For rows that are found by a call (`Find.CALL`), it selects too many: `names` sorts them out.

    Args:
        name: the table's.
        person: the person.

    Returns:
        The condition.
    """
    table, holding = table_of(name), HOLDINGS[name]
    match holding.find:
        case Find.CUSTOMER:
            named = [c for c, part in holding.columns.items() if part is Part.CUSTOMER]
            own: list[ColumnElement[bool]] = [table.c[c].in_(person.ids) for c in named]
            if name == "identify_calls":
                own.append(_heard(table, person))
            if name == "answers":  # to a number that nobody had on their card at that moment
                own.append(_addressed(table, person))
            return or_(*own)
        case Find.MESSAGE:
            ours = select(LedgerRow.id).where(col(LedgerRow.customer_id).in_(person.ids))
            return table.c.ledger_id.in_(ours)
        case Find.ADDRESS:
            return _addressed(table, person)
        case Find.CALL:
            sent = func.lower(cast(table.c.call, Text))
            return or_(*(sent.contains(one, autoescape=True) for one in _needles(person)))
        case Find.NOBODY:
            return false()


async def pages_of(
    session: AsyncSession, name: str, person: Person, *, page: int = PAGE
) -> AsyncIterator[Sequence[Row]]:
    """Read a person's rows in a table, in the order of their keys.

    Args:
        session: any session.
        name: the table's.
        person: the person.
        page: the most rows to hold at a time.

    Yields:
        Pages of rows, each row by column.
    """
    table = table_of(name)
    keys = list(table.primary_key.columns)
    condition, after = rows_of(name, person), None
    while True:
        query = select(*table.c).where(condition).order_by(*keys).limit(page)
        if after is not None:
            query = query.where(tuple_(*keys) > after)
        found = [dict(row) for row in (await session.exec(query)).mappings()]
        if rows := [
            row for row in found if HOLDINGS[name].find is not Find.CALL or names(row, person)
        ]:
            yield rows
        if len(found) < page:
            return
        after = tuple(found[-1][key.name] for key in keys)


def names(row: Row, person: Person) -> bool:
    """Tell whether a call in quarantine is about a person: it has an id or an address of theirs.

    An id counts only as a whole value. A shop's request has our id without the shop's name.
    """
    ids = {one for i in person.ids for one in (i, i.removeprefix(f"{row['source']}:"))}
    addresses = {one.lower() for one in person.values}
    return any(
        str(value) in ids or any(address in str(value).lower() for address in addresses)
        for value in values_of(row["call"])
    )


def values_of(sent: Any) -> list[Any]:
    """Return every value of a call, and every name of a field, however deep."""
    found: list[Any] = []
    left = [sent]
    while left:
        match left.pop():
            case dict() as fields:
                found += fields
                left += fields.values()
            case list() as items:
                left += items
            case value:
                found.append(value)
    return found


def _needles(person: Person) -> list[str]:
    """Return the texts that a call about a person contains, as the JSON of a row spells them."""
    ids = {part for one in person.ids for part in (one, one.partition(":")[2])}
    return sorted({json.dumps(one)[1:-1].lower() for one in ids | person.values if one})


def _addressed(table: Table, person: Person) -> ColumnElement[bool]:
    pairs = sorted((channel.value, address) for channel, address in person.addresses)
    return tuple_(table.c.channel, table.c.address).in_(pairs) if pairs else false()


def _heard(table: Table, person: Person) -> ColumnElement[bool]:
    """Return the condition for calls that were heard before rows had their customer's id."""
    ways = [
        select(source).where(col(customer).in_(person.ids))
        for source, customer in (
            (AddressRow.source, AddressRow.customer_id),
            (ConsentRow.source, ConsentRow.customer_id),
        )
    ]
    return or_(*(table.c.message_id.in_(way) for way in ways))
