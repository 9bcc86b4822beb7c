"""``sojourn hits``: opens and clicks, and the verdicts on them; judge."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.moments import read_past
from sojourn.cli.options import AsJson, DryRun
from sojourn.cli.output import show_json, show_line
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.store import people
from sojourn.store.measuring import hits

Since = Annotated[
    str,
    typer.Option(metavar="DAY", help="Only messages with a hit since: 2026-11-03, or a moment."),
]

app = typer.Typer(
    help="Judge stored opens and clicks once more: people's, or machines'.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """Keep `judge` a subcommand, although it is the only one."""


@app.command()
def judge(*, since: Since = "", dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Judge the stored opens and clicks again, by today's lists.

    Counts follow the verdicts. Events that runs were told of stay, and no others are added.
    """
    run(_judge(Here.compose(), since=since, dry_run=dry_run, as_json=as_json))


async def _judge(here: Here, *, since: str, dry_run: bool, as_json: bool) -> None:
    begin = read_past(since, datetime.now(UTC), tz=zone(here.settings.timezone)) if since else None
    messages = changed = after = 0
    async with here.store() as store:
        while True:
            async with store.reading() as session:
                found = await hits.messages_since(session, begin, after)
            for number, customer_id, sent_at in found:
                async with store.transaction() as session:
                    await people.lock(session, customer_id)  # hits come under the same lock
                    changed += await hits.judge(session, number, sent_at, dry=dry_run)
                messages, after = messages + 1, number
            if not found:
                break
    if as_json:
        show_json({"messages": messages, "changed": changed, "dry_run": dry_run})
        return
    would = "would change" if dry_run else "changed"
    show_line(f"judged {messages:,} messages; {changed:,} verdicts {would}")
