"""``sojourn check``: would this code break a run that is under way?"""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli import histories, output
from sojourn.cli.app import app, run
from sojourn.cli.histories import Replayed
from sojourn.composing import project_settings
from sojourn.dispatch.connection import connect


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Recorded histories")] = Path("tests/histories"),
    *,
    open_runs: Annotated[
        bool, typer.Option("--open", help="Replay every open run of the namespace instead")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Replay histories against this code and name each that would break. Run it before a deploy.

    Exits 1 if any would.
    """
    run(_check(folder, open_runs=open_runs, as_json=json))


async def _check(folder: Path, *, open_runs: bool, as_json: bool) -> None:
    if open_runs:
        client = await connect(project_settings())
        results = await histories.replay(histories.open_runs(client))
    else:
        results = await histories.replay(histories.recorded(folder))
    broken = [result for result in results if result.broken]
    if as_json:
        output.show_json(
            {
                "replayed": len(results),
                "broken": [
                    {"run": r.name, "journey": r.journey, "reason": r.broken} for r in broken
                ],
            }
        )
    else:
        _show(results, broken)
    if broken:
        raise typer.Exit(1)


def _show(results: list[Replayed], broken: list[Replayed]) -> None:
    for result in broken:
        output.console.print(f"{result.name} would break", style="bold", markup=False)
        output.console.print(f"  {result.broken}\n", markup=False)
    output.console.print(
        f"{len(results)} replayed, {len(broken)} would break"
        if broken
        else f"{len(results)} replayed, none would break"
    )
