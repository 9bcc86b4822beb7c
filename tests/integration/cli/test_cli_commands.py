"""The table of commands: complete, quick to list, and the same as the commands' own help."""

import subprocess
import sys
from pathlib import Path

import pytest

from sojourn.cli import commands
from sojourn.cli.app import load
from sojourn.cli.commands import COMMANDS
from tests.support.cli_stack import Cli


def test_the_table_names_every_file_of_a_command() -> None:
    files = {path.stem.replace("_", "-") for path in Path(commands.__path__[0]).glob("*.py")}
    assert files - {"--init--"} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_its_line_in_the_table(name: str) -> None:
    assert load(name).help.splitlines()[0] == COMMANDS[name]


def test_help_lists_every_command_and_imports_none() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']; from sojourn.cli.app import main; main();"
        "print([m for m in sys.modules if m.startswith(('temporalio', 'sqlalchemy', 'fastapi'))])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert all(f" {name} " in told.stdout for name in COMMANDS)
    assert told.stdout.splitlines()[-1] == "[]"


def test_a_command_of_the_store_imports_no_worker_and_no_migrations() -> None:
    script = (
        "import sys; from sojourn.cli.app import load; from sojourn.cli.here import Here;"
        "load('keys'); Here.compose();"
        "print(*(name in sys.modules for name in ('temporalio.worker', 'fastapi', 'alembic')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout == "False False False\n"


async def test_an_unknown_command_is_one_line_with_the_nearest_name(offline: Cli) -> None:
    answer = await offline("kyes")
    assert answer.code == 2
    assert answer.fault == "No such command 'kyes'. Did you mean 'keys'?"


@pytest.mark.parametrize("command", ["migrate", "gateway", "runs", "check", "quarantine"])
async def test_no_command_starts_with_a_setting_that_nobody_reads(
    offline: Cli, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SOJOURN_DATABASE_URI", "postgresql://elsewhere")
    answer = await offline(command)
    assert (answer.code, answer.fault) == (
        2,
        "SOJOURN_DATABASE_URI: no such setting, did you mean SOJOURN_DATABASE_URL?",
    )
