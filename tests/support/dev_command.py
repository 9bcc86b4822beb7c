"""`sojourn dev` in a separate process, as users start it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sojourn.cli.local.processes import Child, python, running
from sojourn.cli.local.stack import running_stack
from sojourn.settings import Settings


@asynccontextmanager
async def dev_command(home: Path, *arguments: str) -> AsyncIterator[tuple[Child, dict[str, Any]]]:
    """Run `sojourn dev` in this home; yield it with the file that describes its stack."""
    child = Child(
        "sojourn dev",
        python("-m", "sojourn", "dev", *arguments),
        home / "dev.log",
        env={"SOJOURN_HOME": str(home), "SOJOURN_DATABASE_URL": ""},
    )
    async with running(child):

        async def announced() -> bool:
            return "write key" in child.log.read_text()

        await child.ready(announced)
        noted = running_stack(Settings(home=home))
        assert noted is not None, child.log.read_text()
        yield child, noted
