"""Many plain connections to a gateway, so that the client uses little time in comparison."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Tally:
    """Answers of the gateway.

    Args:
        codes: the number of answers by status; 0 for a connection that broke.
        waits: the seconds that each 200 took.
        after: the ``Retry-After`` of the refusals.
        seconds: the total time.
    """

    codes: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    after: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def goodput(self) -> float:
        """The answers of 200 per second."""
        return self.codes[200] / self.seconds

    def wait(self, share: float) -> float:
        """Return the most seconds that this share of the 200s took."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))]


def request(url: str, key: str, path: str, body: Any) -> bytes:
    """Return a POST as bytes."""
    content = json.dumps(body).encode()
    token = base64.b64encode(f"{key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Basic {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def crowd(
    url: str, connections: int, seconds: float, made: Callable[[], bytes], *, pause: float = 0
) -> Tally:
    """Send on many connections, each the next request as soon as it has its answer.

    Args:
        url: the gateway's URL.
        connections: the number of connections.
        seconds: the time to send for.
        made: creates the next request.
        pause: the seconds to wait after a refusal; 0 to repeat at once, despite ``Retry-After``.

    Returns:
        The answers.
    """
    tally, began = Tally(), time.perf_counter()
    until = began + seconds

    async def one() -> None:
        while time.perf_counter() < until:
            try:
                line = await open_line(url)
            except OSError:
                tally.codes[0] += 1
                await asyncio.sleep(0.1)
                continue
            try:
                while time.perf_counter() < until:
                    await _ask(line, made(), tally)
                    if pause and tally.codes[429]:
                        await asyncio.sleep(pause)
            except (OSError, asyncio.IncompleteReadError):
                tally.codes[0] += 1
            finally:
                line[1].close()

    await asyncio.gather(*(one() for _ in range(connections)))
    tally.seconds = time.perf_counter() - began
    return tally


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_line(url: str) -> Line:
    """Connect."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def one_by_one(url: str, requests: Sequence[bytes], *, pause: float = 0.01) -> Tally:
    """Send requests one after the other on a connection, as a calm neighbour does."""
    tally, began = Tally(), time.perf_counter()
    line = await open_line(url)
    try:
        for each in requests:
            await _ask(line, each, tally)
            await asyncio.sleep(pause)
    finally:
        line[1].close()
    tally.seconds = time.perf_counter() - began
    return tally


async def _ask(line: Line, content: bytes, tally: Tally) -> None:
    reader, writer = line
    began = time.perf_counter()
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    code = int(head.split(" ", 2)[1])
    if "content-length: " in head:
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(length)
    tally.codes[code] += 1
    if code == 200:
        tally.waits.append(time.perf_counter() - began)
    if "retry-after: " in head:
        tally.after[int(head.partition("retry-after: ")[2].partition("\r\n")[0])] += 1
