"""A cheap client with one kept connection, so that the benchmark measures the gateway."""

import asyncio
import base64
from typing import Self


class Line:
    """A connection that posts JSON and waits for each answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    @classmethod
    async def open(cls, url: str, key: str) -> Self:
        """Connect to ``http://host:port`` with a write key."""
        host, _, port = url.removeprefix("http://").partition(":")
        token = base64.b64encode(f"{key}:".encode()).decode()
        head = (
            f"Host: {host}:{port}\r\nAuthorization: Basic {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        return cls(*await asyncio.open_connection(host, int(port)), head)

    async def post(self, path: str, body: bytes) -> None:
        """Post a call, and read the answer.

        Raises:
            RuntimeError: the answer is not 200.
        """
        self._writer.write(f"POST {path} HTTP/1.1\r\n{self._head}{len(body)}\r\n\r\n".encode())
        self._writer.write(body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        answer = await self._reader.readexactly(length)
        if " 200 " not in head.partition("\r\n")[0]:
            raise RuntimeError(f"{head.partition(chr(13))[0]}: {answer.decode()[:200]}")

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()
