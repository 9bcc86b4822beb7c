"""Bounded concurrency: so many at a time, each lane taking the next item when it has done one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_lanes(items: Iterable[T], count: int, do: Callable[[T], Awaitable[object]]) -> None:
    """Do every item, ``count`` at a time; the first failure ends it all."""
    left = iter(items)

    async def lane() -> None:
        for item in left:  # all lanes draw from the one iterator
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(lane())
