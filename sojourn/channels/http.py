"""HTTP to a provider: a pool of connections, and the usual meaning of answers.

Only certainty counts. After 429, a definite 4xx or a connection that was never made, the message
was certainly not sent. After 5xx, a broken connection or a missing answer, this is unknown.
"""

import email.utils
import math
import ssl
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx

from sojourn.channels.fence import Fence, current
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    FenceClosed,
    ProviderError,
    RateLimited,
    TransientError,
)

LONGEST_DETAIL = 300
"""The most characters of an answer that an error quotes."""
LONGEST_WAIT = timedelta(hours=1)
CHUNK = 16_384
"""The bytes of a body between two checks of the fence."""
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates that we trust.

    They are those of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, or else certifi's
    (https://www.python-httpx.org/advanced/ssl/). A process reads them once, since that takes longer
    than many requests.
    """
    return httpx.create_ssl_context()


class Http:
    """A client of a provider's API that keeps its connections.

    Args:
        base_url: the API's URL; paths are appended to it.
        timeout_seconds: the longest wait for each of connecting, sending and the answer.
        auth: Basic credentials, or None.
        headers: headers of every request.
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float,
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout_seconds,
            auth=auth,
            headers={"User-Agent": "Sojourn", **(headers or {})},
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
            follow_redirects=False,
            verify=trusted(),
        )

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request that sends a message, and return any answer.

        The message is in the request's body: as long as no byte of the body has left, it was
        certainly not sent. The fence is checked once the connection is made.

        Args:
            method: the HTTP method.
            path: a path below the base URL, or a whole URL.
            options: the options of httpx's ``request``.

        Raises:
            TransientError: no byte of the message has left: it was certainly not sent.
            AmbiguousSend: the connection broke later: the message may have been sent.
        """
        request = self._client.build_request(method, path, **options)
        assert isinstance(request.stream, AsyncIterable)
        request.stream = body = _Body(request.stream, current())
        try:
            if request.headers.get("content-length") == "0" or method in ("GET", "HEAD"):
                body.begin()  # the message is in the URL or the headers
            return await self._client.send(request)
        except FenceClosed as error:
            if body.begun:
                raise AmbiguousSend(f"broken off in the message's body: {error}") from None
            raise
        except _NOT_SENT as error:
            raise TransientError(f"no connection: {_said(error)}") from None
        except httpx.HTTPError as error:
            if not body.begun:
                raise TransientError(f"the connection broke before: {_said(error)}") from None
            raise AmbiguousSend(f"no answer: {_said(error)}") from None

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request that sends no message, such as a look-up or a probe, and can be repeated.

        Args:
            method: the HTTP method.
            path: a path below the base URL, or a whole URL.
            options: the options of httpx's ``request``.

        Raises:
            TransientError: there is no answer, or a 5xx.
            RateLimited: the answer is 429.
            AccountError: the answer is 401 or 403.
        """
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise TransientError(f"no answer: {_said(error)}") from None
        if answer.status_code in (401, 403, 429) or answer.is_server_error:
            fault = fault_of(answer)
            if isinstance(
                fault, AmbiguousSend
            ):  # the request sends no message, so none is in doubt
                raise TransientError(str(fault), retry_after=retry_after(answer))
            raise fault
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class _Body(httpx.AsyncByteStream):
    """A request's body, which leaves in small parts, with a check of the fence before each.

    A worker that stands still in the middle of a long body does not send the rest of it.
    """

    def __init__(self, parts: AsyncIterable[bytes], fence: Fence) -> None:
        self._parts = parts
        self._fence = fence
        self.begun = False
        """True once a part may have left."""

    def begin(self) -> None:
        """Pass the fence."""
        self._fence.cross()
        self.begun = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            for start in range(0, len(part), CHUNK):
                self.begin()
                yield part[start : start + CHUNK]


def fault_of(answer: httpx.Response, said: str = "") -> ProviderError:
    """Return the error that an answer means by its HTTP status alone.

    A wrong URL (404, 405, a redirect) is a fault of the settings, not of the message. If a
    provider answers 404 about a recipient, its class handles that before it calls this.

    Args:
        answer: the provider's answer, whose status is an error.
        said: the provider's error in words; by default the beginning of the body.
    """
    detail = f"HTTP {answer.status_code}: {said or answer.text[:LONGEST_DETAIL].strip()}"
    return _meaning(answer, detail).coded(f"HTTP {answer.status_code}")


def _meaning(answer: httpx.Response, detail: str) -> ProviderError:
    match answer.status_code:
        case 401 | 402 | 403 | 407:
            return AccountError(detail)
        case 301 | 307 | 308 | 404 | 405:  # the URL from our settings is wrong
            return AccountError(f"{detail}; check the base URL")
        case 408 | 425:
            return TransientError(detail, retry_after=retry_after(answer))
        case 429:
            return RateLimited(detail, retry_after=retry_after(answer))
        case status if 400 <= status < 500:
            return ContentRejected(detail)
    return AmbiguousSend(detail)


def retry_after(answer: httpx.Response) -> timedelta | None:
    """Return the time that the provider asks us to wait.

    Retry-After (RFC 9110, 10.2.3) is in seconds or a date. Without it, X-RateLimit-Reset counts:
    for some providers it is in seconds or milliseconds since 1970, for others in seconds from now.
    """
    told = answer.headers.get("retry-after", "").strip()
    if not told:
        return _wait(_until_reset(answer.headers.get("x-ratelimit-reset", "")))
    try:
        seconds = float(told)
    except ValueError:
        seconds = _seconds_until(told)
    return _wait(seconds)


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the answer's JSON object, or an empty one, since proxies answer in HTML."""
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def array_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the objects of the answer's JSON array; none if it is not an array."""
    try:
        said = answer.json()
    except ValueError:
        return []
    return [one if isinstance(one, dict) else {} for one in said] if isinstance(said, list) else []


def _seconds_until(date: str) -> float:
    try:
        when = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0)


def _until_reset(told: str) -> float:
    try:
        reset = float(told)
    except ValueError:
        return math.nan
    if reset > 1e11:
        reset /= 1000
    return max(reset - time.time(), 0) if reset > 1e9 else reset


def _wait(seconds: float) -> timedelta | None:
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(timedelta(seconds=min(seconds, 1e9)), LONGEST_WAIT)


def _said(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__} {error}".strip()
