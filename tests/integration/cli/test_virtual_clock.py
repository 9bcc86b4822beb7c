"""A run that leaves its task unanswered holds up the clock of no other run."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from sojourn.cli import virtual_clock
from sojourn.cli.local.processes import binary
from sojourn.cli.virtual_clock import VirtualClock


@workflow.defn
class Sleeper:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(days=1))
        return "awake"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server")
    ) as environment:
        yield environment.client


async def test_a_run_whose_task_was_lost_is_set_aside_and_the_others_go_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual_clock, "LOOK", timedelta(seconds=1))
    monkeypatch.setattr(virtual_clock, "LOST", timedelta(seconds=3))
    aside: dict[str, str] = {}

    async def every() -> list[str]:
        return ["sleeper", "lost", "never begun"]

    async with Worker(
        client, task_queue="q", workflows=[Sleeper], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        sleeper = await client.start_workflow(Sleeper.run, id="sleeper", task_queue="q")
        lost = await client.start_workflow(Sleeper.run, id="lost", task_queue="nobody")
        # a worker takes the task, and is never heard of again
        taken = await client.workflow_service.poll_workflow_task_queue(
            PollWorkflowTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name="nobody"), identity="lost"
            )
        )
        assert taken.workflow_execution.workflow_id == "lost"
        clock = VirtualClock(client, every, aside.__setitem__)
        before = await clock.now()
        await clock.sleep(timedelta(days=2))
        assert await clock.now() - before >= timedelta(days=2)
        assert (await sleeper.describe()).status is WorkflowExecutionStatus.COMPLETED
        assert (await lost.describe()).status is WorkflowExecutionStatus.TERMINATED
        assert list(aside) == ["lost"]
        assert "its workflow task was lost" in aside["lost"]
        # the clock stands again: nothing was unlocked too often
        later = await client.start_workflow(Sleeper.run, id="later", task_queue="q")
        assert (await later.describe()).status is WorkflowExecutionStatus.RUNNING
        stands = await clock.now()
        await clock.sleep(timedelta(hours=1))
        assert timedelta(hours=1) <= await clock.now() - stands < timedelta(hours=2)
