"""The entry point of the `sojourn` command.

Exit codes: 0 done, 1 failed, 2 wrong usage. A fault is one clear line on standard error.
"""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Exit, TyperException

from sojourn.cli.commands import COMMANDS
from sojourn.domain.errors import BadInput, SojournError

HELP = "Customer journeys on Temporal: run them, feed them events, see what they did and why."


class Commands(TyperGroup):
    """The group of all commands. It imports a command's module only to run the command.

    The listing needs only the table, so `sojourn --help` answers at once.
    """

    def __init__(self) -> None:
        super().__init__(
            name="sojourn",
            help=HELP,
            commands={name: TyperCommand(name, help=line) for name, line in COMMANDS.items()},
            no_args_is_help=True,
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Replace the listed command by the one in its module."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else load(name), rest


def load(name: str) -> Any:
    """Import the module of a command and return the command."""
    module = import_module(f"sojourn.cli.commands.{name.replace('-', '_')}")
    return typer.main.get_command(module.app)


def main() -> int:
    """Run the command that the arguments name, and return its exit code."""
    try:
        answer = Commands()(standalone_mode=False)
    except Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, EOFError):
        return _fault("interrupted", 130)
    except TyperException as error:
        return _fault(error.format_message(), 2)
    except SojournError as error:
        return _fault(str(error), 2 if isinstance(error, BadInput) else 1)
    except Exception as error:
        line = _of_a_server(error)
        if line is None:
            raise
        return _fault(line, 1)
    return int(answer or 0)


def _of_a_server(error: Exception) -> str | None:
    """Return the line for a failure of the database or of Temporal; None for any other error."""
    # both libraries are slow to import, but an error of theirs means that they are imported
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from temporalio.service import RPCError  # noqa: PLC0415

    match error:
        case DBAPIError():
            said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            return f"the database failed: {said[0]}; see SOJOURN_DATABASE_URL"
        case RPCError():
            return f"Temporal failed ({error.status.name.lower()}): {error.message}"
    return None


def _fault(line: str, code: int) -> int:
    if line:  # the line is empty if the help was the answer
        print(f"sojourn: {' '.join(line.split())}", file=sys.stderr)  # noqa: T201 (the answer)
    return code
