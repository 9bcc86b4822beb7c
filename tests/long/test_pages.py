"""Pages that customers see, in a real browser: by axe-core, by keyboard, on phone and desk."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn.domain.customer import read_identity
from sojourn.domain.links import Preferences, Score, preferences_token, score_token, view_token
from sojourn.store import Store, cards, consents, people, surveys
from sojourn.store.tables import ContentRow
from tests.support.axe import SIZES, faults, sized, stops
from tests.support.browser import CHROMIUM, Tab, telephone
from tests.support.desk import REACHABLE, Desk
from tests.support.gateway_links import SECRET, alone, unsubscribe_path
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


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("store", "locale", "heading"),
    [
        ("sqlite", "en", "What you hear from us"),
        ("sqlite", "it", "Che cosa ricevi da noi"),
        ("sqlite", "pl", "Co od nas dostajesz"),
    ],
    indirect=["store"],
)
async def test_the_preference_page_by_keyboard_and_without_scripts(  # noqa: PLR0917 (fixtures)
    store: Store,
    customer_id: str,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
    locale: str,
    heading: str,
    size: str,
) -> None:
    await introduced(store, customer_id, locale)
    token = preferences_token(SECRET, Preferences(customer_id, ""))
    async with (
        alone(store) as served,
        telephone(tmp_path / "profile", language=locale, dark=locale == "pl") as tab,
    ):
        await sized(tab, size)
        await tab.call("Emulation.setScriptExecutionDisabled", value=True)
        await tab.open(f"{served.url}/preferences/{token}")
        assert await tab.ask("document.querySelector('h1').textContent") == heading
        await examined(tab, f"preferences-{locale}-{size}")
        await tab.reach("[name='topic.cart']")
        await tab.press("Space")
        await tab.reach("[name='break'][value='keep']")
        await tab.reach("[value='save']")
        await tab.press("Enter")
        await tab.loaded()
        assert {topic for _, topic in await refused(store, customer_id)} == {"cart"}
        await examined(tab, f"saved-{locale}-{size}")
        await tab.reach("[value='undo']")
        await tab.press("Enter")
        await tab.loaded()
        assert await refused(store, customer_id) == set()
        await tab.call("Emulation.setScriptExecutionDisabled", value=False)
        for path in (f"/preferences/{token}", "/preferences/forged"):
            await tab.open(served.url + path)
            assert await faults(tab, node_packages) == []


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_unsubscribe_page_by_keyboard_and_without_scripts(
    store: Store,
    customer_id: str,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
    size: str,
) -> None:
    await introduced(store, customer_id, "en")
    async with (
        alone(store) as served,
        telephone(tmp_path / "profile", language="en") as tab,
    ):
        await sized(tab, size)
        await tab.open(served.url + unsubscribe_path(customer_id))
        assert await faults(tab, node_packages) == []
        await tab.call("Emulation.setScriptExecutionDisabled", value=True)
        await tab.open(served.url + unsubscribe_path(customer_id))
        await tab.reach("button")
        await tab.press("Enter")
        await tab.loaded()
        assert await refused(store, customer_id) == {("email", "cart")}
        await examined(tab, f"unsubscribed-{size}")
        await tab.call("Emulation.setScriptExecutionDisabled", value=False)
        await tab.open(served.url + unsubscribe_path(customer_id))
        assert await faults(tab, node_packages) == []


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("store", "locale", "heading"),
    [
        ("sqlite", "en", "One question"),
        ("sqlite", "it", "Una domanda"),
        ("sqlite", "pl", "Jedno pytanie"),
    ],
    indirect=["store"],
)
async def test_a_survey_by_keyboard_and_without_scripts(  # noqa: PLR0917 (fixtures)
    store: Store,
    customer_id: str,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
    locale: str,
    heading: str,
    size: str,
) -> None:
    await introduced(store, customer_id, locale)
    until = int(datetime.now(UTC).timestamp()) + 3600
    path = f"/s/{score_token(SECRET, Score(customer_id, 'greetings@2026', until, 6))}"
    late = f"/s/{score_token(SECRET, Score(customer_id, 'greetings@2026', 0, 6))}"

    async def without_faults(*paths: str) -> None:
        await tab.call("Emulation.setScriptExecutionDisabled", value=False)
        for one in paths:
            await tab.open(served.url + one)
            assert await faults(tab, node_packages) == []
        await tab.call("Emulation.setScriptExecutionDisabled", value=True)

    async def stands() -> tuple[int, str] | None:
        async with store.reading() as session:
            row = await surveys.find(session, "greetings@2026", customer_id)
        return None if row is None else (row.score, row.comment)

    async with (
        alone(store) as served,
        telephone(tmp_path / "profile", language=locale, dark=locale == "pl") as tab,
    ):
        await sized(tab, size)
        await without_faults(path, late, "/s/forged")
        assert await stands() is None
        await tab.open(served.url + path)
        assert await tab.ask("document.querySelector('h1').textContent") == heading
        await examined(tab, f"survey-{locale}-{size}")
        await tab.reach("[name='score'][value='6']")
        await tab.press("ArrowLeft")
        await tab.reach("button")
        await tab.press("Enter")
        await tab.loaded()
        assert await stands() == (5, "")
        await examined(tab, f"survey-answered-{locale}-{size}")
        await without_faults(path)
        await tab.open(served.url + path)
        await tab.reach("#comment")
        await tab.call("Input.insertText", text="Too late")
        await tab.reach("button")
        await tab.press("Enter")
        await tab.loaded()
        assert await stands() == (5, "Too late")
        await examined(tab, f"survey-commented-{locale}-{size}")
        await without_faults(path)


async def introduced(store: Store, customer_id: str, locale: str) -> None:
    """Store a customer with an address who wants e-mails."""
    said = {"email": f"{customer_id}@shop.example", "locale": locale, "consents": {"email": True}}
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        identity = read_identity(
            said, customer_id=customer_id, message_id=f"m-{customer_id}", at=datetime.now(UTC)
        )
        await cards.identify(session, identity)


async def refused(store: Store, customer_id: str) -> set[tuple[str, str]]:
    """Return the channels and topics that the customer refuses now."""
    async with store.reading() as session:
        stands = await consents.current(session, customer_id, now=datetime.now(UTC))
    return {(channel.value if channel else "", topic) for channel, topic in stands.refused}


async def examined(tab: Tab, name: str) -> None:
    """Hold a page to a telephone's width, and take its picture if it is asked for."""
    wide = "document.documentElement.scrollWidth <= innerWidth"
    assert await tab.ask(wide), "nothing sticks out"
    assert await tab.ask("document.scripts.length") == 0
    if SHOTS:
        (Path(SHOTS) / f"{name}.png").write_bytes(await tab.picture())
