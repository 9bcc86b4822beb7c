"""A blog with a feed, which counts its readers and gives a test's answers."""

import json
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.testkit.fakes.server import HOST, answering

RSS = "application/rss+xml; charset=utf-8"


class Blog:
    """A blog.

    Attributes:
        posts: the articles of each language, newest first: the id, and the time since publication.
        answers: statuses or responses to answer with instead, in order.
        down: the status to answer with instead, for as long as it is set.
        asked: the number of times that each language was read.
        url: its URL.
    """

    def __init__(self) -> None:
        self.posts: dict[str, list[tuple[str, timedelta | None]]] = {}
        self.answers: list[int | Response] = []
        self.down = 0
        self.asked: list[str] = []
        self.url = ""

    def feed(self, language: str = "en") -> str:
        """Return the address of the feed of a language."""
        return f"{self.url}/{language}/feed.xml"

    def post(self, *ids: str, language: str = "en", ago: timedelta | None = None) -> None:
        """Publish articles, the last one is the newest."""
        posts = self.posts.setdefault(language, [])
        for one in ids:
            posts.insert(0, (one, ago))

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        language = request.path_params["language"]
        self.asked.append(language)
        answer = self.answers.pop(0) if self.answers else self.down
        if isinstance(answer, Response):
            return answer
        if answer:
            return Response("no luck", answer)
        return Response(rss(self.posts.get(language, ()), self.url), media_type=RSS)


def rss(posts: Iterable[tuple[str, timedelta | None]], url: str) -> str:
    """Return the document of a feed."""
    now = datetime.now(UTC)
    items = "".join(
        f"<item><guid isPermaLink='false'>{escape(one)}</guid><title>About {escape(one)}</title>"
        f"<link>{url}/{quote(one)}</link><description>All of {escape(one)}.</description>"
        f"{'' if ago is None else f'<pubDate>{format_datetime(now - ago)}</pubDate>'}</item>"
        for one, ago in posts
    )
    return (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>b</title>{items}</channel></rss>"
    )


def json_feed(*items: dict[str, object]) -> bytes:
    """Return the document of a JSON Feed."""
    told = {"version": "https://jsonfeed.org/version/1.1", "title": "b", "items": list(items)}
    return json.dumps(told).encode()


@asynccontextmanager
async def blogging() -> AsyncIterator[Blog]:
    """Serve a blog."""
    blog = Blog()
    application = Starlette(routes=[Route("/{language}/feed.xml", blog.answer)])
    sock = socket.create_server((HOST, 0))
    blog.url = f"http://{HOST}:{sock.getsockname()[1]}"
    async with answering(application, sock):
        yield blog
