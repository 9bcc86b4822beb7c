"""`sojourn gateway`: several processes, an orderly end, and the reasons not to start."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.local.processes import HOST, Child, free_port, python
from sojourn.cli.local.stack import Server, _write_key, dev_stack, running_stack
from sojourn.settings import Settings
from sojourn.store import Store, events, keys
from tests.support.cli_stack import NOWHERE, Cli
from tests.support.gateway_server import added

PROCESSES = 2


@dataclass(frozen=True)
class Running:
    """The command, a connection to it, and its store."""

    child: Child
    http: httpx.AsyncClient
    operations: httpx.AsyncClient
    store: Store
    log: Path

    def lines(self) -> list[dict[str, object]]:
        said = self.log.read_text().splitlines()
        return [json.loads(line) for line in said if line.startswith("{")]

    async def ready(self) -> None:
        async def answers() -> bool:
            try:
                return (await self.operations.get("/readyz")).is_success
            except httpx.TransportError:
                return False

        await self.child.ready(answers)


@pytest_asyncio.fixture(loop_scope="session")
async def running(temporal: Server, tmp_path: Path) -> AsyncIterator[Running]:
    database_url = f"sqlite:///{tmp_path}/gateway.db"
    store = await Store.open(database_url, migrate=True)
    async with store.transaction() as session:
        _, key = await keys.add(session, "test")
    port, second, log = free_port(), free_port(), tmp_path / "gateway.log"
    child = Child(
        "the gateway",
        python(
            "-m", "sojourn", "gateway", "--port", str(port), "--processes", str(PROCESSES)
        ),
        log,
        env={
            "TEMPORAL_ADDRESS": temporal.address,
            "SOJOURN_HOME": str(tmp_path),
            "SOJOURN_DATABASE_URL": database_url,
            "SOJOURN_GATEWAY_OPERATIONS_ADDRESS": f"{HOST}:{second}",
        },
    )  # fmt: skip
    await child.start()
    try:
        url = f"http://{HOST}:{port}"
        async with (
            httpx.AsyncClient(base_url=url, auth=(key, ""), timeout=30) as http,
            httpx.AsyncClient(base_url=f"http://{HOST}:{second}") as operations,
        ):
            running = Running(child, http, operations, store, log)
            await running.ready()
            yield running
    finally:
        await child.stop()
        await store.close()


async def test_the_gateway_counts_over_its_processes_and_finishes_open_requests(
    running: Running, customer_id: str
) -> None:
    http = running.http
    calls = [added(f"{customer_id}-{n}", event="Page Read") for n in range(20)]
    answers = await asyncio.gather(*(http.post("/v1/track?email=ada", json=c) for c in calls))
    assert {answer.status_code for answer in answers} == {200}
    metrics = (await running.operations.get("/metrics")).text
    assert 'sojourn_gateway_calls_total{outcome="taken",type="track"} 20.0' in metrics

    assert running.child.pid is not None
    parent = psutil.Process(running.child.pid)
    family = parent.children(recursive=True)
    assert len(family) >= PROCESSES
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        last = json.dumps(added(customer_id, event="Page Read")).encode()
        yield last[:10]
        await go_on.wait()
        yield last[10:]

    last = asyncio.create_task(http.post("/v1/track", content=body()))
    while "sojourn_gateway_unanswered 1.0" not in (await running.operations.get("/metrics")).text:
        assert not last.done()
        await asyncio.sleep(0.02)
    parent.send_signal(signal.SIGTERM)
    while not any(line["event"] == "stopping" for line in running.lines()):
        assert not last.done()
        await asyncio.sleep(0.02)
    go_on.set()
    assert (await last).status_code == 200
    assert await running.child.wait() == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    async with running.store.reading() as session:
        assert len(await events.of_customer(session, customer_id)) == 1

    lines = [line for line in running.lines() if line["event"] == "request"]
    tracked = [line for line in lines if line["route"] == "/v1/track"]
    assert len(tracked) == 21
    assert {"method", "status", "ms", "key", "bytes"} <= set(tracked[0])
    assert customer_id not in running.log.read_text()
    assert "ada" not in running.log.read_text()


async def test_killing_the_first_process_of_the_gateway_frees_its_port(running: Running) -> None:
    assert running.child.pid is not None
    parent = psutil.Process(running.child.pid)
    family = parent.children(recursive=True)
    assert len(family) >= PROCESSES
    parent.kill()
    assert await running.child.wait() == -signal.SIGKILL
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=20)
    assert alive == []
    for http in (running.http, running.operations):
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind((HOST, http.base_url.port))


async def test_a_taken_port_is_one_line_of_error(offline: Cli) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        answer = await offline("gateway", "--port", port)
    assert answer.code == 1
    assert f"cannot listen on {HOST}:{port}" in answer.fault


async def test_a_taken_port_for_operators_is_one_line_of_error(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        address = f"{HOST}:{other.getsockname()[1]}"
        monkeypatch.setenv("SOJOURN_GATEWAY_OPERATIONS_ADDRESS", address)
        answer = await offline("gateway", "--port", 0)
    assert answer.code == 1
    assert f"cannot listen on {address}" in answer.fault
    assert "choose another SOJOURN_GATEWAY_OPERATIONS_ADDRESS" in answer.fault


async def test_an_unknown_host_is_one_line_of_error(offline: Cli) -> None:
    answer = await offline("gateway", "--host", "nowhere.invalid", "--port", 0)
    assert (answer.code, answer.fault) == (2, "--host nowhere.invalid: no such address")


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_missing_store_is_one_line_of_error(
    offline: Cli, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setenv("SOJOURN_DATABASE_URL", f"postgresql+asyncpg://u:p@{NOWHERE}/db")
    answer = await offline("gateway", "--port", 0, "--processes", processes)
    assert answer.code == 1
    assert "cannot open the database" in answer.fault


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_provider_without_credentials_is_one_line_of_error(
    offline: Cli, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDER", "postmark")
    answer = await offline("gateway", "--port", 0, "--processes", processes)
    assert (answer.code, answer.fault) == (
        2, "postmark is chosen, which needs SOJOURN_POSTMARK_TOKEN: not set",
    )  # fmt: skip


async def _is_running(run: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False


async def test_the_local_stack_has_a_gateway_and_keeps_its_key(
    tmp_path: Path, customer_id: str
) -> None:
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/dev.db")
    async with dev_stack(settings, ports=False, lasting=False, gateway=True) as stack:
        assert stack.gateway is not None
        noted = running_stack(settings)
        assert noted is not None
        assert noted["gateway"] == stack.gateway.url
        assert noted["operations"] == stack.gateway.operations
        port = stack.gateway.url.rpartition(":")[2]
        assert stack.settings.public_url == f"http://localhost:{port}"  # links lead to this address
        auth = (stack.gateway.write_key, "")
        async with httpx.AsyncClient(base_url=stack.gateway.url, auth=auth) as http:
            answer = await http.post("/v1/track", json=added(customer_id))
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        for one in psutil.Process().children(recursive=True):
            if "gateway" in one.cmdline() and "sojourn.cli.local.leash" not in one.cmdline():
                one.kill()
        # the socket stays: a call waits for the next gateway, and is not refused
        async with httpx.AsyncClient(base_url=stack.gateway.url, auth=auth, timeout=60) as http:
            answer = await http.post("/v1/track", json=added(customer_id))
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        run = stack.client.get_workflow_handle(f"abandoned-cart:{customer_id}:k1")
        # the answer says that the event is stored; its run is told after it
        while not await _is_running(run):  # noqa: ASYNC110 (Temporal tells nobody)
            await asyncio.sleep(0.05)
        path = tmp_path / "write_key"
        assert path.stat().st_mode & 0o077 == 0
        assert await _write_key(stack.store, path) == stack.gateway.write_key
        async with stack.store.transaction() as session:
            (row,) = await keys.listed(session)
            await keys.revoke(session, row.id)
        assert await _write_key(stack.store, path) == path.read_text() != stack.gateway.write_key
