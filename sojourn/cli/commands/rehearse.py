"""``sojourn rehearse``: a season of a shop, as its customers see it."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sojourn.cli import output
from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.cli.running import run
from sojourn.cli.season.in_memory import InMemory
from sojourn.cli.season.judging import contradictions
from sojourn.cli.season.on_temporal import on_temporal
from sojourn.cli.season.playing import Season, play
from sojourn.cli.season.stage import Stage
from sojourn.cli.season.told import DAYS_OF_A_WEEK, Said, Told
from sojourn.domain.errors import BadInput
from sojourn.garbage import OF_A_WORLD, rarely_collected
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.serving.sandbox import check_journeys
from sojourn.settings import Settings

app = typer.Typer(add_completion=False)

BEGINS = "2026-09-01"
"""The same day by default, since holidays and clock changes are part of a season."""


class Engine(StrEnum):
    """The engine that plays a season."""

    MEMORY = "memory"
    TEMPORAL = "temporal"


STYLES = {"sent": "green", "skipped": "yellow", "deferred": "yellow"}


@app.command()
def rehearse(
    *,
    customers: Annotated[int, typer.Option(min=1, max=10_000, help="How many live in it")] = 30,
    days: Annotated[int, typer.Option(min=1, max=1000, help="How long it is")] = 120,
    shown: Annotated[int, typer.Option(min=0, help="How many customers are shown whole")] = 12,
    seed: Annotated[int, typer.Option(help="Another one is another season")] = 1,
    begins: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Its first day")] = BEGINS,  # type: ignore[assignment]  # typer reads it
    json: Annotated[bool, typer.Option("--json", help="All of it, for programs")] = False,
    engine: Annotated[
        Engine, typer.Option(help="Play it in memory, or on Temporal with a database")
    ] = Engine.MEMORY,
    keep: Annotated[
        Path | None,
        typer.Option(help="Keep the season's database and logs in this folder (--engine temporal)"),
    ] = None,
) -> None:
    """Play a season of a shop through the journeys, and show who got what and why not.

    Made-up customers buy, click, ignore, complain and move, in virtual time. Nothing is sent, and
    your own database is not touched. The rules of policy.toml hold. The exit code is 1 if a message
    contradicts what its customer did.
    """
    if keep is not None and engine is Engine.MEMORY:
        raise typer.BadParameter(
            "a season in memory has no database: add --engine temporal", param_hint="--keep"
        )
    first = datetime.combine(begins.date(), time(), UTC)
    asked = (customers, days, seed)
    run(_rehearse(Here.compose(), asked, first, engine, shown=shown, as_json=json, keep=keep))


async def _rehearse(
    here: Here,
    asked: tuple[int, int, int],
    begins: datetime,
    engine: Engine,
    *,
    shown: int,
    as_json: bool,
    keep: Path | None,
) -> None:
    customers, days, seed = asked
    if not here.project.journeys:
        raise BadInput(f"no journey in {here.project.root}: a journey is a file in workflows/")
    await check_journeys(here.project)
    with kept_or_temporary(keep, "rehearse") as home, _bar() as bar:
        task = bar.add_task("days", total=days)

        def restarted(code: int) -> None:
            bar.console.print(f"the worker ended with code {code} and is started again")

        settings = here.apart(home, "season.db")
        async with _stage(engine, settings, here.project, begins, restarted) as stage:
            season = await play(
                stage,
                settings,
                here.project,
                customers=customers,
                days=days,
                seed=seed,
                begins=begins,
                progress=lambda day: bar.update(task, completed=day),
            )
        bar.update(task, completed=days)
    rules = Policy(here.project.policy, here.settings.quiet_hours)()
    # a rule with its own quiet hours may open hours that are quiet in general
    quiet = None if any(rule.quiet for rule in rules.rules) else rules.quiet
    found = [line for told in season.customers for line in contradictions(told, quiet)]
    if as_json:
        output.show_json(_json(season, found))
    else:
        _show(season, found, shown)
    if found or season.unknown:
        raise typer.Exit(1)


@asynccontextmanager
async def _stage(
    engine: Engine,
    settings: Settings,
    project: Project,
    begins: datetime,
    on_restart: Callable[[int], None],
) -> AsyncIterator[Stage]:
    if engine is Engine.TEMPORAL:
        async with on_temporal(settings, project, begins, on_restart) as stage:
            yield stage
        return
    with rarely_collected(OF_A_WORLD):
        yield InMemory(settings, project, begins)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        console=output.stderr,
    )


def _show(season: Season, found: list[str], shown: int) -> None:
    # customers with the most messages first: faults show there
    by_most = sorted(season.customers, key=lambda told: -len(told.said))
    for told in by_most[:shown]:
        _show_customer(told)
    _show_weeks(season)
    _show_journeys(season)
    if found:
        output.show_line("Contradictions", style="bold red")
        for line in found:
            output.show_line(f"  {line}", style="red")
    else:
        output.show_line(
            "No contradiction: nobody was pestered, and no message spoke against what was done.",
            style="green",
        )
    if season.left_out:
        output.stderr.print(
            f"not played in memory: {', '.join(season.left_out)}; --engine temporal plays all",
            markup=False,
            soft_wrap=True,
        )
    for refused, times in Counter(season.refused).items():
        output.stderr.print(f"refused, {times} times: {refused}", markup=False, soft_wrap=True)
    for one in season.unknown:
        output.stderr.print(f"unknown: {one.name}: {one.reason}", markup=False, soft_wrap=True)


def _show_customer(told: Told) -> None:
    output.show_table(
        f"{told.first_name} ({told.customer_id}, {told.timezone}) {told.temper}",
        ("local time", "journey", "step", "channel", "what became of it", "it says"),
        [_line(told, one) for one in told.said],
    )
    output.console.print()


def _line(told: Told, one: Said) -> tuple[str, ...]:
    fate = f"{one.state}: {one.reason.replace('_', ' ')}" if one.reason else one.state
    if one.held_until is not None:
        fate += f", held until {told.local(one.held_until):%a %H:%M}"
    local = f"{told.local(one.at):%a %d %b %H:%M}"
    return local, one.journey, one.step, one.channel, fate, one.headline


def _show_weeks(season: Season) -> None:
    weeks = -(-season.days // DAYS_OF_A_WEEK)
    rows = []
    for told in season.customers:
        counts = told.weeks(season.begins, weeks)
        cells = [
            f"{count['promotional'] or '·'}/{count['needed'] or '·'}" if count else ""
            for count in counts
        ]
        rows.append((told.customer_id, *cells))
    output.show_table(
        "Messages a week: promotional / needed", ("", *map(str, range(1, weeks + 1))), rows
    )
    output.console.print()


def _show_journeys(season: Season) -> None:
    fates: dict[tuple[str, str], Counter[str]] = {}
    for told in season.customers:
        for one in told.said:
            counts = fates.setdefault((one.journey, one.step), Counter())
            counts[one.state if one.sent else one.reason or one.state] += 1
    output.show_table(
        f"{season.calls} calls of {len(season.customers)} customers, {season.days} days",
        ("journey", "step", "sent", "not sent"),
        [
            (
                journey,
                step,
                counts.pop("sent", 0),
                ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in sorted(counts.items())),
            )
            for (journey, step), counts in sorted(fates.items())
        ],
    )
    output.console.print()


def _json(season: Season, found: list[str]) -> dict[str, object]:
    return {
        "begins": season.begins.isoformat(),
        "days": season.days,
        "calls": season.calls,
        "customers": [
            {
                "customer": told.customer_id,
                "temper": told.temper,
                "timezone": told.timezone,
                "messages": [
                    {
                        "at": one.at.isoformat(),
                        "run": one.workflow_id,
                        "journey": one.journey,
                        "step": one.step,
                        "channel": one.channel,
                        "class": one.message_class,
                        "state": one.state,
                        "reason": one.reason or None,
                        "says": one.headline,
                    }
                    for one in told.said
                ],
            }
            for told in season.customers
        ],
        "contradictions": found,
        "refused": season.refused,
        "left_out": list(season.left_out),
        "unknown": [{"name": one.name, "reason": one.reason} for one in season.unknown],
    }
