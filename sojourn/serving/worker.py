"""The composition root: settings -> store, providers -> workers. Runs alone against any Temporal.

``python worker.py`` serves the journeys and every channel until SIGTERM or Ctrl-C, and then lets
what is in flight finish.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from weakref import WeakSet

import structlog
import uvloop
from sqlalchemy.exc import DBAPIError
from temporalio import workflow
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from sojourn.channels.provider import Providers
from sojourn.composing import load_project, project_settings
from sojourn.dispatch import Sojourn
from sojourn.dispatch.connection import connect, require_search_attributes
from sojourn.domain.errors import (
    BadInput,
    BadSetting,
    SojournError,
    StoreUnavailable,
    TemporalUnavailable,
)
from sojourn.domain.messages import Channel
from sojourn.journeys.queues import TASK_QUEUE, channel_queue
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.calls import temporal_activities
from sojourn.sending.gate import Gate
from sojourn.sending.probing import probe_paused
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.serving.logs import configure_logging
from sojourn.serving.together import run_together, stop_with_parent
from sojourn.settings import Settings, signing_key
from sojourn.store import Store

GRACE = timedelta(seconds=30)
CACHED_RUNS = 1000  # sleeping runs need no cache; what is awake at one time does
SWEEP_EVERY = timedelta(seconds=15)
PROBE_EVERY = timedelta(seconds=15)
JOURNEYS = "journeys"
# the engine is passed through whole: imported once, not again for every run. What stays inside
# the sandbox is what can go wrong: the files of journeys.
THEIRS = (
    "asyncpg",
    "babel",
    "css_inline",
    "httpx",
    "jinja2",
    "phonenumbers",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
)

log = structlog.stdlib.get_logger("sojourn.worker")


@dataclass(frozen=True)
class Lanes:
    """What a worker serves."""

    journeys: bool = True
    channels: tuple[Channel, ...] = tuple(Channel)


EVERYTHING = Lanes()


class _Runner(SandboxedWorkflowRunner):
    """A sandbox that tries each class once a process, not once a worker."""

    _tried: ClassVar[WeakSet[type]] = WeakSet()

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        """See that the class can be loaded in the sandbox."""
        if defn.cls not in self._tried:
            super().prepare_workflow(defn)
            self._tried.add(defn.cls)


def workflow_runner(project: Project) -> WorkflowRunner:
    """Return the sandbox of workers, tests and replay alike.

    The engine and the project's events and activities are passed through: imported once, not again
    for every run. What stays inside the sandbox is what can go wrong: the files of journeys.
    """
    return _Runner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "sojourn", *project.modules, *THEIRS
        )
    )


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
) -> AsyncIterator[Providers]:
    """Workers for the journeys and the channels, for as long as the block lasts.

    Args:
        client: connected with the pydantic data converter.
        store: open.
        settings: of this installation.
        project: its journeys, activities, templates; None: the one that `load_project` finds.
        task_queue: of the journeys; the channels' queues are named after it.
        channels: to serve; none: journeys alone.
        carriers: other providers than the settings name.
        cached_runs: how many runs to keep in memory between their tasks.
        workflows: others than the journeys there are; none: channels alone.

    Yields:
        Who carries the channels that are served.

    Raises:
        BadSetting: a provider lacks its credentials.
    """
    project = project or load_project()
    carriers = carriers or project.carriers.chosen(settings, channels)
    serves = list(project.journeys.values()) if workflows is None else workflows
    calls = temporal_activities(project.activities.values(), store, settings)
    renderer = Renderer(settings, signing_key(settings))
    messages = Messages(
        Gate(
            store,
            settings.quiet_hours,
            settings.timezone,
            events=project.events,
            templates=renderer.channels_of,
        ),
        carriers,
        renderer,
        Recorder(store),
        shop_url=settings.shop_url,
        hosts=settings.link_hosts,
    )
    shared: dict[str, Any] = {
        "graceful_shutdown_timeout": GRACE,
        "activity_task_poller_behavior": PollerBehaviorAutoscaling(),
    }
    async with AsyncExitStack() as stack:
        for carrier in set(carriers.values()):
            stack.push_async_callback(carrier.close)
        if serves:
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=task_queue,
                    workflows=serves,
                    activities=calls,
                    workflow_runner=workflow_runner(project),
                    max_cached_workflows=cached_runs,
                    workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
                    graceful_shutdown_timeout=GRACE,
                )
            )
        for channel in channels:
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=channel_queue(channel, task_queue),
                    activities=[messages.send],
                    max_task_queue_activities_per_second=getattr(settings, f"{channel}_limit"),
                    **shared,
                )
            )
        yield carriers


async def probe_forever(client: Client, store: Store, carriers: Providers) -> None:
    """Ask the providers of paused channels, again and again, whether they are well."""
    ours = client.service_client.config.runtime or Runtime.default()
    gauge = ours.metric_meter.create_gauge("sojourn_channel_paused", "1 while it is paused.")

    async def probe() -> None:
        for channel, pause in (await probe_paused(store, carriers)).items():
            gauge.set(int(pause is not None), {"channel": channel.value})

    await _forever(probe, PROBE_EVERY)


async def sweep_forever(sojourn: Sojourn) -> None:
    """Route, again and again, what a crash left between an event's row and its signals."""

    async def sweep() -> None:
        if routed := await sojourn.sweep():
            log.warning("routed events that a crash had left behind", events=routed)

    await _forever(sweep, SWEEP_EVERY)


async def _forever(do: Callable[[], Awaitable[None]], every: timedelta) -> None:
    """Do it time and again; that the store or Temporal is away for a while is no reason to end."""
    while True:
        try:
            await do()
        except (TemporalUnavailable, StoreUnavailable, DBAPIError, OSError) as error:
            log.error("done again later", what=do.__name__, error=type(error).__name__)
        await asyncio.sleep(every.total_seconds())


async def serve(
    settings: Settings,
    lanes: Lanes = EVERYTHING,
    *,
    until_stdin_closes: bool = False,
    virtual_time: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, or until whoever started us is gone.

    Args:
        settings: of this installation.
        lanes: what of it.
        until_stdin_closes: stop also when standard input ends.
        virtual_time: serve a replay. Nothing is swept, for its publisher has another clock; and
            no run is kept in memory, for the test server would wait, run by run, for the memory
            of a worker that died.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if until_stdin_closes:
        await loop.connect_read_pipe(lambda: _EndOfInput(stop), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stop_with_parent(stop)
    store = await Store.open(settings.store_url)
    try:
        project = load_project()
        client = await connect(settings, runtime=runtime(settings))
        await _check_namespace(client)
        async with serving(
            client,
            store,
            settings,
            project,
            channels=lanes.channels,
            workflows=None if lanes.journeys else (),
            cached_runs=0 if virtual_time else CACHED_RUNS,
        ) as carriers:
            log.info(
                "serving",
                journeys=list(project.journeys) if lanes.journeys else [],
                channels={channel.value: carriers[channel].name for channel in lanes.channels},
                namespace=client.namespace,
            )
            tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
            if not virtual_time:
                tasks += [
                    asyncio.create_task(sweep_forever(Sojourn(client, store, settings, project))),
                    asyncio.create_task(probe_forever(client, store, carriers)),
                ]
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            for task in done:
                task.result()  # a sweeper that failed must not look like an orderly end
            log.info("stopping", grace_seconds=GRACE.total_seconds())
    finally:
        await store.close()
    log.info("stopped")


async def _check_namespace(client: Client) -> None:
    try:
        await require_search_attributes(client)
    except RPCError as error:
        # a managed Temporal may keep this from workers; then it is whoever sets it up who knows
        log.warning("cannot see the namespace's search attributes", error=error.message)


class _EndOfInput(asyncio.Protocol):
    """Tells when the other end of standard input is closed: its owner is gone."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()


def runtime(settings: Settings) -> Runtime | None:
    """Temporal's runtime, with Prometheus metrics if an address is set."""
    if not settings.metrics_address:
        return None
    try:
        return Runtime(
            telemetry=TelemetryConfig(
                metrics=PrometheusConfig(bind_address=settings.metrics_address)
            )
        )
    except (RuntimeError, ValueError) as error:
        raise BadSetting(
            f"SOJOURN_METRICS_ADDRESS={settings.metrics_address}: {error}; write host:port"
        ) from None


def run(
    settings: Settings,
    lanes: Lanes = EVERYTHING,
    *,
    until_stdin_closes: bool = False,
    virtual_time: bool = False,
) -> int:
    """Serve in this process; the exit code."""
    configure_logging(settings)
    try:
        uvloop.run(
            serve(settings, lanes, until_stdin_closes=until_stdin_closes, virtual_time=virtual_time)
        )
    except SojournError as error:
        print(f"worker: {error}", file=sys.stderr)  # noqa: T201 (the command's answer)
        return 1
    return 0


async def _check(settings: Settings, lanes: Lanes) -> None:
    """Say once what is wrong with a provider's settings, not once a process."""
    for provider in set(load_project().carriers.chosen(settings, lanes.channels).values()):
        await provider.close()


def run_many(settings: Settings, count: int, lanes: Lanes = EVERYTHING) -> int:
    """Serve in ``count`` processes; the exit code."""

    def target(index: int) -> tuple[Callable[..., None], tuple[Any, ...]]:
        own = settings.model_copy(update={"metrics_address": _shifted(settings, index)})
        return _child, (own, lanes)

    return run_together("worker", target, count)


def _child(settings: Settings, lanes: Lanes) -> None:
    sys.exit(run(settings, lanes))


def _shifted(settings: Settings, index: int) -> str:
    """A metrics port of its own for each process."""
    host, _, port = settings.metrics_address.rpartition(":")
    return f"{host}:{int(port) + index}" if port.isdigit() else settings.metrics_address


def read_lanes(told: str) -> Lanes:
    """``sms,push``: these channels; ``journeys`` among them: the journeys, too.

    Raises:
        BadInput: there is no such channel.
    """
    names = [name.strip() for name in told.split(",")]
    known = [JOURNEYS, *(channel.value for channel in Channel)]
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f'--channels: no channel "{unknown[0]}", there is {", ".join(known)}')
    return Lanes(JOURNEYS in names, tuple(channel for channel in Channel if channel in names))


def main(argv: Sequence[str] | None = None) -> int:
    """``python worker.py [--processes N] [--channels sms,push]``."""
    parser = argparse.ArgumentParser(prog="worker.py", description="Serve journeys and channels.")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="how many (one per core is right)"
    )
    parser.add_argument(
        "--channels",
        metavar="LIST",
        help="serve these alone: email, sms, whatsapp, push, and journeys; by default all",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--virtual-time", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    count = options.processes
    if count < 1:
        parser.error("--processes takes a whole number from 1")
    try:
        settings = project_settings()
        lanes = EVERYTHING if options.channels is None else read_lanes(options.channels)
        asyncio.run(_check(settings, lanes))
    except SojournError as error:
        print(f"worker: {error}", file=sys.stderr)  # noqa: T201 (the command's answer)
        return 2
    if count > 1:
        return run_many(settings, count, lanes)
    return run(
        settings,
        lanes,
        until_stdin_closes=options.until_stdin_closes,
        virtual_time=options.virtual_time,
    )


if __name__ == "__main__":
    sys.exit(main())
