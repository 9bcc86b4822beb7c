"""``sojourn migrate``: bring the database to the version of this code."""

from collections.abc import Sequence
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.output import show_line
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.store.migrating import Step, head

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be done, and what it locks.")
    ] = False,
    contract: Annotated[
        bool, typer.Option("--contract", help="Also what takes the way back: no older code runs.")
    ] = False,
) -> None:
    """Bring the database up to date with this version of Sojourn.

    It says beforehand what it locks, and whether the former release can take over again.
    """
    run(_migrate(Here.compose(), only_plan=plan, contract=contract))


async def _migrate(here: Here, *, only_plan: bool, contract: bool) -> None:
    async with here.store(check=False) as store:
        steps, indexes = await store.due()
        _say(steps, indexes)
        final = [step for step in steps if step.contracts]
        # an empty database has no release to go back to
        if final and final[0].revision != "0001" and not (contract or only_plan):
            raise BadInput(
                f"{', '.join(step.revision for step in final)} cannot be taken back: stop every "
                "older worker and gateway, then run `sojourn migrate --contract`"
            )
    if only_plan:
        return
    async with here.store(migrate=True):
        show_line(f"the database is at version {head()}")


def _say(steps: Sequence[Step], indexes: Sequence[str]) -> None:
    for step in steps:
        show_line(f"{step.revision}  {step.title}")
        for lock in step.locks:
            show_line(f"      locks {lock}")
        if step.contracts:
            show_line(f"      cannot be taken back: {step.contracts}")
    for index in indexes if not any(step.revision == "0001" for step in steps) else ():
        show_line(f"index {index}: built while others read and write (on SQLite nobody writes)")
    if steps and not any(step.contracts for step in steps):
        show_line("the former release goes on running on it, and can take over again")
