"""A worker process: it serves until it is told to stop, and lets work in flight finish."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError

from sojourn.campaigns.watching import watch
from sojourn.channels.provider import Providers
from sojourn.composing import load_project
from sojourn.dispatch import Sojourn
from sojourn.dispatch.abandoned import Abandoned
from sojourn.dispatch.aging import Aging, asking
from sojourn.dispatch.closing import Closing
from sojourn.dispatch.connection import connect, require_search_attributes
from sojourn.dispatch.erasing import sweep as sweep_erasures
from sojourn.dispatch.forgetting import Forgetting
from sojourn.dispatch.reports import tell_clicks
from sojourn.domain.coupons import Pools
from sojourn.domain.errors import BadSetting, StoreUnavailable, TemporalUnavailable
from sojourn.domain.events import Events
from sojourn.garbage import loaded_left_out
from sojourn.insight.alerts.sinks import sinks_of
from sojourn.insight.alerts.telling import Telling
from sojourn.insight.alerts.watching import Watching
from sojourn.insight.hooks import Hooks
from sojourn.insight.measuring import Measuring
from sojourn.insight.numbering import Numbering
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.answers import Answers, Shop
from sojourn.sending.answering import answer_replies, forget_old
from sojourn.sending.couponing import look as look_at_coupons
from sojourn.sending.helpdesk import Helpdesk
from sojourn.sending.probing import probe_paused
from sojourn.serving.lanes import EVERYTHING, Lanes
from sojourn.serving.showing import Shown
from sojourn.serving.together import stop_with_parent
from sojourn.serving.worker import CACHED_RUNS, GRACE, serving
from sojourn.settings import Settings
from sojourn.store import Store

SWEEP_EVERY = timedelta(seconds=15)
PROBE_EVERY = timedelta(seconds=15)
ERASE_EVERY = timedelta(seconds=15)
AGE_EVERY = timedelta(seconds=60)
SETTLE_EVERY = timedelta(seconds=10)
CLOSE_EVERY = timedelta(seconds=15)
LOOK_EVERY = timedelta(seconds=5)
ANSWER_EVERY = timedelta(seconds=3)
EXPIRE_EVERY = timedelta(seconds=15)
TELL_EVERY = timedelta(seconds=3)
FORGET_EVERY = timedelta(minutes=10)
WATCH_EVERY = timedelta(seconds=15)
STOCK_EVERY = timedelta(minutes=1)
HOOKS_EVERY = timedelta(seconds=3)
MEASURE_EVERY = timedelta(seconds=10)
CLICKS_EVERY = timedelta(seconds=3)
ALERT_EVERY = timedelta(seconds=15)
SHOW_EVERY = timedelta(seconds=30)

log = structlog.stdlib.get_logger("sojourn.worker")


async def probe_forever(client: Client, store: Store, carriers: Providers) -> None:
    """Probe the providers of paused channels, time and again.

    Args:
        client: whose runtime has the gauge of paused channels.
        store: open.
        carriers: the providers of the channels that are served here.
    """
    ours = client.service_client.config.runtime or Runtime.default()
    gauge = ours.metric_meter.create_gauge("sojourn_channel_paused", "1 while it is paused.")

    async def probe() -> None:
        for channel, pause in (await probe_paused(store, carriers)).items():
            gauge.set(int(pause is not None), {"channel": channel.value})

    await _forever(probe, PROBE_EVERY)


async def watch_policy(client: Client, policy: Policy) -> None:
    """Look for a change of the policy, time and again, and report whether the file can be read.

    Args:
        client: whose runtime has the gauge.
        policy: of the gate.
    """
    ours = client.service_client.config.runtime or Runtime.default()
    gauge = ours.metric_meter.create_gauge(
        "sojourn_policy_fault", "1 while policy.toml cannot be read and former rules hold."
    )

    async def look() -> None:
        policy()
        gauge.set(int(bool(policy.fault)))

    await _forever(look, LOOK_EVERY)


async def watch_coupons(client: Client, store: Store, pools: Pools) -> None:
    """Count the free codes of each pool, time and again, and tell when few are left.

    Args:
        client: whose runtime has the gauge.
        store: open.
        pools: of the project.
    """
    ours = client.service_client.config.runtime or Runtime.default()
    gauge = ours.metric_meter.create_gauge("sojourn_coupons_free", "Codes that nobody has.")

    async def count() -> None:
        for name, free in (await look_at_coupons(store, pools, datetime.now(UTC))).items():
            gauge.set(free, {"pool": name})

    await _forever(count, STOCK_EVERY)


async def answer_forever(
    store: Store, settings: Settings, project: Project, carriers: Providers
) -> None:
    """Answer STOP, START and HELP, time and again.

    Args:
        store: open.
        settings: name the shop.
        project: may have words of its own.
        carriers: the providers of the channels that are served here.
    """
    shop = Shop(settings.shop_name, settings.shop_url, settings.from_email)
    words = Answers(project.templates, shop, settings.locale)

    async def answer() -> None:
        if sent := await answer_replies(store, carriers, words, settings.only_to):
            log.info("answered replies", answers=sent)

    async def forget() -> None:
        await forget_old(store)

    await asyncio.gather(_forever(answer, ANSWER_EVERY), _forever(forget, FORGET_EVERY))


async def sweep_forever(sojourn: Sojourn) -> None:
    """Route, time and again, the events that are stored and whose runs nobody has told.

    A crash leaves some between their row and their signals, and a worker that frees a slot of a cap
    leaves it to us to wake the runs that wait for it.
    """

    async def sweep() -> None:
        if routed := await sojourn.sweep():
            log.info("routed events of which nobody had told the runs", events=routed)

    await _forever(sweep, SWEEP_EVERY)


async def settle_forever(store: Store, client: Client) -> None:
    """Settle, time and again, the messages that wait in runs that somebody terminated."""
    abandoned = Abandoned(store, client)

    async def settle() -> None:
        if settled := await abandoned.settle():
            log.warning("settled messages whose runs were over", messages=settled)

    await _forever(settle, SETTLE_EVERY)


async def close_forever(store: Store, client: Client) -> None:
    """Note, time and again, which runs have ended."""
    closing = Closing(store, client, every=CLOSE_EVERY)

    async def close() -> None:
        if closed := await closing.look():
            log.debug("noted that runs have ended", runs=closed)

    await _forever(close, CLOSE_EVERY)


async def erase_forever(store: Store, client: Client, home: Path) -> None:
    """Finish, time and again, the erasures that Temporal had no time for.

    Args:
        store: open.
        client: of the namespace.
        home: the home folder, which may hold messages that somebody looked at.
    """

    async def erase() -> None:
        if erased := await sweep_erasures(store, client, home):
            log.info("erasures were finished", erasures=erased)

    await _forever(erase, ERASE_EVERY)


async def age_forever(store: Store, client: Client, days: Mapping[str, int]) -> None:
    """Make the tables give up, time and again, what is older than their days.

    Args:
        store: open.
        client: tells which runs are open.
        days: after which a table gives something up, by its name.
    """
    aging = Aging(store, days, asking(client))

    async def age() -> None:
        if given_up := await aging.sweep():
            log.info("rows gave up what was too old", rows=given_up)

    await _forever(age, AGE_EVERY)


async def forget_forever(store: Store, known: Events) -> None:
    """Forget, time and again, the secrets of events that have expired.

    Args:
        store: open.
        known: the project's events, by wire name.
    """
    forgetting = Forgetting(store, known)

    async def forget() -> None:
        if forgotten := await forgetting.sweep():
            log.info("forgot secrets that had expired", events=forgotten)

    await _forever(forget, EXPIRE_EVERY)


async def tell_forever(helpdesk: Helpdesk) -> None:
    """Tell the helpdesk, time and again, which tasks opened and how they ended."""

    async def tell() -> None:
        if told := await helpdesk.tell(datetime.now(UTC)):
            log.info("told the helpdesk of tasks", times=told)

    await _forever(tell, TELL_EVERY)


async def tell_clicks_forever(sojourn: Sojourn) -> None:
    """Tell, time and again, of the clicks that were held."""

    async def tell_of_clicks() -> None:
        if clicks := await tell_clicks(sojourn, datetime.now(UTC)):
            log.info("told of clicks", clicks=clicks)

    await _forever(tell_of_clicks, CLICKS_EVERY)


async def measure_forever(measuring: Measuring) -> None:
    """Count, time and again, what has changed since, and number it for those who follow."""
    numbering = Numbering(measuring.store)

    async def measure() -> None:
        await measuring.catch_up()
        await numbering.catch_up()

    await _forever(measure, MEASURE_EVERY)


async def watch_for_alerts(
    client: Client, store: Store, watching: Watching, telling: Telling, *, show: bool
) -> None:
    """Look for alerts, time and again, tell of them, and show those that stand.

    Args:
        client: whose runtime has the gauges.
        store: open.
        watching: looks when a look is due, whichever worker does.
        telling: tells who is to be told.
        show: somebody can read the gauges: what the messages did is shown, too.
    """
    shown = Shown(client.service_client.config.runtime or Runtime.default(), store)

    async def look_for_alerts() -> None:
        await watching.look(datetime.now(UTC))

    async def tell_of_alerts() -> None:
        await telling.tell(datetime.now(UTC))
        await shown.alerts()

    every = min(ALERT_EVERY, watching.every)
    await asyncio.gather(
        _forever(look_for_alerts, every),
        _forever(tell_of_alerts, every),
        *([_forever(shown.measures, SHOW_EVERY)] if show else []),
    )


async def tell_hooks_forever(hooks: Hooks) -> None:
    """Tell the project's addresses, time and again, what happens."""

    async def tell_hooks() -> None:
        await hooks.tell()

    await _forever(tell_hooks, HOOKS_EVERY)


async def watch_audiences(sojourn: Sojourn) -> None:
    """Tell, time and again, who has come into a watched audience and who has gone."""

    async def watch_audience() -> None:
        if changes := await watch(sojourn, every=sojourn.settings.audiences_every):
            log.info("told comings and goings of audiences", changes=changes)

    await _forever(watch_audience, min(WATCH_EVERY, sojourn.settings.audiences_every))


async def _forever(do: Callable[[], Awaitable[None]], every: timedelta) -> None:
    """Do it time and again; a store or a Temporal that is down for a while is no reason to end."""
    while True:
        try:
            await do()
        except (TemporalUnavailable, StoreUnavailable, DBAPIError, OSError) as error:
            log.error("done again later", what=do.__name__, error=type(error).__name__)
        await asyncio.sleep(every.total_seconds())


async def serve_until_stopped(
    settings: Settings,
    lanes: Lanes = EVERYTHING,
    *,
    until_stdin_closes: bool = False,
    virtual_time: bool = False,
    cached_runs: int = CACHED_RUNS,
) -> None:
    """Serve until SIGTERM or SIGINT, or until the process that started us is gone.

    Args:
        settings: of this installation.
        lanes: the part of it to serve.
        until_stdin_closes: stop also when standard input ends.
        virtual_time: serve a replay. Nothing is swept, for its publisher has another clock.
        cached_runs: how many runs to keep in memory between their tasks.

    Raises:
        SojournError: the store, Temporal, the project or a setting cannot be used.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if until_stdin_closes:
        await loop.connect_read_pipe(lambda: _EndOfInput(stop), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stop_with_parent(stop)
    store = await Store.open(settings.store_url, pool_size=settings.database_connections)
    try:
        project = load_project()
        policy = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
        helpdesk = Helpdesk.of(store, settings)
        sinks = sinks_of(settings)
        hooks = Hooks.of(store, settings, project.events)
        client = await connect(settings, runtime=runtime(settings))
        await _check_namespace(client)
        async with serving(
            client,
            store,
            settings,
            project,
            channels=lanes.channels,
            workflows=None if lanes.journeys else (),
            cached_runs=cached_runs,
            policy=policy,
        ) as carriers:
            log.info(
                "serving",
                journeys=list(project.journeys) if lanes.journeys else [],
                channels={channel.value: carriers[channel].name for channel in lanes.channels},
                namespace=client.namespace,
            )
            if settings.only_to is not None:
                log.warning("messages leave to these alone", only_to=str(settings.only_to))
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(stop.wait()),
                asyncio.create_task(watch_policy(client, policy)),
            ]
            if not virtual_time:
                sojourn = Sojourn(client, store, settings, project)
                tasks += [
                    asyncio.create_task(sweep_forever(sojourn)),
                    asyncio.create_task(tell_clicks_forever(sojourn)),
                    asyncio.create_task(probe_forever(client, store, carriers)),
                    asyncio.create_task(settle_forever(store, client)),
                    asyncio.create_task(close_forever(store, client)),
                    asyncio.create_task(erase_forever(store, client, settings.home)),
                    asyncio.create_task(answer_forever(store, settings, project, carriers)),
                    asyncio.create_task(age_forever(store, client, settings.retention)),
                    asyncio.create_task(forget_forever(store, project.events)),
                    asyncio.create_task(measure_forever(Measuring.of(store, settings, project))),
                    asyncio.create_task(
                        watch_for_alerts(
                            client,
                            store,
                            Watching.of(store, settings, project, [one.name for one in sinks]),
                            Telling(store, sinks),
                            show=bool(settings.metrics_address),
                        )
                    ),
                ]
                tasks += _telling(helpdesk, hooks)
                if project.coupons:
                    tasks.append(asyncio.create_task(watch_coupons(client, store, project.coupons)))
                if project.audiences.watched:
                    tasks.append(asyncio.create_task(watch_audiences(sojourn)))
            with loaded_left_out():
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


def _telling(helpdesk: Helpdesk | None, hooks: Hooks | None) -> list[asyncio.Task[Any]]:
    """Begin to tell those that the settings name."""
    tasks = []
    if helpdesk is not None:
        tasks.append(asyncio.create_task(tell_forever(helpdesk)))
    if hooks is not None:
        tasks.append(asyncio.create_task(tell_hooks_forever(hooks)))
    return tasks


async def _check_namespace(client: Client) -> None:
    try:
        await require_search_attributes(client)
    except RPCError as error:
        # a managed Temporal may hide this from workers; the person who set it up has seen to it
        log.warning("cannot see the namespace's search attributes", error=error.message)


class _EndOfInput(asyncio.Protocol):
    """Tells when the other end of standard input is closed: its owner is gone."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()


def runtime(settings: Settings) -> Runtime | None:
    """Make Temporal's runtime, with Prometheus metrics if an address is set.

    Raises:
        BadSetting: nothing can listen at the address.
    """
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
