"""``sojourn forecast``: the messages that the open runs come to in the next days."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.cli.leading import taken
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_table
from sojourn.cli.progress import counting
from sojourn.cli.reporting import block, sparks
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput
from sojourn.insight.leading.forecast import (
    UNKNOWN,
    Forecast,
    as_json,
    forecast,
    money_words,
    share_words,
)
from sojourn.insight.leading.leading import lead
from sojourn.insight.leading.page import page_of
from sojourn.insight.leading.snapshot import Snapshot

app = typer.Typer(add_completion=False)

USUAL_DAYS, MOST_DAYS = 30, 400


@app.command(name="forecast")
def ahead(
    *,
    days: Annotated[
        int, typer.Option(min=1, max=MOST_DAYS, help="The days to look ahead.")
    ] = USUAL_DAYS,
    page: Annotated[
        Path | None, typer.Option(help="Write the forecast into this file, as a page.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Tell which messages the open runs come to: by day, hour, channel and journey.

    Every open run is taken up from its history and led on in memory by the rules of the gate, as
    if nothing further happened. Nothing is sent, and nothing is written but the page.
    """
    run(_forecast(Here.compose(), timedelta(days=days), page, json=json))


async def _forecast(here: Here, led_on: timedelta, page: Path | None, *, json: bool) -> None:
    if page is not None:
        _write(page, "")  # not after minutes
    with kept_or_temporary(None, "forecast") as home, counting() as bar:
        await taken(here, home / "snapshot")
        task = bar.add_task("days", total=None)
        led = await asyncio.to_thread(
            lead,
            Snapshot.of_file(home / "snapshot"),
            here.project,
            here.settings,
            led_on=led_on,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            billing=True,
        )
    found = forecast(led, here.settings, zone(here.settings.timezone))
    if page is not None:
        _write(page, page_of(found))
    if json:
        show_json(as_json(found))
        return
    _show(found)
    if page is not None:
        show_line(f"\n{page}: written")


def _write(page: Path, text: str) -> None:
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--page {page}: cannot be written: {error.strerror}") from None


def _show(found: Forecast) -> None:
    length = round((found.until - found.now) / timedelta(days=1))
    held = f", {found.held:,} of them held first" if found.held else ""
    show_line(
        f"{found.runs:,} open runs, {length} days: {found.messages:,} messages{held}", style="bold"
    )
    if found.messages:
        show_line(f"\nby day, {found.zone}")
        _show_days(found)
        show_line(f"\nby hour of the day   0h {sparks(found.by_hour_of_day())} 24h\n")
        for title, place in (("channel", 1), ("journey", 2)):
            show_table("", (title, "messages"), [(n, f"{m:,}") for n, m in found.by(place).items()])
        show_table(
            "",
            ("provider", "busiest hour", "in it", "of its limit"),
            [
                (
                    f"{one.provider} ({one.channel.value})",
                    "" if one.busiest is None else f"{one.busiest:%Y-%m-%d %H}h",
                    f"{one.most:,}",
                    share_words(one),
                )
                for one in found.loads
            ],
        )
        show_line(money_words(found.money))
    if found.skipped:
        told = ", ".join(f"{number:,} {reason}" for reason, number in found.skipped.items())
        show_line(f"not sent: {told}")
    if found.broken:
        show_line(
            f"{len(found.broken):,} runs break under this code, and are not in it: "
            "`sojourn check --open` names them"
        )
    if found.left_out:
        show_line(f"not led on, because they are in shadow: {', '.join(found.left_out)}")
    show_line(f"\n{UNKNOWN}.")


def _show_days(found: Forecast) -> None:
    days = {day: sum(counts.values()) for day, counts in found.days().items()}
    most = max(days.values())
    wide = len(f"{most:,}")
    # a tail without messages says nothing
    last = max(day for day, number in days.items() if number)
    for day, number in days.items():
        if day <= last:
            show_line(f"{day:%a %Y-%m-%d}  {number:>{wide},}  {block(number, 0, most)}")
