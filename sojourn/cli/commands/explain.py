"""``sojourn explain``: the story of one customer, with the reasons."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Annotated

import typer
from temporalio.client import Client

from sojourn.cli.here import Here
from sojourn.cli.output import show_json, show_line
from sojourn.cli.running import run
from sojourn.cli.supposing import show_what_if
from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.states import MessageState
from sojourn.insight import narrowing, story
from sojourn.insight.card import Card, KnownDevice, Reach
from sojourn.insight.course import lines, moment
from sojourn.insight.fate import Decided
from sojourn.insight.happenings import Entry, Happened
from sojourn.insight.in_campaigns import campaign_of
from sojourn.insight.runs import Run
from sojourn.insight.story import Line, Story
from sojourn.insight.waits import Wait
from sojourn.insight.what_if.answer import what_if
from sojourn.journeys.wording import clock

app = typer.Typer(add_completion=False)

MOVED_ON = timedelta(minutes=10)
"""Two clocks differ by more than this only if somebody moved one (`fast-forward`)."""
STYLES = {
    MessageState.SENT: "green",
    MessageState.SKIPPED: "yellow",
    MessageState.DEFERRED: "yellow",
    MessageState.REJECTED: "red",
    MessageState.EXPIRED: "red",
    MessageState.UNKNOWN: "red",
}


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    *,
    run_id: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Only this run, as `sojourn runs` shows it."),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", help="Only this message: step, journey/step or number."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also events that no journey listens to.")
    ] = False,
    supposed: Annotated[
        list[str] | None,
        typer.Option(
            "--if",
            metavar="FACT",
            help='What would have been: consent.email=true, plan=pro, "Order Completed" at 09:55, '
            'no "Order Completed". Several count together.',
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; all of it.")] = False,
) -> None:
    """Tell a customer's story: consents, runs, each message sent, held or skipped, why.

    With --if, the stored history is played in memory as it was and with these facts changed, and
    both stories are shown side by side. Nothing is sent, and the store is only read.
    """
    if supposed:
        if run_id is not None or message is not None or everything:
            raise BadInput("--if shows whole stories: leave out --run, --message and --all")
        run(_suppose(Here.compose(), customer, supposed, as_json=as_json))
        return
    asked = (run_id, message)
    run(_explain(Here.compose(), customer, asked, everything=everything, as_json=as_json))


async def _suppose(here: Here, customer: str, supposed: list[str], *, as_json: bool) -> None:
    async with here.store() as store:
        answer = await what_if(store, here.settings, here.project, customer, supposed)
    if as_json:
        show_json(answer.model_dump())
    else:
        show_what_if(answer)


async def _explain(
    here: Here,
    customer: str,
    asked: tuple[str | None, str | None],
    *,
    everything: bool,
    as_json: bool,
) -> None:
    client: Client | TemporalUnavailable
    async with here.store() as store:
        try:
            client = await here.temporal()
        except TemporalUnavailable as error:  # the store knows the larger part of the story
            client = error
        told = await story.tell(store, here.settings, here.project, client, customer)
    run_id, message = asked
    if run_id is not None:
        told = narrowing.of_run(told, run_id, here.project.journeys)
    if message is not None:
        told = narrowing.of_message(told, message, here.project.journeys)
    if as_json:
        show_json(told.model_dump())
    else:
        _show(told, everything=everything)


def _show(told: Story, *, everything: bool) -> None:
    tz = told.customer.timezone
    _show_card(told.customer)
    show_line("\nRuns", style="bold")
    if told.temporal:
        show_line(f"  as far as the store knows them: {told.temporal}", style="red")
    if not told.runs:
        show_line("  no run was ever started")
    for one in told.runs:
        _show_run(one, tz)
    show_line(f"\nWhat happened, by the customer's clock ({tz})", style="bold")
    show_timeline(told.timeline, tz, everything=everything)


def _show_card(card: Card) -> None:
    show_line(f"Customer {card.customer_id}", style="bold")
    if card.also:
        show_line(f"  also known as {', '.join(card.also)}")
    if card.erased:
        show_line("  erased: nothing is sent any more", style="red")
    elif card.restricted:
        show_line("  restricted: the data are kept, and nothing is sent", style="red")
    elif not card.known:
        show_line("  not identified: only events are known, so nothing is sent", style="red")
    guess = "" if card.timezone_given else " (not told by an identify call; assumed)"
    show_line(f"  zone     {card.timezone}{guess}")
    show_line(f"  locale   {card.locale or 'not told'}")
    for reach in card.channels:
        if reach.address or reach.consent is not None:
            _show_reach(reach)
    _show_devices(card.devices)
    if not any(reach.address for reach in card.channels):
        show_line("  no address on any channel: nothing can be sent", style="yellow")
    _show_choices(card)
    for refused in card.refused:
        show_line(f"  no to    {refused}")
    for topic in card.ran_out:
        show_line(f"  expired  {topic}")


def _show_devices(devices: Iterable[KnownDevice]) -> None:
    for device in devices:
        gone = f"; gone since {device.gone:%Y-%m-%d}" if device.gone else ""
        show_line(
            f"  device   {device.token:<24} {device.platform or 'platform not told'}, "
            f"last used {device.used:%Y-%m-%d}{gone}"
        )


def _show_choices(card: Card) -> None:
    if card.snoozed_until is not None:
        show_line(f"  break    until {moment(card.snoozed_until, card.timezone)}", style="yellow")
    if card.in_care_until is not None:
        until = moment(card.in_care_until, card.timezone)
        show_line(f"  in care  of {card.in_care_of}, until {until} at the latest", style="yellow")
    for topic, days in card.least_days.items():
        show_line(f"  less     {topic}: at most one message in {days} days")


def _show_reach(reach: Reach) -> None:
    if reach.expired is not None:
        consent = f"agreed until {reach.expired:%Y-%m-%d %H:%M} UTC: expired"
    elif reach.consent is None:
        consent = "never asked about promotional messages: none is sent"
    else:
        consent = f"{'agreed' if reach.consent else 'said no'} to promotional messages"
    dead = "; nothing is sent to this address any more" if reach.suppressed else ""
    show_line(
        f"  {reach.channel:<8} {reach.address or 'no address':<24} {consent}{dead}",
        style="yellow" if dead else "",
    )
    if reach.second:
        show_line(f"           {reach.second:<24} the second number, where the first takes nothing")


def _show_run(one: Run, tz: str) -> None:
    name = " ".join(part for part in (one.journey, one.key) if part)
    span = f"started {clock(one.started, tz)}"
    if one.closed:
        span += f", ended {clock(one.closed, tz)}"
    where = "in shadow, " if one.in_shadow else ""
    show_line(f"  {name}: {where}{_standing(one)} ({span})", style="bold" if one.is_open else "")
    if one.doing:
        until = clock(one.until, tz) if one.until else ""
        show_line(f"    {one.doing}" + (f", until {until}" if until not in one.doing else ""))


def _standing(one: Run) -> str:
    if one.status == story.NOT_KEPT:
        said = "Temporal does not list it: closed longer ago than it keeps runs, or started now"
        return said if one.closed else f"{said}; after a restore see `sojourn recover`"
    if one.status == story.NOT_ASKED:
        return "ended" if one.closed else "on, unless it ended since"
    return one.standing


def show_timeline(timeline: Sequence[Line], tz: str, *, everything: bool) -> None:
    """Print the timeline, a line for each entry, with its details below.

    Args:
        timeline: the entries, oldest first.
        tz: the customer's time zone.
        everything: include events that no journey listens to; otherwise they are only counted.
    """
    shown = [
        entry for entry in timeline if everything or not isinstance(entry, Happened) or entry.heard
    ]
    for entry in shown:
        _show_entry(entry, tz)
    if not shown:
        show_line("  nothing yet")
    if any(_moved_on(entry) for entry in shown):
        show_line(
            "  attempts and reports are by the machine's clock; the run's clock was moved on",
            style="yellow",
        )
    if hidden := len(timeline) - len(shown):
        show_line(f"  besides, events that no journey listens to: {hidden}; --all shows them")


def _show_entry(entry: Line, tz: str) -> None:
    style, text, below = "", entry.text, list[str]()
    match entry:
        case Decided():
            name = " ".join(part for part in (entry.journey, entry.key, entry.step) if part)
            if campaign := campaign_of(entry.workflow_id):
                name = f"campaign {campaign}"
            style, text = STYLES.get(MessageState(entry.state), ""), f"→ {name}: {entry.text}"
            below = lines(entry.attempts, entry.reports, tz, entry.devices, day=entry.at)
        case Wait():
            style, text = "dim", f"{entry.workflow_id}: {entry.text}{_end(entry, tz)}"
    show_line(f"  {moment(entry.at, tz)}  {text}", style=style)
    for line in below:
        show_line(f"      {line}")
    if isinstance(entry, Happened):
        for note in entry.notes:
            show_line(f"      {note}", style="yellow")
    if isinstance(entry, Decided | Entry) and entry.instead and entry.instead not in text:
        show_line(f"      what would have changed it: {entry.instead}")


def _end(wait: Wait, tz: str) -> str:
    """Say how a wait ended, or until when it lasts."""
    if wait.ended is None:
        return f", until {clock(wait.until, tz)}"
    return "" if wait.came else f"; ended early, {clock(wait.ended, tz)}"


def _moved_on(entry: Line) -> bool:
    """Tell whether the machine's clock of an attempt lies far behind the run's clock."""
    return isinstance(entry, Decided) and any(
        tried.at < entry.at - MOVED_ON for tried in entry.attempts
    )
