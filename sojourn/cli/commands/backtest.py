"""``sojourn backtest``: recorded events through changed journeys, before they go live."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sojourn.cli import output
from sojourn.cli.backtesting import Stretch, former, played
from sojourn.cli.calls import Fault, read_calls
from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.cli.moments import read_past
from sojourn.cli.progress import counting
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput
from sojourn.insight.backtesting.comparing import Change, Comparison, Counts, compare, typical
from sojourn.insight.backtesting.costing import Bill
from sojourn.insight.backtesting.ledgered import ledgered
from sojourn.insight.backtesting.page import Told, page_of
from sojourn.insight.backtesting.side import Side
from sojourn.insight.backtesting.words import (
    MOVED,
    NO_PRICES,
    change_words,
    cost_words,
    gap_words,
    left_out_words,
    pair,
    run_words,
    skipped_words,
)

app = typer.Typer(add_completion=False)

SAMPLES = 3
USUALLY_LED_ON = 400
LEDGER = "ledger"
NOT_THE_SAME = (
    "the ledger also has what memory makes up: providers' failures, activities, releases since then"
)


@app.command()
def backtest(
    file: Annotated[Path | None, typer.Argument(help="Segment calls, one a line; .gz too")] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DAY|MOMENT", help="Play the store's own events since then, not a file"
        ),
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            help="The former version: a revision of git, or a project's folder; with --since "
            "also `ledger`: what was really sent"
        ),
    ] = "HEAD",
    samples: Annotated[int, typer.Option(min=0, help="Customers named for each difference")] = (
        SAMPLES
    ),
    led_on: Annotated[
        int | None,
        typer.Option(min=0, max=3650, help="Days after the last call, for runs to end; else 400"),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write the comparison into this file, as a page")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="All of it, for programs")] = False,
) -> None:
    """Play recorded events through changed journeys, and compare, customer by customer.

    The events come out of a file, or out of the store: --since 2026-11-01. The former version is
    what is committed, unless --against names another one; the new one is the project as it lies
    here. Both are played in memory by the rules of the gate: nothing is sent, and the store is only
    read. What depends on providers and on your activities is made up alike on both sides: every
    message arrives, every activity succeeds. With --against ledger, the former side is what really
    happened.
    """
    asked = Asked(file, since, against, samples=samples, led_on=led_on, page=page, as_json=json)
    run(_backtest(Here.compose(), asked))


@dataclass(frozen=True)
class Asked:
    """The values of the options."""

    file: Path | None
    since: str | None
    against: str
    samples: int
    led_on: int | None
    page: Path | None
    as_json: bool

    @property
    def by_ledger(self) -> bool:
        """True if the former side is what the ledger has."""
        return self.since is not None and self.against == LEDGER


async def _backtest(here: Here, asked: Asked) -> None:
    root = here.project.root
    if root is None:
        raise BadInput("there is no project here: run it in a project's folder")
    of = _played(here, asked)
    if asked.page is not None:
        _write(asked.page, "")  # not after minutes of playing
    faults = _faults(here, of) if isinstance(of, Path) else 0
    with kept_or_temporary(None, "backtest") as home, counting() as bar:
        (home / "files").mkdir()
        store = here.settings.store_url if isinstance(of, Stretch) else ""
        led_on = timedelta(days=USUALLY_LED_ON if asked.led_on is None else asked.led_on)

        async def side(name: str, project: Path) -> Side:
            task = bar.add_task(name, total=None)
            return await played(
                project,
                of,
                home / name,
                led_on=timedelta(0) if asked.by_ledger else led_on,
                prices=root,
                store=store,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )

        if isinstance(of, Stretch) and asked.by_ledger:
            after = await side("after", root)
            before = (await _by_ledger(here, of)).without(after.left_out)
        else:
            other = former(root, asked.against, home / "files")
            before, after = await asyncio.gather(side("before", other), side("after", root))
    if not after.played and isinstance(of, Stretch):
        raise BadInput(f"no event has arrived since {_moment(of.since)}: there is nothing to play")
    found = compare(before, after)
    told = Told(
        of.name if isinstance(of, Path) else f"the events since {_moment(of.since)}",
        "the ledger" if asked.by_ledger else asked.against,
        asked.by_ledger,
        [*gap_words(after.gaps), *([NOT_THE_SAME] if asked.by_ledger else [])],
        cost_words(before, after) if here.project.prices else [NO_PRICES],
    )
    if asked.page is not None:
        _write(asked.page, page_of(found, told, samples=asked.samples))
    if asked.as_json:
        output.show_json(_json(found, asked.samples, priced=bool(here.project.prices)))
    else:
        _show(found, told, asked.samples)
        if asked.page is not None:
            output.console.print(f"\n{asked.page}: written")
    if faults:
        output.stderr.print(f"{faults} lines of {of} are no calls, and were left out")


def _played(here: Here, asked: Asked) -> Path | Stretch:
    """Return what is to be played.

    Raises:
        BadInput: nothing, or two things; or the ledger, to which a file has nothing to say.
    """
    if asked.file is not None and asked.since is not None:
        raise BadInput("a file and --since: choose one")
    if asked.file is not None:
        if asked.against == LEDGER and not Path(LEDGER).is_dir():
            raise BadInput("--against ledger: compares the store's own events: give --since")
        return asked.file.resolve()
    if asked.since is None:
        raise BadInput("name a file of calls; or give --since, to play the store's own events")
    if asked.by_ledger and asked.led_on is not None:
        raise BadInput("--led-on: the ledger knows no future; it goes with other versions")
    now = datetime.now(UTC)
    try:
        since = read_past(asked.since, now, tz=zone(here.settings.timezone))
    except BadInput as error:
        raise BadInput(f"--since: {error}") from None
    return Stretch(since, now)


async def _by_ledger(here: Here, of: Stretch) -> Side:
    async with here.store() as store:
        return await ledgered(store, since=of.since, until=of.until, prices=here.project.prices)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _write(page: Path, text: str) -> None:
    try:
        page.write_text(text)
    except OSError as error:
        raise BadInput(f"--page {page}: cannot be written: {error.strerror}") from None


def _faults(here: Here, file: Path) -> int:
    if file.name == "-":
        raise BadInput("-: a recording is read more than once: write it into a file")
    lines, faults, first = 0, 0, None
    for _, call in read_calls(file, here.project.events, within=here.settings.clock_skew):
        lines += 1
        if isinstance(call, Fault):
            faults += 1
            first = first or call
    if not lines:
        raise BadInput(f"{file}: is empty: a recording has a call of the tracking API on each line")
    if first is not None and faults == lines:
        raise BadInput(
            f"{file}: no line of it is a call of the tracking API; line {first.line}: "
            f"{first.reason}"
        )
    return faults


# ---- what it shows -------------------------------------------------------------------------


def _show(found: Comparison, told: Told, samples: int) -> None:
    before, after = found.before, found.after
    output.console.print(
        f"{after.played} calls played; what {found.customers} customers get differs"
    )
    for name in found.journeys:
        then, now = run_words(before, name), run_words(after, name)
        lead = "now"
        if told.by_ledger:  # which does not tell how they ended
            then, lead = f"{then} in the ledger", "played"
        output.show_line(f"\n{name}: {then}" + ("" if then == now else f"; {lead} {now}"))
        output.show_table(
            "",
            ("step", "due", "sent", "held", "prevented", "skipped"),
            [
                (step, *_cells(*counts))
                for (journey, step), counts in found.counts.items()
                if journey == name
            ],
        )
    for changes in found.grouped().values():
        output.show_line(f"{change_words(changes)}: {_sampled(changes, samples)}")
    for line in told.costs:
        output.show_line(line)
    if left_out := left_out_words([*before.left_out, *after.left_out]):
        output.show_line(left_out)
    for line in told.gaps:
        output.show_line(line)


def _cells(then: Counts, now: Counts) -> tuple[str, ...]:
    numbers = [(getattr(then, one), getattr(now, one)) for one in ("due", "sent", "held")]
    numbers.append((then.prevented, now.prevented))
    return (*(pair(*both) for both in numbers), skipped_words(then, now))


def _sampled(changes: list[Change], samples: int) -> str:
    who = list(dict.fromkeys(one.customer_id for one in changes))
    more = f" and {len(who) - samples} more" if len(who) > samples else ""
    return ", ".join(who[:samples]) + more


def _json(found: Comparison, samples: int, *, priced: bool) -> dict[str, Any]:
    return {
        "calls": found.after.played,
        "customers": found.customers,
        "left_out": {"before": found.before.left_out, "after": found.after.left_out},
        "gaps": {gap: number for gap, number in found.after.gaps.items() if number},
        "cost": _costs(found) if priced else None,
        "journeys": {
            name: {
                when: {
                    "runs": side.entered[name],
                    "outcomes": side.outcomes.get(name, {}),
                    "refused": side.refused.get(name, {}),
                    "steps": {
                        step: counts[place].as_json()
                        for (journey, step), counts in found.counts.items()
                        if journey == name
                    },
                }
                for place, (when, side) in enumerate(
                    (("before", found.before), ("after", found.after))
                )
            }
            for name in found.journeys
        },
        "changes": [
            {
                "journey": journey,
                "step": step,
                "kind": kind.value,
                "messages": len(changes),
                "customers": len({one.customer_id for one in changes}),
                "seconds": typical(changes).total_seconds() if kind in MOVED else None,
                "samples": [_sample(one) for one in changes[:samples]],
            }
            for ((journey, step), kind), changes in found.grouped().items()
        ],
    }


def _costs(found: Comparison) -> dict[str, Any]:
    channels = sorted({*found.before.bills, *found.after.bills})
    return {
        channel: {
            when: side.bills.get(channel, Bill()).as_json()
            for when, side in (("before", found.before), ("after", found.after))
        }
        for channel in channels
    }


def _sample(one: Change) -> dict[str, Any]:
    return {
        "customer_id": one.customer_id,
        "before": None if one.before is None else one.before.decided,
        "after": None if one.after is None else one.after.decided,
    }
