"""The clock of the test server: what holds it up, and when all is at rest."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
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


@workflow.defn
class Asker:
    @workflow.run
    async def run(self) -> str:
        answer: str = await workflow.execute_activity(
            "work", result_type=str, start_to_close_timeout=timedelta(minutes=1)
        )
        return answer


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server")
    ) as environment:
        yield environment.client


@pytest.mark.more
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


@pytest.mark.more
async def test_nobody_is_at_rest_while_an_activity_is_on_its_way(client: Client) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    @activity.defn(name="work")
    async def work() -> str:
        begun.set()
        await may_end.wait()
        return "done"

    async def every() -> list[str]:
        return ["asker"]

    clock = VirtualClock(client, every, lambda run, why: pytest.fail(f"{run}: {why}"))
    async with Worker(
        client,
        task_queue="q",
        workflows=[Asker],
        activities=[work],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await clock.rest()  # nothing is going on
        asker = await client.start_workflow(Asker.run, id="asker", task_queue="q")
        await begun.wait()
        resting = asyncio.create_task(clock.rest())
        await asyncio.wait({resting}, timeout=3 * virtual_clock.NAP.total_seconds())
        assert not resting.done()
        may_end.set()
        await resting
        assert (await asker.describe()).status is WorkflowExecutionStatus.COMPLETED
