"""Layers: a picture's nodes put into rows, so that arrows lead downwards wherever they can.

The way is Sugiyama's. Arrows that lead back are turned round, each node comes below all that lead
to it, and an arrow over several rows takes a place in each. So does what is written at an arrow:
nothing is written over anything else. The order within a row is the one of few crossings, and rows
are moved until arrows are nearly straight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

SWEEPS = 12
"""Rows are put in order, and moved, so often: more changes little."""
APART, BELOW = 22.0, 20.0
"""Pixels between neighbours, and between rows."""


@dataclass(frozen=True)
class Box:
    """Something that takes room.

    Args:
        width: in pixels.
        height: likewise.
    """

    width: float
    height: float


@dataclass
class Placed:
    """Boxes in their places.

    Args:
        x: the middle of each, from the left.
        y: likewise, from the top.
        tops: where the row of each begins.
        bottoms: where it ends.
        ways: for each arrow the boxes that it passes, from its source to its target.
        turned: the arrows that lead upwards.
        width: of all.
        height: of all.
        beside: where the next group of boxes beside the largest begins, from the top.
    """

    x: list[float]
    y: list[float]
    tops: list[float]
    bottoms: list[float]
    ways: list[list[int]]
    turned: set[int]
    width: float = 0
    height: float = 0
    beside: float = 0


@dataclass
class _Rows:
    boxes: list[Box]
    rank: list[int]
    down: dict[int, list[int]] = field(default_factory=dict)
    up: dict[int, list[int]] = field(default_factory=dict)
    rows: list[list[int]] = field(default_factory=list)

    def add(self, box: Box, rank: int) -> int:
        self.boxes.append(box)
        self.rank.append(rank)
        return len(self.boxes) - 1

    def link(self, upper: int, lower: int) -> None:
        self.down.setdefault(upper, []).append(lower)
        self.up.setdefault(lower, []).append(upper)


def place(
    nodes: Sequence[Box], arrows: Sequence[tuple[int, int]], words: Mapping[int, Box]
) -> Placed:
    """Put boxes into rows; those that no arrows join stand beside the others.

    Args:
        nodes: the boxes.
        arrows: from one box to another, by their numbers.
        words: what is written at arrows, by the number of the arrow. Its box comes next to that of
            the source in the way of the arrow.

    Returns:
        Their places. Boxes of words, and the places that arrows take, follow after the nodes.
    """
    every = Placed(
        [0.0] * len(nodes),
        [0.0] * len(nodes),
        [0.0] * len(nodes),
        [0.0] * len(nodes),
        [[] for _ in arrows],
        set(),
    )
    column = 0.0
    for count, some in enumerate(_joined(len(nodes), arrows)):
        own = [n for n, (source, _) in enumerate(arrows) if source in some]
        number = {node: n for n, node in enumerate(some)}
        part = _place(
            [nodes[node] for node in some],
            [(number[arrows[n][0]], number[arrows[n][1]]) for n in own],
            {at: words[n] for at, n in enumerate(own) if n in words},
        )
        if count == 1:
            column = every.width + 2 * APART
        right, down = (column, every.beside) if count else (0.0, 0.0)
        names = [*some, *range(len(every.x), len(every.x) + len(part.x) - len(some))]
        _put(every.x, part.x, names, right)
        _put(every.y, part.y, names, down)
        _put(every.tops, part.tops, names, down)
        _put(every.bottoms, part.bottoms, names, down)
        for at, n in enumerate(own):
            every.ways[n] = [names[box] for box in part.ways[at]]
        every.turned |= {own[at] for at in part.turned}
        every.width = max(every.width, right + part.width)
        every.height = max(every.height, down + part.height)
        if count:
            every.beside = down + part.height + 2 * BELOW
    return every


def _put(every: list[float], part: Sequence[float], names: Sequence[int], by: float) -> None:
    """Put the places of a part among those of all, moved by so much."""
    every += [0.0] * (max(names, default=-1) + 1 - len(every))
    for name, value in zip(names, part, strict=True):
        every[name] = value + by


def _joined(number: int, arrows: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the nodes in groups that arrows join, the largest first."""
    group = list(range(number))
    for source, target in arrows:
        old, new = group[source], group[target]
        group = [new if one == old else one for one in group]
    found: dict[int, list[int]] = {}
    for node, name in enumerate(group):
        found.setdefault(name, []).append(node)
    return sorted(found.values(), key=len, reverse=True)


def _place(
    nodes: Sequence[Box], arrows: Sequence[tuple[int, int]], words: Mapping[int, Box]
) -> Placed:
    turned = _turned(len(nodes), arrows)
    rank = _ranks(len(nodes), arrows, turned)
    rows = _Rows(list(nodes), [2 * one for one in rank])
    ways = [
        _way(rows, arrow, number in turned, words.get(number))
        for number, arrow in enumerate(arrows)
    ]
    rows.rows = [[] for _ in range(max(rows.rank, default=0) + 1)]
    for number in _by_depth(rows):
        rows.rows[rows.rank[number]].append(number)
    _order(rows)
    placed = _positions(rows, ways)
    placed.turned = turned
    return placed


def _turned(number: int, arrows: Sequence[tuple[int, int]]) -> set[int]:
    """Return the arrows that lead back to where a reader has been."""
    leaving: dict[int, list[tuple[int, int]]] = {}
    for n, (source, target) in enumerate(arrows):
        leaving.setdefault(source, []).append((n, target))
    state = [0] * number
    found: set[int] = set()

    def visit(node: int) -> None:
        stack = [(node, iter(leaving.get(node, ())))]
        state[node] = 1
        while stack:
            here, rest = stack[-1]
            for n, target in rest:
                if state[target] == 1:
                    found.add(n)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(leaving.get(target, ()))))
                    break
            else:
                state[here] = 2
                stack.pop()

    for node in range(number):
        if not state[node]:
            visit(node)
    return found


def _ranks(number: int, arrows: Sequence[tuple[int, int]], turned: set[int]) -> list[int]:
    """Return the row of each node: below all that lead to it, and close to what it leads to."""
    edges = [(b, a) if n in turned else (a, b) for n, (a, b) in enumerate(arrows) if a != b]
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for upper, lower in edges:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    rank = [0] * number
    for _ in range(number):
        changed = False
        for upper, lower in edges:
            if rank[lower] < rank[upper] + 1:
                rank[lower], changed = rank[upper] + 1, True
        if not changed:
            break
    for node in range(number):
        if node not in above and node in below:
            rank[node] = max(0, min(rank[lower] for lower in below[node]) - 1)
    return rank


def _way(rows: _Rows, arrow: tuple[int, int], turned: bool, words: Box | None) -> list[int]:
    """Give an arrow its place in each row that it passes; return the boxes in its order."""
    source, target = arrow
    if source == target:
        return [source, target]
    upper, lower = (target, source) if turned else (source, target)
    passed = [upper]
    for rank in range(rows.rank[upper] + 1, rows.rank[lower]):
        at_words = rank == (rows.rank[lower] - 1 if turned else rows.rank[upper] + 1)
        box = words if words is not None and at_words else Box(6, 0)
        passed.append(rows.add(box, rank))
    passed.append(lower)
    for one, other in pairwise(passed):
        rows.link(one, other)
    return passed[::-1] if turned else passed


def _by_depth(rows: _Rows) -> list[int]:
    """Return the boxes in the order in which a reader would follow the arrows."""
    order: dict[int, None] = {}
    for first in range(len(rows.boxes)):
        todo = [first]
        while todo:
            box = todo.pop()
            if box not in order:
                order[box] = None
                todo += reversed(rows.down.get(box, []))
    return list(order)


def _order(rows: _Rows) -> None:
    """Order the boxes of each row so that few arrows cross."""
    best, fewest = [list(row) for row in rows.rows], _crossings(rows)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        span = range(1, len(rows.rows)) if down else range(len(rows.rows) - 2, -1, -1)
        for rank in span:
            other = rows.rows[rank - 1 if down else rank + 1]
            _order_row(rows.rows[rank], other, rows.up if down else rows.down)
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows.rows], crossings
    rows.rows = best


def _order_row(row: list[int], other: Sequence[int], beside: Mapping[int, Sequence[int]]) -> None:
    """Order a row by where its neighbours stand in the one next to it."""
    at = {box: n for n, box in enumerate(other)}
    own = {box: n for n, box in enumerate(row)}

    def middle(box: int) -> tuple[float, int]:
        near = [at[one] for one in beside.get(box, ()) if one in at]
        return (sum(near) / len(near) if near else own[box], own[box])

    row.sort(key=middle)


def _crossings(rows: _Rows) -> int:
    total = 0
    for upper, lower in pairwise(rows.rows):
        at = {box: n for n, box in enumerate(lower)}
        ends = [sorted(at[one] for one in rows.down.get(box, ())) for box in upper]
        seen: list[int] = []
        for some in ends:
            total += sum(other > one for one in some for other in seen)
            seen += some
    return total


def _positions(rows: _Rows, ways: list[list[int]]) -> Placed:
    boxes = rows.boxes
    x = [0.0] * len(boxes)
    for row in rows.rows:
        left = 0.0
        for box in row:
            x[box] = left + boxes[box].width / 2
            left += boxes[box].width + APART
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows.rows if down else reversed(rows.rows):
            wanted = []
            for box in row:
                near = [x[one] for one in (rows.up if down else rows.down).get(box, ())]
                wanted.append(median(near) if near else x[box])
            for box, at in zip(row, _spread(row, wanted, boxes), strict=True):
                x[box] = at
    left = min((x[n] - box.width / 2 for n, box in enumerate(boxes)), default=0)
    x = [one - left for one in x]
    y, tops, bottoms = [0.0] * len(boxes), [0.0] * len(boxes), [0.0] * len(boxes)
    top = 0.0
    for row in rows.rows:
        height = max((boxes[box].height for box in row), default=0)
        for box in row:
            tops[box], bottoms[box], y[box] = top, top + height, top + height / 2
        top += height + BELOW
    width = max((x[n] + box.width / 2 for n, box in enumerate(boxes)), default=0)
    return Placed(x, y, tops, bottoms, ways, set(), width, top - BELOW)


def _spread(row: Sequence[int], wanted: Sequence[float], boxes: Sequence[Box]) -> list[float]:
    """Return places for a row that are as close to those wanted as they can be without overlap.

    Neighbours that would overlap form a block, which stands where its members want it on average.
    """
    offsets: list[float] = []
    for n, box in enumerate(row):
        before = row[n - 1] if n else box
        apart = (boxes[before].width + boxes[box].width) / 2 + APART
        offsets.append(offsets[-1] + apart if n else 0.0)
    blocks: list[tuple[float, float, int]] = []  # the mean, the weight, the members
    for n, box in enumerate(row):
        weight = 1.0 if boxes[box].height else 4.0  # an arrow that only passes is kept straight
        blocks.append((wanted[n] - offsets[n], weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (one, w, members), (other, v, more) = blocks[-2], blocks[-1]
            blocks[-2:] = [((one * w + other * v) / (w + v), w + v, members + more)]
    means = [mean for mean, _, members in blocks for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
