"""``sojourn demo``: see the journeys work, in a minute."""

import tempfile
from pathlib import Path

import typer

from sojourn.cli.couponing import fill
from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.programme import programme_of
from sojourn.cli.demo.tale import play
from sojourn.cli.here import Here
from sojourn.cli.local.stack import Stack, dev_stack
from sojourn.cli.output import console, show_line, show_table
from sojourn.cli.reporting import write_page
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput
from sojourn.home import private_folder
from sojourn.insight.measuring import Measuring
from sojourn.insight.reporting.figures import Asked
from sojourn.insight.reporting.languages import ENGLISH
from sojourn.insight.reporting.reading import read
from sojourn.serving.sandbox import check_journeys
from sojourn.settings import Settings
from sojourn.store.tables import ContentRow, LedgerRow

app = typer.Typer(add_completion=False)


@app.command()
def demo() -> None:
    """Play the project's journeys on the embedded Temporal server, time moved along.

    Nothing is sent anywhere. Everything that the demo creates is deleted when it ends, except a
    page that reports what the messages did.
    """
    run(_demo(Here.compose()))


async def _demo(here: Here) -> None:
    await check_journeys(here.project)
    programme = programme_of(here.project.journeys)
    for line in programme.left_out:
        show_line(line, style="yellow")
    if not programme.tales:
        raise BadInput(
            f"no journey to play in {here.project.root}: a journey is a file in workflows/"
        )
    console.print("Starting Temporal's dev server and a worker, in a temporary folder ...")
    with tempfile.TemporaryDirectory(prefix="sojourn-demo-") as folder:
        # the tales need the default quiet hours, whatever this installation has set
        settings = here.apart(Path(folder), "sojourn.db").model_copy(
            update={"quiet_hours": Settings.model_fields["quiet_hours"].default}
        )
        async with dev_stack(settings, ports=False, lasting=False) as stack:
            await fill(stack.store, here.project.journeys.values())
            console.print(f"{_customers(len(programme.tales))} through the next weeks ...\n")
            sent = 0
            async for played in play(programme.tales, Guide(stack, here.project)):
                _show(played)
                sent += sum(row.state == "sent" for row, _ in played.messages)
            file = await _report(here, stack)
    console.print(
        f"{'1 message was' if sent == 1 else f'{sent} messages were'} sent, into the outbox of "
        "the demo. "
        "`make dev` leaves all of it running; README.md goes on from here."
    )
    show_line(f"What the messages did, as a page: {file}")


async def _report(here: Here, stack: Stack) -> Path:
    """Write the report into a page that outlasts the demo; return its path."""
    await Measuring.of(stack.store, stack.settings, here.project).catch_up()
    async with stack.store.reading() as session:
        found = await read(session, here.project, Asked(zone(stack.settings.timezone)))
    file = here.settings.home / "demo-report.html"
    private_folder(here.settings.home)
    write_page(found, here.settings.shop_name, file, ENGLISH)
    return file


def _customers(number: int) -> str:
    return "1 customer lives" if number == 1 else f"{number} customers live"


def _show(played: Played) -> None:
    show_table(
        f"{played.customer_id.title()} {played.title}  ({', '.join(played.outcomes)})",
        ("local time", "step", "channel", "what became of it", "it says"),
        [_line(row, kept, played.timezone) for row, kept in played.messages],
    )
    console.print()


def _line(row: LedgerRow, kept: ContentRow | None, timezone: str) -> tuple[str, ...]:
    tz = zone(timezone)
    local = row.decided_at.astimezone(tz)
    fate = row.state if row.reason is None else f"{row.state}: {row.reason.replace('_', ' ')}"
    if row.held_until is not None:
        fate += f", held until {row.held_until.astimezone(tz):%a %H:%M}"
    said = kept.content if kept else {}
    headline = said.get("subject") or said.get("title") or said.get("text", "")
    return f"{local:%a %d %b %H:%M}", row.step, row.channel, fate, str(headline).split("\n")[0]
