"""A "no" in the midst of a campaign holds from its acknowledgement on."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

from sojourn.cli.local.stack import Server
from sojourn.domain.messages import Channel
from sojourn.store import Store, consents, people, refusals
from tests.support.campaigning import Shop, settings_of

NUMBER = 240


async def test_no_message_is_claimed_after_a_no_was_acknowledged(
    temporal: Server, tmp_path: Path, migrated_url: str
) -> None:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        shop, rnd = Shop(temporal.client, store, settings, tmp_path), random.Random(3)
        acknowledged: dict[str, datetime] = {}

        async def refuse(one: str, number: int) -> None:
            await asyncio.sleep(rnd.random() * 4)
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
        spring = shop.campaign(rate=60)
        async with shop.worker():
            await shop.launch(spring)
            await asyncio.gather(*(refuse(one, n) for n, one in enumerate(ids)))
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
