"""The worker on its own: several processes, logs, metrics, a graceful end."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

import worker
from dispatch import Sojourn
from domain.events import SignedUp
from settings import Settings
from starter.processes import HOST, Child, free_port
from starter.stack import Server
from store import Store

pytestmark = pytest.mark.long


PROCESSES = 2


class Workers:
    """``worker.py --processes 2`` under test."""

    def __init__(self, child: Child, log: Path, metrics_port: int) -> None:
        self.child = child
        self.metrics_port = metrics_port
        self._log = log

    def lines(self) -> list[dict[str, Any]]:
        """What was logged through structlog; the SDK's core writes lines of its own."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def logged(self, event: str, times: int) -> None:
        """Wait until a line was logged that often."""
        deadline = asyncio.get_running_loop().time() + 30
        while len([line for line in self.lines() if line["event"].startswith(event)]) < times:
            assert asyncio.get_running_loop().time() < deadline, self._log.read_text()
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def workers(own_temporal: Server, tmp_path: Path) -> AsyncIterator[Workers]:
    port = free_port()
    child = Child(
        "workers",
        [sys.executable, worker.__file__, "--processes", str(PROCESSES)],
        tmp_path / "worker.log",
        env={
            "TEMPORAL_ADDRESS": own_temporal.address,
            "SOJOURN_HOME": str(tmp_path),
            "SOJOURN_DATABASE_URL": f"sqlite:///{tmp_path}/worker.db",
            "SOJOURN_METRICS_ADDRESS": f"{HOST}:{port}",
        },
    )
    store = await Store.open(f"sqlite:///{tmp_path}/worker.db", migrate=True)
    await store.close()
    await child.start()
    try:
        running = Workers(child, tmp_path / "worker.log", port)
        await running.logged("serving", PROCESSES)
        yield running
    finally:
        await child.stop()


async def test_it_serves_logs_measures_and_ends_in_good_order(
    workers: Workers, own_temporal: Server, tmp_path: Path
) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/worker.db")
    sojourn = Sojourn(own_temporal.client, store, Settings(home=tmp_path))
    await sojourn.publish(SignedUp(customer_id="w1"))
    handle = own_temporal.client.get_workflow_handle("onboarding:w1")
    await handle.signal("Order Completed", "no event at all")
    # said once, although the history is replayed by the query below on the other process too
    await workers.logged("signal Order Completed is no event", 1)
    for _ in range(4):
        await handle.query("status")
    await store.close()

    async with httpx.AsyncClient() as http:
        for index in range(PROCESSES):
            answer = await http.get(f"http://{HOST}:{workers.metrics_port + index}/metrics")
            assert "temporal_" in answer.text

    assert workers.child.pid is not None
    family = psutil.Process(workers.child.pid).children(recursive=True)
    assert len(family) >= PROCESSES
    psutil.Process(workers.child.pid).send_signal(signal.SIGTERM)
    assert await workers.child.wait() == 0, workers.lines()[-6:]
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    lines = workers.lines()
    assert len([line for line in lines if line["event"] == "stopped"]) == PROCESSES
    bad_signals = [line for line in lines if "is no event" in line["event"]]
    assert len(bad_signals) == 1
    assert {"timestamp", "level", "logger"} <= set(bad_signals[0])
