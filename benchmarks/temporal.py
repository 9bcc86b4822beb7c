"""The servers to measure on: Temporal's dev server and its test server, both all in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.testing import WorkflowEnvironment

from starter.processes import HOST, Child, binary, free_port, python, running
from starter.stack import connected, register_search_attributes


@dataclass(frozen=True)
class Server:
    """A Temporal server that runs."""

    address: str
    client: Client
    process: psutil.Process


@asynccontextmanager
async def dev_server(home: Path) -> AsyncIterator[Server]:
    """The dev server. Not `starter.stack.dev_stack`: its file would be what is measured."""
    port = free_port()
    child = Child(
        "Temporal's dev server",
        python(
            "-m", "starter.leash", binary("temporal"), "server", "start-dev", "--headless",
            "--ip", HOST, "--port", str(port), "--log-level", "error",
        ),
        home / "temporal.log",
    )  # fmt: skip
    address = f"{HOST}:{port}"
    async with running(child):
        client = await connected(child, address)
        await register_search_attributes(client)
        (process,) = psutil.Process(child.pid).children()
        yield Server(address, client, process)


@asynccontextmanager
async def test_server() -> AsyncIterator[WorkflowEnvironment]:
    """The test server, which skips time while a result is awaited."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"),
        data_converter=pydantic_data_converter,
        runtime=Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="error"))),
    ) as env:
        await register_search_attributes(env.client)
        yield env
