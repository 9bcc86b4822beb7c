"""The layout of a picture: nothing lies over anything else, and arrows lead down."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from sojourn.insight.drawing.layers import Box, Placed, place
from sojourn.insight.drawing.picture import Arrow, Node, Picture, Shape
from sojourn.insight.drawing.svg import svg

SIZES = st.builds(Box, st.floats(10, 200), st.floats(10, 100))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[tuple[int, int]], dict[int, Box]]:
    nodes = draw(st.lists(SIZES, min_size=1, max_size=9))
    number = st.integers(0, len(nodes) - 1)
    arrows = draw(st.lists(st.tuples(number, number), max_size=14))
    words = {n: draw(SIZES) for n in range(len(arrows)) if draw(st.booleans())}
    return nodes, arrows, words


def boxes(
    placed: Placed, nodes: list[Box], arrows: list[tuple[int, int]], words: dict[int, Box]
) -> list[tuple[float, float, float, float]]:
    """Return the sides of each node and of each text: left, top, right, bottom."""
    sizes = dict(enumerate(nodes))
    for n, box in words.items():
        if arrows[n][0] != arrows[n][1]:
            sizes[placed.ways[n][1]] = box
    return [
        (
            placed.x[at] - size.width / 2,
            placed.y[at] - size.height / 2,
            placed.x[at] + size.width / 2,
            placed.y[at] + size.height / 2,
        )
        for at, size in sizes.items()
    ]


@given(graphs())
def test_no_node_and_no_text_lies_over_another_one(
    graph: tuple[list[Box], list[tuple[int, int]], dict[int, Box]],
) -> None:
    nodes, arrows, words = graph
    placed = place(nodes, arrows, words)
    found = boxes(placed, nodes, arrows, words)
    slack = 0.001
    for one, other in combinations(found, 2):
        apart = (
            one[2] <= other[0] + slack
            or other[2] <= one[0] + slack
            or one[3] <= other[1] + slack
            or other[3] <= one[1] + slack
        )
        assert apart, (one, other)
    for left, top, right, bottom in found:
        assert left >= -slack
        assert top >= -slack
        assert right <= placed.width + slack
        assert bottom <= placed.height + slack


@given(graphs())
def test_an_arrow_leads_down_unless_it_leads_back(
    graph: tuple[list[Box], list[tuple[int, int]], dict[int, Box]],
) -> None:
    nodes, arrows, words = graph
    placed = place(nodes, arrows, words)
    for n, (source, target) in enumerate(arrows):
        assert (placed.ways[n][0], placed.ways[n][-1]) == (source, target)
        if source != target:
            assert (placed.y[source] < placed.y[target]) != (n in placed.turned)


def test_an_svg_needs_nothing_and_escapes_what_people_wrote() -> None:
    picture = Picture(
        "a & b",
        (Node(Shape.START, ("x < y",)), Node(Shape.QUESTION, ('"z"?',))),
        (Arrow(0, 1, "<b>"), Arrow(1, 1, "again & again")),
    )
    written = svg(picture)
    assert "<title>a &amp; b</title>" in written
    assert "x &lt; y" in written
    assert "&lt;b&gt;" in written
    assert "again &amp; again" in written
    assert "<script" not in written
    assert "href" not in written
    assert "prefers-color-scheme: dark" in written
