"""`serving`: the composition root: settings -> store, providers -> workers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from sojourn.campaigns.activities import Campaigning
from sojourn.campaigns.occurrences import Occurrences
from sojourn.campaigns.seeding import Seeds
from sojourn.channels.provider import Providers
from sojourn.composing import load_project
from sojourn.dispatch import Sojourn
from sojourn.dispatch.sayings import Sayings
from sojourn.domain.errors import BadProject
from sojourn.domain.messages import Channel, Delivery
from sojourn.insight.weekly.sending import Weekly
from sojourn.insight.workflows import WORKFLOWS
from sojourn.journeys.queues import TASK_QUEUE, channel_queue
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.asking import Questions
from sojourn.sending.batches.gate import BatchGate
from sojourn.sending.batches.send import Batches
from sojourn.sending.calls import temporal_activities
from sojourn.sending.gate import Gate
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.sending.stopping import Stops
from sojourn.sending.tasks import Tasks
from sojourn.sending.waits import replanned
from sojourn.serving.sandbox import workflow_runner
from sojourn.settings import Settings, signing_key
from sojourn.store import Store

GRACE = timedelta(seconds=30)
"""Time that work in flight has to finish when a worker is told to stop."""
CACHED_RUNS = 1000
"""Sleeping runs need no cache; runs that are awake at one time do."""


@asynccontextmanager
async def serving(
    client: Client,
    store: Store,
    settings: Settings,
    project: Project | None = None,
    *,
    task_queue: str = TASK_QUEUE,
    channels: Sequence[Channel] = tuple(Channel),
    carriers: Providers | None = None,
    cached_runs: int = CACHED_RUNS,
    workflows: Sequence[type] | None = None,
    policy: Policy | None = None,
) -> AsyncIterator[Providers]:
    """Run workers for the journeys and the channels, for as long as the block lasts.

    Args:
        client: connected with the pydantic data converter.
        store: open.
        settings: of this installation.
        project: its journeys, activities, templates; None: the one that `load_project` finds.
        task_queue: of the journeys; the channels' queues are named after it.
        channels: to serve; none: journeys alone.
        carriers: other providers than the settings name.
        cached_runs: how many runs to keep in memory between their tasks.
        workflows: other classes than the project's journeys; none: channels alone.
        policy: read already; None: the project's.

    Yields:
        The providers of the channels that are served.

    Raises:
        BadSetting: a provider lacks its credentials.
        BadProject: the sandbox cannot load a journey, or the project's policy cannot be read.
    """
    project = project or load_project()
    rules = policy or Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
    carriers = carriers or project.carriers.chosen(settings, channels)
    serves: Sequence[type] = (
        workflows
        if workflows is not None
        else (
            *project.journeys.values(),
            *WORKFLOWS,
        )
    )
    recorder = Recorder(store)
    messages = messages_of(
        store, settings, project, carriers=carriers, rules=rules, recorder=recorder
    )
    gate = BatchGate.of(store, settings, project, rules)
    campaigning = Campaigning(
        store,
        settings,
        project,
        Batches(store, gate, messages, recorder, carriers),
        Seeds(store, settings, project, carriers),
    )
    shared: dict[str, Any] = {
        "graceful_shutdown_timeout": GRACE,
        "activity_task_poller_behavior": PollerBehaviorAutoscaling(),
    }
    weekly = Weekly(store, settings, project, carriers)
    tasks = Tasks(store, to_tell=bool(settings.tasks_webhook))
    sayings = Sayings(client, store, settings, project, task_queue)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sayings.drain)
        for carrier in set(carriers.values()):
            stack.push_async_callback(carrier.close)
        if serves:
            await stack.enter_async_context(
                _journeys_worker(
                    client,
                    task_queue=task_queue,
                    workflows=serves,
                    activities=[
                        *temporal_activities(
                            project.activities.values(), store, settings, project.topics
                        ),
                        Stops(store, project.events).note,
                        Questions(store, project.topics.own).read,
                        sayings.tell,
                        sayings.note,
                        tasks.open,
                        tasks.close,
                        campaigning.read_feed,
                        campaigning.freeze,
                        campaigning.act,
                        campaigning.decide,
                        campaigning.finish,
                        Occurrences(
                            Sojourn(client, store, settings, project, task_queue=task_queue)
                        ).launch,
                        weekly.begin,
                    ],
                    workflow_runner=workflow_runner(project),
                    max_cached_workflows=cached_runs,
                    # a run that is not kept loses the local activities that it waits for, and
                    # begins them again without end, when the next run's task is taken
                    max_concurrent_workflow_tasks=None if cached_runs else 1,
                    workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
                    graceful_shutdown_timeout=GRACE,
                )
            )
        for channel in channels:
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=channel_queue(channel, task_queue),
                    activities=[messages.send, campaigning.send_slice, weekly.send],
                    max_task_queue_activities_per_second=getattr(settings, f"{channel}_limit"),
                    **shared,
                )
            )
        yield carriers


def messages_of(
    store: Store,
    settings: Settings,
    project: Project,
    *,
    carriers: Providers,
    rules: Policy,
    recorder: Recorder,
    replan: Callable[[Delivery], Awaitable[Delivery]] = replanned,
) -> Messages:
    """Make what sends the messages of an installation's journeys.

    Args:
        store: open.
        settings: of this installation.
        project: its journeys and templates.
        carriers: the provider of each channel.
        rules: of the project's policy.
        recorder: of the outcomes.
        replan: finds out when the wait before a message really ended.

    Returns:
        The activity.
    """
    renderer = Renderer.of(settings, signing_key(settings), project)
    return Messages(
        Gate.of(store, settings, project, rules, renderer.channels_of),
        carriers,
        renderer,
        recorder,
        shop_url=settings.shop_url,
        hosts=settings.link_hosts,
        replan=replan,
    )


def _journeys_worker(client: Client, **options: Any) -> Worker:
    """Make a worker for journeys.

    Raises:
        BadProject: the sandbox cannot load one of them; the text says which and why.
    """
    try:
        return Worker(client, **options)
    except RuntimeError as error:
        cause = error.__cause__
        if cause is None or not str(error).startswith("Failed validating workflow"):
            raise
        name = str(error).removeprefix("Failed validating workflow ")
        fault = " ".join(str(cause).split()) or type(cause).__name__
        raise BadProject(
            f"{name}: the sandbox of workflows cannot load it: {fault}; journeys use the verbs and "
            "leave the world to activities"
        ) from error
