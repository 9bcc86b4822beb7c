"""``sojourn shadow``: journeys that run beside the live ones, and what they would have sent."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sojourn.cli.here import Here
from sojourn.cli.moments import read_past
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list, show_table
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput
from sojourn.insight.backtesting.comparing import Change, Counts, typical
from sojourn.insight.backtesting.words import MOVED, change_words, pair, skipped_words
from sojourn.insight.beside import Beside, Kept, beside, kept

app = typer.Typer(add_completion=False)
SAMPLES = 3


@app.command()
def shadow(
    journey: Annotated[
        str | None, typer.Argument(metavar="[JOURNEY]", help="In shadow; all are listed without.")
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="DAY|MOMENT", help="Compare runs that began since then."),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Customers named for each difference.")
    ] = SAMPLES,
    as_json: AsJson = False,
) -> None:
    """List journeys in shadow; compare one with the journey that it is instead of.

    Compared are the runs that began while it was in shadow: what one sent, what the other would
    have sent, and for which customers that differs.
    """
    here = Here.compose()
    if journey is None:
        if since is not None:
            raise BadInput("--since: compares one journey: name it")
        run(_list(here, as_json=as_json))
        return
    here.project.journeys.named(journey)
    moment = None if since is None else _moment(here, since)
    run(_compare(here, journey, moment, samples, as_json=as_json))


def _moment(here: Here, since: str) -> datetime:
    try:
        return read_past(since, datetime.now(UTC), tz=zone(here.settings.timezone))
    except BadInput as error:
        raise BadInput(f"--since: {error}") from None


async def _list(here: Here, *, as_json: bool) -> None:
    journeys = here.project.journeys
    async with here.store() as store, store.reading() as session:
        found = await kept(session)
    wanted = sorted({*journeys.shadow, *found})
    if as_json:
        show_json([_as_listed(here, name, found.get(name)) for name in wanted])
        return
    if not wanted:
        show_line("no journey is in shadow: `shadow` in [tool.sojourn] lists those that are")
        return
    columns = ("journey", "now", "instead of", "first run (UTC)", "runs", "would be sent")
    rows = [_as_listed(here, name, found.get(name)) for name in wanted]
    show_list(columns, [tuple(row.values()) for row in rows])


def _as_listed(here: Here, name: str, known: Kept | None) -> dict[str, Any]:
    journeys = here.project.journeys
    journey = journeys.get(name)
    now = "in shadow" if name in journeys.shadow else "live" if journey else "not in the project"
    return {
        "journey": name,
        "now": "off" if name in journeys.off else now,
        "instead_of": (journey.terms.instead_of if journey else "") or None,
        "first": known.first if known else None,
        "runs": known.runs if known else 0,
        "would_be_sent": known.would_be_sent if known else 0,
    }


async def _compare(
    here: Here, name: str, since: datetime | None, samples: int, *, as_json: bool
) -> None:
    async with here.store() as store, store.reading() as session:
        within = here.settings.clock_skew
        found = await beside(session, here.project, name, within=within, since=since)
    if as_json:
        show_json(_plain(found, samples))
    else:
        _show(found, samples)


def _show(found: Beside, samples: int) -> None:
    now = "in shadow" if found.is_in_shadow else "live by now"
    other = f", instead of {found.instead_of}" if found.instead_of else ""
    show_line(f"{found.name}: {now}{other}; runs that began since {found.since:%F %H:%M} UTC")
    both = [found.instead_of, found.name] if found.instead_of else [found.name]
    figures = {
        "entered": found.entered,
        "reached the goal": found.reached,
        "messages that wait": found.waiting,
    }
    show_table(
        "",
        ("runs", *both),
        [(what, *numbers[-len(both) :]) for what, numbers in figures.items()],
    )
    show_table(
        "",
        ("step", "due", "sent", "held", "prevented", "not sent, and why"),
        [(step, *_cells(*counts)) for (_, step), counts in found.comparison.counts.items()],
    )
    if found.instead_of:
        show_line(f"1 → 2 says: 1 by {found.instead_of}, and 2 by {found.name} if it were live.")
    if not found.comparison.changes:
        show_line("No customer would have got anything else.")
        return
    customers = found.comparison.customers
    who = "1 customer" if customers == 1 else f"{customers} customers"
    show_line(f"What {who} would have got differs:")
    for changes in found.comparison.grouped().values():
        show_line(f"{change_words(changes)}: {_sampled(changes, samples)}".removesuffix(": "))


def _cells(then: Counts, now: Counts) -> tuple[str, ...]:
    numbers = [(getattr(then, one), getattr(now, one)) for one in ("due", "sent", "held")]
    numbers.append((then.prevented, now.prevented))
    return (*(pair(*both) for both in numbers), skipped_words(then, now))


def _sampled(changes: list[Change], samples: int) -> str:
    who = list(dict.fromkeys(one.customer_id for one in changes))
    more = f" and {len(who) - samples} more" if samples and len(who) > samples else ""
    return ", ".join(who[:samples]) + more


def _plain(found: Beside, samples: int) -> dict[str, Any]:
    """Return the comparison as JSON values; ``before`` is the journey that writes."""
    return {
        "journey": found.name,
        "instead_of": found.instead_of or None,
        "in_shadow": found.is_in_shadow,
        "since": found.since,
        **{
            what: {"before": then, "after": now}
            for what, (then, now) in (
                ("entered", found.entered),
                ("reached_goal", found.reached),
                ("waiting", found.waiting),
            )
        },
        "customers": found.comparison.customers,
        "steps": {
            step: {"before": then.as_json(), "after": now.as_json()}
            for (_, step), (then, now) in found.comparison.counts.items()
        },
        "changes": [
            {
                "step": changes[0].name[1],
                "what": changes[0].kind,
                "messages": len(changes),
                "later_by_seconds": _later(changes),
                "customers": list(dict.fromkeys(one.customer_id for one in changes))[:samples],
            }
            for changes in found.comparison.grouped().values()
        ],
    }


def _later(changes: list[Change]) -> float | None:
    """Return by how much messages would leave later, in the middle of them."""
    return typical(changes).total_seconds() if changes[0].kind in MOVED else None
