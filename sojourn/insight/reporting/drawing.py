"""Drawings of numbers: small SVGs without words, which stretch to their box.

Tables beside them have the words and numbers, so screen readers skip the drawings. A drawing is
made of numbers and our own class names only: no text of the store can become markup here.
"""

from collections.abc import Sequence

from markupsafe import Markup

WIDE = 1000
"""The units of a drawing's width."""
ROW, DAYS = 20, 160
"""The units of its height: in a table's line, and for the days."""
_GAP = 0.2
"""The part of a day's width that is left empty."""


def bar(number: float, start: float, most: float, kind: str) -> Markup:
    """Draw a bar of a waterfall.

    Args:
        number: its length.
        start: where it begins.
        most: the length of the whole line.
        kind: its class name.

    Returns:
        The drawing.
    """
    x, width = _at(start, most), _at(number, most)
    if number > 0:
        width = max(width, 2)  # even one of a million is visible
        x = min(x, WIDE - width)
    return _svg(ROW, f'<rect class="{_safe(kind)}" {_box(x, 0, width, ROW)}/>')


def interval(low: float, point: float, high: float, most: float) -> Markup:
    """Draw an interval: a line from bound to bound, and a mark at the figure.

    Args:
        low: the lower bound.
        point: the figure.
        high: the upper bound.
        most: the value at the right end.

    Returns:
        The drawing.
    """
    left, mark, right = (_at(value, most) for value in (low, point, high))
    mark = min(max(mark - 3, 0), WIDE - 6)
    return _svg(
        ROW,
        f'<rect class="axis" {_box(0, 9, WIDE, 1)}/>'
        f'<rect class="range" {_box(left, 6, max(right - left, 2), 8)}/>'
        f'<rect class="point" {_box(mark, 0, 6, ROW)}/>',
    )


def spread(low: float, point: float, high: float, reach: float) -> Markup:
    """Draw the interval of a difference around none, which stands in the middle.

    Args:
        low: the lower bound.
        point: the figure.
        high: the upper bound.
        reach: the value at the right end; its opposite is at the left one.

    Returns:
        The drawing.
    """
    left, mark, right = (_at(value + reach, 2 * reach) for value in (low, point, high))
    mark = min(max(mark - 3, 0), WIDE - 6)
    return _svg(
        ROW,
        f'<rect class="axis" {_box(0, 9, WIDE, 1)}/>'
        f'<rect class="range" {_box(left, 6, max(right - left, 2), 8)}/>'
        f'<rect class="aside" {_box(WIDE / 2 - 1, 0, 2, ROW)}/>'
        f'<rect class="point" {_box(mark, 0, 6, ROW)}/>',
    )


def curves(
    series: Sequence[tuple[str, Sequence[tuple[float, float, float]]]], most: float
) -> Markup:
    """Draw curves that begin at nothing, each in the band of its intervals.

    Args:
        series: the class of each curve, and its points one age after another: the lower bound, the
            figure, the upper bound.
        most: the value at the top.

    Returns:
        The drawing.
    """
    bands, lines = [], []
    for kind, points in series:
        steps = max(len(points), 1)
        every = [(0.0, 0.0, 0.0), *points]
        places = [_n(WIDE * step / steps) for step in range(len(every))]
        lows, middles, highs = (
            [f"{x},{_n(_down(one[which], most))}" for x, one in zip(places, every, strict=True)]
            for which in range(3)
        )
        bands.append(
            f'<polygon class="band {_safe(kind)}" points="{" ".join([*highs, *reversed(lows)])}"/>'
        )
        lines.append(f'<polyline class="curve {_safe(kind)}" points="{" ".join(middles)}"/>')
    ground = f'<rect class="axis" {_box(0, DAYS - 1, WIDE, 1)}/>'
    return _svg(DAYS, ground + "".join(bands) + "".join(lines))


def columns(series: Sequence[tuple[str, Sequence[float]]], most: float) -> Markup:
    """Draw columns, one for each day; each series is drawn over the one before it.

    Args:
        series: the class name and the numbers of each series, which all have the same length.
        most: the number at the top.
    """
    drawn = []
    for kind, numbers in series:
        place = WIDE / max(len(numbers), 1)
        for day, number in enumerate(numbers):
            height = DAYS * min(number / most, 1) if most > 0 else 0
            if number > 0:
                height = max(height, 1)
                box = _box(place * (day + _GAP / 2), DAYS - height, place * (1 - _GAP), height)
                drawn.append(f'<rect class="{_safe(kind)}" {box}/>')
    lines = "".join(
        f'<rect class="axis" {_box(0, DAYS * part - (part > 0), WIDE, 1)}/>' for part in (0, 0.5, 1)
    )
    return _svg(DAYS, lines + "".join(drawn))


def _svg(height: int, inside: str) -> Markup:
    return Markup(  # noqa: S704 (numbers and class names of letters alone)
        f'<svg class="drawing" viewBox="0 0 {WIDE} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true" focusable="false">{inside}</svg>'
    )


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'


def _down(value: float, most: float) -> float:
    """Return a height, counted from the top; nothing stands above or below the drawing."""
    return DAYS * (1 - min(max(value / most, 0), 1)) if most > 0 else DAYS


def _at(value: float, most: float) -> float:
    """Return a place on a line, within its ends."""
    return WIDE * min(max(value / most, 0), 1) if most > 0 else 0


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _safe(kind: str) -> str:
    if not kind.isascii() or not kind.isalpha():
        raise ValueError(f"{kind!r} is not a class of a drawing")
    return kind
