"""A picture as SVG: one file, read on white and on black, without a script or a font of its own."""

from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from sojourn.insight.drawing.layers import Box, Placed, place
from sojourn.insight.drawing.lettering import LINE, SIZE, broken, width
from sojourn.insight.drawing.picture import Arrow, Node, Picture, Shape

MARGIN = 16.0
WIDEST, WIDEST_WORDS = 230.0, 150.0
"""Pixels of a line in a node, and at an arrow."""
_PAD = 9.0
_POINT = 14.0
"""A shape's points stick out so far."""
_POINTED = (Shape.WAIT, Shape.QUESTION, Shape.EVENT)
_LOOP = 26.0
"""An arrow from a node to itself goes out so far."""
_STYLE = """
svg { --paper: #ffffff; --ink: #1f2328; --line: #57606a; --wait: #fff8c5; --message: #ddf4ff;
  --question: #fbefff; --deed: #f6f8fa; --end: #dafbe1; --event: #ffebe9; --note: none }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --line: #9198a1; --wait: #3b2e00; --message: #0c2d6b;
    --question: #3c1e70; --deed: #21262d; --end: #04441d; --event: #67060c }
}
.paper { fill: var(--paper) }
text { fill: var(--ink); font: SIZEpx Helvetica, Arial, "Liberation Sans", sans-serif;
  text-anchor: middle }
.first { font-weight: bold }
.node { stroke: var(--line); stroke-width: 1.2 }
.start, .end { fill: var(--end) } .wait { fill: var(--wait) } .message { fill: var(--message) }
.question { fill: var(--question) } .deed { fill: var(--deed) } .event { fill: var(--event) }
.note { fill: none; stroke-dasharray: 4 3 }
.arrow { fill: none; stroke: var(--line); stroke-width: 1.3 }
.back { stroke-dasharray: 6 3 }
.head { fill: var(--line) }
""".replace("SIZE", str(SIZE))


def svg(picture: Picture) -> str:
    """Write a picture as SVG.

    Args:
        picture: the picture.

    Returns:
        A whole file.
    """
    texts = [broken(node.lines, WIDEST) for node in picture.nodes]
    words = {n: broken([a.words], WIDEST_WORDS) for n, a in enumerate(picture.arrows) if a.words}
    loops = {arrow.source: n for n, arrow in enumerate(picture.arrows) if _is_loop(arrow)}
    boxes = [
        _box(node, text, words.get(loops[n], []) if n in loops else None)
        for n, (node, text) in enumerate(zip(picture.nodes, texts, strict=True))
    ]
    placed = place(
        boxes,
        [(arrow.source, arrow.target) for arrow in picture.arrows],
        {n: _around(lines) for n, lines in words.items()},
    )
    whole, high = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {whole:.0f} {high:.0f}" role="img">',
        f"<title>{escape(picture.title)}</title>",
        f"<style>{_STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
    ]
    for n, arrow in enumerate(picture.arrows):
        if not _is_loop(arrow):
            parts += _arrow(picture, boxes, placed, n, words.get(n, []))
    for n, (node, text) in enumerate(zip(picture.nodes, texts, strict=True)):
        box = _box(node, text, None)
        shift = (boxes[n].width - box.width) / 2
        parts += _node(node, text, box, placed.x[n] - shift, placed.y[n])
        if n in loops:
            parts += _loop(box, placed.x[n] - shift, placed.y[n], words.get(loops[n], []))
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def _is_loop(arrow: Arrow) -> bool:
    return arrow.source == arrow.target


def _around(lines: Sequence[str]) -> Box:
    return Box(max(map(width, lines)) + 8, len(lines) * LINE)


def _box(node: Node, text: Sequence[str], loop: Sequence[str] | None) -> Box:
    own = _around(text)
    points = 2 * _POINT if node.shape in _POINTED else 0
    beside = 0.0 if loop is None else _LOOP + max(map(width, loop), default=0) + 8
    return Box(own.width * 1.06 + 2 * _PAD + points + beside, own.height + 2 * _PAD)


def _node(node: Node, text: Sequence[str], box: Box, x: float, y: float) -> list[str]:
    left, right, top, bottom = _sides(box, x, y)
    name = f'class="node {node.shape}"'
    match node.shape:
        case Shape.START | Shape.END:
            shape = _rect(name, left, top, box, min(box.height / 2, 20))
        case Shape.WAIT | Shape.QUESTION:
            inner, outer = left + _POINT, right - _POINT
            points = [(inner, top), (outer, top), (right, y), (outer, bottom), (inner, bottom)]
            shape = _polygon(name, [*points, (left, y)])
        case Shape.EVENT:
            points = [(left, top), (right, top), (right, bottom), (left, bottom)]
            shape = _polygon(name, [*points, (left + _POINT, y)])
        case Shape.DEED:
            lines = "".join(
                f'<path class="arrow" d="M{at:.1f} {top:.1f}V{bottom:.1f}"/>'
                for at in (left + 4, right - 4)
            )
            shape = _rect(name, left, top, box, 2) + lines
        case _:
            shape = _rect(name, left, top, box, 4)
    return [shape, *_text(text, x, y, first=node.shape is Shape.MESSAGE)]


def _sides(box: Box, x: float, y: float) -> tuple[float, float, float, float]:
    return x - box.width / 2, x + box.width / 2, y - box.height / 2, y + box.height / 2


def _rect(name: str, left: float, top: float, box: Box, radius: float) -> str:
    return (
        f'<rect {name} x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius:.0f}"/>'
    )


def _polygon(name: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<polygon {name} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _text(lines: Sequence[str], x: float, y: float, *, first: bool = False) -> list[str]:
    begin = y - (len(lines) - 1) * LINE / 2 + SIZE * 0.35
    return [
        f'<text x="{x:.1f}" y="{begin + n * LINE:.1f}"{bold}>{escape(line)}</text>'
        for n, line in enumerate(lines)
        for bold in [' class="first"' if first and n == 0 else ""]
    ]


def _arrow(
    picture: Picture, boxes: Sequence[Box], placed: Placed, number: int, words: Sequence[str]
) -> list[str]:
    """Draw an arrow through the places that it has, with its words on the way."""
    way, turned = placed.ways[number], number in placed.turned
    points: list[tuple[float, float]] = []
    for n, box in enumerate(way):
        if n == 0:
            edge = (-1 if turned else 1) * boxes[box].height / 2
            points.append(
                (_port(picture, boxes, placed, number, leaving=True), placed.y[box] + edge)
            )
            points.append((points[-1][0], (placed.tops if turned else placed.bottoms)[box]))
        elif n == len(way) - 1:
            edge = (1 if turned else -1) * boxes[box].height / 2
            at = _port(picture, boxes, placed, number, leaving=False)
            points.append((at, (placed.bottoms if turned else placed.tops)[box]))
            points.append((at, placed.y[box] + edge))
        else:
            ends = (placed.tops[box], placed.bottoms[box])
            points += [(placed.x[box], end) for end in (ends[::-1] if turned else ends)]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        path += (
            f"V{to_y:.1f}"
            if abs(x - to_x) < 0.1
            else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        )
    kind = "arrow back" if turned else "arrow"
    parts = [f'<path class="{kind}" d="{path}"/>', _head(*points[-1], up=turned)]
    if words:
        label = way[1]
        parts.append(
            _rect(
                'class="paper"',
                placed.x[label] - _around(words).width / 2,
                placed.y[label] - _around(words).height / 2,
                _around(words),
                3,
            )
        )
        parts += _text(words, placed.x[label], placed.y[label])
    return parts


def _port(
    picture: Picture, boxes: Sequence[Box], placed: Placed, number: int, *, leaving: bool
) -> float:
    """Return where an arrow touches its node: several on one side stand side by side."""
    arrow = picture.arrows[number]
    node = arrow.source if leaving else arrow.target
    at_top = leaving == (number in placed.turned)
    beside: list[tuple[float, int]] = []
    for n, other in enumerate(picture.arrows):
        if _is_loop(other):
            continue
        turned, way = n in placed.turned, placed.ways[n]
        if other.source == node and turned == at_top:
            beside.append((placed.x[way[1]], n))
        if other.target == node and turned != at_top:
            beside.append((placed.x[way[-2]], n))
    order = [n for _, n in sorted(beside)]
    room = min(24.0, boxes[node].width * 0.7 / len(order))
    return placed.x[node] + (order.index(number) - (len(order) - 1) / 2) * room


def _head(x: float, y: float, *, up: bool) -> str:
    back = 8 if up else -8
    return _polygon('class="head"', [(x, y), (x - 4, y + back), (x + 4, y + back)])


def _loop(box: Box, x: float, y: float, words: Sequence[str]) -> list[str]:
    right = x + box.width / 2
    high = min(14.0, box.height / 4)
    path = (
        f"M{right - 3:.1f} {y - high:.1f}C{right + _LOOP:.1f} {y - high - 6:.1f} "
        f"{right + _LOOP:.1f} {y + high + 6:.1f} {right - 1:.1f} {y + high:.1f}"
    )
    head = [(right - 2, y + high), (right + 7, y + high - 4), (right + 6, y + high + 5)]
    wide = max(map(width, words), default=0)
    return [
        f'<path class="arrow" d="{path}"/>',
        _polygon('class="head"', head),
        *_text(words, right + _LOOP + wide / 2, y),
    ]
