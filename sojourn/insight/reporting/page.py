"""A report as one HTML page that needs no script and nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from sojourn.domain.statistics import Interval
from sojourn.insight.experiments import Side
from sojourn.insight.lifetimes import Lifetime
from sojourn.insight.reporting import drawing
from sojourn.insight.reporting.brought import Against
from sojourn.insight.reporting.figures import Group, Report
from sojourn.insight.reporting.rates import Compared, compared, judged
from sojourn.insight.reporting.trend import trend
from sojourn.insight.reporting.waterfall import waterfall, why
from sojourn.insight.reporting.words import (
    MODELS,
    amount,
    difference,
    experiment,
    interval,
    money,
    named,
    orders,
    percent,
    standing,
    told,
    verdict,
)

_HERE = Path(__file__).parent


def page(report: Report, shop: str) -> str:
    """Write a report as an HTML page.

    Args:
        report: its figures.
        shop: the name of the shop, for the title.
    """
    style = (_HERE / "page.css").read_text()
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            asked=report.asked,
            shop=shop,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; "
            "form-action 'none'",
            model=MODELS[report.asked.model],
            today=report.at.astimezone(report.asked.tz).date().isoformat(),
        )
    )


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        waterfall=waterfall, trend=trend, compared=compared, judged=judged, named=named,
        bar=drawing.bar, drawn=drawing.interval, columns=drawing.columns, most_of=_most_of,
        widest=_widest, rounded=_rounded, why=why, experiment=experiment, standing=standing,
        spread=drawing.spread, farthest=_farthest, curves=drawing.curves, curves_of=_curves_of,
        highest=_highest, mean_paid=_mean_paid,
    )  # fmt: skip
    made.filters.update(
        n=_number, moment=_moment, interval=interval, told=told, amount=amount, orders=orders,
        percent=percent, difference=difference, money=money, verdict=verdict, folded=_folded,
    )  # fmt: skip
    made.tests["is_interval"] = lambda figure: isinstance(figure, Interval)
    return made


def _folded(words: str) -> Markup:
    """Return a figure with its range below it, where a column is narrow."""
    point, _, extent = words.partition(" (")
    if not extent:
        return Markup("{}").format(words)
    return Markup('{}<span class="about">{}</span>').format(point, extent.removesuffix(")"))


def _number(value: int) -> str:
    return f"{value:,}"


def _moment(value: datetime, tz: ZoneInfo) -> str:
    return f"{value.astimezone(tz):%Y-%m-%d %H:%M}"


def _most_of(groups: Iterable[Group], *names: str) -> int:
    """Return the highest of some counts in some groups."""
    return max((getattr(one.counts, name) for one in groups for name in names), default=0)


def _widest(found: Iterable[Compared], name: str) -> float:
    """Return the value at the right end of a drawing of intervals: the highest bound."""
    bounds = [getattr(one, name) for one in found]
    return max((one.high for one in bounds if one is not None), default=0.0)


def _rounded(most: int) -> int:
    """Return the number at the top of a drawing of columns: round, and not below the highest."""
    size = 1
    while True:
        for step in (1, 2, 4, 6, 8):
            if step * size >= most:
                return max(step * size, 2)
        size *= 10


def _farthest(against: Iterable[Against]) -> float:
    """Return the value at the ends of a drawing of differences: the bound that is farthest off."""
    found = [one.converted.once for one in against]
    return max(
        (abs(b) for f in found if isinstance(f, Interval) for b in (f.low, f.high)), default=0.0
    )


Curve = list[tuple[float, float, float]]


def _curves_of(life: Lifetime) -> list[tuple[str, Curve]]:
    """Return the curves of both sides, up to the first age of which too few have paid."""
    found: list[tuple[str, Curve]] = []
    for kind, figures in (
        ("loss", [at.held_out for at in life.ages]),
        ("stage", [at.treated for at in life.ages]),
    ):
        known = takewhile(lambda one: isinstance(one, Interval), figures)
        found.append(
            (kind, [(one.low, one.point, one.high) for one in known if isinstance(one, Interval)])
        )
    return found


def _highest(life: Lifetime) -> int:
    """Return the number at the top of a drawing of curves; 0: there is no curve to draw."""
    highs = [high for _, curve in _curves_of(life) for *_, high in curve]
    return _rounded(ceil(max(highs))) if highs else 0


def _mean_paid(side: Side, currency: str) -> str:
    paid = side.takings(currency)
    return amount(Decimal(str(paid.mean))) if paid else "–"
