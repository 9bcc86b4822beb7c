"""``sojourn export``: what happened, into a warehouse, from where the last export ended."""

from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_counts, show_json, show_line, stderr
from sojourn.cli.running import run
from sojourn.insight.exporting.export import Exported, target_of
from sojourn.insight.exporting.export import export as export_to
from sojourn.insight.exporting.schema import STREAMS
from sojourn.insight.exporting.target import Target
from sojourn.insight.measuring import Measuring

app = typer.Typer(add_completion=False)


@app.command()
def export(
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="DIR|duckdb:FILE|postgres://...",
            help="A folder for Parquet, a DuckDB file, or a database.",
        ),
    ],
    since: Annotated[
        int | None,
        typer.Option(
            "--since",
            min=0,
            metavar="SEQ",
            help="After this change, and not after the target's last.",
        ),
    ] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="With personal columns; docs/export.md lists them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export what happened into a folder of Parquet, a DuckDB file or PostgreSQL.

    Messages, reports, events, runs, conversions, assignments and consents: what is new or has
    changed since the last export into the same target.
    """
    target = target_of(to)
    run(_export(Here.compose(), target, since, personal=personal, as_json=as_json))


async def _export(
    here: Here, target: Target, since: int | None, *, personal: bool, as_json: bool
) -> None:
    if personal:
        names = (
            f"{stream.name}.{column.name}"
            for stream in STREAMS.values()
            for column in stream.columns
            if column.personal
        )
        stderr.print(f"with personal columns: {', '.join(names)}", highlight=False, soft_wrap=True)
    async with here.store() as store:
        measuring = Measuring.of(store, here.settings, here.project)
        try:
            done = await export_to(
                measuring, target, here.project.events, since=since, personal=personal
            )
        finally:
            await target.close()
    if as_json:
        show_json(
            {"since": done.since, "upto": done.upto, "rows": done.rows, "behind": _behind(done)}
        )
        return
    show_line(f"exported the changes {done.since + 1:,} to {done.upto:,}" if done.upto > done.since
              else f"nothing has changed since {done.since:,}")  # fmt: skip
    show_counts({name: done.rows[name] for name in STREAMS})
    if done.behind:
        show_line(
            f"a transaction is open that may still write {', '.join(_behind(done))}: the newest "
            "of these come with the next export"
        )


def _behind(done: Exported) -> list[str]:
    return sorted(kind.value for kind in done.behind)
