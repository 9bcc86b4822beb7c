"""Campaigns by the batch calls of real providers, whose servers are fakes."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sojourn.channels.postmark import Postmark
from sojourn.channels.resend import Resend
from sojourn.cli.local.stack import Server
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.messages import Channel
from sojourn.store import Store, suppressions
from sojourn.testkit.fakes import Behaviour, Fake
from sojourn.testkit.fakes.postmark import FakePostmark
from sojourn.testkit.fakes.resend import FakeResend
from sojourn.testkit.pairs import Pair, connected
from tests.support.campaigning import Shop, settings_of

PROVIDERS = [
    pytest.param(Postmark, FakePostmark, "invalid", id="postmark"),
    pytest.param(Resend, FakeResend, "recipient", id="resend"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let look-ups count at once: the fence of a lost call need not pass in a test."""
    monkeypatch.setattr(Postmark, "looks_up_after", timedelta(0))
    monkeypatch.setattr("sojourn.sending.send.until_absent", lambda *_: timedelta(0))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("provider", "fake", "refusal"), PROVIDERS)
@pytest.mark.parametrize("how", [Behaviour.DROP_AFTER, Behaviour.DROP_BEFORE])
async def test_a_lost_batch_and_a_bad_address_in_it_leave_each_row_true_and_nothing_twice(
    shop: Shop,
    provider: type[Any],
    fake: type[Fake],
    refusal: str,
    how: Behaviour,
) -> None:
    ids = await shop.people(40)
    bad = f"{ids[7]}@shop.example"
    spring = shop.campaign()
    async with connected(provider, fake()) as pair:
        served: Pair[Any, Fake] = pair
        shop.carrier = served.provider
        served.fake.refuses[bad] = refusal
        served.fake.script.append(how)
        async with shop.worker():
            await shop.launch(spring)
            counts = await shop.ended(spring.name)
        reached = Counter(order.address for order in served.fake.accepted)
        theirs = {order.address: order.id for order in served.fake.accepted}
    assert counts.state is CampaignState.FINISHED
    assert reached == Counter(f"{one}@shop.example" for one in ids if one != ids[7])
    rows = {row.customer_id: row for row in await shop.rows(ids)}
    assert (rows[ids[7]].state, rows[ids[7]].reason) == ("rejected", "invalid_address")
    for one in ids:
        if one != ids[7]:
            row = rows[one]
            assert (row.state, row.provider_id) == ("sent", theirs[f"{one}@shop.example"])
            assert (row.possible_duplicate, row.twice_at) == (False, None)
    async with shop.store.reading() as session:
        dead = await suppressions.suppressed(
            session, [(Channel.EMAIL, f"{one}@shop.example") for one in ids]
        )
    assert dead == {(Channel.EMAIL, bad)}


async def test_who_was_in_a_batch_of_resend_s_that_stays_lost_is_in_doubt_and_gets_nothing_twice(
    shop: Shop,
) -> None:
    ids = await shop.people(20)
    spring = shop.campaign()
    async with connected(Resend, FakeResend()) as pair:
        shop.carrier = pair.provider  # type: ignore[assignment]
        pair.fake.script += [Behaviour.FAIL_AFTER, Behaviour.FAIL_AFTER]
        async with shop.worker():
            await shop.launch(spring)
            counts = await shop.ended(spring.name)
        reached = Counter(order.address for order in pair.fake.accepted)
    assert reached == Counter(f"{one}@shop.example" for one in ids)
    assert (counts.state, counts.sent, counts.size) == (CampaignState.FINISHED, 0, 20)
    assert {row.state for row in await shop.rows(ids)} == {"unknown"}
