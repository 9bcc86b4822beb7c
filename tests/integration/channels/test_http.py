"""Our client of providers' APIs: what has left, and what certainly has not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from sojourn.channels.fence import Fence
from sojourn.channels.http import CHUNK, Http
from sojourn.domain.errors import AmbiguousSend, FenceClosed, TransientError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def client(serve: Serve) -> AsyncIterator[Http]:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = Http(f"http://127.0.0.1:{port}", 5)
    try:
        yield http
    finally:
        await http.close()
        server.close()


class Shutting(Fence):
    """A fence that closes after some parts of a body."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts

    def cross(self) -> None:
        if self.parts == 0:
            self.shut()
        self.parts -= 1
        super().cross()


async def test_a_worker_that_stops_in_the_middle_of_a_long_body_sends_the_rest_no_more() -> None:
    taken = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            taken.extend(part)

    async with client(serve) as http:
        fence = Shutting(3)
        with fence.around(), pytest.raises(AmbiguousSend):
            await http.send("POST", "/", content=b"x" * 10 * CHUNK)
    assert taken.count(b"x") <= 3 * CHUNK
    assert fence.crossed


async def test_a_connection_that_breaks_before_the_body_has_sent_nothing() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)

    async with client(serve) as http:
        with Shutting(0).around(), pytest.raises(FenceClosed):
            await http.send("POST", "/", json={"to": "ada@shop.example"})


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_message_in_the_url_is_fenced_too(method: str) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()

    async with client(serve) as http:
        with Shutting(0).around(), pytest.raises(FenceClosed):
            await http.send(method, "/send", params={"text": "hello"})
        assert asked == []
        fence = Fence()
        with fence.around():
            assert (await http.send(method, "/send", params={"text": "hello"})).is_success
        assert fence.crossed
    assert len(asked) == 1


async def test_a_lost_answer_to_a_message_in_the_url_is_in_doubt() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with client(serve) as http:
        with pytest.raises(AmbiguousSend):
            await http.send("GET", "/send", params={"text": "hello"})


async def test_a_look_up_is_not_fenced() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()

    async with client(serve) as http:
        with Shutting(0).around():
            assert (await http.ask("GET", "/")).is_success


async def test_no_connection_is_no_message() -> None:
    http = Http("http://127.0.0.1:9", 1)
    fence = Fence()
    with fence.around(), pytest.raises(TransientError):
        await http.send("POST", "/", json={})
    assert not fence.crossed
    await http.close()
