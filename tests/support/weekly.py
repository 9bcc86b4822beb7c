"""The weekly report in tests: rollups of two weeks, and a worker with a mail server."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr
from temporalio.client import Client

from sojourn.channels.smtp import Smtp
from sojourn.domain.measuring.attribution import MICROS, Model
from sojourn.domain.messages import Channel
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import RollupMoneyRow, RollupReasonRow, RollupRow
from tests.support.mailserver import MailServer

TO = ("anna@shop.example", "marco@shop.example")
MONDAY = date(2026, 11, 23)


def settings_of(home: Path, url: str, **changes: object) -> Settings:
    told = {
        "home": home,
        "database_url": url,
        "timezone": "Europe/Rome",
        "email_provider": "smtp",
        "weekly_to": SecretStr(",".join(TO)),
        "shop_name": "Łódź & Figli",
        **changes,
    }
    return Settings(**told)  # type: ignore[arg-type]


async def lived(store: Store, first: date = MONDAY, *, odd: str = "") -> None:
    """Fill a store with the rollups of a week, of the week before, and of the days around them."""
    for source, day, sent, reason in (
        ("abandoned-cart", first, 1200, "no_consent"),
        ("abandoned-cart", first + timedelta(days=6), 34, "cap"),
        ("newsletter", first + timedelta(days=3), 5000, "opted_out"),
        ("abandoned-cart", first - timedelta(days=7), 1000, "no_consent"),
        ("abandoned-cart", first - timedelta(days=8), 77, "cap"),
        ("abandoned-cart", first + timedelta(days=7), 99, "cap"),
    ):
        row = RollupRow(
            day=day.isoformat(), source=source + odd, step="reminder", channel="email",
            mailbox="gmail", due=sent + 10, sent=sent, skipped=10, clicked=sent // 10,
            delivered=sent, converted=sent // 100, bounced=sent // 8 if sent == 1200 else 0,
        )  # fmt: skip
        async with store.transaction() as session:
            session.add(row)
            await session.flush()
            assert row.id is not None
            session.add(RollupReasonRow(rollup_id=row.id, reason=reason + odd, n=10))
            session.add(
                RollupMoneyRow(
                    rollup_id=row.id, model=Model.LAST, currency="EUR",
                    orders=sent // 100 * MICROS, value=sent * MICROS,
                )
            )  # fmt: skip


@contextmanager
def mailing() -> Iterator[MailServer]:
    """Run a mail server."""
    mail = MailServer()
    mail.start()
    try:
        yield mail
    finally:
        mail.stop()


@asynccontextmanager
async def serving(
    client: Client, store: Store, settings: Settings, carrier: Smtp
) -> AsyncIterator[str]:
    """Run a worker; yield its queue of journeys."""
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    async with worker.serving(
        client,
        store,
        settings,
        Project(),
        task_queue=queue,
        channels=(Channel.EMAIL,),
        carriers={Channel.EMAIL: carrier},
    ):
        yield queue
