"""``sojourn recover``: after a restore, find the runs that the store or Temporal lacks."""

from datetime import datetime
from typing import Annotated

import typer

from sojourn.cli.fields import read_moment
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.dispatch.recovery import Finding, Recovery, Standing, Survey

app = typer.Typer(add_completion=False)

SAID = {
    Standing.MISSING: "runs are lost: --enter enters them",
    Standing.ENTERED: "runs were entered and go on",
    Standing.OVER: "runs are not in Temporal, and had ended",
    Standing.UNCLEAR: "runs are not in Temporal, and may have ended: see --since",
    Standing.NO_JOURNEY: "runs are not in Temporal, and this code has no such journey",
    Standing.UNREADABLE: "runs are not in Temporal, and cannot be entered",
    Standing.EVENT_MISSING: "runs of Temporal lack their event in the store: they send nothing",
}
COUNTED = (Standing.OVER, Standing.UNCLEAR)
"""Standings that very many runs may have, and that need no action."""


@app.command()
def recover(
    *,
    since: Annotated[
        str | None,
        typer.Option(help="The moment of the backup that was restored: 2024-01-04T02:00:00Z."),
    ] = None,
    enter: Annotated[
        bool, typer.Option("--enter", help="Enter the lost runs. Without it nothing changes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """After a restore: find runs that the store or Temporal lacks, and enter them again.

    A lost run is entered with its own enrolment: what it sent before is not sent again. With
    --since, open runs are told again of events that arrived since then.
    """
    moment = read_moment(since, "--since") if since else None
    run(_recover(Here.compose(), moment, enter=enter, as_json=as_json))


async def _recover(here: Here, since: datetime | None, *, enter: bool, as_json: bool) -> None:
    async with here.sojourn() as sojourn:
        recovery = Recovery(sojourn, since=since, dry=not enter)
        found = [finding async for finding in recovery.run()]
    if as_json:
        survey = recovery.survey
        show_json(
            {
                "dry_run": not enter,
                "looked_at": survey.looked_at,
                "open": survey.on,
                "ended": survey.ended,
                "told": survey.told,
                "runs": [one.model_dump() for one in found],
            }
        )
        return
    _show(recovery.survey, found, since, enter=enter)


def _show(survey: Survey, found: list[Finding], since: datetime | None, *, enter: bool) -> None:
    listed = [one for one in found if one.standing not in COUNTED]
    if listed:
        show_list(
            ["run", "standing", "enrolment", "why"],
            ([one.workflow_id, one.standing, one.enrolment, one.because] for one in listed),
        )
        show_line("")
    show_line(
        f"{survey.looked_at} runs of the store looked at: {survey.on} are open in Temporal, "
        f"{survey.ended} have ended there"
    )
    for standing, words in SAID.items():
        if count := sum(one.standing is standing for one in found):
            show_line(f"{count:>7}  {words}")
    if since is None:
        show_line("open runs are told again only what arrived after --since, the backup's moment")
    else:
        did = "were" if enter else "would be"
        show_line(f"{survey.told:>7}  events {did} told again to open runs")
    if not enter:
        show_line("nothing was changed; --enter does it")
