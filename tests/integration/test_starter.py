"""The shop's scripts start journeys for many customers at once."""

from pathlib import Path

import pytest

from sojourn.cli.local.stack import Server
from sojourn.settings import Settings
from sojourn.store import Store, runs
from starter.renewals import start_all, subscriptions

EXPORT = """customer_id,subscription_id,expires_at,plan
c1,s1,2027-01-31T12:00:00+00:00,pro
c2,s2,2027-02-28T12:00:00+00:00,
"""


async def test_every_subscription_of_an_export_starts_once(
    temporal: Server, journey_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    monkeypatch.setenv("SOJOURN_DATABASE_URL", journey_settings.store_url)
    file = tmp_path / "subscriptions.csv"
    file.write_text(EXPORT)
    assert await start_all(file) == 2
    assert await start_all(file) == 0
    async with (
        await Store.open(journey_settings.store_url) as store,
        store.reading() as session,
    ):
        started = sorted(run.workflow_id for run in await runs.every(session))
    assert started == ["renewal:c1:s1", "renewal:c2:s2"]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.csv"
    file.write_text("customer_id\nc1\n")
    with pytest.raises(KeyError, match="subscription_id"):
        list(subscriptions(file))
