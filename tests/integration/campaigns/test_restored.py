"""A campaign whose store was restored in its midst is paused: nobody gets it twice."""

from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlmodel import col

from sojourn.campaigns import launching
from sojourn.cli.local.stack import Server
from sojourn.domain.campaign_run import CampaignAct, CampaignState
from sojourn.store import Store, campaigns
from sojourn.store.tables import AttemptRow, ContentRow, LedgerRow, RecipientRow
from tests.support.campaigning import Shop, settings_of


async def test_a_store_that_has_forgotten_messages_pauses_the_campaign(
    temporal: Server, tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.campaigns.slicing.SLICE", 5)
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        shop = Shop(temporal.client, store, settings, tmp_path)
        await shop.people(30)
        spring = shop.campaign(rate=5)
        async with shop.worker():
            await shop.launch(spring)
            await shop.until(spring.name, lambda counts: counts.sent >= 10)
            await launching.act(
                shop.sojourn, spring.name, CampaignAct.PAUSE, by="a", because="restore"
            )
            took = shop.carrier.took.total()
            await _restore(store)
            await launching.act(
                shop.sojourn, spring.name, CampaignAct.RESUME, by="a", because="go on"
            )
            counts = await shop.until(
                spring.name, lambda counts: counts.state is CampaignState.PAUSED
            )
            async with store.reading() as session:
                row = await campaigns.get(session, spring.name)
            assert row.because.startswith(f"the store has forgotten {took} of its messages")
            assert (counts.sent, shop.carrier.took.total()) == (0, took)
            await launching.act(shop.sojourn, spring.name, CampaignAct.STOP, by="a", because="so")
            await shop.ended(spring.name)
    assert max(shop.carrier.took.values()) == 1


async def _restore(store: Store) -> None:
    """Forget what became of the campaign since its audience was frozen."""
    async with store.transaction() as session:
        await session.exec(delete(ContentRow))
        await session.exec(delete(AttemptRow))
        await session.exec(delete(LedgerRow))
        await session.exec(
            update(RecipientRow)
            .where(col(RecipientRow.next_at).is_(None))
            .values(next_at=RecipientRow.due_at, taken=None)
        )
