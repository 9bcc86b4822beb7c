"""A campaign loses nobody and writes to nobody twice, whatever fails at whatever moment.

The suite lives through a small size. ``SOJOURN_CAMPAIGN_CHAOS=20000 pytest -s`` on this file lives
through all of it: the worker is killed ten times, Temporal three times, the connections to the
database are cut five times, and a fifth of the calls to the provider fails.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.service import RPCError

from sojourn import EMAIL, Audience, Campaign, Message, days, trait
from sojourn.campaigns import launching
from sojourn.cli.local.stack import dev_server
from sojourn.dispatch import Sojourn
from sojourn.domain.campaign import Campaigns
from sojourn.domain.campaign_run import PREFIX, CampaignAct, CampaignCounts
from sojourn.domain.errors import Unavailable
from sojourn.domain.messages import Channel
from sojourn.domain.states import SETTLED
from sojourn.settings import Settings
from sojourn.store import Store, campaigns, ledger
from sojourn.store.tables import ConsentRow, CustomerRow, LedgerRow
from sojourn.testkit.fakes import TROUBLE, Behaviour, Fake, serving
from sojourn.testkit.fakes.postmark import FakePostmark
from tests.support.campaigning import WORDS
from tests.support.chaos import Size, blows
from tests.support.installation import Installation, installation
from tests.support.project import PROJECT

FULL = int(os.environ.get("SOJOURN_CAMPAIGN_CHAOS", "0"))
SEED = int(os.environ.get("SOJOURN_SEED", "4"))
SIZE = (
    Size(runs=FULL, worker=10, temporal=3, cuts=5, seed=SEED)
    if FULL
    else Size(runs=600, worker=2, temporal=1, cuts=2, seed=SEED)
)
NAME = "spring"


@dataclass
class Scene:
    """A campaign under way, and all that can be struck."""

    sojourn: Sojourn
    store: Store
    running: Installation
    fake: Fake
    campaign: Campaign

    async def counts(self) -> CampaignCounts:
        async with self.store.reading() as session:
            return await campaigns.counts(session, NAME)

    async def until(self, decided: int) -> None:
        """Wait until so many were decided on."""
        while True:
            with suppress(Exception):  # its connection may just have been cut
                counts = await self.counts()
                if counts.size - counts.waiting - counts.held >= decided or counts.state.is_over:
                    return
            await asyncio.sleep(0.2)

    async def ended(self) -> None:
        handle = self.sojourn.client.get_workflow_handle(PREFIX + NAME)
        while True:
            with suppress(RPCError, RuntimeError, TimeoutError):
                async with asyncio.timeout(20):
                    await handle.result()
                    return
            await asyncio.sleep(1)


async def begun(opened: AsyncExitStack, home: Path, url: str, rnd: random.Random) -> Scene:
    """Run an installation whose provider fails, with everybody in the store."""
    settings = Settings(home=home, database_url=url, quiet_hours=None, caps="off")
    store = await Store.open(settings.store_url, migrate=True)
    opened.push_async_callback(store.close)
    await _people(store, SIZE.runs)
    fake = FakePostmark()
    fake.choose = lambda: rnd.choice(TROUBLE) if rnd.random() < SIZE.share else Behaviour.ACCEPT
    await opened.enter_async_context(serving(fake))
    words = home / "shop" / "templates" / NAME
    words.mkdir(parents=True)
    (words / "message.email.en.html").write_text(WORDS)
    (home / "shop" / "pyproject.toml").write_text("[tool.sojourn]\n")
    server = await opened.enter_async_context(
        dev_server(home, ports=False, on_restart=lambda _: None)
    )
    variables = {
        **fake.environment(),
        "SOJOURN_PROJECT": str(home / "shop"),
        "SOJOURN_EMAIL_PROVIDER": "postmark",
        "SOJOURN_POSTMARK_TIMEOUT_SECONDS": "2",
        "SOJOURN_CAPS": "off",
    }
    running = await opened.enter_async_context(
        installation(server, store, settings, variables=variables)
    )
    campaign = Campaign(
        NAME,
        to=Audience("all", trait("shop") == "chaos"),
        message=Message(EMAIL, useful_for=days(2), topic="news"),
    )
    project = replace(
        PROJECT, campaigns=Campaigns([campaign]), templates=(home / "shop" / "templates",)
    )
    sojourn = Sojourn(server.client, store, settings, project)
    scene = Scene(sojourn, store, running, fake, campaign)
    strikes = blows(SIZE, rnd, running, server, settings.store_url)
    opened.callback(_strike(scene, strikes, rnd).cancel)
    return scene


def _strike(scene: Scene, strikes: Sequence[object], rnd: random.Random) -> "asyncio.Task[None]":
    moments = sorted(rnd.sample(range(SIZE.runs * 9 // 10), len(strikes)))

    async def disturb() -> None:
        for moment, strike in zip(moments, strikes, strict=True):
            await scene.until(moment)
            await asyncio.sleep(rnd.random() * 0.5)
            await strike()  # type: ignore[operator]

    return asyncio.create_task(disturb())


async def _people(store: Store, number: int) -> None:
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)
    async with store.transaction() as session:
        for n in range(number):
            session.add(
                CustomerRow(
                    customer_id=f"c{n}", identified_at=long_ago, email=f"c{n}@shop.example",
                    locale="en", attributes={"shop": "chaos"},
                )
            )  # fmt: skip
            session.add(
                ConsentRow(customer_id=f"c{n}", channel="email", granted=True, at=long_ago,
                           source="form")
            )  # fmt: skip


async def launched(scene: Scene) -> None:
    digest = launching.digest_of(scene.sojourn, scene.campaign)
    while True:
        try:
            await launching.launch(scene.sojourn, scene.campaign, by="anna", approved=digest)
        except Unavailable:
            await asyncio.sleep(1)
        else:
            return


async def judged(scene: Scene) -> list[LedgerRow]:
    """Compare the ledger with what the provider took; return the rows."""
    await scene.fake.told()
    async with scene.store.reading() as session:
        rows = list(await ledger.every(session))
    accepted = Counter(order.reference for order in scene.fake.accepted)
    states = Counter(str(row.state) for row in rows)
    print(  # noqa: T201 (the figures, for `pytest -s`)
        f"\n{dict(states)}; the provider was asked {scene.fake.asked} times and took "
        f"{accepted.total()} messages; the worker ended {scene.running.worker.ends}"
    )
    assert [row.ledger_key for row in rows if row.state not in SETTLED] == []
    lost = [row.ledger_key for row in rows if row.state == "sent" and not accepted[row.reference]]
    assert lost == []
    assert [reference for reference, times in accepted.items() if times > 1] == []
    denied = [
        f"{row.ledger_key}: {row.state}"
        for row in rows
        if accepted[row.reference] and row.state not in ("sent", "unknown")
    ]
    assert denied == []
    assert len({row.message_id for row in rows}) == len(rows)
    return rows


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_campaign_under_fire_reaches_everybody_once(
    tmp_path: Path, database_url: str
) -> None:
    rnd = random.Random(SEED)
    async with AsyncExitStack() as opened:
        scene = await begun(opened, tmp_path, database_url, rnd)
        await launched(scene)
        await scene.ended()
        rows = await judged(scene)
        assert len(rows) == SIZE.runs
        assert all(row.channel == Channel.EMAIL for row in rows)
        counts = await scene.counts()
        assert counts.sent + counts.unknown + counts.rejected == SIZE.runs
        assert len(scene.running.worker.ends) == SIZE.worker


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_campaign_that_is_stopped_under_fire_claims_nothing_after_the_answer(
    tmp_path: Path, database_url: str
) -> None:
    rnd = random.Random(SEED + 1)
    async with AsyncExitStack() as opened:
        scene = await begun(opened, tmp_path, database_url, rnd)
        await launched(scene)
        await scene.until(SIZE.runs // 2)
        answer = await launching.act(
            scene.sojourn, NAME, CampaignAct.STOP, by="anna", because="wrong price"
        )
        answered = datetime.now(UTC)
        await scene.ended()
        rows = await judged(scene)
        late = [row.ledger_key for row in rows if row.claimed_at and row.claimed_at > answered]
        assert late == []
        assert len(rows) < SIZE.runs
        print(answer)  # noqa: T201 (the figures, for `pytest -s`)
