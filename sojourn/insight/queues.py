"""The task queues of channels as Temporal knows them: workers, backlog, limit.

The server keeps the limit, for the whole queue and all workers together, and it takes effect at
once: https://docs.temporal.io/cli/task-queue#config
"""

from datetime import timedelta

from pydantic import BaseModel
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    UpdateTaskQueueConfigRequest,
)
from temporalio.client import Client

from sojourn.domain.messages import Channel
from sojourn.insight.runs import asking_temporal
from sojourn.journeys.queues import channel_queue

ANSWER_TIMEOUT = timedelta(seconds=10)


class Queue(BaseModel):
    """The queue of one channel.

    Args:
        limit: the most messages a second; None: no limit was set.
        backlog: the approximate number of messages that wait for a worker.
        workers: the number of workers that asked for work within the last minutes.
    """

    limit: float | None
    backlog: int
    workers: int


async def describe(client: Client, channel: Channel) -> Queue:
    """Ask Temporal about the queue of a channel.

    Raises:
        TemporalUnavailable: the server does not answer the question.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=channel_queue(channel)),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        report_stats=True,
        report_config=True,
    )
    with asking_temporal():
        answer = await client.workflow_service.describe_task_queue(request, timeout=ANSWER_TIMEOUT)
    limited = answer.config.queue_rate_limit
    return Queue(
        limit=limited.rate_limit.requests_per_second if limited.HasField("rate_limit") else None,
        backlog=answer.stats.approximate_backlog_count,
        workers=len(answer.pollers),
    )


async def limit(
    client: Client, channel: Channel, rate: float | None, *, because: str, by: str
) -> None:
    """Limit the rate at which messages of a channel are handed out, over all workers together.

    Args:
        client: the connected client.
        channel: the channel.
        rate: the most messages a second; None removes the limit.
        because: the reason, which Temporal keeps with the limit.
        by: the operator's name, which Temporal keeps as well.

    Raises:
        TemporalUnavailable: the server does not answer the question.
    """
    update = UpdateTaskQueueConfigRequest.RateLimitUpdate(reason=because)
    if rate is not None:  # leaving it out removes the limit; zero would stop the queue
        update.rate_limit.CopyFrom(RateLimit(requests_per_second=rate))
    request = UpdateTaskQueueConfigRequest(
        namespace=client.namespace,
        identity=by,
        task_queue=channel_queue(channel),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        update_queue_rate_limit=update,
    )
    with asking_temporal():
        await client.workflow_service.update_task_queue_config(request, timeout=ANSWER_TIMEOUT)
