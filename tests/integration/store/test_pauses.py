"""Pauses of channels: their beginning, their end, and the probes in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from sojourn.domain.messages import Channel
from sojourn.store import Store, pauses
from sojourn.store.tables import ChannelRow

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture(loop_scope="session")
async def own(migrated_url: str) -> AsyncIterator[Store]:
    async with await Store.open(migrated_url) as store:
        yield store


async def by_provider(store: Store, because: str = "401 Unauthorized") -> bool:
    async with store.transaction() as session:
        return await pauses.begin(
            session, Channel.EMAIL, because=because, by="postmark", probe_at=NOW + MINUTE
        )


async def by_anna(store: Store) -> bool:
    async with store.transaction() as session:
        return await pauses.begin(session, Channel.EMAIL, because="wrong price", by="anna")


Pauses = tuple[Callable[[Store], Awaitable[bool]], ...]


async def now_paused(store: Store) -> dict[Channel, ChannelRow]:
    async with store.reading() as session:
        return await pauses.current(session)


async def test_a_second_pause_leaves_the_first_ones_moment_and_reason(own: Store) -> None:
    assert await now_paused(own) == {}
    assert await by_provider(own) is True
    first = (await now_paused(own))[Channel.EMAIL]
    assert await by_provider(own, "403 Forbidden") is False
    again = (await now_paused(own))[Channel.EMAIL]
    assert again.paused_because == "401 Unauthorized"
    assert again == first


async def test_a_pause_is_of_its_own_channel_alone(own: Store) -> None:
    await by_provider(own)
    assert list(await now_paused(own)) == [Channel.EMAIL]


async def test_a_probe_ends_the_pause_of_its_provider(own: Store) -> None:
    await by_provider(own)
    async with own.transaction() as session:
        assert await pauses.end(session, Channel.EMAIL, by="twilio") is False
        assert await pauses.end(session, Channel.EMAIL, by="postmark") is True
        assert await pauses.end(session, Channel.EMAIL, by="postmark") is False
    assert await now_paused(own) == {}
    async with own.reading() as session:
        row = await session.get(ChannelRow, "email")
    assert row is not None
    assert (row.paused_at, row.probe_at) == (None, None)
    assert row.resumed_at is not None


@pytest.mark.parametrize("both", [(by_provider, by_anna), (by_anna, by_provider)])
async def test_a_probe_does_not_end_an_operators_pause(own: Store, both: Pauses) -> None:
    for one in both:
        await one(own)
    async with own.transaction() as session:
        at, again_at = NOW + 9 * MINUTE, NOW + 10 * MINUTE
        assert await pauses.due_probes(session, Channel, at, again_at=again_at) == {}
        assert await pauses.end(session, Channel.EMAIL, by="postmark") is False
    assert (await now_paused(own))[Channel.EMAIL].paused_by == "anna"
    async with own.transaction() as session:
        assert await pauses.end(session, Channel.EMAIL) is True
    assert await now_paused(own) == {}


async def test_a_channel_can_be_paused_again(own: Store) -> None:
    await by_anna(own)
    async with own.transaction() as session:
        await pauses.end(session, Channel.EMAIL)
    assert await by_provider(own) is True
    assert (await now_paused(own))[Channel.EMAIL].paused_because == "401 Unauthorized"


async def test_one_of_several_workers_gets_a_probe_that_is_due(own: Store) -> None:
    await by_provider(own)

    async def ask(at: datetime) -> list[str]:
        async with own.transaction() as session:
            rows = await pauses.due_probes(session, Channel, at, again_at=at + MINUTE)
            return [row.paused_by for row in rows.values()]

    assert await ask(NOW) == []
    answers = await asyncio.gather(*(ask(NOW + MINUTE) for _ in range(5)))
    assert sorted(answers) == [[], [], [], [], ["postmark"]]
    assert await ask(NOW + MINUTE) == []
    assert await ask(NOW + 2 * MINUTE) == ["postmark"]


async def test_the_reason_of_a_pause_is_kept_as_the_database_takes_it(own: Store) -> None:
    await by_provider(own, "b\0d \udce9" + "x" * 1000)
    kept = (await now_paused(own))[Channel.EMAIL].paused_because
    assert kept.startswith("b?d ?x")
    assert len(kept) == 500
