"""A report as one HTML page that needs no script and nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import takewhile
from math import ceil
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from sojourn.domain.statistics import Interval
from sojourn.insight.experiments import Side
from sojourn.insight.lifetimes import Lifetime
from sojourn.insight.reporting import drawing
from sojourn.insight.reporting.brought import Against
from sojourn.insight.reporting.figures import Group, Report
from sojourn.insight.reporting.languages import ENGLISH
from sojourn.insight.reporting.rates import Compared, compared, judged
from sojourn.insight.reporting.speech import Speech
from sojourn.insight.reporting.trend import trend
from sojourn.insight.reporting.waterfall import waterfall

_HERE = Path(__file__).parent
_COMMAND = Markup("<code>sojourn report</code>")


def page(report: Report, shop: str, lang: str = ENGLISH) -> str:
    """Write a report as an HTML page.

    Args:
        report: its figures.
        shop: the name of the shop, for the title.
        lang: the language, one of `languages.LANGUAGES`.

    Returns:
        The page.
    """
    speech = Speech(lang)
    style = (_HERE / "page.css").read_text()
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment(speech)
        .get_template("page.html")
        .render(
            report=report,
            asked=report.asked,
            shop=shop,
            lang=lang,
            words=speech.words,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; "
            "form-action 'none'",
            head=_head(report, speech),
            model=speech.model(report.asked.model),
            made_by=Markup(escape(speech.words.made_by)).format(command=_COMMAND),  # noqa: S704
            today=report.at.astimezone(report.asked.tz).date().isoformat(),
        )
    )


def _head(report: Report, speech: Speech) -> str:
    """Return the sentence on what is counted, and how."""
    asked, words = report.asked, speech.words
    given = {
        "day": speech.said_day(report.at.astimezone(asked.tz).date()),
        "time": speech.clock(report.at, asked.tz),
        "zone": asked.tz.key,
        "model": speech.model(asked.model),
        "code": asked.model.value,
    }
    if not asked.since:
        return words.whole.format(**given)
    since = speech.said_day(date.fromisoformat(asked.since))
    return words.since.format(since=since, **given)


def _environment(speech: Speech) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def mean_paid(side: Side, currency: str) -> str:
        paid = side.takings(currency)
        return speech.amount(Decimal(str(paid.mean))) if paid else "–"

    made.globals.update(
        waterfall=partial(waterfall, speech=speech), trend=trend, compared=compared, judged=judged,
        named=speech.named, bar=drawing.bar, drawn=drawing.interval, columns=drawing.columns,
        most_of=_most_of, widest=_widest, rounded=_rounded, why=speech.why,
        experiment=speech.experiment, standing=speech.standing, spread=drawing.spread,
        farthest=_farthest, curves=drawing.curves, curves_of=_curves_of, highest=_highest,
        mean_paid=mean_paid, counted=speech.counted, group=speech.group,
    )  # fmt: skip
    made.filters.update(
        n=speech.number, interval=speech.interval, told=speech.told, amount=speech.amount,
        orders=speech.orders, percent=speech.percent, difference=speech.difference,
        money=speech.money, verdict=speech.verdict, folded=_folded, reason=speech.reason,
        box=speech.box,
    )  # fmt: skip
    made.tests["is_interval"] = lambda figure: isinstance(figure, Interval)
    return made


def _folded(words: str) -> Markup:
    """Return a figure with its range below it, where a column is narrow."""
    point, _, extent = words.partition(" (")
    if not extent:
        return Markup("{}").format(words)
    return Markup('{}<span class="about">{}</span>').format(point, extent.removesuffix(")"))


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
