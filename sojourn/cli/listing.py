"""Lists of customers from files, row by row and safe to repeat."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.importing import Tally
from sojourn.cli.records import Record, read_records
from sojourn.domain.errors import BadInput
from sojourn.domain.reading import read_identifier
from sojourn.store import Store, cards, lists

COLUMN = "customer_id"
AT_ONCE = 200
"""The rows of one transaction."""


async def import_list(
    store: Store, name: str, path: Path, tally: Tally, *, column: str, by: str, remove: bool
) -> None:
    """Put the customers in a file on a list, or take them off it.

    Args:
        store: the open store.
        name: the name of the list.
        path: a file of CSV with a header, or of JSON lines.
        tally: the counts; in a dry run nothing is stored.
        column: the column with the customers' ids.
        by: the operator's name.
        remove: take the customers off the list.

    Raises:
        BadInput: the file cannot be read, or lacks the column.
    """
    records = read_records(path, needed=[column], plain=True)
    source = f"{by}: {path.name}"
    while batch := list(islice(records, AT_ONCE)):
        async with store.transaction() as session:
            found = await _customers(session, batch, column, tally)
            listed = await lists.of_these(session, name, list(found))
            news = listed if remove else [one for one in found if one not in listed]
            tally.report.new += len(news)
            tally.report.known += len(found) - len(news)
            if tally.report.dry_run or not news:
                continue
            if remove:
                await lists.remove(session, name, news)
            else:
                await lists.add(session, name, news, at=datetime.now(UTC), source=source)


async def _customers(
    session: AsyncSession, batch: Iterable[Record], column: str, tally: Tally
) -> Mapping[str, None]:
    """Return the customers' main ids, each once; refuse rows that name no customer."""
    found: dict[str, None] = {}
    for line, record in batch:
        if (cells := tally.read(line, record)) is None:
            continue
        try:
            asked = read_identifier(column, cells.get(column, ""))
            customer = await cards.find(session, asked)
            if customer is None:
                raise BadInput(f"no customer {asked}: an identify call or an event makes one")
            if customer.erased:
                raise BadInput(f"customer {asked} is erased")
        except BadInput as error:
            tally.refused.add(line, str(error), cells)
            continue
        if customer.customer_id in found:
            tally.report.known += 1
        found[customer.customer_id] = None
    return found
