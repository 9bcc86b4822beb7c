"""Switches are stored with who and why, keep their history, and are read by one statement."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest_asyncio
from sqlalchemy import event

from sojourn.domain.messages import Channel
from sojourn.domain.switches import Part, Scope
from sojourn.store import Store, locks, pauses, switches
from sojourn.store.tables import SwitchRow

BOTH = tuple(Part)


@pytest_asyncio.fixture(loop_scope="session")
async def own(migrated_url: str) -> AsyncIterator[Store]:
    async with await Store.open(migrated_url) as store:
        yield store


async def begin(
    store: Store,
    name: str = "cart",
    *,
    parts: Collection[Part] = BOTH,
    closed: bool = False,
    because: str = "wrong price",
) -> int:
    async with store.transaction() as session:
        new = await switches.begin(
            session, Scope.TOPIC, name, parts, closed=closed, because=because, by="anna"
        )
    return len(new)


async def end(store: Store, name: str = "cart", parts: Collection[Part] = BOTH) -> int:
    async with store.transaction() as session:
        return await switches.end(session, Scope.TOPIC, name, parts, because="mended", by="bob")


async def on(store: Store) -> list[SwitchRow]:
    async with store.reading() as session:
        return list(await switches.on(session))


async def test_a_switch_that_is_on_keeps_its_moment_and_its_reason(own: Store) -> None:
    assert await begin(own) == 2
    before = await on(own)
    assert await begin(own, because="another reason") == 0
    assert await on(own) == before
    assert {(row.part, row.by, row.because) for row in before} == {
        ("entries", "anna", "wrong price"),
        ("sends", "anna", "wrong price"),
    }


async def test_a_part_ends_alone_and_the_history_stays(own: Store) -> None:
    await begin(own)
    assert await end(own, parts=[Part.SENDS]) == 1
    assert [row.part for row in await on(own)] == ["entries"]
    assert await end(own) == 1
    assert await end(own) == 0
    await begin(own, because="again")
    async with own.reading() as session:
        rows = await switches.history(session, 10)
    assert [(row.because, row.ended_by, row.ended_because) for row in rows] == [
        ("again", None, None),
        ("again", None, None),
        ("wrong price", "bob", "mended"),
        ("wrong price", "bob", "mended"),
    ]


async def test_a_closing_takes_the_place_of_a_pause_and_no_pause_that_of_a_closing(
    own: Store,
) -> None:
    await begin(own)
    assert await begin(own, parts=[Part.ENTRIES], closed=True, because="for good") == 1
    assert await begin(own, because="a while") == 0
    assert {(row.part, row.closed, row.because) for row in await on(own)} == {
        ("sends", False, "wrong price"),
        ("entries", True, "for good"),
    }
    assert await begin(own, parts=[Part.ENTRIES], closed=True) == 0


async def test_two_operators_at_one_time_set_one_switch(own: Store) -> None:
    assert sum(await asyncio.gather(*(begin(own) for _ in range(5)))) == 2


async def test_pauses_and_switches_are_read_by_one_statement(own: Store) -> None:
    await begin(own)
    await begin(own, "news", parts=[Part.ENTRIES])
    await begin(own, "old")
    await end(own, "old")
    async with own.transaction() as session:
        await pauses.begin(session, Channel.SMS, because="x", by="anna")
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(own.engine.sync_engine, "before_cursor_execute", note)
    async with own.transaction() as session:
        found = await switches.holds(session)
    assert [statement for statement in asked if "BEGIN" not in statement] != []
    assert len([statement for statement in asked if "BEGIN" not in statement]) == 1
    assert list(found.channels) == [Channel.SMS]
    assert [(one.scope, one.name) for one in found.switches] == [(Scope.TOPIC, "cart")]
    assert all(moment.tzinfo for moment in found.channels.values())
    assert found.switches[0].since.tzinfo is not None


async def test_an_answer_waits_for_the_claims_that_began_before(own: Store) -> None:
    if own.engine.dialect.name != "postgresql":
        assert await switches.settle(own)
        return
    async with own.transaction() as session:
        await locks.share(session, [switches.LOCK])
        assert not await switches.settle(own, patience_ms=50)
        settling = asyncio.create_task(switches.settle(own))
    assert await settling
