"""A journey whose activity hangs in its first attempt, alone in a file for the sandbox."""

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta

from sojourn import Journey, activity
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.sending.calls import Context

begun: Counter[str] = Counter()
given_up: Counter[str] = Counter()
"""The attempts at each customer's call."""
hangs: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
let_go: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
"""Set by a test at its end, since the worker waits for hanging activities before it ends."""


@activity(timeout=timedelta(seconds=1))
async def hang_once(context: Context) -> int:
    """Hang the first time, like an attempt whose worker has died; return the second time."""
    begun[context.customer_id] += 1
    if begun[context.customer_id] == 1:
        try:
            await asyncio.Event().wait()
        finally:
            given_up[context.customer_id] += 1
    return begun[context.customer_id]


@activity(timeout=timedelta(minutes=5))
async def hang_long(context: Context) -> int:
    """Hang for minutes the first time, as a call to a slow service does."""
    begun[context.customer_id] += 1
    if begun[context.customer_id] == 1:
        hangs[context.customer_id].set()
        await let_go[context.customer_id].wait()
    return begun[context.customer_id]


class Beginning(
    Journey, name="beginning", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted,
    restarts_on=ProductAdded,
):  # fmt: skip
    """Call the activity that hangs for long, and begin the steps again at each product."""

    async def steps(self) -> None:
        await self.call(hang_long)


class Hanging(Journey, name="hanging", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """Call the activity that hangs, and send nothing."""

    async def steps(self) -> None:
        await self.call(hang_once)
