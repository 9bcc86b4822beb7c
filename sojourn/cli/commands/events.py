"""``sojourn events``: the events that are known here, and stored events without effect."""

from typing import Annotated, Any

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import MOST, AsJson, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.dispatch.noting import nearest_field
from sojourn.domain.events import Events
from sojourn.store import unknowns
from sojourn.store.unknowns import Counted

app = typer.Typer(add_completion=False)

NEWEST = 100_000


@app.callback(invoke_without_command=True)
def list_events(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the events that are known here, and what starts or ends runs."""
    if context.invoked_subcommand is not None:
        return
    known = Here.compose().project.events
    rows = [
        {"event": name, "starts": name in known.use.starts, "ends": name in known.use.ends}
        for name in sorted(known)
    ]
    if as_json:
        show_json(rows)
        return
    show_list(
        ["event", "starts runs", "ends runs"],
        [(row["event"], _yes(row["starts"]), _yes(row["ends"])) for row in rows],
    )


@app.command()
def unknown(
    *,
    newest: Annotated[
        int, typer.Option(min=1, max=MOST, help="How many of the newest events to look at.")
    ] = NEWEST,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Count events whose name nothing knows, and starts without their key; name the nearest.

    Values of properties are not shown, since they may be personal.
    """
    run(_unknown(Here.compose(), newest, limit, as_json=as_json))


async def _unknown(here: Here, newest: int, limit: int, *, as_json: bool) -> None:
    known = here.project.events
    async with here.store() as store, store.reading() as session:
        odd = await unknowns.names(session, known, newest=newest, limit=limit)
        rows = [_odd(one, known) for one in odd]
        for name, keyed in known.use.keyed.items():
            for key in dict.fromkeys(keyed.values()):
                lacking = await unknowns.keyless(session, name, key, newest=newest)
                if lacking is not None:
                    journeys = [journey for journey, one in keyed.items() if one == key]
                    rows.append(_keyless(lacking, key, journeys, known))
    if as_json:
        show_json(rows)
        return
    if not rows:
        show_line(f"none of the newest {newest} events is unknown or lacks a key")
        return
    show_list(
        ["event", "count", "last (UTC)", "fault", "nearest"],
        [
            (row["event"], row["count"], row["last_at"], row["fault"], row["nearest"] or "")
            for row in rows
        ],
    )
    show_line("a synonym in pyproject.toml, or a class in events.py, makes them known")


def _odd(one: Counted, known: Events) -> dict[str, Any]:
    return {
        "event": one.name,
        "fault": "no class has this name",
        "count": one.count,
        "last_at": one.last_at,
        "nearest": known.nearest(one.name),
    }


def _keyless(one: Counted, key: str, journeys: list[str], known: Events) -> dict[str, Any]:
    fields = set(known[one.name].model_fields)
    return {
        "event": one.name,
        "fault": f"{key} is missing: it starts no run of {' and '.join(journeys)}",
        "count": one.count,
        "last_at": one.last_at,
        "nearest": nearest_field(key, set(one.properties) - fields),
    }


def _yes(value: object) -> str:
    return "yes" if value else ""
