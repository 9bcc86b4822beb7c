"""``sojourn switches``: what operators hold back, who and why."""

from datetime import datetime
from typing import Annotated

import typer
from pydantic import BaseModel

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.switches import Part, Scope
from sojourn.store import switches as store_switches
from sojourn.store.tables import SwitchRow

app = typer.Typer(add_completion=False)


class Switched(BaseModel):
    """A switch that is or was on.

    Args:
        scope: journey, topic or all.
        name: the journey's or the topic's name; empty for all.
        part: the part that it holds back.
        closed: its operator meant it for good.
        since: when it was set, by the machine's clock.
        because: the words of the operator who set it.
        by: the name of that operator.
        ended_at: when it ended; None if it is on.
        ended_because: the words of the operator who ended it.
        ended_by: the name of that operator.
    """

    scope: Scope
    name: str
    part: Part
    closed: bool
    since: datetime
    because: str
    by: str
    ended_at: datetime | None
    ended_because: str | None
    ended_by: str | None


@app.command()
def switches(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what operators hold back, since when, who and why."""
    run(_switches(Here.compose(), limit, every=every, as_json=as_json))


async def _switches(here: Here, limit: int, *, every: bool, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        if every:
            rows = list(await store_switches.history(session, limit))
        else:
            rows = list(await store_switches.on(session))[:limit]
    if as_json:
        show_json([Switched(**row.model_dump(exclude={"id"})).model_dump() for row in rows])
    elif rows:
        _list(rows, every=every)
    else:
        show_line("nothing is held back")


def _list(rows: list[SwitchRow], *, every: bool) -> None:
    columns = ["scope", "name", "holds back", "since (UTC)", "by", "why"]
    show_list(
        [*columns, "ended (UTC)", "by", "why"] if every else columns,
        (
            [
                row.scope,
                row.name or "-",
                f"{row.part}, closed" if row.closed else row.part,
                row.since,
                row.by,
                row.because,
                *([row.ended_at, row.ended_by, row.ended_because] if every else []),
            ]
            for row in rows
        ),
    )
