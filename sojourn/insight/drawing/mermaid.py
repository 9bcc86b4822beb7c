"""A picture as Mermaid's text, which GitHub and many editors draw."""

from sojourn.insight.drawing.picture import Arrow, Node, Picture, Shape

_BRACKETS = {
    Shape.START: ("([", "])"),
    Shape.END: ("([", "])"),
    Shape.WAIT: ("{{", "}}"),
    Shape.MESSAGE: ("[", "]"),
    Shape.QUESTION: ("{", "}"),
    Shape.DEED: ("[[", "]]"),
    Shape.EVENT: (">", "]"),
    Shape.NOTE: ("[/", "/]"),
}
_ESCAPES = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;"})


def mermaid(picture: Picture) -> str:
    """Write a picture as a flowchart of Mermaid.

    Args:
        picture: the picture.

    Returns:
        The text, with a line for each node and each arrow.
    """
    lines = ["flowchart TD"]
    lines += [f"    {_node(number, node)}" for number, node in enumerate(picture.nodes)]
    lines += [f"    {_arrow(arrow)}" for arrow in picture.arrows]
    return "\n".join(lines) + "\n"


def _node(number: int, node: Node) -> str:
    opened, closed = _BRACKETS[node.shape]
    return f'n{number}{opened}"{"<br>".join(map(_escaped, node.lines))}"{closed}'


def _arrow(arrow: Arrow) -> str:
    words = f'|"{_escaped(arrow.words)}"|' if arrow.words else ""
    return f"n{arrow.source} -->{words} n{arrow.target}"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
