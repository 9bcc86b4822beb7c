"""The channels' task queues as Temporal knows them: workers, backlog, and the limit of the rate.

The limit is the server's, for the whole queue and all workers together, and it holds at once:
https://docs.temporal.io/cli/task-queue#config
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
from sojourn.insight.executions import asking_temporal
from sojourn.journeys.queues import channel_queue

ANSWER_TIMEOUT = timedelta(seconds=10)


class Queue(BaseModel):
    """One channel's queue.

    Args:
        limit: messages a second at most; None: no limit was set.
        backlog: messages that wait for a worker, approximately.
        workers: who asked for work within the last minutes.
    """

    limit: float | None
    backlog: int
    workers: int


async def describe(client: Client, channel: Channel) -> Queue:
    """What Temporal knows of a channel's queue.

    Raises:
        TemporalUnavailable: the server does not answer, or cannot.
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
    """Limit how many messages of a channel are handed out, over all workers together.

    Args:
        client: connected.
        channel: which.
        rate: messages a second; None: take the limit away.
        because: kept by Temporal with the limit.
        by: the operator's name, likewise.

    Raises:
        TemporalUnavailable: the server does not answer, or cannot.
    """
    update = UpdateTaskQueueConfigRequest.RateLimitUpdate(reason=because)
    if rate is not None:  # left out, it is taken away; zero would stop the queue
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
