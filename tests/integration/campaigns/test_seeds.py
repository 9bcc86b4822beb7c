"""Seeds get a copy of each launch, once, outside of its numbers."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sojourn import EMAIL, Audience, Campaign, Message, days, trait
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.domain.campaign_run import CampaignAct, CampaignDeed
from sojourn.domain.errors import InvalidRecipient
from sojourn.sending.copies import HEADER
from sojourn.store import Store, campaigns
from tests.support.campaigning import Counting, Shop, settings_of

QA, OTHER = "qa@shop.example", "other@shop.example"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


async def test_each_seed_gets_one_copy_of_a_launch_outside_of_its_numbers(shop: Shop) -> None:
    told: list[Parcel] = []
    shop.carrier = Counting(lambda parcel, _: told.append(parcel))
    ids = await shop.people(4)
    spring = shop.campaign(seeds=(QA, OTHER), rate=2)  # several batches
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
        await shop.launch(spring, "again")
        await shop.ended(f"{spring.name}@again")
    assert (counts.size, counts.sent) == (4, 4)
    assert shop.carrier.took == Counter(
        {QA: 2, OTHER: 2, **{f"{one}@shop.example": 2 for one in ids}}
    )
    copies = [one for one in told if one.address == QA]
    assert {one.content.headers[HEADER] for one in copies} == {"seed"}
    assert "[Test]" not in copies[0].content.subject
    assert told[0].address == QA
    async with shop.store.reading() as session:
        words = await campaigns.words(session, spring.name)
    assert [one.what for one in words] == ["launch", "seed", "seed", "finish"]
    assert not any("@" in one.digest + one.because for one in words)


async def test_a_seed_that_fails_keeps_nobody_elses_message(shop: Shop) -> None:
    def fails(parcel: Parcel, _: int) -> None:
        if parcel.address == QA:
            raise InvalidRecipient("no such mailbox")

    shop.carrier = Counting(fails)
    await shop.people(1)
    spring = shop.campaign(seeds=(QA,))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    assert (counts.sent, shop.carrier.asked[QA]) == (1, 1)


def test_seeds_are_addresses() -> None:
    with pytest.raises(TypeError, match="seeds= takes addresses"):
        Campaign(
            "spring", to=Audience("pro", trait("plan") == "pro"),
            message=Message(EMAIL, useful_for=days(1), topic="offers"),
            seeds="qa@shop.example",  # type: ignore[arg-type]
        )  # fmt: skip


async def test_a_seed_gets_nothing_of_a_campaign_that_was_stopped(shop: Shop) -> None:
    spring = shop.campaign(seeds=(QA,))
    await shop.people(1)
    await shop.frozen(spring)
    async with shop.store.transaction() as session:
        assert await campaigns.claim_seed(session, spring.name, "one")
        assert not await campaigns.claim_seed(session, spring.name, "one")
        deed = CampaignDeed(campaign=spring.name, act=CampaignAct.STOP, by="anna")
        await campaigns.act(session, deed)
        assert not await campaigns.claim_seed(session, spring.name, "two")
