"""The command of workers: ``python worker.py``."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import uvloop

from sojourn.composing import load_project, project_settings
from sojourn.domain.errors import SojournError
from sojourn.policies import Policy
from sojourn.serving.lanes import EVERYTHING, Lanes, read_lanes
from sojourn.serving.logs import configure_logging
from sojourn.serving.loop import serve_until_stopped
from sojourn.serving.sandbox import check_journeys
from sojourn.serving.together import run_together
from sojourn.serving.worker import CACHED_RUNS
from sojourn.settings import Settings, check_secrets


def serve(argv: Sequence[str] | None = None) -> NoReturn:
    """Serve the project's journeys and channels until SIGTERM or Ctrl-C, then end the process.

    Args:
        argv: arguments; None: those of the process (``--processes N``, ``--channels sms,push``).
    """
    sys.exit(main(argv))


def run(
    settings: Settings,
    lanes: Lanes = EVERYTHING,
    *,
    until_stdin_closes: bool = False,
    virtual_time: bool = False,
    cached_runs: int = CACHED_RUNS,
) -> int:
    """Serve in this process.

    Args:
        settings: of the installation.
        lanes: the part of it to serve.
        until_stdin_closes: stop also when standard input ends.
        virtual_time: serve a replay.
        cached_runs: how many runs to keep in memory between their tasks.

    Returns:
        The exit code.
    """
    configure_logging(settings)
    try:
        uvloop.run(
            serve_until_stopped(
                settings,
                lanes,
                until_stdin_closes=until_stdin_closes,
                virtual_time=virtual_time,
                cached_runs=cached_runs,
            )
        )
    except SojournError as error:
        print(f"worker: {error}", file=sys.stderr)  # noqa: T201 (the command's answer)
        return 1
    return 0


async def _check(settings: Settings, lanes: Lanes) -> None:
    """Name a fault of a journey, the policy or a provider's settings once, not in each process."""
    project = load_project()
    Policy(project.policy, settings.quiet_hours)
    await check_journeys(project)
    for provider in set(project.carriers.chosen(settings, lanes.channels).values()):
        await provider.close()


def run_many(settings: Settings, count: int, lanes: Lanes = EVERYTHING) -> int:
    """Serve in ``count`` processes.

    Args:
        settings: of the installation.
        count: how many.
        lanes: the part of it that each serves.

    Returns:
        The exit code.
    """

    def target(index: int) -> tuple[Callable[..., None], tuple[Any, ...]]:
        own = settings.model_copy(update={"metrics_address": _shifted(settings, index)})
        return _child, (own, lanes)

    return run_together("worker", target, count)


def _child(settings: Settings, lanes: Lanes) -> None:
    sys.exit(run(settings, lanes))


def _shifted(settings: Settings, index: int) -> str:
    """Return the metrics address of one of several processes: each has its own port."""
    host, _, port = settings.metrics_address.rpartition(":")
    return f"{host}:{int(port) + index}" if port.isdigit() else settings.metrics_address


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``worker.py [--processes N] [--channels sms,push]``.

    Args:
        argv: arguments; None: those of the process.

    Returns:
        The exit code.
    """
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
    parser.add_argument("--cached-runs", type=int, default=CACHED_RUNS, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    count = options.processes
    if count < 1:
        parser.error("--processes takes a whole number from 1")
    try:
        settings = project_settings()
        if not options.until_stdin_closes:  # `sojourn dev` may be tried with any secret
            check_secrets(settings)
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
        cached_runs=options.cached_runs,
    )
