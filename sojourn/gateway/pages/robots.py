"""`visitor`: the evidence in a request that tells people from machines.

This module judges nothing: `domain.measuring.hits` does, from the evidence that is kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from sojourn.domain.measuring.hits import Machine, block_of

FETCHES_AHEAD = re.compile("prefetch|preview", re.IGNORECASE)
PURPOSES = ("purpose", "sec-purpose", "x-purpose", "x-moz")
"""Headers in which a browser states the purpose of a request:
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Purpose."""


@dataclass(frozen=True)
class Visitor:
    """The evidence in one request.

    Args:
        agent: its User-Agent; empty if it has none.
        network: the block of its address; empty if that is unknown.
        ahead: it says that it fetches ahead, or asks only for the head.
    """

    agent: str = ""
    network: str = ""
    ahead: bool = False

    @property
    def said(self) -> str:
        """The reason that the request itself gives to think of a machine; empty if none."""
        return Machine.PREFETCH if self.ahead else ""


def visitor(request: Request, proxies: int) -> Visitor:
    """Return the evidence in a request.

    Args:
        request: the request, whose body is not read.
        proxies: the number of our proxies in front of the gateway. Each adds the address that
            called it to `X-Forwarded-For`; entries before those are the caller's own.
    """
    return Visitor(
        agent=request.headers.get("user-agent", "").strip(),
        network=block_of(_address(request, proxies)),
        ahead=is_ahead(request.method, request.headers),
    )


def is_ahead(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request fetches ahead of a person.

    Args:
        method: the HTTP method.
        headers: with names in lower case, or a mapping that ignores case.
    """
    return method == "HEAD" or any(FETCHES_AHEAD.search(headers.get(name, "")) for name in PURPOSES)


def _address(request: Request, proxies: int) -> str:
    if not proxies:
        return request.client.host if request.client else ""
    hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    return hops[-proxies] if len(hops) >= proxies else ""
