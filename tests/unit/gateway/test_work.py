"""Places among the work under way, and the line before them."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Gauge

from sojourn.gateway.http import work
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.http.line import Line
from sojourn.gateway.http.work import Work


def _work(limit: int = 1, seconds: float = 20) -> Work:
    registry = CollectorRegistry()
    in_work, in_line = (Gauge(name, name, registry=registry) for name in ("work", "line"))
    return Work(limit, in_work, in_line, seconds)


async def test_senders_take_turns_in_line() -> None:
    line = Line()
    turns = {f"flood{n}": line.join("flood") for n in range(3)}
    turns["other"] = line.join("other")
    order = []
    while line:
        turn = line.next()
        order.append(next(name for name, one in turns.items() if one is turn))
    assert order == ["flood0", "other", "flood1", "flood2"]


async def test_no_more_than_the_limit_is_in_work_and_everybody_comes_to_their_turn() -> None:
    places, now, most = _work(limit=3), 0, 0

    async def one(number: int) -> int:
        nonlocal now, most
        async with places.place(f"sender{number % 4}"):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
        return number

    assert await asyncio.gather(*(one(n) for n in range(20))) == list(range(20))
    assert most == 3


async def test_whoever_waits_in_vain_is_refused_and_leaves_the_line() -> None:
    places = _work(seconds=0.02)
    async with places.place("first"):
        with pytest.raises(Refusal) as refused:
            async with places.place("second"):
                pass
        assert refused.value.status == 429
    async with places.place("third"):
        pass


async def test_whoever_is_cancelled_in_line_takes_no_place() -> None:
    places = _work()

    async def second() -> None:
        async with places.place("second"):
            pass

    async with places.place("first"):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5), places.place("third"):
        pass


async def test_the_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LINE", 1)
    places = _work()

    async def hold(until: asyncio.Event) -> None:
        async with places.place("one"):
            await until.wait()

    until = asyncio.Event()
    both = [asyncio.create_task(hold(until)) for _ in range(2)]
    await asyncio.sleep(0)
    assert places.overrun
    with pytest.raises(Refusal):
        async with places.place("another"):
            pass
    until.set()
    await asyncio.gather(*both)
    assert not places.overrun


async def test_work_that_is_late_goes_on_and_keeps_its_place() -> None:
    places, until = _work(seconds=0.05), asyncio.Event()
    ended = []

    async def slow() -> None:
        await until.wait()
        ended.append("slow")

    with pytest.raises(TimeoutError):
        await places.done("first", slow())
    with pytest.raises(Refusal):
        await places.done("second", slow())
    until.set()
    await places.drained()
    assert ended == ["slow"]
    await places.done("third", slow())


def test_refused_senders_come_back_at_different_moments() -> None:
    waits = {work._crowded().retry_after for _ in range(200)}
    assert len(waits) > 4
    assert min(wait or 0 for wait in waits) >= 1
