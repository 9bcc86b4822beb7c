"""The measured worker process: the product's own composition with other workflows.

``python -m benchmarks.served NAME`` serves a benchmark. The environment configures it like any
worker, and it ends with its standard input.
"""

import asyncio
import sys

import uvloop
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from benchmarks.bare import Bare, Floor
from benchmarks.campaign import Campaign, Welcome
from benchmarks.ladder import Ladder
from benchmarks.messages import FLOOR_QUEUE, QUEUE
from benchmarks.nothing import nothing
from benchmarks.one_message import OneMessage
from sojourn.campaigns.workflow import CampaignWorkflow
from sojourn.dispatch.connection import connect
from sojourn.garbage import loaded_left_out
from sojourn.serving.logs import configure_logging
from sojourn.serving.worker import serving
from sojourn.settings import load_settings
from sojourn.store import Store

WORKFLOWS: dict[str, tuple[type, ...]] = {
    "throughput": (Ladder, Bare, Floor),
    "lanes": (Campaign, Welcome, CampaignWorkflow),
    "campaigns": (OneMessage, CampaignWorkflow),
}


async def _serve(workflows: tuple[type, ...]) -> None:
    settings = load_settings()
    configure_logging(settings)
    async with await Store.open(settings.store_url) as store:
        client = await connect(settings)
        floor = Worker(
            client,
            task_queue=FLOOR_QUEUE,
            activities=[nothing],
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        )
        async with (
            serving(client, store, settings, task_queue=QUEUE, workflows=workflows),
            floor,
        ):
            with loaded_left_out():
                await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(WORKFLOWS[sys.argv[1]]))
