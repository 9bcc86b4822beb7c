"""Every message that ships, in every language, as a phone of 375 pixels shows it.

``SCREENSHOTS=folder`` keeps a picture of each journey's messages to be looked at.
"""

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sojourn.domain.content import Content
from sojourn.domain.messages import MessageClass
from tests.support.browser import CHROMIUM, Tab, telephone
from tests.support.contact_sheet import PHONE, sheet
from tests.support.project import WHOLE
from tests.unit.rendering.test_templates import ADA, LANGUAGES, MESSAGES, RENDERER, about

SHOTS = os.environ.get("SCREENSHOTS")
WIDE = "document.documentElement.scrollWidth"


def messages(journey: str) -> list[list[Content]]:
    """Return the messages of a journey or campaign, each in all languages."""
    if journey in WHOLE.campaigns:
        classes = dict.fromkeys(WHOLE.campaigns[journey].templates, MessageClass.PROMOTIONAL)
    else:
        classes = {one.words: one.message_class for one in WHOLE.journeys[journey].messages}
    return [
        [
            RENDERER.render(
                about(
                    journey,
                    template,
                    customer=replace(ADA, locale=lang),
                    message_class=classes[template],
                ),
                channel,
            )
            for lang in LANGUAGES
        ]
        for of, template, channel in MESSAGES
        if of == journey
    ]


async def sized(tab: Tab, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    await tab.call("Emulation.setDeviceMetricsOverride", **size)


@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
async def test_no_message_is_wider_than_a_phone(tmp_path: Path) -> None:
    too_wide = []
    async with telephone(tmp_path / "profile", language="en") as tab:
        for journey in (*WHOLE.journeys, *WHOLE.campaigns):
            rows = messages(journey)
            for content in (one for row in rows for one in row if one.html):
                page = tmp_path / "message.html"
                page.write_text(content.html)
                await sized(tab, PHONE, 700)
                await tab.open(page.as_uri())
                if await tab.ask(WIDE) > PHONE:
                    too_wide.append(content.template)
            if SHOTS:
                await picture(tab, rows, tmp_path, Path(SHOTS) / f"{journey}.png")
    assert too_wide == []


async def picture(tab: Tab, rows: list[list[Content]], folder: Path, to: Path) -> None:
    """Keep a picture of a journey's messages."""
    page = folder / "sheet.html"
    page.write_text(sheet(rows))
    await sized(tab, (PHONE + 12) * len(LANGUAGES) + 24, 700)
    await tab.open(page.as_uri())
    height = await tab.ask("document.documentElement.scrollHeight")
    await sized(tab, (PHONE + 12) * len(LANGUAGES) + 24, height)
    await asyncio.to_thread(to.write_bytes, await tab.picture())
