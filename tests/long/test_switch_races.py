"""An operator's pause races claims: no message is claimed after the pause was answered.

`SOJOURN_SWITCHES` sets the number of races; it is small unless set.
"""

import asyncio
import os
import random
from uuid import uuid4

from sojourn.domain.messages import MessageClass, Reason, Receipt
from sojourn.domain.switches import Part, Scope
from sojourn.store import Store, switches
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, REACHABLE, Desk

RACES = int(os.environ.get("SOJOURN_SWITCHES", "20"))
AT_ONCE = 5


async def _pause(store: Store, topic: str) -> None:
    """Pause a topic as the command does."""
    async with store.transaction() as session:
        await switches.begin(
            session, Scope.TOPIC, topic, [Part.SENDS], closed=False, because="x", by="anna"
        )
    assert await switches.settle(store)


async def _resume(store: Store, topic: str) -> None:
    """Take the pause back: every claim reads the switches that are on, those of other races too."""
    async with store.transaction() as session:
        await switches.end(session, Scope.TOPIC, topic, [Part.SENDS], because="x", by="anna")


async def _race(store: Store, seed: int) -> tuple[int, int]:
    """Race one pause against claims; return how many were committed after its answer, and before.

    Claims go on all the time, several at once. The claims of the ledger are counted at the answer
    and once more when all attempts have ended.
    """
    desk = Desk(store, f"race-{uuid4()}")
    await desk.identify(**REACHABLE)
    desk.start = await desk.add()
    topic, chance = f"topic-{uuid4().hex[:8]}", random.Random(seed)
    answered = asyncio.Event()
    places = asyncio.Semaphore(3)
    attempts: list[asyncio.Task[None]] = []

    async def claim(number: int) -> None:
        given = desk.delivery(
            n=number,
            step=f"step{number}",
            topic=topic,
            message_class=chance.choice([*MessageClass]),
        )
        began_after = answered.is_set()
        answer = await desk.gate.pass_or_refuse(given, NOON + DAY)
        places.release()
        if began_after:
            assert isinstance(answer, Receipt)
            assert answer.reason is Reason.HELD_BACK

    async def go_on() -> None:
        number = 0
        while not answered.is_set() or number < 5:
            number += 1
            await places.acquire()
            attempts.append(asyncio.create_task(claim(number)))
            await asyncio.sleep(chance.random() * 0.003)
        await claim(number + 1)

    async def pause() -> set[int | None]:
        await asyncio.sleep(chance.random() * 0.03)
        await _pause(store, topic)
        claimed = await _claimed(desk)
        answered.set()
        return claimed

    _, before = await asyncio.gather(go_on(), pause())
    await asyncio.gather(*attempts)
    await _resume(store, topic)
    after = await _claimed(desk) - before
    return len(after), len(before)


async def _claimed(desk: Desk) -> set[int | None]:
    return {row.id for row in await desk.rows() if row.attempt}


async def test_no_message_is_claimed_after_a_pause_was_answered(store: Store) -> None:
    after, before = 0, 0
    for begin in range(0, RACES, AT_ONCE):
        seeds = range(begin, min(begin + AT_ONCE, RACES))
        for late, early in await asyncio.gather(*(_race(store, seed) for seed in seeds)):
            after, before = after + late, before + early
    assert after == 0
    assert before > 0, "some claims came first"
