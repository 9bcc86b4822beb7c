"""The page of a report in a real browser: by axe-core, on phone and desk, in the dark, on paper."""

import base64
import json
import os
import random
import re
import shutil
from pathlib import Path

import pytest

from sojourn.domain.calendar import zone
from sojourn.insight.measuring import Measuring, sources_of
from sojourn.insight.reporting.figures import Asked
from sojourn.insight.reporting.page import page
from sojourn.insight.reporting.reading import read
from sojourn.project import Project
from sojourn.store import Store
from sojourn.testkit import Shop
from tests.support.axe import SIZES, faults, sized
from tests.support.browser import CHROMIUM, Tab, telephone
from tests.support.month import lived
from tests.support.node_packages import node_packages  # noqa: F401 (a fixture)

SHOTS = os.environ.get("SCREENSHOTS")
TRANSLATED = ("it", "pl")
ODD = "<script>document.title='gone'</script><img src=x>"
A4 = (595, 842)
"""The points of a sheet."""

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_report_in_the_browser(
    store: Store,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
) -> None:
    files = {}
    for name, odd in (("usual", ""), ("odd", ODD)):
        await lived(store, random.Random(4), odd=odd)
        async with store.reading() as session:
            report = await read(session, Project(), Asked(zone("UTC"), since="2026-10-31"))
        files[name] = tmp_path / f"{name}.html"
        files[name].write_text(page(report, f"Shop {odd}"), encoding="utf-8")
        if not odd:
            for lang in TRANSLATED:
                files[lang] = tmp_path / f"{lang}.html"
                files[lang].write_text(page(report, "Shop", lang), encoding="utf-8")
    shop = Shop(customers=1500)
    await shop.write(store)
    await Measuring(store, sources_of(shop.project)).catch_up()
    async with store.reading() as session:
        asked = Asked(zone("UTC"), names=tuple(shop.project.journeys))
        report = await read(session, shop.project, asked, now=shop.until)
    assert all(one.brought[0].lifetimes for one in report.parts)
    files["tests"] = tmp_path / "tests.html"
    files["tests"].write_text(page(report, "Shop of tests"), encoding="utf-8")
    for lang in TRANSLATED:
        files[f"tests-{lang}"] = tmp_path / f"tests-{lang}.html"
        files[f"tests-{lang}"].write_text(page(report, "Shop", lang), encoding="utf-8")
    await _shown(files, tmp_path, node_packages)


async def _shown(files: dict[str, Path], tmp_path: Path, node_packages: Path) -> None:  # noqa: F811
    for dark in (False, True):
        profile = tmp_path / f"profile-{dark}"
        async with telephone(profile, language="en", dark=dark) as tab:
            for name, file in files.items():
                if dark and name.endswith(TRANSLATED):
                    continue  # words have the colours of the others
                for size in SIZES:
                    await sized(tab, size)
                    await tab.open(file.as_uri())
                    await _examined(tab, node_packages, f"report-{name}-{size}-{dark}")
            if not dark:
                for name in ("usual", "tests"):
                    await sized(tab, "desk")
                    await tab.open(files[name].as_uri())
                    await _printed(tab)


async def _examined(tab: Tab, packages: Path, name: str) -> None:
    wide = "document.documentElement.scrollWidth <= innerWidth"
    assert await tab.ask(wide), f"{name}: nothing sticks out"
    assert await tab.ask("document.scripts.length + document.images.length") == 0
    assert (await tab.ask("document.title")).startswith("Shop")
    levels = await tab.ask(
        "[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1]).join('')"
    )
    assert re.fullmatch("1(23*)+", levels)
    lacking = "[...document.querySelectorAll('table')].filter(t => !t.caption).length"
    assert await tab.ask(lacking) == 0
    assert await tab.ask("document.querySelectorAll('svg:not([aria-hidden])').length") == 0
    drawn = json.loads(
        await tab.ask(
            "JSON.stringify([...document.querySelectorAll('.flow svg')].map("
            "s => s.getBoundingClientRect().width))"
        )
    )
    assert min(drawn) >= 50, f"{name}: bars are seen"
    if SHOTS:
        (Path(SHOTS) / f"{name}.png").write_bytes(await tab.picture())
    assert await faults(tab, packages) == []


async def _printed(tab: Tab) -> None:
    """Check that the page fits sheets: no row and no drawing is wider, and none is cut in two."""
    said = await tab.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    pdf = base64.b64decode(said["data"])
    boxes = {
        tuple(round(float(one)) for one in box.split()[2:])
        for box in re.findall(r"/MediaBox \[([^]]+)\]", pdf.decode("latin-1"))
    }
    assert boxes == {A4}
    await tab.call("Emulation.setEmulatedMedia", media="print")
    width = round((210 - 28) / 25.4 * 96)
    await tab.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=900, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    assert await tab.ask("document.documentElement.scrollWidth <= innerWidth")
    whole = "e => getComputedStyle(e).breakInside === 'avoid'"
    assert await tab.ask(f"[...document.querySelectorAll('tr, figure')].every({whole})")
    hidden = "getComputedStyle(document.querySelector('details')).display"
    assert await tab.ask(hidden) == "none"
