"""A forecast as one HTML page that needs no script and nothing from elsewhere."""

import base64
import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sojourn.insight import reporting
from sojourn.insight.leading.forecast import UNKNOWN, Forecast, Load, money_words, share_words

_HERE = Path(__file__).parent
_STYLE = Path(reporting.__file__).parent / "page.css"
SHADES = ("stage", "goal", "aside", "loss")
"""The colours of channels, in their order."""


def page_of(found: Forecast) -> str:
    """Write a forecast as an HTML page.

    Args:
        found: the forecast.

    Returns:
        The page.
    """
    style = _STYLE.read_text()
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    channels = list(found.by(1))
    shades = dict(zip(channels, SHADES, strict=False))
    days = [_day(day, dict(counts), shades) for day, counts in found.days().items()]
    most = max((one["number"] for one in days), default=0)
    hours = found.by_hour_of_day()
    return (
        jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
        )
        .get_template("forecast.html")
        .render(
            found=found,
            length=round((found.until - found.now) / timedelta(days=1)),
            days=days,
            most=most,
            hours=list(enumerate(hours)),
            most_of_hours=max(hours),
            shades=shades,
            journeys=found.by(2),
            channels=found.by(1),
            money=money_words(found.money),
            share=_share,
            told=share_words,
            hour=_hour,
            zone=str(found.zone),
            unknown=UNKNOWN,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; "
            "form-action 'none'",
        )
    )


def _day(day: date, counts: dict[str, int], shades: dict[str, str]) -> dict[str, Any]:
    bars, start = [], 0
    for channel, shade in shades.items():
        bars.append((shade, start, counts.get(channel, 0)))
        start += counts.get(channel, 0)
    return {"name": f"{day:%a} {day.day} {day:%b}", "number": start, "bars": bars}


def _share(number: int, most: int) -> float:
    return round(100 * number / most, 2) if most else 0.0


def _hour(load: Load) -> str:
    return (
        "–"
        if load.busiest is None
        else f"{load.busiest:%a} {load.busiest.day} {load.busiest:%b, %H}h"
    )
