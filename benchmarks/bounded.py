"""Bounded concurrency: each of several lanes takes the next item when it has finished one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_lanes(items: Iterable[T], count: int, do: Callable[[T], Awaitable[object]]) -> None:
    """Do every item, several at a time; the first failure ends all lanes.

    Args:
        items: taken one by one, when a lane is free.
        count: the number of lanes.
        do: called with each item.
    """
    left = iter(items)

    async def lane() -> None:
        for item in left:  # all lanes draw from one iterator
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(lane())
