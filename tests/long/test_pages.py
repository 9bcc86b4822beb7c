"""Pages that customers see, in a real browser: by axe-core, by keyboard, on phone and desk."""

import os
import shutil
from pathlib import Path

import pytest

from sojourn.domain.links import view_token
from sojourn.store import Store
from sojourn.store.tables import ContentRow
from tests.support.axe import SIZES, faults, sized, stops
from tests.support.browser import CHROMIUM, telephone
from tests.support.desk import REACHABLE, Desk
from tests.support.gateway_links import SECRET, alone
from tests.support.node_packages import node_packages  # noqa: F401 (a fixture)

SHOTS = os.environ.get("SCREENSHOTS")
OF_LETTERS = ("region", "landmark-one-main", "page-has-heading-one")
"""Rules for sites: a letter in a browser has no navigation to tell from its text."""


@pytest.fixture
async def desk(store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(store, customer_id)
    monkeypatch.setattr("sojourn.sending.send.monotonic", lambda: desk.passed)
    return desk


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("store", "locale", "gone"),
    [
        ("sqlite", "en", "This message is no longer kept"),
        ("sqlite", "it", "Questo messaggio non è più conservato"),
        ("sqlite", "pl", "Tej wiadomości już nie przechowujemy"),
    ],
    indirect=["store"],
)
async def test_a_message_in_the_browser(
    desk: Desk,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
    locale: str,
    gone: str,
) -> None:
    await desk.identify(**{**REACHABLE, "locale": locale, "firstName": "Zoë"})
    desk.start = await desk.add()
    await desk.send()
    row = await desk.row()
    path = f"/m/{view_token(SECRET, row.reference)}"
    async with (
        alone(desk.store) as served,
        telephone(tmp_path / "profile", language=locale) as tab,
    ):
        for size in SIZES:
            await sized(tab, size)
            await tab.open(served.url + path)
            assert await tab.ask("document.documentElement.lang") == locale
            assert await tab.ask("document.title")
            wide = "document.documentElement.scrollWidth <= innerWidth"
            assert await tab.ask(wide), "nothing sticks out"
            assert await tab.ask("document.scripts.length") == 0
            if SHOTS:
                (Path(SHOTS) / f"message-{locale}-{size}.png").write_bytes(await tab.picture())
            assert await faults(tab, node_packages, without=OF_LETTERS) == []
            links = await tab.ask("document.querySelectorAll('a[href]').length")
            assert len(await stops(tab)) == links > 0, "each link is reached by the Tab key"
        async with desk.store.transaction() as session:
            content = await session.get_one(ContentRow, row.id)
            content.content = {}
            session.add(content)
        for size in SIZES:
            await sized(tab, size)
            await tab.open(served.url + path)
            assert await tab.ask("document.querySelector('h1').textContent") == gone
            if SHOTS:
                (Path(SHOTS) / f"gone-{locale}-{size}.png").write_bytes(await tab.picture())
            assert await faults(tab, node_packages) == []
            assert len(await stops(tab)) == await tab.ask("document.querySelectorAll('a').length")
        bad = "data:text/html,<title>t</title><main><h1>h</h1><img src=x><a href=y>z</a>"
        await tab.open(bad)
        found = {one.partition(":")[0] for one in await faults(tab, node_packages)}
        assert found == {"html-has-lang", "image-alt"}, "a page with faults has some"
