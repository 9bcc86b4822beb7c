"""Work of many customers in one transaction: who crowds leaves room to everybody else."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest

from sojourn.dispatch.lanes import Lane, Told, Wake, customer_of
from sojourn.dispatch.turns import LONGEST_REST, SHARE, Turns, rest


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that nothing runs on: work has a future to be answered by."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def _told(customer_id: str, routed: int) -> Told:
    nothing = cast(Any, None)
    return Told(Lane(customer_id, routed=routed), nothing, reached={}, started=[], closed=[])


def _batches(turns: Turns, most: int = 100) -> list[Counter[str]]:
    found: list[Counter[str]] = []
    while turns and len(found) < most:
        found.append(Counter(customer_of(work) for work in turns.take()))
    return found


def test_a_crowd_is_served_in_every_second_transaction(loop: asyncio.AbstractEventLoop) -> None:
    turns = Turns()
    for _ in range(3 * SHARE):
        turns.put(Wake("flood", loop.create_future()))
    served = []
    for n in range(5):
        turns.put(Wake(f"other-{n}", loop.create_future()))
        served.append(Counter(customer_of(work) for work in turns.take()))
    assert [batch["flood"] for batch in served] == [SHARE, 0, SHARE, SHARE, 0], (
        "what is left of it at last fits beside others"
    )
    assert all(batch[f"other-{n}"] == 1 for n, batch in enumerate(served))


def test_alone_a_crowd_waits_for_nobody(loop: asyncio.AbstractEventLoop) -> None:
    turns = Turns()
    for _ in range(3 * SHARE + 1):
        turns.put(Wake("flood", loop.create_future()))
    assert _batches(turns) == [Counter(flood=SHARE)] * 3 + [Counter(flood=1)]


def test_two_crowds_alone_do_not_wait_for_each_other(loop: asyncio.AbstractEventLoop) -> None:
    turns = Turns()
    for name in ("a", "b"):
        for _ in range(2 * SHARE):
            turns.put(Wake(name, loop.create_future()))
    assert _batches(turns) == [Counter(a=SHARE, b=SHARE)] * 2


def test_a_long_lane_sits_out_as_long_as_others_come(loop: asyncio.AbstractEventLoop) -> None:
    turns = Turns()
    turns.put(_told("flood", SHARE + 1))
    turns.put(_told("calm", SHARE))
    assert turns.take()
    turns.put(_told("flood", SHARE + 2))
    turns.put(_told("calm", SHARE))
    turns.put(Wake("other", loop.create_future()))
    assert _batches(turns) == [Counter(calm=1, other=1), Counter(flood=1)]


def test_a_long_lane_rests_as_long_as_its_last_event_took() -> None:
    long, short = Lane("flood", routed=SHARE + 1), Lane("calm", routed=SHARE)
    assert [rest(long, 0.02), rest(long, 60.0), rest(short, 0.02)] == [0.02, LONGEST_REST, 0.0]
    long.waiting.append((1, cast(Any, None), True))
    assert rest(long, 0.02) == 0.0, "somebody waits for what its events do"
