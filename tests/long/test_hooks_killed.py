"""A real worker tells a service what happens; it is killed over a post, and another goes on."""

import asyncio
import signal
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import update

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.events import SignedUp
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import HookRow
from tests.long.test_worker import Workers, started
from tests.support.receiver import NEW, Receiver, receiving

CUSTOMERS = 10
OF_EACH = {"consent.changed", "run.started", "message.sent"}
LOOK_SECONDS = 0.1


async def test_a_worker_killed_over_a_post_leaves_nothing_untold_and_the_order_as_it_was(
    own_temporal: Server, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/worker.db")
    async with (
        await Store.open(settings.store_url, migrate=True) as store,
        receiving(store) as told,
    ):
        sojourn = Sojourn(own_temporal.client, store, settings)
        env = {
            "SOJOURN_WEBHOOKS_OUT": f"crm={told.url}",
            "SOJOURN_WEBHOOKS_OUT_SECRET": f"crm={NEW}",
        }
        in_hand, dead = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            """Answer the first few posts; keep the worker waiting over the next one."""
            if len(told.taken) >= CUSTOMERS:
                in_hand.set()
                await dead.wait()

        told.on_post = hold
        async with started(own_temporal, tmp_path, env=env) as workers:
            await _sign_up(sojourn, range(CUSTOMERS))
            await asyncio.wait_for(in_hand.wait(), 120)
            await _kill(workers)
        before = dict(told.taken)
        assert not _is_all(told, 2 * CUSTOMERS)
        dead.set()
        await _sign_up(sojourn, range(CUSTOMERS, 2 * CUSTOMERS))  # nobody serves
        async with store.transaction() as session:  # as if the dead worker's time had passed
            await session.exec(update(HookRow).values(leased_until=datetime.now(UTC)))
        async with started(own_temporal, tmp_path, env=env):
            await _until_all(told, 2 * CUSTOMERS)
    first: dict[str, dict[str, Any]] = {}
    for name, said in told.taken:
        assert first.setdefault(name, said) == said, "what comes twice is the same"
    assert before.items() <= first.items()
    assert len(told.taken) > len(first), "what the dead worker had in hand came once more"
    seqs = defaultdict(list)
    for said in first.values():
        seqs[said["data"]["customer_id"]].append(said["seq"])
    assert len(seqs) == 2 * CUSTOMERS
    assert all(some == sorted(some) for some in seqs.values())


async def _sign_up(sojourn: Sojourn, numbers: range) -> None:
    for number in numbers:
        who = f"told-{number}"
        identity = read_identity(
            {"email": f"{number}@shop.example", "marketingConsent": {"email": True}},
            customer_id=who,
            message_id=f"i-{who}",
            at=datetime.now(UTC),
        )
        await sojourn.identify(identity)
        await sojourn.publish(SignedUp(customer_id=who))


async def _kill(workers: Workers) -> None:
    assert workers.child.pid is not None
    psutil.Process(workers.child.pid).send_signal(signal.SIGKILL)
    await workers.child.wait()


def _is_all(told: Receiver, customers: int) -> bool:
    return all(set(told.of(f"told-{number}")) >= OF_EACH for number in range(customers))


async def _until_all(told: Receiver, customers: int) -> None:
    deadline = asyncio.get_running_loop().time() + 240
    while not _is_all(told, customers):
        lacking = {n: told.of(f"told-{n}") for n in range(customers)}
        assert asyncio.get_running_loop().time() < deadline, lacking
        await asyncio.sleep(LOOK_SECONDS)
