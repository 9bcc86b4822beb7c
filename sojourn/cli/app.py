"""The `sojourn` command. Exit 0 done, 1 failed, 2 wrong usage; a fault is one clear line."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import typer
from sqlalchemy.exc import DBAPIError
from temporalio.service import RPCError
from typer.exceptions import Exit, TyperException

from sojourn.domain.errors import BadInput, SojournError

app = typer.Typer(
    name="sojourn",
    help="Customer journeys on Temporal: run them, feed them events, see what they did and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


SETTLE_SECONDS = 0.02


def run(
    work: Coroutine[Any, Any, None],
    *,
    runner: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run,
) -> None:
    """Run a command's coroutine; on another event loop, if ``runner`` has one."""
    runner(_and_settle(work))


async def _and_settle(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    finally:
        # Temporal's core drops what a failed call held on a thread of its own; an interpreter that
        # ends at that very moment crashes (seen in half of the runs with temporalio 1.35)
        await asyncio.sleep(SETTLE_SECONDS)


def main() -> int:
    """The entry point; its exit code."""
    from sojourn.cli import commands  # noqa: F401, PLC0415 (registers the commands on `app`)

    try:
        answer = app(standalone_mode=False)
    except Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, EOFError):
        return _fault("interrupted", 130)
    except (SojournError, DBAPIError, RPCError, TyperException) as error:
        return _fault(*_line_and_code(error))
    return int(answer or 0)


def _line_and_code(error: Exception) -> tuple[str, int]:
    match error:
        case TyperException():
            return error.format_message(), 2
        case DBAPIError():
            said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            return f"the database failed: {said[0]}; see SOJOURN_DATABASE_URL", 1
        case RPCError():
            return f"Temporal failed ({error.status.name.lower()}): {error.message}", 1
    return str(error), 2 if isinstance(error, BadInput) else 1


def _fault(line: str, code: int) -> int:
    if line:  # called without arguments, the help was the answer
        print(f"sojourn: {' '.join(line.split())}", file=sys.stderr)  # noqa: T201 (the answer)
    return code
