"""A shop with campaigns: customers by the hundred, a provider that counts, a worker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from sojourn import EMAIL, Audience, Campaign, Message, trait
from sojourn.campaigns import launching
from sojourn.campaigns.freezing import freeze
from sojourn.channels.provider import Abilities, Parcel
from sojourn.dispatch import Sojourn
from sojourn.domain.campaign import Campaigns
from sojourn.domain.campaign_run import CampaignCounts
from sojourn.domain.messages import Channel
from sojourn.domain.ramp_file import Ramps
from sojourn.domain.span import hours
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, campaigns, ledger, recipients
from sojourn.store.tables import ConsentRow, CustomerRow, LedgerRow
from tests.support.project import PROJECT

WORDS = """{% extends "layout/email.html" %}
{% block subject %}Spring is here, {{ customer.first_name or "friend" }}{% endblock %}
{% block body %}<p>Look at our tents.</p>{% endblock %}
"""
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


class Counting:
    """A provider that records the messages that it accepts, and fails as instructed."""

    name = "counting"
    channels = frozenset(Channel)
    abilities = Abilities(fenced=True)  # it knows no keys: a lost answer stays lost

    def __init__(self, fails: Callable[[Parcel, int], None] = lambda *_: None) -> None:
        self.asked: Counter[str] = Counter()
        self.took: Counter[str] = Counter()
        self.moments: dict[str, datetime] = {}
        self._fails = fails

    async def send(self, parcel: Parcel) -> str:
        self.asked[parcel.address] += 1
        self._fails(parcel, self.asked[parcel.address])
        self.took[parcel.address] += 1
        self.moments[parcel.address] = datetime.now(UTC)
        return f"id-{parcel.reference}"

    async def probe(self) -> None:
        pass

    async def close(self) -> None:
        pass


class Shop:
    """An installation whose project has the campaigns that a test gives it."""

    def __init__(self, client: Client, store: Store, settings: Settings, folder: Path) -> None:
        self.queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
        self.store = store
        self.own = uuid4().hex[:8]
        self.templates = folder / "templates"
        self._client, self._settings = client, settings
        self.carrier = Counting()
        self.ramps = Ramps()
        self.sojourn = self.with_campaigns()

    @property
    def everybody(self) -> Audience:
        return Audience(f"everybody-{self.own}", trait("shop") == self.own)

    def campaign(self, name: str = "spring", **changes: object) -> Campaign:
        """Write the templates of a campaign to everybody, and return it."""
        told = {"to": self.everybody, "message": self.message(), **changes}
        one = Campaign(f"{name}-{self.own}", **told)  # type: ignore[arg-type]
        folder = self.templates / one.name
        folder.mkdir(parents=True, exist_ok=True)
        for template in one.templates:
            words = WORDS.replace("Spring is here", f"{template}: spring is here")
            file = folder / f"{template}.email.en.html"
            file.write_text(WORDS if one.ab is None else words)
        self.sojourn = self.with_campaigns(one)
        return one

    def message(self, *channels: Channel, **changes: object) -> Message:
        told = {"useful_for": hours(24), "topic": "news", **changes}
        return Message(*(channels or (EMAIL,)), **told)  # type: ignore[arg-type]

    def with_campaigns(self, *found: Campaign) -> Sojourn:
        project: Project = replace(
            PROJECT,
            campaigns=Campaigns(found),
            ramps=self.ramps,
            templates=(self.templates, *PROJECT.templates),
        )
        return Sojourn(self._client, self.store, self._settings, project, task_queue=self.queue)

    async def people(self, number: int, **changes: object) -> list[str]:
        """Write customers who agree to e-mails; return their ids."""
        ids = [f"{self.own}-{uuid4().hex[:8]}" for _ in range(number)]
        await self.write(*ids, **changes)
        return ids

    async def write(self, *ids: str, **changes: object) -> None:
        """Write customers with these ids who agree to e-mails."""
        async with self.store.transaction() as session:
            for one in ids:
                card: dict[str, Any] = {
                    "customer_id": one,
                    "identified_at": LONG_AGO,
                    "email": f"{one}@shop.example",
                    "timezone": "Europe/Rome",
                    "locale": "en",
                    "attributes": {"shop": self.own},
                    **changes,
                }
                session.add(CustomerRow(**card))
                session.add(
                    ConsentRow(
                        customer_id=one, channel="email", granted=True, at=LONG_AGO, source="form"
                    )
                )

    async def launch(self, campaign: Campaign, occasion: str = "") -> CampaignCounts:
        digest = launching.digest_of(self.sojourn, campaign)
        counts, _ = await launching.launch(
            self.sojourn, campaign, by="anna", approved=digest, occasion=occasion
        )
        return counts

    async def frozen(self, campaign: Campaign) -> None:
        """Launch a campaign and freeze its audience; no worker sends anything yet."""
        await self.launch(campaign)
        await freeze(
            self.store, campaign.name, datetime.now(UTC), own=frozenset(), default_zone="UTC"
        )

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        carriers = dict.fromkeys(Channel, self.carrier)
        async with worker.serving(
            self._client,
            self.store,
            self._settings,
            self.sojourn.project,
            task_queue=self.queue,
            carriers=carriers,
        ):
            yield

    async def ended(self, campaign_id: str) -> CampaignCounts:
        """Wait for the end of a campaign, and return its numbers."""
        handle = self._client.get_workflow_handle(f"campaign:{campaign_id}")
        await asyncio.wait_for(handle.result(), 200)
        return await self.counts(campaign_id)

    async def counts(self, campaign_id: str) -> CampaignCounts:
        async with self.store.reading() as session:
            return await campaigns.counts(session, campaign_id)

    async def until(
        self, campaign_id: str, holds: Callable[[CampaignCounts], bool]
    ) -> CampaignCounts:
        """Wait until the numbers of a campaign are as expected."""
        for _ in range(1500):
            if holds(counts := await self.counts(campaign_id)):
                return counts
            await asyncio.sleep(0.1)
        raise TimeoutError(str(counts))

    async def rows(self, customer_ids: Iterable[str]) -> list[LedgerRow]:
        async with self.store.reading() as session:
            return [row for one in customer_ids for row in await ledger.of_customer(session, one)]

    async def size(self, campaign_id: str) -> int:
        async with self.store.reading() as session:
            return await recipients.size(session, campaign_id)


def settings_of(home: Path, url: str, **changes: object) -> Settings:
    told = {"home": home, "database_url": url, "quiet_hours": None, "caps": "off", **changes}
    return Settings(**told)  # type: ignore[arg-type]


DAY = timedelta(days=1)
