"""Export: everything that is held about a person, written as JSON while it is read.

docs/rights.md describes the format. `VERSION` changes when readers of the former version would go
wrong; new tables and columns do not change it.
"""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import UnknownName
from sojourn.store import cards
from sojourn.store.rights.finding import PAGE, pages_of
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.person import Person, person_of
from sojourn.store.rights.register import Find
from sojourn.store.tombstones import is_tombstone

FORMAT, VERSION = "sojourn-customer", 1


async def known_person(session: AsyncSession, customer_id: str) -> Person:
    """Return the person of an id.

    Raises:
        UnknownName: nothing is held under this id.
    """
    if (found := await cards.find(session, customer_id)) and is_tombstone(found.customer_id):
        raise UnknownName("customer", customer_id, hint="it was erased, and nothing is held of it")
    if found is None:
        raise UnknownName(
            "customer", customer_id, hint="no identify call and no event ever named this id"
        )
    return await person_of(session, customer_id)


async def exported(
    session: AsyncSession, customer_id: str, *, page: int = PAGE
) -> AsyncGenerator[str]:
    """Write everything that is held about a person, with only a page of rows in memory at a time.

    Args:
        session: a session that only reads.
        customer_id: any id of the person.
        page: the most rows to hold.

    Yields:
        The parts of one JSON text.

    Raises:
        UnknownName: nothing is held under this id.
    """
    person = await known_person(session, customer_id)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": datetime.now(UTC),
        "customer_id": person.ids[0],
        "ids": person.ids,
        "addresses": sorted({address for _, address in person.addresses}),
    }
    yield _text(head)[:-1] + ', "held": {'
    told = [name for name, holding in HOLDINGS.items() if holding.find is not Find.NOBODY]
    for number, name in enumerate(told):
        yield f"{',' if number else ''}\n{_text(name)}: ["
        comma = ""
        async for rows in pages_of(session, name, person, page=page):
            for row in rows:
                yield f"{comma}\n  {_text(row)}"
                comma = ","
        yield "]"
    yield "\n}}\n"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    return str(value)
