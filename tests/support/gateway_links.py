"""Sent messages, and a gateway that knows their links."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.dispatch import Sojourn
from sojourn.domain.links import Click, Unsubscribe, click_token, unsubscribe_token
from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.domain.states import MessageState
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.store.tables import LedgerRow
from tests.support.cli_stack import NOWHERE
from tests.support.gateway_server import Served, serving, settings

SECRET = "kept in a drawer"
SHOP = "https://shop.example"
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Accept-Language": "en",
}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def shop(**changes: Any) -> Settings:
    return settings(
        **{"secret_key": SecretStr(SECRET), "shop_url": SHOP, "shop_name": "Tern & Oak", **changes}
    )


@asynccontextmanager
async def alone(store: Store, **changes: Any) -> AsyncIterator[Served]:
    """Serve a gateway without Temporal."""
    client = await Client.connect(NOWHERE, lazy=True, data_converter=pydantic_data_converter)
    async with serving(Sojourn(client, store, shop(**changes))) as served:
        yield served


async def sent(store: Store, customer_id: str, channel: Channel = Channel.EMAIL) -> LedgerRow:
    """Store a sent message."""
    delivery = Delivery(
        workflow_id=f"onboarding:{customer_id}",
        journey="onboarding",
        customer_id=customer_id,
        key="",
        key_field="",
        enrolment=str(uuid4()),
        n=1,
        step="welcome",
        template="welcome",
        channels=(channel,),
        message_class=MessageClass.PROMOTIONAL,
        topic="onboarding",
        due=NOON,
        useful_until=NOON + timedelta(hours=1),
        now=NOON,
        start=(NOON, 1),
        latest=(NOON, 1),
        goals=(),
        ends=(),
        restarts=(),
        timezone="UTC",
    )
    async with store.transaction() as session:
        row = ledger.new_row(delivery, channel)
        row.state = MessageState.SENT
        session.add(row)
    return row


async def again(store: Store, row: LedgerRow) -> LedgerRow:
    """Return the row as it is now."""
    async with store.reading() as session:
        found = await session.get(LedgerRow, row.id)
    assert found is not None
    return found


def click_path(reference: str, url: str = f"{SHOP}/cart?cart_id=7") -> str:
    return f"/c/{click_token(SECRET, Click(reference, url))}"


def unsubscribe_path(customer_id: str, topic: str = "cart", reference: str = "") -> str:
    wish = Unsubscribe(customer_id, Channel.EMAIL, topic, reference)
    return f"/u/{unsubscribe_token(SECRET, wish)}"
