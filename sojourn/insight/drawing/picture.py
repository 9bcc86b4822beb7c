"""`Picture`: a journey as a graph, in plain values. Writers turn it into Mermaid and into SVG."""

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """The kind of a node, which decides its shape."""

    START = "start"
    END = "end"
    WAIT = "wait"
    MESSAGE = "message"
    QUESTION = "question"
    DEED = "deed"
    EVENT = "event"
    """Something that may happen at any time."""
    NOTE = "note"


@dataclass(frozen=True)
class Node:
    """A node of a picture.

    Args:
        shape: its kind.
        lines: the lines of its text.
    """

    shape: Shape
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Arrow:
    """An arrow of a picture.

    Args:
        source: the number of the node that it leaves.
        target: the number of the node that it reaches.
        words: the condition; empty: there is none.
    """

    source: int
    target: int
    words: str = ""


@dataclass(frozen=True)
class Picture:
    """A journey as a graph.

    Args:
        title: the journey's name.
        nodes: in the order in which a reader meets them.
        arrows: by the number of their source, then in the order in which they were found.
    """

    title: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
