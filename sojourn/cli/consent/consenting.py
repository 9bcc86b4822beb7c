"""Record the consent in each row of a file for the customer that it is about; safe to repeat."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from sqlalchemy import ColumnElement, func, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.consent.mapping import Reader, Row, Word
from sojourn.cli.importing import Imported, Tally
from sojourn.cli.records import read_records
from sojourn.domain.addresses import spellings
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, BadInput
from sojourn.domain.keys import is_address
from sojourn.domain.messages import Channel
from sojourn.domain.reading import read_identifier
from sojourn.store import Store, cards, consents, kin, people, refusals
from sojourn.store.tables import HAS_EMAIL, ConsentRow, CustomerRow, EventRow

AT_ONCE = 200
"""The most rows of one transaction."""
LONGEST = timedelta(seconds=0.2)
"""After this time a transaction takes no further row, since other writers wait for it."""
TRIES = 5
_DEADLOCK = "40P01"


class _Undone(Exception):
    """Raised to undo a row's part of a transaction in a dry run."""


@dataclass(frozen=True)
class _Read:
    """A row of the file with at least one statement."""

    line: int
    row: Row
    cells: Mapping[str, str]


async def import_file(store: Store, path: Path, reader: Reader, tally: Tally) -> None:
    """Record the statements of a file, many rows in a transaction, each row whole or not at all.

    Args:
        store: the open store.
        path: a file of CSV with a header, or of JSON lines.
        reader: the reader of the rows.
        tally: the counts; in a dry run nothing is stored.

    Raises:
        BadInput: the file cannot be read, or lacks the columns.
    """
    now = datetime.now(UTC)
    waiting: list[_Read] = []
    for line, record in read_records(path, needed=(), plain=True, check=reader.check):
        if (cells := tally.read(line, record)) is None:
            continue
        try:
            row = reader.read(cells)
        except BadInput as error:
            tally.refused.add(line, str(error), cells)
            continue
        if row.words:
            waiting.append(_Read(line, row, cells))
        else:
            tally.report.ignored += 1
        if len(waiting) == AT_ONCE:
            await _record(store, waiting, now, tally)
            waiting = []
    await _record(store, waiting, now, tally)


async def _record(store: Store, rows: Sequence[_Read], now: datetime, tally: Tally) -> None:
    """Record rows in as few transactions as other writers allow, and count what is committed."""
    while rows:
        done = await _commit(store, rows, now, dry_run=tally.report.dry_run)
        for read, taken in zip(rows, done, strict=False):
            if isinstance(taken, BadInput):
                tally.refused.add(read.line, str(taken), read.cells)
            else:
                _count(tally.report, read.row, taken)
        rows = rows[len(done) :]


async def _commit(
    store: Store, rows: Sequence[_Read], now: datetime, *, dry_run: bool
) -> "list[_Taking | BadInput]":
    """Take the first rows in one transaction; return the result of each."""
    for tries in range(TRIES, 0, -1):
        done: list[_Taking | BadInput] = []
        until = monotonic() + LONGEST.total_seconds()
        try:
            async with store.transaction() as session:
                for read in rows:
                    done.append(await _take(session, read, now, dry_run=dry_run))
                    if monotonic() > until:
                        break
            return done
        except DBAPIError as error:  # on PostgreSQL, with other work on the same customers
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK or tries == 1:
                raise
    raise AssertionError("the last try returns or raises")


async def _take(
    session: AsyncSession, read: _Read, now: datetime, *, dry_run: bool
) -> "_Taking | BadInput":
    """Take one row, or leave nothing of it; the other rows are not affected."""
    taking = _Taking(session, read.row, read.cells, now)
    try:
        async with session.begin_nested():
            await taking.take()
            if dry_run:
                raise _Undone
    except _Undone:
        pass
    except BadInput as error:
        return error
    return taking


def _count(report: Imported, row: Row, taken: "_Taking") -> None:
    report.new += taken.new
    report.known += len(row.words) - taken.new
    report.created += taken.created
    report.by_address += taken.by_address


class _Taking:
    """One row on its way into the store."""

    def __init__(
        self, session: AsyncSession, row: Row, cells: Mapping[str, str], now: datetime
    ) -> None:
        self._session = session
        self._row = row
        self._cells = cells
        self._now = now
        self.new = self.by_address = 0
        self.created = False

    async def take(self) -> None:
        """Record every statement of the row, or none.

        Raises:
            BadInput: the row cannot be taken; nothing of it may be committed.
        """
        persons = await self._persons()
        for word in self._row.words:
            changed = False
            for person in persons:
                changed |= await self._say(person, word)
            if not word.granted and await self._refuse(word):
                changed = True
                self.by_address += not persons
            self.new += changed

    async def _persons(self) -> Sequence[CustomerRow]:
        """Return the customers the row is about; more than one, or none, only if it says no."""
        if self._row.customer_id:
            return [await self._named(self._row.customer_id)]
        found = await self._holders()
        if len(found) != 1 and any(word.granted for word in self._row.words):
            held = f"{len(found)} customers have" if found else "no customer has"
            raise BadInput(f"{held} this address: give the customer's id")
        if not found and not self._row.addresses:
            raise BadInput("does not tell who it is about")
        rows = await people.lock_all(self._session, found)
        return [rows[one] for one in found if rows[one].erased_at is None]

    async def _named(self, customer_id: str) -> CustomerRow:
        customer_id = _read_id(customer_id)
        if is_address(customer_id) and await cards.find(self._session, customer_id) is None:
            raise BadInput(
                "the customer's id is an address, and ids are seen by many: give an id of your own"
            )
        person = await people.lock(self._session, customer_id)
        if person.erased_at is not None:
            raise BadInput("the customer was erased: nothing of them is kept")
        if person.identified_at is None:
            await self._introduce(customer_id)
            self.created = True
            person = await people.lock(self._session, customer_id)
        return person

    async def _introduce(self, customer_id: str) -> None:
        """Create a card from the row's addresses, as old as the oldest statement."""
        moments = [word.at for word in self._row.words if word.at] or [self._now]
        card = {
            name: self._row.addresses[channel]
            for name, channel in (("email", Channel.EMAIL), ("phone", Channel.SMS))
            if channel in self._row.addresses
        }
        said = json.dumps(dict(self._cells), sort_keys=True)
        identity = Identity(
            customer_id=customer_id,
            message_id=f"import:{hashlib.sha256(said.encode()).hexdigest()[:32]}",
            at=min(moments),
            card=card,
            attributes={},
            consents={},
        )
        await cards.hear(self._session, identity, now=self._now)

    async def _holders(self) -> list[str]:
        """Return the ids of the customers who have an address of the row on their card."""
        found: set[str] = set()
        for channel, address in self._row.addresses.items():
            written = spellings(channel, address)
            holds: ColumnElement[bool]
            match channel:
                case Channel.EMAIL:
                    holds = func.lower(col(CustomerRow.email)).in_(written) & text(HAS_EMAIL)
                case Channel.PUSH:
                    holds = col(CustomerRow.push_token).in_(written)
                case _:
                    holds = kin.has_number(written)
            query = select(CustomerRow.customer_id).where(
                holds, col(CustomerRow.joined_to).is_(None)
            )
            found |= set((await self._session.exec(query)).all())
        return sorted(found)

    async def _say(self, person: CustomerRow, word: Word) -> bool:
        """Record a person's statement; return whether it was not on record."""
        evidence = word.evidence
        if not evidence.address and word.channel in self._row.addresses:
            assert word.channel is not None
            evidence = replace(evidence, address=self._row.addresses[word.channel])
        news: list[EventRow] = []
        await consents.record(
            self._session,
            person,
            word.channel,
            granted=word.granted,
            source=word.source,
            topic=word.topic,
            purpose=word.purpose,
            at=word.at,
            received_at=None if word.at else self._now,
            evidence=evidence,
            remembered=word.at is not None,
            news=news,
        )
        is_new = bool(news) or any(isinstance(one, ConsentRow) for one in self._session.new)
        await self._session.flush()
        return is_new

    async def _refuse(self, word: Word) -> bool:
        """Apply a no to everybody with the address; return whether it was not on record."""
        if word.channel is None or not (address := self._row.addresses.get(word.channel)):
            return False
        pair, at = (word.channel, address), word.at or self._now
        known = [
            row
            for row in await refusals.against(self._session, [pair])
            if row.topic == word.topic and (word.at is None or row.at >= at)
        ]
        if known:
            return False
        await refusals.add(self._session, *pair, topic=word.topic, at=at, source=word.source)
        return True


def _read_id(written: str) -> str:
    try:
        return read_identifier("customer_id", written)
    except BadEvent as error:
        raise BadInput(f"the customer's id {error.reason}") from None
