"""Experiments of a report: in a terminal, and as JSON values."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sojourn.cli.output import show_line, show_list
from sojourn.domain.statistics import Interval
from sojourn.insight.experiments import Figure, Side
from sojourn.insight.lifetimes import Lifetime
from sojourn.insight.reporting.brought import Brought, More
from sojourn.insight.reporting.speech import ENGLISH


def show_brought(every: Iterable[Brought]) -> None:
    """Print what experiments have brought."""
    for one in every:
        show_line("")
        base = one.once.base.variant
        show_line(
            f"{ENGLISH.experiment(one)}: customers of all days, as they were divided", style="bold"
        )
        if one.is_uneven:
            show_line(
                "  Something else than chance divides these customers: trust no figure before it "
                "is found (docs/statistics.md).",
                style="red",
            )
        if one.once.young:
            show_line(f"  {one.once.young:,} still have time to buy, and do not count yet.")
        _show_sides(one, base)
        for life in one.lifetimes:
            _show_last_age(life)


def _show_sides(one: Brought, base: str) -> None:
    of = {against.side.variant: against for against in one.against}
    rows: list[tuple[Any, ...]] = []
    for side in one.sides:
        against = of.get(side.variant)
        rows.append(
            (
                side.variant,
                side.customers,
                side.converted,
                ENGLISH.interval(side.rate),
                ENGLISH.difference(against.converted.once) if against else "",
                ENGLISH.verdict(against.converted) if against else "",
                ENGLISH.standing(one, against) if against else "",
            )
        )
    show_list(
        ("variant", "customers", "bought", "share", f"more than {base}, points", "", "in all"), rows
    )
    if not one.currencies:
        return
    show_list(
        ("variant", "currency", "a customer paid", f"more than {base}", ""),
        (
            (
                against.side.variant,
                currency,
                f"{_mean(against.side, currency):,.2f}",
                ENGLISH.money(more.once, signed=True),
                ENGLISH.verdict(more),
            )
            for against in one.against
            for currency, more in against.revenue.items()
        ),
    )


def _show_last_age(life: Lifetime) -> None:
    at = life.ages[-1]
    more = ENGLISH.money(at.difference, signed=True)
    show_line(
        f"  by {at.months} months of age, in {life.currency}: "
        f"{life.variant} {ENGLISH.money(at.treated)}, {life.base} {ENGLISH.money(at.held_out)}, "
        f"difference {more}"
    )


def plain_brought(one: Brought) -> dict[str, Any]:
    """Return what an experiment has brought as JSON values."""
    return {
        "experiment": one.name,
        "base": one.once.base.variant,
        "uneven": one.is_uneven if one.once.divided else None,
        "young": one.once.young,
        "variants": [
            {
                "variant": side.variant,
                "customers": side.customers,
                "converted": side.converted,
                "share": side.rate and asdict(side.rate),
                "paid": {currency: round(sum(each), 2) for currency, each in side.paid.items()},
            }
            for side in one.sides
        ],
        "compared": [
            {
                "variant": each.side.variant,
                "standing": each.standing,
                "converted_more": _more(each.converted),
                "revenue_more": {c: _more(more) for c, more in each.revenue.items()},
            }
            for each in one.against
        ],
        "lifetimes": [plain_lifetime(life) for life in one.lifetimes],
    }


def plain_lifetime(life: Lifetime) -> dict[str, Any]:
    """Return a lifetime value as JSON values."""
    return {
        "variant": life.variant,
        "base": life.base,
        "currency": life.currency,
        "ages": [
            {
                "months": at.months,
                "customers": list(at.customers),
                "paid": plain_figure(at.treated),
                "base_paid": plain_figure(at.held_out),
                "more": plain_figure(at.difference),
            }
            for at in life.ages
        ],
    }


def plain_figure(figure: Figure | None) -> dict[str, Any] | None:
    """Return a figure as JSON values, or why there is none."""
    if figure is None:
        return None
    return asdict(figure) if isinstance(figure, Interval) else {"why_not": ENGLISH.lacking(figure)}


def _more(more: More) -> dict[str, Any]:
    return {
        "verdict": more.verdict,
        "holds_any_day": more.holds,
        "once": plain_figure(more.once),
        "any_day": plain_figure(more.any_day),
    }


def _mean(side: Side, currency: str) -> float:
    paid = side.takings(currency)
    return paid.mean if paid else 0.0
