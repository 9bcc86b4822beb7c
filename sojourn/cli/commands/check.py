"""``sojourn check``: find the runs that this code would break."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli import histories
from sojourn.cli.changed_waits import ChangedWait, told
from sojourn.cli.here import Here
from sojourn.cli.histories import Checked
from sojourn.cli.impact import Asked, impact_of, show_impact
from sojourn.cli.options import AsJson
from sojourn.cli.output import console, show_json, show_line
from sojourn.cli.running import run
from sojourn.domain.contradictions import contradiction
from sojourn.domain.errors import BadInput, BadPolicy
from sojourn.insight.leading.impact import as_json as plain
from sojourn.journeys.advice import advice
from sojourn.journeys.circles import circles
from sojourn.journeys.precedence import named_in_vain
from sojourn.policies import Policy
from sojourn.rendering.folders import missing_templates
from sojourn.serving.sandbox import check_journeys
from sojourn.store import reading_back
from sojourn.store.reading_back import Unreadable

app = typer.Typer(add_completion=False)

RECORDED = Path("tests", "histories")
SHOWN = 3
"""The most runs that are named for one fault."""


@app.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Recorded histories; left out: tests/histories of the project."),
    ] = None,
    *,
    open_runs: Annotated[
        bool, typer.Option("--open", help="Replay every open run of the namespace instead.")
    ] = False,
    impact: Annotated[
        bool,
        typer.Option(
            "--impact",
            help="With --open: compare what open runs will do by the former code and by this one.",
        ),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(help="The former code: a revision of git, or a project's folder. [HEAD]"),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, help="Of --impact: the runs that are named for each difference.")
    ] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """Replay histories against this code and name each run that it would break.

    With --open it replays all runs of the namespace, even of journeys that this code lacks, and
    checks the stored events that they read. It also reports waits that go on although the code
    would begin them with another length, and templates and names of topics that are missing in
    declared languages. Run it before a deploy. With --impact it also leads every open run on in
    memory, by the former code and by this one, and says whose messages differ. It exits with 1 if
    a run would break, or if policy.toml cannot be read or names a journey that the project does not
    have.
    """
    if impact and not open_runs:
        raise BadInput("--impact is that on open runs: add --open")
    if against is not None and not impact:
        raise BadInput("--against is the former code of --impact: add --impact")
    of = Asked((against or "HEAD") if impact else None, samples)
    run(_check(Here.compose(), folder, of, open_runs=open_runs, as_json=as_json))


async def _check(
    here: Here, folder: Path | None, of: Asked, *, open_runs: bool, as_json: bool
) -> None:
    await check_journeys(here.project)
    policy = _policy(here)
    stored: list[Unreadable] = []
    if open_runs:
        replayed = await _open(here)
        stored = await _stored(here, [run.name for run in replayed])
    else:
        replayed = await _recorded(here, folder)
    found = None if of.former is None else await impact_of(here, of.former)
    broken = [result for result in replayed if result.broken]
    project = here.project
    unwritten = [
        *missing_templates(project),
        *project.topics.missing(project.languages),
        *project.coupons.missing(project.languages),
    ]
    journeys = project.journeys.values()
    advised = [*(line for journey in journeys for line in advice(journey)), *circles(journeys)]
    if as_json:
        show_json(
            {
                "replayed": len(replayed),
                "broken": [
                    {"run": r.name, "journey": r.journey, "reason": r.broken} for r in broken
                ],
                "events": [
                    {
                        "event": one.event,
                        "reason": one.reason,
                        "stored": len(one.stored),
                        "runs": sorted(one.runs),
                        "sends_fail": one.starts,
                    }
                    for one in stored
                ],
                "waits": told(_waits(replayed)),
                "advice": advised,
                "policy": policy,
                "templates": unwritten,
                **({} if found is None else {"impact": plain(found, of.samples)}),
            }
        )
    elif replayed:
        _show(replayed, broken)
    else:
        show_line(_nothing(here, open_runs=open_runs))
    if not as_json:
        _show_stored(stored)
        for line in [*advised, *([policy] if policy else [])]:
            show_line(line)
    if unwritten and not as_json:
        show_line("missing in declared languages; another language stands in:")
        for name in unwritten:
            show_line(f"  {name}")
    if found is not None and not as_json:
        show_impact(found, of)
    if broken or policy or any(one.starts for one in stored) or (found and found.broken):
        raise typer.Exit(1)


def _policy(here: Here) -> str:
    """Return the first fault of the policy, by itself or for this project; empty if none."""
    try:
        rules = Policy(here.project.policy, here.settings.quiet_hours)()
    except BadPolicy as error:
        return str(error)
    for name, journey in here.project.journeys.items():
        for message in journey.messages:
            if message.within:
                fault = contradiction(rules, message.channels, message.within)
                if fault:
                    return f"{here.project.policy}: {name}/{message.step}: {fault}"
    fault = named_in_vain(rules.precedence, here.project.journeys.values())
    return f"{here.project.policy}: {fault}" if fault else ""


async def _open(here: Here) -> list[Checked]:
    client, journeys = await here.temporal(), here.project.journeys
    orphans = await histories.orphans(client, journeys)
    if not journeys:
        return orphans
    found = histories.open_runs(client, journeys)
    return [*orphans, *await histories.replay(found, project=here.project)]


async def _stored(here: Here, runs: list[str]) -> list[Unreadable]:
    """Read the stored events of open runs; the database may still be of the former release."""
    if not runs:
        return []
    reaches = {name: journey.terms.reach for name, journey in here.project.journeys.items()}
    async with here.store(check=False) as store, store.reading() as session:
        return await reading_back.unreadable(session, runs, reaches, here.project.events)


async def _recorded(here: Here, folder: Path | None) -> list[Checked]:
    """Replay the histories of a folder. Only the folder of the project may hold none."""
    recorded = here.project.root / RECORDED
    if folder is None and not histories.files_in(recorded):
        return []
    return await histories.replay(histories.recorded(folder or recorded), project=here.project)


def _nothing(here: Here, *, open_runs: bool) -> str:
    if open_runs:
        return "nothing to check: there is no open run in the namespace"
    return (
        f"nothing to check: no recorded histories (*.json) in {here.project.root / RECORDED}; "
        "docs/testing.md says how to record them, and --open replays open runs instead"
    )


def _show(replayed: list[Checked], broken: list[Checked]) -> None:
    for result in broken:
        console.print(f"{result.name} would break", style="bold", markup=False)
        console.print(f"  {result.broken}\n", markup=False)
    for line in told(_waits(replayed)):
        console.print(line, markup=False)
    console.print(f"{len(replayed)} replayed, {len(broken) or 'none'} would break")


def _show_stored(stored: list[Unreadable]) -> None:
    for one in stored:
        runs = sorted(one.runs)
        more = f" and {len(runs) - SHOWN} more" if len(runs) > SHOWN else ""
        does = (
            "their messages would fail again and again"
            if one.starts
            else "their messages would go out without it"
        )
        console.print(f"{one.event}: {one.reason}", style="bold", markup=False)
        console.print(
            f"  This code cannot read {len(one.stored)} stored, of the open runs "
            f"{', '.join(runs[:SHOWN])}{more}: {does}. Give the field a default.\n",
            markup=False,
        )


def _waits(replayed: list[Checked]) -> list[ChangedWait]:
    return [result.wait for result in replayed if result.wait is not None]
