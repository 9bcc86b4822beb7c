"""A connection to the test server that breaks while it skips time: the rest is skipped after it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.service import RPCError, RPCStatusCode

from sojourn.domain.errors import Unavailable
from sojourn.journeys.registry import Journeys
from sojourn.testkit.engines.temporal import OnTemporal

HOUR = timedelta(hours=1)


class Breaking:
    """A server whose first calls break after some of their time."""

    def __init__(self, status: RPCStatusCode, breaks: int) -> None:
        self.now, self.status, self.breaks = datetime(2026, 3, 5, tzinfo=UTC), status, breaks
        self.asked: list[timedelta] = []
        self.test_service = self.workflow_service = self
        self.namespace = "default"

    async def get_current_time(self, _: Any) -> Any:
        time = Timestamp()
        time.FromDatetime(self.now)
        return SimpleNamespace(time=time)

    async def unlock_time_skipping_with_sleep(self, request: Any, **_: Any) -> None:
        duration = request.duration.ToTimedelta()
        self.asked.append(duration)
        if self.breaks:
            self.breaks -= 1
            self.now += duration / 4
            raise RPCError("h2 protocol error: http2 error", self.status, b"")
        self.now += duration

    async def list_open_workflow_executions(self, _: Any) -> Any:
        return SimpleNamespace(executions=[])


def engine(server: Breaking) -> OnTemporal:
    client: Any = server
    return OnTemporal(client, "queue", Journeys(()))


async def test_what_is_left_is_skipped_after_a_broken_connection() -> None:
    server = Breaking(RPCStatusCode.UNKNOWN, breaks=2)
    began = server.now
    await engine(server).advance(16 * HOUR)
    assert server.asked == [16 * HOUR, 12 * HOUR, 9 * HOUR]
    assert server.now == began + 16 * HOUR


@pytest.mark.parametrize(
    ("status", "breaks", "asked"),
    [(RPCStatusCode.UNKNOWN, 9, 4), (RPCStatusCode.DEADLINE_EXCEEDED, 1, 1)],
)
async def test_a_clock_that_stands_still_is_told(
    status: RPCStatusCode, breaks: int, asked: int
) -> None:
    server = Breaking(status, breaks)
    with pytest.raises(Unavailable, match="stands still"):
        await engine(server).advance(16 * HOUR)
    assert len(server.asked) == asked
