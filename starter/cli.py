"""The `sojourn` command. Exit 0 done, 1 failed, 2 wrong usage; a fault is one clear line."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import typer
from typer.exceptions import Exit, TyperException

from domain.errors import BadInput, SojournError

app = typer.Typer(
    name="sojourn",
    help="Customer journeys on Temporal: run them, feed them events, see what they did and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine."""
    asyncio.run(work)


def main() -> int:
    """The entry point; its exit code."""
    from starter import commands  # noqa: F401, PLC0415 (registers the commands on `app`)

    try:
        answer = app(standalone_mode=False)
    except SojournError as error:
        return _fault(str(error), 2 if isinstance(error, BadInput) else 1)
    except Exit as done:
        return done.exit_code
    except TyperException as error:
        said = error.format_message()
        return _fault(said, 2) if said else 2  # without arguments the help was the answer
    except (KeyboardInterrupt, EOFError):
        return _fault("interrupted", 130)
    return int(answer or 0)


def _fault(line: str, code: int) -> int:
    print(f"sojourn: {' '.join(line.split())}", file=sys.stderr)  # noqa: T201 (the answer)
    return code
