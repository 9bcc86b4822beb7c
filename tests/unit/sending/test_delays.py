"""The delay of a start is the first wait of a run, as a timer would be."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from sojourn.sending.waits import end_of_delay

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def history(delay: timedelta, first_task: timedelta) -> list[HistoryEvent]:
    started = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    started.event_time.FromDatetime(NOON)
    attributes = started.workflow_execution_started_event_attributes
    attributes.first_workflow_task_backoff.FromTimedelta(delay)
    heard = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    heard.event_time.FromDatetime(NOON + SECOND)
    task = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
    task.event_time.FromDatetime(NOON + first_task)
    return [started, heard, task]


@pytest.mark.parametrize(
    ("delay", "first_task", "begun", "ended"),
    [
        (DAY, DAY + SECOND, NOON, DAY + SECOND),
        (DAY, DAY + SECOND, None, DAY + SECOND),
        (timedelta(0), timedelta(0), NOON, None),
        (DAY, DAY / 2, NOON, None),  # an update has woken it
        (DAY, DAY + SECOND, NOON + DAY + 2 * SECOND, None),  # its steps have begun again
    ],
)
def test_it_ends_with_the_first_task(
    delay: timedelta, first_task: timedelta, begun: datetime | None, ended: timedelta | None
) -> None:
    expected = None if ended is None else NOON + ended
    assert end_of_delay(history(delay, first_task), begun) == expected
