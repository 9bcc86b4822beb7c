"""An installation: a gateway and a worker in separate processes, and a sender."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sojourn.cli.local.processes import HOST, Child, free_port, kept_running, python
from sojourn.cli.local.stack import Server
from sojourn.settings import Settings
from sojourn.store import Store, keys

AGAIN = (429, 500, 502, 503, 504)
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Sender:
    """A sender like the SDKs: it keeps its connections, and repeats a call until it is accepted.

    Args:
        http: the client with the write key.
        rnd: the source of random waits.
    """

    http: httpx.AsyncClient
    rnd: random.Random

    async def send(self, path: str, body: Mapping[str, Any]) -> None:
        """Post a call until the gateway answers 200; fail on an answer that no SDK repeats."""
        clock = asyncio.get_running_loop().time
        until, wait = clock() + PATIENCE_SECONDS, FIRST_WAIT
        while True:
            said, told = await self._post(path, body)
            if told is not None and told.status_code == 200:
                answer = told.json()
                assert answer["success"], told.text
                assert "errors" not in answer, told.text
                return
            assert clock() < until, f"not taken for {PATIENCE_SECONDS:.0f} s: {said}"
            asked = float(told.headers.get("retry-after", 0)) if told is not None else 0
            await asyncio.sleep(max(asked, wait * self.rnd.uniform(0.5, 1)))
            wait = min(2 * wait, LONGEST_WAIT)

    async def _post(self, path: str, body: Mapping[str, Any]) -> tuple[str, httpx.Response | None]:
        try:
            answer = await self.http.post(path, json=body)
        except httpx.TransportError as error:  # no gateway listens, or it died during this request
            return type(error).__name__, None
        assert answer.status_code in (200, *AGAIN), answer.text
        return answer.text, answer


@dataclass(frozen=True)
class Part:
    """A process of the installation, restarted whenever it dies.

    Args:
        child: the process.
        ends: its exit codes so far.
    """

    child: Child
    ends: list[int]

    async def kill(self) -> None:
        """Kill the process and all that it started, at once."""
        ended = len(self.ends)
        while len(self.ends) == ended:
            assert self.child.pid is not None
            with suppress(
                ProcessLookupError
            ):  # the process is dead already; its watcher soon notices
                os.killpg(self.child.pid, signal.SIGKILL)
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Installation:
    """The processes of an installation, and a way to reach them."""

    sender: Sender
    gateway: Part
    worker: Part

    @property
    def url(self) -> str:
        """Return the gateway's address."""
        return str(self.sender.http.base_url).rstrip("/")


@asynccontextmanager
async def installation(
    server: Server,
    store: Store,
    settings: Settings,
    *,
    processes: int = 1,
    lines: int = 16,
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[Installation]:
    """Run a gateway and a worker while the block lasts.

    Args:
        server: the Temporal server.
        store: the open store of these settings.
        settings: the settings of gateway and worker.
        processes: the number of processes of the gateway.
        lines: the most connections to the gateway.
        variables: environment variables in addition to those from the settings.
    """
    async with store.transaction() as session:
        _, key = await keys.add(session, "test")
    port, operations = free_port(), f"{HOST}:{free_port()}"
    environment = {
        "TEMPORAL_ADDRESS": server.address,
        "SOJOURN_HOME": str(settings.home),
        "SOJOURN_DATABASE_URL": settings.store_url,
        "SOJOURN_QUIET_HOURS": "off",
        "SOJOURN_GATEWAY_OPERATIONS_ADDRESS": operations,
        **(variables or {}),
    }
    commands = {
        "the gateway": (
            *(
                "-m",
                "sojourn.cli.local.leash",
                "35",
            ),  # the process must not outlive an interrupted test
            *python("-m", "sojourn", "gateway", "--port", str(port)),
            *("--processes", str(processes)),
        ),
        "the worker": ("-m", "sojourn.serving", "--until-stdin-closes"),
    }
    async with AsyncExitStack() as opened:
        parts = []
        for name, command in commands.items():
            log = settings.home / f"{name.removeprefix('the ')}.log"
            parts.append(await opened.enter_async_context(_part(name, command, log, environment)))
        http = await opened.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://{HOST}:{port}",
                auth=(key, ""),
                timeout=20,
                limits=httpx.Limits(max_connections=lines, max_keepalive_connections=lines),
            )
        )
        await parts[0].child.ready(lambda: _answers(http, operations))
        yield Installation(Sender(http, random.Random(1)), *parts)


@asynccontextmanager
async def _part(
    name: str, command: tuple[str, ...], log: Path, environment: Mapping[str, str]
) -> AsyncIterator[Part]:
    ends: list[int] = []
    child = Child(name, python(*command), log, env=environment)
    async with kept_running(child, ends.append):
        yield Part(child, ends)


async def _answers(http: httpx.AsyncClient, operations: str) -> bool:
    try:
        return (await http.get(f"http://{operations}/readyz")).is_success
    except httpx.TransportError:
        return False
