"""Write rows of the store as the engine does."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sojourn.domain.content import Content
from sojourn.domain.customer import Customer, read_identity
from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.domain.states import MessageState
from sojourn.store import (
    Store,
    cards,
    events,
    ledger,
    people,
    settling,
)
from sojourn.store.tables import EventRow, LedgerRow

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event_row(
    customer_id: str,
    *,
    at: datetime = NOON,
    name: str = "Product Added",
    message_id: str = "",
    properties: dict[str, Any] | None = None,
) -> EventRow:
    return EventRow(
        message_id=message_id or str(uuid4()),
        customer_id=customer_id,
        name=name,
        occurred_at=at,
        received_at=NOON,
        properties={"product_id": "p", "cart_id": "c"} if properties is None else properties,
    )


async def keep(store: Store, row: EventRow) -> tuple[EventRow, bool]:
    async with store.transaction() as session:
        await people.lock(session, row.customer_id)
        return await events.add(session, row)


async def identify(store: Store, customer_id: str, hours: int, **traits: Any) -> Customer:
    identity = read_identity(
        traits, customer_id=customer_id, message_id=str(uuid4()), at=NOON + hours * HOUR
    )
    async with store.transaction() as session:
        return await cards.identify(session, identity)


CONTENT = Content(channel=Channel.EMAIL, template="t", locale="en", text="hello")


def delivery_of(customer_id: str) -> Delivery:
    """Return a message of a run that belongs only to this enrolment."""
    return Delivery(
        workflow_id=f"abandoned-cart:{customer_id}:c",
        journey="abandoned-cart",
        customer_id=customer_id,
        key="c",
        key_field="cart_id",
        enrolment=str(uuid4()),
        n=1,
        step="reminder",
        template="reminder",
        channels=(Channel.EMAIL,),
        message_class=MessageClass.PROMOTIONAL,
        topic="cart",
        due=NOON,
        useful_until=NOON + HOUR,
        now=NOON,
        start=(NOON, 1),
        latest=(NOON, 1),
        goals=(),
        ends=(),
        restarts=(),
        timezone="UTC",
    )


async def claimed(store: Store, customer_id: str) -> int:
    """Write a message that one attempt has claimed, and return the number of its row."""
    async with store.transaction() as session:
        row = ledger.new_row(delivery_of(customer_id), Channel.EMAIL)
        row.state, row.attempt = MessageState.CLAIMED, 1
        session.add(row)
        await session.flush()
        assert row.id is not None
        return row.id


async def row_of(store: Store, ledger_id: int) -> LedgerRow:
    async with store.reading() as session:
        row = await session.get(LedgerRow, ledger_id)
    assert row is not None
    return row


async def submit(store: Store, ledger_id: int, attempt: int) -> bool:
    async with store.transaction() as session:
        return await settling.submit(
            session,
            ledger_id,
            attempt,
            provider="outbox",
            address="a@b.example",
            content=CONTENT,
            now=NOON,
        )
