"""A backtest as one HTML page that needs no script and nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sojourn.insight import reporting
from sojourn.insight.backtesting.comparing import Change, Comparison
from sojourn.insight.backtesting.side import Line
from sojourn.insight.backtesting.words import (
    change_words,
    left_out_words,
    pair,
    run_words,
    skipped_words,
)

_HERE = Path(__file__).parent
_STYLE = Path(reporting.__file__).parent / "page.css"


@dataclass(frozen=True)
class Told:
    """The words beside a comparison.

    Args:
        played: what was played: the name of a recording, or the events of a time.
        against: the former version, as it was named.
        by_ledger: the former side is what the ledger has.
        gaps: what the store does not know of the time, or what was not played.
        costs: what the messages cost.
    """

    played: str
    against: str
    by_ledger: bool = False
    gaps: Sequence[str] = ()
    costs: Sequence[str] = ()


def page_of(found: Comparison, told: Told, *, samples: int) -> str:
    """Write a comparison as an HTML page.

    Args:
        found: the comparison.
        told: the words beside it.
        samples: the customers that are named for each difference.

    Returns:
        The page.
    """
    style = _STYLE.read_text()
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
        )
        .get_template("page.html")
        .render(
            found=found,
            told=told,
            journeys=[_journey(found, name, samples) for name in found.journeys],
            share=_share,
            left_out=left_out_words([*found.before.left_out, *found.after.left_out]),
            pair=pair,
            skipped=skipped_words,
            moment=_moment,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; "
            "form-action 'none'",
        )
    )


def _journey(found: Comparison, name: str, samples: int) -> dict[str, Any]:
    steps = [(step, *counts) for (journey, step), counts in found.counts.items() if journey == name]
    return {
        "name": name,
        "most": max((each.sent for _, *both in steps for each in both), default=0),
        "before": run_words(found.before, name),
        "after": run_words(found.after, name),
        "steps": steps,
        "changes": [
            _change(changes, samples)
            for ((journey, _), _), changes in found.grouped().items()
            if journey == name
        ],
    }


def _change(changes: list[Change], samples: int) -> dict[str, Any]:
    shown = min(samples, len(changes))
    return {
        "words": change_words(changes),
        "caption": f"{shown} of {len(changes)} messages",
        "samples": changes[:samples],
    }


def _share(number: int, most: int) -> float:
    return round(100 * number / most, 2) if most else 0.0


def _moment(line: Line | None) -> str:
    return "–" if line is None else f"{line.decided:%Y-%m-%d %H:%M}, {line.channel}"
