"""The weekly report's e-mail in a real browser, in each language, as wide as a phone and a desk."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from sojourn.domain.calendar import zone
from sojourn.insight.reporting.languages import LANGUAGES
from sojourn.insight.weekly.figures import read_week
from sojourn.insight.weekly.mail import Mail
from sojourn.project import Project
from sojourn.store import Store
from tests.support.axe import SIZES, faults, sized
from tests.support.browser import CHROMIUM, telephone
from tests.support.node_packages import node_packages  # noqa: F401 (a fixture)
from tests.support.weekly import MONDAY, lived, settings_of

SHOTS = os.environ.get("SCREENSHOTS")
OF_PAGES = ("landmark-one-main", "region")
"""Rules for web pages: an e-mail stands within the mail program's own page."""

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_email_of_a_week_fits_a_phone_and_is_readable(
    store: Store,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
) -> None:
    await lived(store)
    await lived(store, MONDAY - timedelta(weeks=1), odd="-of-a-longer-name-than-most")
    async with store.reading() as session:
        found = await read_week(session, Project(), MONDAY, zone("UTC"))
    async with telephone(tmp_path / "profile", language="en") as tab:
        for lang in LANGUAGES:
            file = tmp_path / f"{lang}.html"
            content = Mail(settings_of(tmp_path, "", locale=lang), lang).content(found)
            file.write_text(content.html, encoding="utf-8")
            for size in SIZES:
                await sized(tab, size)
                await tab.open(file.as_uri())
                name = f"weekly-{lang}-{size}"
                assert await tab.ask("document.documentElement.scrollWidth <= innerWidth"), name
                assert await tab.ask("document.images.length + document.scripts.length") == 0
                if SHOTS:
                    (Path(SHOTS) / f"{name}.png").write_bytes(await tab.picture())
                assert await faults(tab, node_packages, without=OF_PAGES) == []
