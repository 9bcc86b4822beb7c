"""A browser that visits a page of a shop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from starter.processes import HOST

CHROMIUM = "chromium"
VIRTUAL_MILLISECONDS = 3000
"""How long the page's timers may run; requests do not count."""


@contextmanager
def shop_front(folder: Path) -> Iterator[str]:
    """A web server for the files of a folder; its origin."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def visit(url: str, profile: Path) -> str:
    """Open a page; what it looks like in the end, as HTML."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",  # it refuses to have one for root
        "--disable-gpu",
        f"--user-data-dir={profile}",
        f"--virtual-time-budget={VIRTUAL_MILLISECONDS}",
        "--dump-dom",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        html, _ = await asyncio.wait_for(process.communicate(), 60)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return html.decode()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass
