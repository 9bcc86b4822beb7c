"""One customer's calls in work are bounded; further ones wait, and then are refused."""

import asyncio

import pytest

from sojourn.gateway.tracking import shares
from sojourn.gateway.tracking.shares import Shares


async def test_a_customers_calls_are_bounded_and_others_are_not_concerned() -> None:
    held = Shares()
    leave = held.enter({"undefined": shares.CALLS})
    assert not held.has_room("undefined", 1)
    assert held.has_room("c42", shares.CALLS)
    leave()
    leave()
    assert held.has_room("undefined", shares.CALLS)


async def test_a_request_of_more_calls_than_that_is_taken_alone() -> None:
    held = Shares()
    assert held.has_room("importer", 10 * shares.CALLS)
    held.enter({"importer": 1})
    assert not held.has_room("importer", 10 * shares.CALLS)


async def test_calls_wait_for_those_before_them() -> None:
    held = Shares()
    leave = held.enter({"undefined": shares.CALLS})
    waiting = [asyncio.create_task(held.room("undefined", 1)) for _ in range(3)]
    await asyncio.sleep(0)
    leave()
    assert await asyncio.gather(*waiting) == [True] * 3


async def test_calls_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "PATIENCE_SECONDS", 0.01)
    held = Shares()
    held.enter({"undefined": shares.CALLS})
    assert not await held.room("undefined", 1)
