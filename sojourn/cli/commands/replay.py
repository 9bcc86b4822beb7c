"""``sojourn replay``: run a recording through the real engine in virtual time."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli import output
from sojourn.cli.calls import Fault, read_calls
from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.cli.progress import counting
from sojourn.cli.recordings import Replayed
from sojourn.cli.recordings import replay as replay_calls
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.serving.sandbox import check_journeys

app = typer.Typer(add_completion=False)

SHOWN_FAULTS = 10


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Segment calls, one a line; .gz too; - is stdin")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Counts as JSON")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the replay's database and logs in this folder")
    ] = None,
) -> None:
    """Run a recording through the real engine in virtual time, and count the messages.

    Nothing is sent, and your own database is not touched. Settings such as SOJOURN_QUIET_HOURS
    and the rules of policy.toml hold. A run that fails or holds up all others is set aside and
    named; the exit code is then 1.
    """
    run(_replay(Here.compose(), file, as_json=json, keep=keep))


async def _replay(here: Here, file: Path, *, as_json: bool, keep: Path | None) -> None:
    await check_journeys(here.project)
    read = read_calls(file, here.project.events, within=here.settings.clock_skew)
    calls = [call for _, call in read]
    faults = [call for call in calls if isinstance(call, Fault)]
    if faults and len(faults) == len(calls):
        raise BadInput(
            f"{file}: no line of it is a call of the tracking API; "
            f"line {faults[0].line}: {faults[0].reason}"
        )
    with kept_or_temporary(keep, "replay") as home, counting() as bar:
        tasks = {phase: bar.add_task(phase, total=None) for phase in ("events", "runs")}

        def progress(phase: str, done: int, total: int) -> None:
            bar.update(tasks[phase], completed=done, total=total)

        def restarted(code: int) -> None:
            bar.console.print(f"the worker ended with code {code} and is started again")

        result = await replay_calls(
            calls,
            here.apart(home, "replay.db"),
            here.project,
            progress=progress,
            on_restart=restarted,
        )
    if as_json:
        output.show_json(result.as_json())
    else:
        _show(result)
    for fault in result.faults[:SHOWN_FAULTS]:
        output.stderr.print(f"line {fault.line}: {fault.reason}", markup=False)
    if len(result.faults) > SHOWN_FAULTS:
        output.stderr.print(f"and {len(result.faults) - SHOWN_FAULTS} more lines like these")
    for one in result.unknown:
        output.stderr.print(f"unknown: {one.name}: {one.reason}", markup=False, soft_wrap=True)
    if result.unknown:
        raise typer.Exit(1)


def _show(result: Replayed) -> None:
    output.console.print(
        f"{result.read} events read, {result.stored} stored, {len(result.faults)} rejected; "
        f"{result.identified} identify calls"
    )
    for name, tally in result.journeys.items():
        outcomes = ", ".join(f"{n} {outcome}" for outcome, n in sorted(tally.outcomes.items()))
        output.show_table(
            f"\n{name}: {tally.runs} runs" + (f" ({outcomes})" if outcomes else ""),
            ("step", "due", "sent", "skipped"),
            [
                (
                    step,
                    counts.due,
                    counts.sent,
                    ", ".join(f"{n} {why}" for why, n in (counts.skipped + counts.other).items()),
                )
                for step, counts in tally.steps.items()
            ],
        )
