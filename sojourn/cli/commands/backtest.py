"""``sojourn backtest``: recorded events through changed journeys, before they go live."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sojourn.cli import output
from sojourn.cli.backtesting import former, played
from sojourn.cli.calls import Fault, read_calls
from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.cli.progress import counting
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.insight.backtesting.comparing import Change, Comparison, Counts, compare, typical
from sojourn.insight.backtesting.page import page_of
from sojourn.insight.backtesting.words import (
    MOVED,
    change_words,
    left_out_words,
    pair,
    run_words,
    skipped_words,
)

app = typer.Typer(add_completion=False)

SAMPLES = 3


@app.command()
def backtest(
    file: Annotated[Path, typer.Argument(help="Segment calls, one a line; .gz too")],
    *,
    against: Annotated[
        str, typer.Option(help="The former version: a revision of git, or a project's folder")
    ] = "HEAD",
    samples: Annotated[int, typer.Option(min=0, help="Customers named for each difference")] = (
        SAMPLES
    ),
    led_on: Annotated[
        int, typer.Option(min=0, max=3650, help="Days after the last call, for runs to end")
    ] = 400,
    page: Annotated[
        Path | None, typer.Option(help="Write the comparison into this file, as a page")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="All of it, for programs")] = False,
) -> None:
    """Play recorded events through changed journeys, and compare, customer by customer.

    The former version is what is committed, unless --against names another one; the new one is the
    project as it lies here. Both are played in memory by the rules of the gate: nothing is sent,
    and no database or server is touched. What depends on providers and on your activities is made
    up alike on both sides: every message arrives, every activity succeeds.
    """
    run(
        _backtest(
            Here.compose(),
            file.resolve(),
            against,
            samples=samples,
            led_on=timedelta(days=led_on),
            page=page,
            as_json=json,
        )
    )


async def _backtest(
    here: Here,
    file: Path,
    against: str,
    *,
    samples: int,
    led_on: timedelta,
    page: Path | None,
    as_json: bool,
) -> None:
    if page is not None:
        _write(page, "")  # not after minutes of playing
    faults = _faults(here, file)
    root = here.project.root
    if root is None:
        raise BadInput("there is no project here: run it in a project's folder")
    with kept_or_temporary(None, "backtest") as home, counting() as bar:
        (home / "files").mkdir()
        other = former(root, against, home / "files")
        tasks = {one: bar.add_task(one, total=None) for one in ("before", "after")}

        def told(one: str) -> Any:
            return lambda done, total: bar.update(tasks[one], completed=done, total=total)

        before, after = await asyncio.gather(
            played(other, file, home / "before", led_on=led_on, progress=told("before")),
            played(root, file, home / "after", led_on=led_on, progress=told("after")),
        )
    found = compare(before, after)
    if page is not None:
        _write(page, page_of(found, file.name, against, samples=samples))
    if as_json:
        output.show_json(_json(found, samples))
    else:
        _show(found, samples)
        if page is not None:
            output.console.print(f"\n{page}: written")
    if faults:
        output.stderr.print(f"{faults} lines of {file} are no calls, and were left out")


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


def _show(found: Comparison, samples: int) -> None:
    before, after = found.before, found.after
    output.console.print(
        f"{after.played} calls played; what {found.customers} customers get differs"
    )
    for name in found.journeys:
        then, now = run_words(before, name), run_words(after, name)
        output.show_line(f"\n{name}: {then}" + ("" if then == now else f"; now {now}"))
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
    if left_out := left_out_words(before, after):
        output.show_line(left_out)


def _cells(then: Counts, now: Counts) -> tuple[str, ...]:
    numbers = [(getattr(then, one), getattr(now, one)) for one in ("due", "sent", "held")]
    numbers.append((then.prevented, now.prevented))
    return (*(pair(*both) for both in numbers), skipped_words(then, now))


def _sampled(changes: list[Change], samples: int) -> str:
    who = list(dict.fromkeys(one.customer_id for one in changes))
    more = f" and {len(who) - samples} more" if len(who) > samples else ""
    return ", ".join(who[:samples]) + more


def _json(found: Comparison, samples: int) -> dict[str, Any]:
    return {
        "calls": found.after.played,
        "customers": found.customers,
        "left_out": {"before": found.before.left_out, "after": found.after.left_out},
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


def _sample(one: Change) -> dict[str, Any]:
    return {
        "customer_id": one.customer_id,
        "before": None if one.before is None else one.before.decided,
        "after": None if one.after is None else one.after.decided,
    }
