"""Fetch a feed: once, bounded in time and size, and from nowhere but the web."""

import asyncio
from urllib.parse import urljoin

import httpx

from sojourn.channels.http import retry_after, trusted
from sojourn.domain.errors import FeedFault
from sojourn.domain.feed import fault_of

LARGEST = 2_000_000
"""Bytes of a feed: a thousand articles with their beginnings."""
MOST_REDIRECTS = 5
TIMEOUT = 20.0
"""Seconds for all of it, redirects included."""
ACCEPT = (
    "application/feed+json, application/atom+xml, application/rss+xml, application/rdf+xml, "
    "application/json;q=0.9, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
_MAYBE = ("", "text/plain", "application/octet-stream")
"""Types by which hosts serve files that they do not know: the bytes tell."""


async def fetch(
    address: str, *, timeout_seconds: float = TIMEOUT, largest: int = LARGEST
) -> tuple[bytes, str]:
    """Fetch a feed.

    Args:
        address: ``https`` or ``http``.
        timeout_seconds: for all of it.
        largest: the most bytes.

    Returns:
        Its bytes, and the address that they came from, after redirects.

    Raises:
        FeedFault: it cannot be fetched; the text does not quote the address.
    """
    try:
        async with asyncio.timeout(timeout_seconds), _client(timeout_seconds) as client:
            for _ in range(MOST_REDIRECTS + 1):
                async with client.stream("GET", address) as answer:
                    if not answer.has_redirect_location:
                        return await _body(answer, largest), address
                    address = _onward(address, answer)
    except TimeoutError:
        raise FeedFault(f"took longer than {timeout_seconds:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # without its text, which may hold an address
        raise FeedFault(f"does not answer ({type(error).__name__})") from None
    raise FeedFault(f"leads on more than {MOST_REDIRECTS} times")


def _client(timeout_seconds: float) -> httpx.AsyncClient:
    # unpacked, a small answer could become a large one
    headers = {"User-Agent": "Sojourn", "Accept": ACCEPT, "Accept-Encoding": "identity"}
    return httpx.AsyncClient(
        headers=headers, timeout=timeout_seconds, follow_redirects=False, verify=trusted()
    )


def _onward(address: str, answer: httpx.Response) -> str:
    try:
        onward = urljoin(address, answer.headers["location"])
    except ValueError:
        raise FeedFault("leads on to something that is not an address") from None
    if fault_of(onward):
        raise FeedFault("leads on to an address that is not on the web")
    if address.startswith("https:") and not onward.startswith("https:"):
        raise FeedFault("leads on from https to http, where anybody could change it")
    return onward


async def _body(answer: httpx.Response, largest: int) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise FeedFault(f"answers HTTP {answer.status_code}", retry_after(answer))
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_feed = media_type.endswith(("xml", "json")) and media_type != "application/xhtml+xml"
    if not is_feed and media_type not in _MAYBE:
        raise FeedFault("answers with a page or a file of another kind, and not with a feed")
    if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FeedFault("comes compressed although we asked for it as it is")
    data = bytearray()
    async for chunk in answer.aiter_raw():
        data += chunk
        if len(data) > largest:
            raise FeedFault(f"is larger than {largest:,} bytes")
    return bytes(data)
