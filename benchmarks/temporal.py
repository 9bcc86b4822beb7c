"""Temporal's time-skipping test server, on which costs are counted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.testing import WorkflowEnvironment

from sojourn.cli.local.processes import binary
from sojourn.cli.local.stack import register_search_attributes


@asynccontextmanager
async def test_server() -> AsyncIterator[WorkflowEnvironment]:
    """Run a separate test server."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"),
        data_converter=pydantic_data_converter,
        # its core warns, on standard output, that the test server is an old Temporal
        runtime=Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="error"))),
    ) as env:
        await register_search_attributes(env.client)
        yield env
