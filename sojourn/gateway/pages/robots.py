"""`visitor`: the evidence in a request by which people and machines are told apart.

Nothing is judged here: `domain.measuring.hits` does that, and the evidence is kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from sojourn.domain.measuring.hits import Machine, block_of

FETCHES_AHEAD = re.compile("prefetch|preview", re.IGNORECASE)
PURPOSES = ("purpose", "sec-purpose", "x-purpose", "x-moz")
"""Headers in which a browser tells the purpose of a request:
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Purpose."""


@dataclass(frozen=True)
class Visitor:
    """The evidence in one request.

    Args:
        agent: its User-Agent; empty: it has none.
        network: the block of its address; empty: nobody knows it.
        ahead: it says that it fetches ahead, or asks for the head alone.
    """

    agent: str = ""
    network: str = ""
    ahead: bool = False

    @property
    def said(self) -> str:
        """The reason to take it for a machine that it gives itself."""
        return Machine.PREFETCH if self.ahead else ""


def visitor(request: Request, proxies: int) -> Visitor:
    """Return the evidence in a request.

    Args:
        request: its head.
        proxies: of ours, which stand before the gateway. Each adds the address that called it to
            `X-Forwarded-For`; what stands before those, the caller wrote.
    """
    return Visitor(
        agent=request.headers.get("user-agent", "").strip(),
        network=block_of(_address(request, proxies)),
        ahead=is_ahead(request.method, request.headers),
    )


def is_ahead(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request fetches ahead of a person.

    Args:
        method: of HTTP.
        headers: their names in lower case, or a mapping that does not tell cases apart.
    """
    return method == "HEAD" or any(FETCHES_AHEAD.search(headers.get(name, "")) for name in PURPOSES)


def _address(request: Request, proxies: int) -> str:
    if not proxies:
        return request.client.host if request.client else ""
    hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    return hops[-proxies] if len(hops) >= proxies else ""
