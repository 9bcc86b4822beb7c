"""Coupon codes: imported from files, made from a pattern, and exported."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.importing import Tally
from sojourn.cli.records import Record, read_records
from sojourn.cli.rows import RowWriter
from sojourn.domain.coupon_codes import comparable, drawn, read_code
from sojourn.domain.coupons import FILE, Pool
from sojourn.domain.errors import BadInput
from sojourn.domain.states import CouponState
from sojourn.journeys.journey import Journey
from sojourn.store import Store, coupon_stock
from sojourn.store.coupon_stock import AT_ONCE

COLUMN = "code"
PLAYED = 10_000
"""The codes of a pool where no customer is real: in a demo, a season, a replay."""
COLUMNS = ("code", "state", "customer_id", "reserved_at", "expires_at", "used_at")
"""The columns of an export."""
_Codes = Mapping[str, tuple[int, str, dict[str, str]]]
"""The line number, the code and the row, by the `comparable` code."""


async def import_codes(
    store: Store, pool: Pool, path: Path, tally: Tally, *, column: str, by: str, remove: bool
) -> None:
    """Add the codes in a file to a pool, or remove them from it.

    Args:
        store: the open store.
        pool: the pool.
        path: a file of CSV with a header, or of JSON lines.
        tally: the counts; in a dry run nothing is stored.
        column: the column with the codes.
        by: the operator's name.
        remove: remove the codes, except those that a customer has.

    Raises:
        BadInput: the file cannot be read, or lacks the column.
    """
    records = read_records(path, needed=[column], plain=True)
    seen: set[str] = set()
    while batch := list(islice(records, AT_ONCE)):
        codes = _read(batch, column, tally, seen)
        async with store.transaction() as session:
            if remove:
                await _take_out(session, pool.name, codes, tally)
            else:
                await _put_in(session, pool.name, codes, tally, source=f"{by}: {path.name}")


def _read(batch: list[Record], column: str, tally: Tally, seen: set[str]) -> _Codes:
    """Return the codes of a batch; refuse rows without a valid code, and repeated codes."""
    codes: dict[str, tuple[int, str, dict[str, str]]] = {}
    for line, record in batch:
        if (cells := tally.read(line, record)) is None:
            continue
        try:
            code = read_code(cells.get(column, ""))
        except BadInput as error:
            tally.refused.add(line, str(error), cells)
            continue
        key = comparable(code)
        if key in seen:
            tally.refused.add(line, f"the code {code} is in the file already", cells)
            continue
        seen.add(key)
        codes[key] = (line, code, cells)
    return codes


async def _put_in(
    session: AsyncSession, pool: str, codes: _Codes, tally: Tally, *, source: str
) -> None:
    known = await coupon_stock.known(session, list(codes))
    for key, row in known.items():
        line, code, cells = codes[key]
        if row.pool != pool:
            tally.refused.add(line, f"the code {code} is in the pool {row.pool}", cells)
        else:
            tally.report.known += 1
    new = [code for key, (_, code, _) in codes.items() if key not in known]
    tally.report.new += len(new)
    if not tally.report.dry_run:
        await coupon_stock.add(session, pool, new, at=datetime.now(UTC), source=source)


async def _take_out(session: AsyncSession, pool: str, codes: _Codes, tally: Tally) -> None:
    known = await coupon_stock.known(session, list(codes))
    free: list[str] = []
    for key, (line, code, cells) in codes.items():
        row = known.get(key)
        if row is None or row.pool != pool:
            tally.refused.add(line, f"the code {code} is not in the pool {pool}", cells)
        elif row.state is CouponState.WITHDRAWN:
            tally.report.known += 1
        elif row.state is not CouponState.FREE:
            tally.refused.add(line, f"the code {code} is {row.state}, and cannot go back", cells)
        else:
            free.append(key)
    tally.report.new += len(free)
    if not tally.report.dry_run:
        await coupon_stock.withdraw(session, pool, free)


async def make_codes(store: Store, pool: Pool, number: int, rows: RowWriter, *, by: str) -> None:
    """Make codes from a pool's pattern; if a code exists already, draw another.

    Args:
        store: the open store.
        pool: the pool.
        number: the number of codes.
        rows: receives each code, to be imported into the shop.
        by: the operator's name.

    Raises:
        BadInput: the pool has no pattern.
    """
    if not pool.pattern:
        raise BadInput(
            f"the pool {pool.name} has no pattern: write one in {FILE}, or import its codes"
        )
    left = number
    while left:
        codes = {comparable(code): code for code in _drawn(pool.pattern, min(left, AT_ONCE))}
        async with store.transaction() as session:
            new = await coupon_stock.add(
                session, pool.name, codes.values(), at=datetime.now(UTC), source=f"{by}: made"
            )
        for key in new:
            rows.write({COLUMN: codes[key]})
        left -= len(new)


def _drawn(pattern: str, number: int) -> Iterator[str]:
    return (drawn(pattern) for _ in range(number))


async def fill(store: Store, journeys: Iterable[type[Journey]]) -> None:
    """Fill the pools of a simulation with codes that are valid nowhere.

    Args:
        store: the store of the simulation.
        journeys: the journeys with messages that hand out codes.
    """
    at = datetime.now(UTC)
    named = {message.coupon for journey in journeys for message in journey.messages}
    for name in sorted(named - {""}):
        codes = (f"{name.upper()}-SPECIMEN-{n}" for n in range(PLAYED))
        async with store.transaction() as session:
            await coupon_stock.add(session, name, codes, at=at, source="made up")


async def export_codes(
    store: Store, pool: str, rows: RowWriter, *, state: CouponState | None
) -> int:
    """Write the codes of a pool.

    Args:
        store: the open store.
        pool: the name of the pool.
        rows: receives the codes, oldest first.
        state: only codes in this state; None for all.

    Returns:
        The number of codes written.
    """
    number, last = 0, 0
    async with store.reading() as session:
        while page := await coupon_stock.page(session, pool, after=last, limit=AT_ONCE):
            for row in page:
                if state is None or row.state is state:
                    rows.write(row.model_dump())
                    number += 1
            last = page[-1].id or 0
    return number
