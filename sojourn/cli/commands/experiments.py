"""``sojourn experiments``: what control groups and variants have brought; list, show, lifetime."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sojourn.cli.counting import count_first
from sojourn.cli.experimenting import plain_figure, plain_lifetime
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.statistics.horizon import Horizon
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.lifetime import LONGEST
from sojourn.insight.experiments import Outcome, outcome, planned
from sojourn.insight.lifetimes import lifetimes
from sojourn.insight.measuring import sources_of
from sojourn.insight.reporting.speech import ENGLISH
from sojourn.store.measuring import cohorts

app = typer.Typer(
    help="Show what control groups and variants have brought, with intervals.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("list")
def list_them(*, as_json: AsJson = False) -> None:
    """List the experiments that customers are in."""
    run(_list(Here.compose(), as_json=as_json))


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="tone; holdout-abandoned-cart; holdout")
    ],
    *,
    customers: Annotated[
        int | None,
        typer.Option(
            "--customers", min=1, help="Judge once, when each group has so many; not before."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who bought and what they paid, by variant, against the held out or the first one.

    The intervals stay valid if you look every day. --customers fixes a size beforehand instead: its
    intervals are narrower, but there are none before that size is reached.
    """
    horizon = None if customers is None else Horizon(customers=customers)
    run(_show(Here.compose(), name, horizon, as_json=as_json))


@app.command()
def lifetime(
    name: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="tone; holdout-abandoned-cart; holdout")
    ],
    *,
    months: Annotated[int, typer.Option("--months", min=1, max=LONGEST, help="The last age.")] = 12,
    as_json: AsJson = False,
) -> None:
    """Show what a customer had paid by each month of age, by variant; currencies stay apart."""
    run(_lifetime(Here.compose(), name, months, as_json=as_json))


async def _lifetime(here: Here, name: str, months: int, *, as_json: bool) -> None:
    async with here.store() as store:
        await count_first(here, store)
        async with store.reading() as session:
            found = await lifetimes(
                session, name, sources_of(here.project), datetime.now(UTC), months=months
            )
    if as_json:
        show_json([plain_lifetime(one) for one in found])
        return
    if not found:
        show_line("no customer who has paid is a month old yet")
    for one in found:
        show_line(f"{one.variant} against {one.base}: paid by a customer, in {one.currency}")
        show_list(
            ("months", "customers", f"of {one.base}", one.variant, one.base, "more"),
            (
                (
                    at.months,
                    *at.customers,
                    ENGLISH.money(at.treated),
                    ENGLISH.money(at.held_out),
                    ENGLISH.money(at.difference, signed=True),
                )
                for at in one.ages
            ),
        )


async def _list(here: Here, *, as_json: bool) -> None:
    async with here.store() as store:
        await count_first(here, store)
        async with store.reading() as session:
            found = await cohorts.experiments(session)
    if as_json:
        show_json([{"experiment": n, "since": at, "customers": c} for n, at, c in found])
        return
    if not found:
        show_line("no customer is in an experiment: see docs/measuring.md#holdouts")
        return
    show_list(("experiment", "since", "customers"), found)


async def _show(here: Here, name: str, horizon: Horizon | None, *, as_json: bool) -> None:
    weights = planned(name, here.settings.holdout, here.project.journeys)
    async with here.store() as store:
        await count_first(here, store)
        async with store.reading() as session:
            found = await outcome(
                session,
                name,
                sources_of(here.project),
                datetime.now(UTC),
                weights=weights,
                horizon=horizon,
            )
    if as_json:
        show_json(_plain(found))
        return
    _show_outcome(found)


def _show_outcome(found: Outcome) -> None:
    if found.divided is not None and found.divided.broken:
        show_line(
            "Something else than chance divides these customers: trust no figure before it is "
            "found (docs/statistics.md).",
            style="red",
        )
    looks = "any day" if found.always else "once, at its horizon"
    show_line(f"{found.name}: customers as they were divided; to be looked at {looks}")
    rows = [
        (found.base.variant, found.base, None),
        *((o.side.variant, o.side, o) for o in found.others),
    ]
    show_list(
        ("variant", "customers", "bought", "share", f"more than {found.base.variant}, points", ""),
        (
            (
                variant,
                side.customers,
                side.converted,
                ENGLISH.interval(side.rate),
                "" if one is None else ENGLISH.difference(one.converted),
                ENGLISH.told(one.converted) if one and isinstance(one.converted, Interval) else "",
            )
            for variant, side, one in rows
        ),
    )
    for one in found.others:
        for currency, figure in one.revenue.items():
            show_line(
                f"{one.side.variant}: {ENGLISH.money(figure, signed=True)} {currency} "
                "a customer more"
            )
    if found.young:
        show_line(f"{found.young} customers still have time to buy, and do not count yet")


def _plain(found: Outcome) -> dict[str, Any]:
    sides = [found.base, *(one.side for one in found.others)]
    return {
        "experiment": found.name,
        "base": found.base.variant,
        "always_valid": found.always,
        "young": found.young,
        "uneven": found.divided.broken if found.divided else None,
        "variants": [
            {
                "variant": side.variant,
                "customers": side.customers,
                "converted": side.converted,
                "share": plain_figure(side.rate),
                "paid": {currency: round(sum(each), 2) for currency, each in side.paid.items()},
            }
            for side in sides
        ],
        "compared": [
            {
                "variant": one.side.variant,
                "converted_more": plain_figure(one.converted),
                "revenue_more": {c: plain_figure(each) for c, each in one.revenue.items()},
            }
            for one in found.others
        ],
    }
