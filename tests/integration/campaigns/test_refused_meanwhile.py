"""A "no" in the midst of a campaign holds from its acknowledgement on."""

import asyncio
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn.cli.local.stack import Server
from sojourn.domain.messages import Channel
from sojourn.store import Store, consents, people, refusals
from tests.support.campaigning import Counting, Shop, settings_of

NUMBER = int(os.environ.get("SOJOURN_TEST_REFUSALS", "240"))
SPAN = 4 if NUMBER < 1000 else 20
"""Seconds in which all of them say no, and in which the campaign would write to all."""


@pytest.mark.more
async def test_no_message_is_claimed_after_a_no_was_acknowledged(
    temporal: Server, tmp_path: Path, migrated_url: str
) -> None:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        shop, rnd = Shop(temporal.client, store, settings, tmp_path), random.Random(3)
        acknowledged: dict[str, datetime] = {}
        begun = asyncio.Event()
        shop.carrier = Counting(lambda *_: begun.set())

        async def refuse(one: str, number: int) -> None:
            await begun.wait()
            await asyncio.sleep(rnd.random() * SPAN)
            async with store.transaction() as session:
                if number % 2:
                    person = await people.lock(session, one)
                    await consents.record(
                        session, person, Channel.EMAIL, granted=False, topic="news", source="page"
                    )
                else:  # by the address, as a link or a complaint does
                    await refusals.add(
                        session, Channel.EMAIL, f"{one}@shop.example",
                        topic="", at=datetime.now(UTC), source="link",
                    )  # fmt: skip
            acknowledged[one] = datetime.now(UTC)

        ids = await shop.people(NUMBER)
        spring = shop.campaign(rate=NUMBER / SPAN)
        async with shop.worker():
            await shop.launch(spring)
            refusing = [asyncio.create_task(refuse(one, n)) for n, one in enumerate(ids)]
            await asyncio.gather(*refusing)
            await shop.ended(spring.name)
        rows = {row.customer_id: row for row in await shop.rows(ids)}
    late = [
        one
        for one, at in acknowledged.items()
        if (claimed := rows[one].claimed_at) is not None and claimed > at
    ]
    assert late == []
    sent = sum(row.state == "sent" for row in rows.values())
    assert 0 < sent < NUMBER, "some were in time, and some were not"
