"""A connection to a server that tests can cut and restore."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from sojourn.cli.local.processes import HOST


class Line:
    """A proxy that passes bytes on, in both directions.

    Args:
        address: ``host:port`` at the other end.
    """

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._server: asyncio.Server | None = None
        self._own_port = 0
        self._passing: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, address: str) -> AsyncIterator[Self]:
        """Run a proxy for as long as the block lasts."""
        line = cls(address)
        await line.mend()
        try:
            yield line
        finally:
            await line.cut()

    @property
    def address(self) -> str:
        """Return the address of this end, which stays the same after a restore."""
        return f"{HOST}:{self._own_port}"

    async def cut(self) -> None:
        """Close all connections, and take no new ones."""
        assert self._server is not None
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        await self._server.wait_closed()

    async def mend(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._accept, HOST, self._own_port)
        self._own_port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, int(self._port))
        try:
            await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                end.close()


async def _pass(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()
