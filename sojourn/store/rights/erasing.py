"""Erasing a person in the store: first a tombstone, then everything that the register finds.

One transaction does it, under the person's lock: from its commit on, the gate lets nothing pass, no
call brings the person back, and only one row still names them. The row of the erasure keeps the
ids, addresses and runs that are still to be searched for, until `finish` deletes those as well.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.states import AttemptState
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import people, suppressions, tombstones
from sojourn.store.dialects import is_postgresql
from sojourn.store.digests import remember_erased
from sojourn.store.joining import ALIAS_LOCK
from sojourn.store.rights import emptying
from sojourn.store.rights.erasures import held
from sojourn.store.rights.finding import pages_of, rows_of, table_of
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.person import Person, person_of
from sojourn.store.rights.register import End, Find
from sojourn.store.settling import ABANDONED_AFTER
from sojourn.store.tables import AttemptRow, CustomerRow, ErasureRow, LedgerRow, RunRow


@dataclass(frozen=True)
class Todo:
    """The rest of an erasure, until it is finished.

    Args:
        person: the person; rows may still come from work that was under way.
        token: stands for the person's id in rows that were emptied.
        runs: workflow and run ids whose histories Temporal is to delete.
        letters: numbers of messages that may lie as files in the home folder.
        not_before: until when the end of a hand-over that was under way may be reported; None:
            none was.
    """

    person: Person
    token: str
    runs: tuple[tuple[str, str], ...] = ()
    letters: tuple[int, ...] = ()
    not_before: datetime | None = None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Todo":
        """Read the rest from the row of an erasure."""
        return cls(
            person=Person(
                tuple(told["ids"]),
                frozenset((Channel(channel), address) for channel, address in told["addresses"]),
            ),
            token=told["token"],
            runs=tuple((workflow_id, run_id) for workflow_id, run_id in told["runs"]),
            letters=tuple(told["letters"]),
            not_before=datetime.fromisoformat(told["not_before"]) if told["not_before"] else None,
        )

    def told(self) -> dict[str, Any]:
        """Return the rest as the row of an erasure keeps it."""
        return {
            "ids": list(self.person.ids),
            "addresses": sorted((c.value, address) for c, address in self.person.addresses),
            "token": self.token,
            "runs": sorted([workflow_id, run_id] for workflow_id, run_id in self.runs),
            "letters": sorted(self.letters),
            "not_before": self.not_before.isoformat() if self.not_before else None,
        }


async def begin(
    session: AsyncSession, customer_id: str, *, why: str, by: str
) -> tuple[ErasureRow, bool]:
    """Erase a person in the store, and leave a tombstone.

    Args:
        session: a writing transaction that holds no customer.
        customer_id: any id of the person; one that nobody ever named gets a tombstone, too.
        why: the reason; it must not quote the person.
        by: who asks for it.

    Returns:
        The erasure; and False if the person was erased before.
    """
    if is_postgresql(session):  # no id is joined meanwhile
        await session.exec(text("SELECT pg_advisory_xact_lock(:n)").bindparams(n=ALIAS_LOCK))  # type: ignore[call-overload]
    root = await people.resolve(session, customer_id)
    if tombstones.is_tombstone(root):
        return await _erased_before(session, root), False
    ids = await people.ids(session, root)
    # pointers first: anybody who asks by a pointer locks in this order
    rows = [await people.hold(session, one) for one in (*sorted(ids[1:]), root)]
    if tombstones.is_tombstone(rows[-1].customer_id):  # another erasure was quicker
        return await _erased_before(session, rows[-1].customer_id), False
    person, now = await person_of(session, root), datetime.now(UTC)
    todo = Todo(
        person=person,
        token=f"{tombstones.PREFIX}{secrets.token_hex(8)}",
        runs=await _runs(session, person),
        letters=await _letters(session, person),
        not_before=now + ABANDONED_AFTER if await _is_under_way(session, person) else None,
    )
    names = await tombstones.names_of(session, person.ids)
    counts = await purge(session, todo)
    await remember_erased(session, sorted(person.addresses), now)
    for row in rows:
        session.expunge(row)
    cards = delete(CustomerRow).where(col(CustomerRow.customer_id).in_(person.ids))
    counts["customers"] = (await session.exec(cards)).rowcount
    session.add_all(
        CustomerRow(
            customer_id=names[one],
            erased_at=now,
            joined_to=None if one == person.ids[0] else names[person.ids[0]],
        )
        for one in person.ids
    )
    erasure = ErasureRow(
        customer=names[person.ids[0]],
        asked_at=now,
        why=writable(why, LONGEST_NOTE),
        by=by,
        counts={name: count for name, count in counts.items() if count},
        todo=todo.told(),
    )
    session.add(erasure)
    await session.flush()
    return erasure, True


async def purge(session: AsyncSession, todo: Todo) -> Counter[str]:
    """Delete or empty every row of a person, except the cards.

    A repeated call does the same to rows that have come since.

    Args:
        session: a writing transaction.
        todo: the erasure's rest, which names the person.

    Returns:
        The number of rows by table.
    """
    person, counts = todo.person, Counter[str]()
    await emptying.settle(session, person)
    await emptying.rename_runs(session, person, todo.token)
    again = Person((*person.ids, todo.token), person.addresses)
    counts += await counted(session, person)
    for name, holding in HOLDINGS.items():
        if name == "customers" or holding.find is Find.NOBODY:
            continue
        table = table_of(name)
        if holding.find is Find.CALL:
            async for page in pages_of(session, name, person):
                numbers = [row["id"] for row in page]
                await session.exec(delete(table).where(table.c.id.in_(numbers)))
        elif holding.end is End.DELETED:
            await session.exec(delete(table).where(rows_of(name, again)))
        elif holding.end is End.EMPTIED:
            await emptying.empty(session, name, again, todo.token)
    for channel, address in sorted(person.addresses):
        await suppressions.forget(session, address, channels=(channel,))
    return counts


async def counted(session: AsyncSession, person: Person) -> Counter[str]:
    """Count the rows of a person, by table, as an erasure would find them.

    Args:
        session: any session.
        person: the person.

    Returns:
        The number of rows by table.
    """
    counts = Counter[str]()
    for name, holding in HOLDINGS.items():
        match holding.find:
            case Find.NOBODY:
                continue
            case Find.CALL:
                async for page in pages_of(session, name, person):
                    counts[name] += len(page)
            case _:
                query = select(func.count()).select_from(table_of(name))
                counts[name] = (await session.exec(query.where(rows_of(name, person)))).one()
    return counts


async def finish(session: AsyncSession, number: int, *, histories: int) -> bool:
    """Finish an erasure: purge rows that came since, and forget what was still to be searched for.

    Args:
        session: a writing transaction.
        number: the number of the erasure's row.
        histories: how many histories Temporal has deleted.

    Returns:
        False if a hand-over may still be under way.
    """
    row = await held(session, number)
    if row is None or row.todo is None:
        return True
    todo = Todo.read(row.todo)
    later = await purge(session, todo)
    if todo.not_before is not None and todo.not_before > datetime.now(UTC):
        return False
    row.counts = dict(Counter(row.counts) + later + Counter(histories=histories))
    row.todo, row.fault, row.finished_at = None, None, datetime.now(UTC)
    session.add(row)
    return True


async def reopen(session: AsyncSession, tombstone: str, run: RunRow) -> None:
    """Have one more run deleted, which was being started while its customer was erased.

    Args:
        session: a writing transaction that holds the tombstone.
        tombstone: its name.
        run: the row that was about to be noted.
    """
    newest = await _erased_before(session, tombstone)
    row = await held(session, newest.id or 0)
    assert row is not None
    before = (
        Todo.read(row.todo)
        if row.todo
        else Todo(Person((run.customer_id,)), f"{tombstones.PREFIX}{secrets.token_hex(8)}")
    )
    runs = {*before.runs, (run.workflow_id, run.run_id)}
    row.todo = Todo(
        before.person, before.token, tuple(runs), before.letters, before.not_before
    ).told()
    row.finished_at, row.scrubbed_at, row.scrub_after = None, None, None
    session.add(row)


async def _erased_before(session: AsyncSession, tombstone: str) -> ErasureRow:
    query = select(ErasureRow).where(ErasureRow.customer == tombstone)
    return (await session.exec(query.order_by(col(ErasureRow.id).desc()).limit(1))).one()


async def _runs(session: AsyncSession, person: Person) -> tuple[tuple[str, str], ...]:
    query = select(RunRow.workflow_id, RunRow.run_id)
    found = await session.exec(query.where(col(RunRow.customer_id).in_(person.ids)))
    return tuple((workflow_id, run_id) for workflow_id, run_id in found)


async def _letters(session: AsyncSession, person: Person) -> tuple[int, ...]:
    query = select(LedgerRow.id).where(col(LedgerRow.customer_id).in_(person.ids))
    return tuple(number for number in (await session.exec(query)).all() if number is not None)


async def _is_under_way(session: AsyncSession, person: Person) -> bool:
    """Tell whether an attempt may be handing a message over at this moment."""
    query = (
        select(AttemptRow.id)
        .join(LedgerRow, col(LedgerRow.id) == AttemptRow.ledger_id)
        .where(
            col(LedgerRow.customer_id).in_(person.ids),
            col(AttemptRow.state) == AttemptState.SUBMITTING,
            col(AttemptRow.submitted_at) > datetime.now(UTC) - ABANDONED_AFTER,
        )
        .limit(1)
    )
    return (await session.exec(query)).first() is not None
