"""Consent of a file: what each row says, recorded for the customer it is about; safe to repeat."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.consent.mapping import Reader, Row, Word
from sojourn.cli.importing import Tally
from sojourn.cli.records import read_records
from sojourn.domain.addresses import spellings
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, BadInput
from sojourn.domain.keys import is_address
from sojourn.domain.messages import Channel
from sojourn.domain.reading import read_identifier
from sojourn.store import Store, cards, consents, people, refusals
from sojourn.store.tables import ConsentRow, CustomerRow, EventRow


class _Undone(Exception):
    """Leaves a transaction without a trace: a dry run."""


async def import_file(store: Store, path: Path, reader: Reader, tally: Tally) -> None:
    """Record the words of a file, each row in a transaction of its own.

    Args:
        store: open.
        path: CSV with a header, or JSON lines.
        reader: by which rows are read.
        tally: counts; in a dry run nothing is stored.

    Raises:
        BadInput: the file cannot be read, or lacks the columns.
    """
    now = datetime.now(UTC)
    for line, record in read_records(path, needed=(), plain=True, check=reader.check):
        if (cells := tally.read(line, record)) is None:
            continue
        try:
            row = reader.read(cells)
            if row.words:
                await _record(store, row, cells, now, tally)
            else:
                tally.report.ignored += 1
        except BadInput as error:
            tally.refused.add(line, str(error), cells)


async def _record(
    store: Store, row: Row, cells: Mapping[str, str], now: datetime, tally: Tally
) -> None:
    try:
        async with store.transaction() as session:
            taking = _Taking(session, row, cells, now)
            await taking.take()
            if tally.report.dry_run:
                raise _Undone
    except _Undone:
        pass
    report = tally.report
    report.new += taking.new
    report.known += len(row.words) - taking.new
    report.created += taking.created
    report.by_address += taking.by_address


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
        """Record every word of the row, or none.

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
        """Return the customers the row is about; more than one, or nobody, only if it says no."""
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
        """Make a card of the row's addresses, as old as the oldest word."""
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
            match channel:
                case Channel.EMAIL:
                    holds = func.lower(col(CustomerRow.email)).in_(written)
                case Channel.PUSH:
                    holds = col(CustomerRow.push_token).in_(written)
                case _:
                    holds = col(CustomerRow.phone).in_(written)
            query = select(CustomerRow.customer_id).where(
                holds, col(CustomerRow.joined_to).is_(None)
            )
            found |= set((await self._session.exec(query)).all())
        return sorted(found)

    async def _say(self, person: CustomerRow, word: Word) -> bool:
        """Record a word of a person; tell whether it was not on record."""
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
        """Let a no hold for everybody who has the address; tell whether it was not on record."""
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


def _read_id(text: str) -> str:
    try:
        return read_identifier("customer_id", text)
    except BadEvent as error:
        raise BadInput(f"the customer's id {error.reason}") from None
