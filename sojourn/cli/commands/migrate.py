"""``sojourn migrate``: bring the database to the version of this code."""

import typer

from sojourn.cli.here import Here
from sojourn.cli.output import console
from sojourn.cli.running import run
from sojourn.store.engine import head

app = typer.Typer(add_completion=False)


@app.command()
def migrate() -> None:
    """Bring the database up to date with this version of Sojourn."""
    run(_migrate(Here.compose()))


async def _migrate(here: Here) -> None:
    async with here.store(migrate=True):
        console.print(f"the database is at version {head()}")
