"""Texts and links that a page sends, checked before they may appear in a message.

A browser's key is public: anybody could use it to have the shop mail their link to a stranger. So a
link or picture must lead to the shop's own hosts, and a text must hold nothing that mail programs
turn into a link.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from sojourn.domain.links import link_host, web_url
from sojourn.rendering.words import is_advertisement

_LINK_NAME = re.compile(r"(?:^|_|[a-z])(?:urls?|link|links|href|src|image|images)$", re.IGNORECASE)
_ID_NAME = re.compile(r"(?:^|_|[a-z])(?:ids?|sku|key|token)$", re.IGNORECASE)
_AS_NUMBER = re.compile(r"[-+]?[\d.,' \u00a0]{1,40}")
_AS_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.,+Z-]{1,40}")
_DEEPEST = 32
_LEFT_OUT = object()

Leave = Callable[[str, str], None]
"""Is called with the path of a part that is left out, and why."""


def decorations(
    properties: dict[str, Any], shop_url: str, hosts: frozenset[str], leave: Leave
) -> dict[str, Any]:
    """Return an event's properties without texts and links that no message may show.

    Args:
        properties: the properties as they were sent.
        shop_url: the base of links that are only a path.
        hosts: the hosts that links may lead to.
        leave: is called with each part that is left out.

    Returns:
        The properties that are left.
    """

    def is_ours(link: str) -> bool:
        return link_host(web_url(link, shop_url)) in hosts

    def fit(value: Any, name: str, path: str, levels: int) -> Any:
        match value:
            case dict() if levels:
                return dict(fields(value, path, levels - 1))
            case list() if levels:
                parts = [
                    fit(inner, name, f"{path}.{number}", levels - 1)
                    for number, inner in enumerate(value)
                ]
                return [part for part in parts if part is not _LEFT_OUT]
            case str() if value.strip():
                fault = _fault(name, value, is_ours)
                if fault:
                    leave(path, fault)
                    return _LEFT_OUT
        return value

    def fields(value: dict[str, Any], path: str, levels: int) -> Iterator[tuple[str, Any]]:
        for name, inner in value.items():
            part = fit(inner, name, f"{path}.{name}", levels)
            if part is not _LEFT_OUT:
                yield name, part

    return dict(fields(properties, "properties", _DEEPEST))


def _fault(name: str, value: str, is_ours: Callable[[str], bool]) -> str:
    """Return what is wrong with a text; empty if it may appear in a message."""
    if _LINK_NAME.search(name):
        return "" if is_ours(value) else "leads elsewhere than to the shop (SOJOURN_LINK_HOSTS)"
    if _AS_NUMBER.fullmatch(value) or _AS_MOMENT.fullmatch(value):
        return ""
    if _ID_NAME.search(name) and not ("/" in value or "@" in value):
        return ""
    return "reads like an advertisement" if is_advertisement(value) else ""
