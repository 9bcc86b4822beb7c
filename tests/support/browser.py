"""Browsers that load a page, or that a test drives step by step."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp

from sojourn.cli.local.processes import HOST

CHROMIUM = "chromium"
KEYS = {"Tab": (9, ""), "Space": (32, " "), "Enter": (13, "\r"), "ArrowLeft": (37, "")}
"""The keys that `Tab.press` knows: their code, and the text that they type."""
VIRTUAL_MILLISECONDS = 3000
"""The time that the page's timers may run; requests do not count."""


@contextmanager
def shop_front(folder: Path) -> Iterator[str]:
    """Serve the files of a folder; yield the origin."""
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
    """Open a page; return its final HTML."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",  # Chromium refuses to run a sandbox as root
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


class Tab:
    """One page of a browser, driven by the DevTools protocol:
    https://chromedevtools.github.io/devtools-protocol/.

    Args:
        line: the connection to the page.
    """

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._number = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command; return the answer."""
        self._number += 1
        await self._line.send_json({"id": self._number, "method": method, "params": params})
        return await self._until(lambda said: said.get("id") == self._number, "result")

    async def open(self, url: str) -> None:
        """Go to a page, and wait until it has loaded."""
        await self.call("Page.navigate", url=url)
        await self._loaded()

    async def ask(self, expression: str) -> Any:
        """Return the value of an expression in JavaScript on the page."""
        said = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return said["result"].get("value")

    async def click(self, selector: str) -> None:
        """Click with the mouse on the element of a selector; wait for the page that it leads to."""
        x, y = json.loads(
            await self.ask(
                f"(() => {{ const box = document.querySelector({selector!r})"
                ".getBoundingClientRect();"
                " return JSON.stringify([box.x + box.width / 2, box.y + box.height / 2]) })()"
            )
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )
        await self._loaded()

    async def press(self, key: str) -> None:
        """Press and release a key of `KEYS`."""
        code, text = KEYS[key]
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=text if text == " " else key, code=key,
                windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "",
            )  # fmt: skip

    async def reach(self, selector: str) -> None:
        """Press Tab until the element of a selector has the focus."""
        for _ in range(80):
            if await self.ask(f"document.activeElement.matches({selector!r})"):
                return
            await self.press("Tab")
        raise AssertionError(f"no Tab key leads to {selector}")

    async def loaded(self) -> None:
        """Wait for the page to which a key has led."""
        await self._loaded()

    async def picture(self) -> bytes:
        """Return a picture of the page, as PNG."""
        said = await self.call("Page.captureScreenshot")
        return base64.b64decode(said["data"])

    async def _loaded(self) -> None:
        await self._until(lambda said: said.get("method") == "Page.loadEventFired", "params")

    async def _until(self, holds: Any, part: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while not holds(said := await self._line.receive_json()):
                pass
        assert "error" not in said, said
        found: dict[str, Any] = said[part]
        return found


@asynccontextmanager
async def telephone(profile: Path, *, language: str, dark: bool = False) -> AsyncIterator[Tab]:
    """Run a browser of a telephone's size.

    Args:
        profile: the folder of the browser's profile.
        language: the language that the browser asks for.
        dark: True if the browser asks for dark pages.
    """
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        f"--accept-lang={language}",
        "--remote-debugging-port=0",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while not (said := (await process.stderr.readline()).decode()).startswith("DevTools"):
                assert said or process.returncode is None, "it ended"
        port = said.rpartition(":")[2].partition("/")[0]
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://{HOST}:{port}/json/list") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as line:
                tab = Tab(line)
                await tab.call("Page.enable")
                await tab.call(
                    "Emulation.setDeviceMetricsOverride",
                    width=390, height=720, deviceScaleFactor=2, mobile=True,
                )  # fmt: skip
                scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
                await tab.call("Emulation.setEmulatedMedia", features=[scheme])
                yield tab
    finally:
        process.kill()
        await process.communicate()  # until its children have let go of the pipe, too


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass
