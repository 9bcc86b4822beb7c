"""A campaign stops itself when too many of its messages bounce or are complained about."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlmodel import col, select

from sojourn import Brakes
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn, reports
from sojourn.domain.brakes import Tally
from sojourn.domain.campaign_run import PREFIX, CampaignState
from sojourn.domain.errors import InvalidRecipient
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.store import Store, campaigns, harms, recipients
from sojourn.store.tables import RecipientRow
from tests.support.campaigning import Counting, Shop, settings_of

FEW = Brakes(least=20)
"""Tests have few customers."""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


class Reporting(Counting):
    """A provider whose reports on a message come as soon as it has taken it."""

    def __init__(self, sojourn: Sojourn, kind: Kind, of: Callable[[int], bool]) -> None:
        super().__init__()
        self._sojourn, self._kind, self._of = sojourn, kind, of

    async def send(self, parcel: Parcel) -> str:
        told = await super().send(parcel)
        if self._of(self.took.total()):
            await report(self._sojourn, parcel.reference, self._kind)
        return told


async def report(
    sojourn: Sojourn, reference: str, kind: Kind, *, hard: bool | None = None, again: str = ""
) -> None:
    one = Report(
        event_id=f"{kind}-{reference}{again}",
        kind=kind,
        at=datetime.now(UTC),
        channel=Channel.EMAIL,
        reference=reference,
        hard=kind is Kind.BOUNCED if hard is None else hard,
    )
    await reports.take(sojourn, "counting", one, datetime.now(UTC))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Kind.BOUNCED, "messages by email bounced, over 5 %"),
        (Kind.COMPLAINED, "messages by email were complained about, over 0.1 %"),
    ],
)
async def test_it_stops_itself_and_says_why(shop: Shop, kind: Kind, said: str) -> None:
    ids = await shop.people(300)
    spring = shop.campaign(rate=40, brakes=FEW)
    shop.carrier = Reporting(shop.sojourn, kind, lambda n: n % 4 == 0)
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
        handle = shop.sojourn.client.get_workflow_handle(PREFIX + spring.name)
        details = await handle.query("__temporal_workflow_metadata")
    assert counts.state is CampaignState.STOPPED
    assert said in counts.because
    assert said in str(details), "Temporal's details say it"
    assert counts.sent == shop.carrier.took.total() < 300
    assert counts.unsent == 300 - counts.sent
    async with shop.store.reading() as session:
        words = await campaigns.words(session, spring.name)
        row = await campaigns.get(session, spring.name)
    assert [(word.what, word.by) for word in words] == [("launch", "anna"), ("stop", "campaign")]
    assert words[-1].because == counts.because
    rows = await shop.rows(ids)
    assert all(one.claimed_at is None or one.claimed_at <= row.changed_at for one in rows)


async def test_without_brakes_it_goes_on_to_its_end(shop: Shop) -> None:
    await shop.people(30)
    spring = shop.campaign(rate=10, brakes=None)
    shop.carrier = Reporting(shop.sojourn, Kind.BOUNCED, lambda _: True)
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    assert (counts.state, counts.sent, counts.because) == (CampaignState.FINISHED, 30, "")


async def test_addresses_that_the_very_answer_refuses_count(shop: Shop) -> None:
    await shop.people(120)

    def fails(_: Parcel, __: int) -> None:
        raise InvalidRecipient("no such mailbox")

    shop.carrier = Counting(fails)
    spring = shop.campaign(rate=20, brakes=FEW)
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    assert counts.state is CampaignState.STOPPED
    assert counts.because == f"100 % of {counts.rejected} messages by email bounced, over 5 %"
    assert counts.rejected < 120


async def test_between_two_zones_bounces_stop_it_before_the_second_one(shop: Shop) -> None:
    first, second = await shop.people(40), await shop.people(10)
    spring = shop.campaign(brakes=FEW)
    await shop.frozen(spring)
    async with shop.store.transaction() as session:
        query = select(RecipientRow.id).where(
            RecipientRow.campaign == spring.name, col(RecipientRow.customer_id).in_(second)
        )
        numbers = [one for one in await session.exec(query) if one is not None]
        later = datetime.now(UTC) + timedelta(seconds=8)
        await recipients.live_in(session, numbers, "America/New_York", later)
    async with shop.worker():
        await shop.until(spring.name, lambda counts: counts.sent == len(first))
        for row in await shop.rows(first[:10]):
            await report(shop.sojourn, row.reference, Kind.BOUNCED)
        counts = await shop.ended(spring.name)
    assert counts.state is CampaignState.STOPPED
    assert counts.because == "25 % of 40 messages by email bounced, over 5 %"
    assert await shop.rows(second) == []


async def test_a_bounce_counts_once_and_one_that_may_pass_not_at_all(shop: Shop) -> None:
    ids = await shop.people(3)
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        await shop.ended(spring.name)
    first, second, third = await shop.rows(ids)
    await report(shop.sojourn, first.reference, Kind.BOUNCED)
    await report(shop.sojourn, first.reference, Kind.BOUNCED, again="-again")
    await report(shop.sojourn, first.reference, Kind.FAILED, hard=True)
    await report(shop.sojourn, second.reference, Kind.BOUNCED, hard=False)
    await report(shop.sojourn, second.reference, Kind.COMPLAINED)
    await report(shop.sojourn, third.reference, Kind.OPENED)
    async with shop.store.reading() as session:
        tally = await harms.tally(session, spring.name, Channel.EMAIL)
    assert tally == Tally(3, 1, 1)
    pushed = Report("e", Kind.BOUNCED, datetime.now(UTC), Channel.PUSH, hard=True)
    assert harms.harm_of(pushed) is None, "an app that was taken off harms nobody"
    assert harms.harm_of(replace(pushed, channel=Channel.SMS)) is not None
