"""Export what has changed since a number, batch by batch."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.insight.exporting.duck import DuckFile
from sojourn.insight.exporting.parquet import ParquetFolder
from sojourn.insight.exporting.postgres import PostgresTables
from sojourn.insight.exporting.reading import read
from sojourn.insight.exporting.schema import VERSION
from sojourn.insight.exporting.target import Standing, Target
from sojourn.insight.measuring import Measuring
from sojourn.insight.numbering import Numbering
from sojourn.store import Store, changes
from sojourn.store.changes import Kind

PAGE = 20_000
"""Changes of one batch."""


@dataclass
class Exported:
    """The result of an export.

    Args:
        since: the number that it began after.
        upto: the number of the last change.
        rows: how many, by stream.
        behind: the kinds of which there is more (`Numbering.catch_up`).
    """

    since: int
    upto: int
    rows: Counter[str] = field(default_factory=Counter)
    behind: frozenset[Kind] = frozenset()


def target_of(said: str) -> Target:
    """Return the target that somebody names.

    Args:
        said: a folder, ``duckdb:FILE`` or ``postgres://...``.

    Raises:
        BadInput: it is none of them.
    """
    scheme, colon, rest = said.partition(":")
    if scheme in ("postgres", "postgresql") and rest.startswith("//"):
        return PostgresTables(said)
    if scheme == "duckdb" and colon:
        if not rest:
            raise BadInput("--to duckdb: names no file: write duckdb:shop.duckdb")
        return DuckFile(Path(rest))
    if "://" in said:
        raise BadInput(
            f"--to {scheme}://: nothing is exported there: a folder, duckdb:FILE or postgres://..."
        )
    return ParquetFolder(Path(said))


async def export(
    measuring: Measuring,
    target: Target,
    events: Mapping[str, type[Event]],
    *,
    since: int | None = None,
    personal: bool = False,
    page: int = PAGE,
) -> Exported:
    """Export all that has changed.

    Args:
        measuring: of the store; what is not counted yet is counted first, for its marks tell what
            has changed.
        target: closed again afterwards by who made it.
        events: the project's, by wire name.
        since: the changes after this number; None: after the last one that the target has.
        personal: personal columns as well.
        page: changes of one batch.

    Returns:
        What was exported.

    Raises:
        BadInput: the target has other columns, is filled from another database or from a later
            number on, or lacks what lies before ``since``.
        Unavailable: the target cannot be used.
    """
    store = measuring.store
    before = await target.open()
    async with store.transaction() as session:
        await changes.begin(session)
    for _ in range(2):  # what the first pass takes back leaves marks for the second
        await measuring.catch_up()
    behind = await Numbering(store).catch_up()
    token, last = await _feed(store)
    begin = _begin(before, Standing(token, last, personal, VERSION), since)
    begin = await target.begin(Standing(token, begin, personal, VERSION))
    done = Exported(begin, begin, behind=behind)
    while done.upto < last:
        async with store.reading() as session:
            found = await changes.since(session, done.upto, last, page)
            if not found:  # all that is left has changed meanwhile: it comes next time
                break
            batch = await read(session, found, events)
        await target.write(batch, Standing(token, batch.upto, personal, VERSION))
        done.upto = batch.upto
        done.rows.update({name: len(rows) for name, rows in batch.rows.items()})
    return done


async def _feed(store: Store) -> tuple[str, int]:
    async with store.reading() as session:
        feed = await changes.feed(session)
    assert feed is not None, "it has begun"
    return feed.token, feed.seq


def _begin(before: Standing | None, now: Standing, since: int | None) -> int:
    """Return the number after which an export begins."""
    if since is not None and since > now.seq:
        raise BadInput(f"--since {since}: there are {now.seq} changes")
    if before is None:
        return since or 0
    if before.version != now.version:
        raise BadInput(
            f"the target has version {before.version} of the schema, this is {now.version}: "
            "name a new target"
        )
    if before.personal and not now.personal:
        raise BadInput(
            "the target has personal columns: say --personal, or name another one without them"
        )
    if now.personal and not before.personal:
        raise BadInput("the target has no personal columns: name another one for --personal")
    if before.token != now.token:
        raise BadInput("the target is filled from another database: name a new one")
    if before.seq > now.seq:
        raise BadInput(
            f"the target is ahead: it has change {before.seq}, the database {now.seq}. Was that "
            "restored from a backup? Name a new target"
        )
    if since is not None and since > before.seq:
        raise BadInput(
            f"--since {since}: the target ends at {before.seq}, what lies between would be missing"
        )
    return before.seq if since is None else since
