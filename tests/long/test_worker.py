"""The worker's process: several of them, logs, metrics, a graceful end."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from sojourn.cli.local.processes import HOST, Child, free_port, running
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.events import SignedUp
from sojourn.domain.messages import Channel
from sojourn.serving.together import run_together
from sojourn.settings import Settings
from sojourn.store import Store

PROCESSES = 2


class Workers:
    """``worker.py`` under test."""

    def __init__(self, child: Child, log: Path, metrics_port: int, count: int) -> None:
        self.child = child
        self.count = count
        self.metrics_port = metrics_port
        self._log = log

    async def measured(self, pattern: str) -> set[str]:
        """Wait for a match of a pattern on the metrics pages; return all matches."""
        deadline = asyncio.get_running_loop().time() + 30
        async with httpx.AsyncClient() as http:
            while True:
                urls = [f"http://{HOST}:{self.metrics_port + n}/metrics" for n in range(self.count)]
                pages = [(await http.get(url)).text for url in urls]
                if found := set(re.findall(pattern, "".join(pages))):
                    return found
                assert asyncio.get_running_loop().time() < deadline, pages
                await asyncio.sleep(0.05)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of structlog; the SDK's core writes lines of its own."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def logged(self, event: str, times: int) -> None:
        """Wait until a line was logged a number of times."""
        deadline = asyncio.get_running_loop().time() + 30
        while len([line for line in self.lines() if line["event"].startswith(event)]) < times:
            assert asyncio.get_running_loop().time() < deadline, self._log.read_text()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def started(
    server: Server,
    home: Path,
    *options: str,
    count: int = 1,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[Workers]:
    """Run the command with these options; yield once its processes serve."""
    port = free_port()
    database_url = f"sqlite:///{home}/worker.db"
    child = Child(
        "workers",
        [sys.executable, "-m", "sojourn.serving", *options],
        home / "worker.log",
        env={
            "TEMPORAL_ADDRESS": server.address,
            "SOJOURN_HOME": str(home),
            "SOJOURN_DATABASE_URL": database_url,
            "SOJOURN_METRICS_ADDRESS": f"{HOST}:{port}",
            **(env or {}),
        },
    )
    await (await Store.open(database_url, migrate=True)).close()
    async with running(child):
        workers = Workers(child, home / "worker.log", port, count)
        await workers.logged("serving", count)
        yield workers


@pytest_asyncio.fixture(loop_scope="session")
async def workers(own_temporal: Server, tmp_path: Path) -> AsyncIterator[Workers]:
    options = ("--processes", str(PROCESSES))
    async with started(own_temporal, tmp_path, *options, count=PROCESSES) as workers:
        yield workers


async def test_a_worker_serves_logs_measures_and_stops_in_order(
    workers: Workers, own_temporal: Server, tmp_path: Path
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/worker.db") as store:
        sojourn = Sojourn(own_temporal.client, store, Settings(home=tmp_path))
        await sojourn.publish(SignedUp(customer_id="w1"))
        handle = own_temporal.client.get_workflow_handle("onboarding:w1")
        await handle.signal("Order Completed", "no event at all")
        # logged once, although the query below replays the history on the other process too
        await workers.logged("signal Order Completed is not an event", 1)
        for _ in range(4):
            await handle.query("status")

    # as docs/production.md has them
    assert await workers.measured(r"sojourn_messages{(.*)} 1") == {
        'activity_type="send",channel="email",class="transactional",namespace="default",'
        'service_name="temporal-core-sdk",status="deferred",task_queue="email"'
    }
    assert await workers.measured(r"sojourn_policy_fault{.*} (\d)") == {"0"}
    paused = await workers.measured(r'sojourn_channel_paused{channel="(.*?)",.*} 0')
    assert paused == {channel.value for channel in Channel}
    assert await workers.measured(r'sojourn_coupons_free{pool="(.*?)",.*} 0') == {"spring", "vip"}

    assert workers.child.pid is not None
    family = psutil.Process(workers.child.pid).children(recursive=True)
    assert len(family) >= PROCESSES
    psutil.Process(workers.child.pid).send_signal(signal.SIGTERM)
    assert await workers.child.wait() == 0, workers.lines()[-6:]
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    lines = workers.lines()
    assert len([line for line in lines if line["event"] == "stopped"]) == PROCESSES
    bad_signals = [line for line in lines if "is not an event" in line["event"]]
    assert len(bad_signals) == 1
    assert {"timestamp", "level", "logger"} <= set(bad_signals[0])


async def test_a_worker_of_one_channel_polls_its_queue_alone(
    own_temporal: Server, tmp_path: Path
) -> None:
    async with started(own_temporal, tmp_path, "--channels", "sms") as workers:
        (serving,) = [line for line in workers.lines() if line["event"] == "serving"]
        assert (serving["journeys"], serving["channels"]) == ([], {"sms": "outbox"})
        polled = await workers.measured(r'temporal_num_pollers{.*task_queue="(.*?)"')
        assert polled == {"sms"}


def fails(*_: object) -> None:
    sys.exit(3)


def waits(*_: object) -> None:
    signal.pause()


@pytest.fixture
def as_before() -> Iterator[None]:
    """Restore the signal handlers, which `run_together` replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("as_before")
def test_the_exit_code_is_that_of_the_process_that_failed_first() -> None:
    assert run_together("worker", lambda index: ((fails, waits)[index], ()), 2) == 3


@pytest.mark.usefixtures("as_before")
def test_a_worker_that_is_stopped_before_it_begins_exits_with_zero() -> None:
    def told() -> None:
        signal.raise_signal(signal.SIGTERM)

    assert run_together("worker", lambda _: (waits, ()), 2, on_start=told) == 0
