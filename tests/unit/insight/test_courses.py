"""A run follows calls that failed or were given up, and events that came by an update."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.contrib.pydantic import pydantic_data_converter as converter

from activities.issue_code import issue_code
from sojourn import Journey, days
from sojourn.domain.messages import Enrolment, Heard
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.in_memory.course import Command, Course, Kind, Task
from sojourn.in_memory.following import FollowedRun
from sojourn.insight.leading.histories import read
from sojourn.insight.leading.leading import taken_up
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.journeys.stepping import Runs
from sojourn.journeys.temporal import CALLS_AGAIN
from sojourn.settings import Settings
from tests.support.project import PROJECT

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDED = {"cart_id": "k", "product_id": "p"}


class Caller(
    Journey,
    name="caller",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    restarts_on=ProductAdded,
    goal=OrderCompleted,
):
    async def steps(self) -> None:
        await self.call(issue_code, percent=10)
        await self.sleep(days(1))


def heard(number: int, at: datetime) -> Heard:
    return Heard(id=f"e{number}", name="Product Added", at=at, seq=number, fields=ADDED)


ENROLMENT = Enrolment(customer_id="c", key="k", start=heard(1, NOON), edition=2)
CALL = Command(Kind.ACTIVITY, "issue_code", "issue_code-1", 5, NOON)
TIMER = Command(Kind.TIMER, number=9, at=NOON + MINUTE, lasts=timedelta(days=1))
CALLED = Task(NOON, commands=(CALL,))


def followed(*tasks: Task) -> FollowedRun:
    course = Course("caller:c:k", "caller", ENROLMENT, (CALLED, *tasks), Task(NOON + 2 * MINUTE))
    runs = Runs(None, course.rest.at)  # type: ignore[arg-type]
    return FollowedRun(runs, Caller, course)


def test_a_call_that_failed_has_failed_in_memory_too() -> None:
    run = followed(Task(NOON + MINUTE, failures={5: "Gone"}, commands=(TIMER,)))
    assert run.broken == ""
    assert run.steps._state.journal.entries[0].value["failure"] == "Gone"
    assert run.waiting is not None
    assert run.waiting.ended == NOON + MINUTE + timedelta(days=1)


AGAIN = Task(NOON + MINUTE, told=(heard(2, NOON + MINUTE),))
GIVEN_UP = Command(Kind.CANCEL_ACTIVITY, number=7)


def test_a_call_that_was_given_up_is_made_again_by_the_id_that_the_history_has() -> None:
    patch, another = Command(Kind.PATCH, CALLS_AGAIN), replace(CALL, id="issue_code-1-2", number=8)
    assert followed(replace(AGAIN, commands=(GIVEN_UP, patch, another))).broken == ""
    same = replace(CALL, number=8)  # from before calls had another id
    assert followed(replace(AGAIN, commands=(GIVEN_UP, same))).broken == ""
    assert followed(replace(AGAIN, commands=(GIVEN_UP, another))).broken == (
        "the steps come to the activity issue_code-1 where the run has come to "
        "the activity issue_code-1-2"
    )
    assert followed(replace(AGAIN, commands=(another,))).broken.startswith(
        "the steps come to the end of an activity where"
    )


async def _event(number: int, kind: str) -> HistoryEvent:
    made = HistoryEvent(event_id=number, event_type=EventType.Value(f"EVENT_TYPE_{kind}"))
    made.event_time.FromDatetime(NOON.replace(tzinfo=None))
    return made


async def test_failures_and_updates_are_read_from_the_history() -> None:
    kinds = (
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "ACTIVITY_TASK_SCHEDULED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "ACTIVITY_TASK_FAILED",
        "ACTIVITY_TASK_TIMED_OUT",
    )
    events = [await _event(number, kind) for number, kind in enumerate(kinds, start=1)]
    started = events[0].workflow_execution_started_event_attributes
    started.workflow_type.name = "caller"
    started.input.CopyFrom(Payloads(payloads=await converter.encode([ENROLMENT])))
    scheduled = events[4].activity_task_scheduled_event_attributes
    scheduled.activity_type.name, scheduled.activity_id = "issue_code", "issue_code-1"
    accepted = events[5].workflow_execution_update_accepted_event_attributes
    asked = accepted.accepted_request.input
    asked.name = "ask"
    asked.args.CopyFrom(Payloads(payloads=await converter.encode([heard(2, NOON)])))
    failure = Failure(message="no")
    failure.application_failure_info.type = "Gone"
    failed = events[6].activity_task_failed_event_attributes
    failed.scheduled_event_id = 5
    failed.failure.CopyFrom(failure)
    timed_out = events[7].activity_task_timed_out_event_attributes
    timed_out.scheduled_event_id = 6
    timed_out.failure.timeout_failure_info.timeout_type = 2  # type: ignore[assignment]
    course = await read("caller:c:k", events, converter)
    assert course is not None
    (task,) = course.tasks
    assert task.commands == (CALL,)
    assert task.told == (heard(2, NOON),)
    assert course.rest.failures == {5: "Gone", 6: "TimeoutError"}


def test_a_run_of_a_journey_that_the_project_has_no_more_would_break(tmp_path: Path) -> None:
    gone = Course("gone:c:k", "gone", ENROLMENT, (), Task(NOON))
    found = taken_up(Snapshot(NOON, [], [gone]), PROJECT, Settings(home=tmp_path))
    assert list(found.broken) == ["gone:c:k"]
    assert found.broken["gone:c:k"].startswith('no journey "gone"')
