"""Hrefs: the places in a document where links say where they lead.

Tags are read as browsers read them, as far as that takes to tell links from what only looks like
one: https://html.spec.whatwg.org/multipage/parsing.html#tokenization. A tag that could be read in
two ways is no link here.
"""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import NamedTuple

_MARKUP = re.compile(
    r"""<(?:
        !--(?:-?>|.*?(?:--!?>|\Z))
      | (?P<raw>iframe|noembed|noframes|script|style|textarea|title|xmp)(?=[\s/>])
        .*?(?:</(?P=raw)(?=[\s/>])|\Z)
      | (?:(?P<link>a)(?=[\s/])|/?[a-z])(?:[^"'>]|"[^"]*"|'[^']*')*>
      | [!?/][^>]*>
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""Comments, elements whose content is text, links and other tags."""
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?P<name>[^\s/>"'<=]+)
        (?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'<=>`]+)))?""",
    re.VERBOSE,
)
_END = re.compile(r"[\s/]*>")
_REFERENCE = re.compile(r"&([a-z][a-z0-9]*;?)(=?)", re.IGNORECASE)


class Href(NamedTuple):
    """The address of a link.

    Args:
        start: its first place in the document.
        end: the place behind it.
        url: as a browser reads it.
    """

    start: int
    end: int
    url: str


def hrefs(html: str) -> Iterator[Href]:
    """Yield the addresses of a document's links, in their order.

    Args:
        html: the document.
    """
    for found in _MARKUP.finditer(html):
        if found.lastgroup == "link" and (href := _href(html, found.end("link"), found.end())):
            yield href


def _href(html: str, at: int, ends: int) -> Href | None:
    """Return the address of a link, whose attributes begin at a place and whose tag ends at one."""
    place: tuple[int, int] | None = None
    while found := _ATTRIBUTE.match(html, at):
        at = found.end()
        if place is None and found["name"].lower() == "href":  # browsers take the first of two
            kind = found.lastgroup or "name"
            place = (at, at) if kind == "name" else found.span(kind)
    end = _END.match(html, at)
    if place is None or end is None or end.end() != ends:
        return None
    url = _read(html[slice(*place)])
    return Href(*place, url) if url else None


def _read(value: str) -> str:
    """Return an attribute's value; ``&copy=1`` and ``&param=1`` have no character reference."""
    return unescape(_REFERENCE.sub(_kept, value))


def _kept(found: re.Match[str]) -> str:
    name, equals = found[1], found[2]
    is_one = name in html5 and (name.endswith(";") or not equals)
    return found[0] if is_one else f"&amp;{name}{equals}"
