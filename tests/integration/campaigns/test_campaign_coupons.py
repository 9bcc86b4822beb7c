"""A campaign that hands out codes: each recipient one of their own, and nobody a mail without."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.campaign import Campaign
from sojourn.domain.coupons import Pool, Pools
from sojourn.domain.errors import TransientError
from sojourn.store import Store
from tests.support.campaigning import Counting, Shop, settings_of
from tests.support.coupons import rows_of, stock, stock_of

WORDS = """{% extends "layout/email.html" %}
{% block subject %}An offer{% endblock %}
{% block body %}<p>code={{ coupon.code }}.</p>{% endblock %}
"""


class Offering(Shop):
    """An installation with a pool of codes."""

    pool = ""
    last_day: date | None = None

    def with_campaigns(self, *found: Campaign) -> Sojourn:
        sojourn = super().with_campaigns(*found)
        self.pool = self.pool or f"pool-{uuid4().hex[:8]}"
        pools = Pools({self.pool: Pool(self.pool, valid_for=14, last_day=self.last_day)})
        sojourn.project = replace(sojourn.project, coupons=pools)
        return sojourn

    def offer(self) -> Campaign:
        one = self.campaign("offer", message=self.message(coupon=self.pool))
        (self.templates / one.name / "message.email.en.html").write_text(WORDS)
        return one


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Offering]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Offering(temporal.client, store, settings, tmp_path)


@pytest.mark.more
async def test_each_recipient_has_a_code_of_their_own_in_every_attempt(shop: Offering) -> None:
    given: dict[str, list[str]] = defaultdict(list)

    def note(parcel: Parcel, times: int) -> None:
        code = str(parcel.content.text).partition("code=")[2].partition(".")[0]
        given[parcel.address].append(code)
        if times == 1 and len(given) % 3 == 0:
            raise TransientError("busy")

    shop.carrier = Counting(note)
    ids = await shop.people(40)
    await stock(shop.store, shop.pool, *(f"C{n:02}" for n in range(35)))
    offer = shop.offer()
    async with shop.worker():
        await shop.launch(offer)
        counts = await shop.ended(offer.name)
    assert (counts.sent, counts.size) == (35, 40)
    assert any(len(codes) > 1 for codes in given.values())
    assert all(len(set(codes)) == 1 for codes in given.values())
    assert {codes[0] for codes in given.values()} == {f"C{n:02}" for n in range(35)}
    rows = await shop.rows(ids)
    assert sorted({(row.state, row.reason) for row in rows}) == [
        ("sent", None),
        ("skipped", "no_coupon"),
    ]
    holders = {row.customer_id: row.code for row in await rows_of(shop.store, shop.pool)}
    assert holders == {address.split("@")[0]: codes[0] for address, codes in given.items()}
    assert (await stock_of(shop.store, shop.pool)).reserved == 35


async def test_those_who_get_nothing_take_no_code(shop: Offering) -> None:
    await shop.people(3)
    await shop.people(2, email="")
    await stock(shop.store, shop.pool, *(f"C{n}" for n in range(5)))
    offer = shop.offer()
    async with shop.worker():
        await shop.launch(offer)
        counts = await shop.ended(offer.name)
    assert counts.sent == 3
    found = await stock_of(shop.store, shop.pool)
    assert (found.reserved, found.free) == (3, 2)


async def test_a_pool_that_is_over_gives_a_campaign_nothing(shop: Offering) -> None:
    ids = await shop.people(2)
    await stock(shop.store, shop.pool, *(f"C{n}" for n in range(5)))
    shop.last_day = date(2024, 1, 31)
    offer = shop.offer()
    async with shop.worker():
        await shop.launch(offer)
        counts = await shop.ended(offer.name)
    assert counts.sent == 0
    details = {row.detail for row in await shop.rows(ids)}
    assert details == {f"the last day of the pool {shop.pool} was 2024-01-31"}
    assert (await stock_of(shop.store, shop.pool)).free == 5
