"""Lift a suppression, or add a file of them, row by row and safe to repeat."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.addresses import read_address
from sojourn.cli.here import Here
from sojourn.cli.importing import Tally
from sojourn.cli.moments import read_past
from sojourn.cli.options import channel_named
from sojourn.cli.output import show_line
from sojourn.cli.records import Record, read_records
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import Channel
from sojourn.store import Store, suppressions

COLUMNS = ("channel", "address", "because", "at", "source")
AT_ONCE = 200
"""The rows of one transaction."""
_LONGEST = 200


@dataclass(frozen=True)
class Fallback:
    """The values that rows of a file may leave out.

    Args:
        channel: the channel; None if every row must name its own.
        because: the cause.
        by: the source.
    """

    channel: Channel | None
    because: str
    by: str


@dataclass(frozen=True)
class _Row:
    channel: Channel
    address: str
    because: str
    at: datetime
    source: str


async def import_file(store: Store, path: Path, fallback: Fallback, tally: Tally) -> None:
    """Suppress the addresses of a file.

    Args:
        store: the open store.
        path: a file of CSV with a header, or of JSON lines.
        fallback: the values that rows may leave out.
        tally: the counts; in a dry run nothing is stored.

    Raises:
        BadInput: the file cannot be read, or lacks a column.
    """
    now, report = datetime.now(UTC), tally.report
    needed = ["address"] if fallback.channel else ["channel", "address"]
    records = read_records(path, needed=needed, plain=True)
    while batch := list(islice(records, AT_ONCE)):
        async with store.transaction() as session:
            for row in _rows(batch, fallback, now, tally):
                if await _take(session, row, dry_run=report.dry_run):
                    report.new += 1
                else:
                    report.known += 1


def _rows(
    batch: Iterable[Record], fallback: Fallback, now: datetime, tally: Tally
) -> Iterator[_Row]:
    for line, record in batch:
        if (cells := tally.read(line, record)) is None:
            continue
        try:
            row = _row(cells, fallback, now)
        except BadInput as error:
            tally.refused.add(line, str(error), cells)
            continue
        yield row


def _row(said: Mapping[str, str], fallback: Fallback, now: datetime) -> _Row:
    if not said.get("address"):
        raise BadInput("has no address")
    channel = channel_named(said["channel"]) if said.get("channel") else fallback.channel
    if channel is None:
        raise BadInput("has no channel: name it in the row, or by --channel")
    for name in ("because", "source"):
        if len(said.get(name, "")) > _LONGEST:
            raise BadInput(f"{name}: is longer than {_LONGEST} characters")
    return _Row(
        channel=channel,
        address=read_address(channel, said["address"]),
        because=said.get("because") or fallback.because,
        at=read_past(said["at"], now) if said.get("at") else now,
        source=said.get("source") or fallback.by,
    )


async def _take(session: AsyncSession, row: _Row, *, dry_run: bool) -> bool:
    """Suppress one address; return whether that is new."""
    if dry_run:
        return await suppressions.would_add(session, row.channel, row.address, at=row.at)
    return await suppressions.add(
        session, row.channel, row.address, because=row.because, at=row.at, source=row.source
    )


async def lift_address(here: Here, channel: Channel, address: str, why: str, by: str) -> None:
    """Lift a suppression, and print that.

    Args:
        here: the installation.
        channel: the channel to which the suppression applies.
        address: the address, in any spelling.
        why: the operator's words.
        by: the operator's name.

    Raises:
        UnknownName: the address is not suppressed for the channel.
    """
    async with here.store() as store, store.transaction() as session:
        was_listed = await suppressions.lift(
            session, channel, address, at=datetime.now(UTC), by=by, because=why
        )
    if not was_listed:
        raise UnknownName(
            "suppressed address", address, hint=f"nothing keeps {channel} from going there"
        )
    show_line(f"{address} may be sent to by {channel} again")
