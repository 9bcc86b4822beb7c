"""Customers to measure with: known, reachable, agreeing to everything, something in their cart."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from domain.customer import read_identity
from domain.events import ProductAdded
from domain.messages import Enrolment
from store import Store, customers, events
from store.tables import EventRow
from testkit.kit import EVERYTHING


async def enrolments(store: Store, count: int) -> list[Enrolment]:
    """Store that many new customers, each with a product in a cart; the runs that this starts.

    The rows are as the dispatcher leaves them, so that the gate finds what it looks for.
    """
    now = datetime.now(UTC)
    before = now - timedelta(minutes=1)
    made = []
    async with store.transaction() as session:
        for _ in range(count):
            customer_id = f"c-{uuid4().hex[:12]}"
            event = ProductAdded(
                customer_id=customer_id,
                occurred_at=before,
                cart_id="cart",
                product_id="mug",
                name="Mug",
                price="12.50",
                currency="EUR",
            )
            await customers.identify(
                session,
                read_identity(
                    EVERYTHING, customer_id=customer_id, message_id=customer_id, at=before
                ),
            )
            row, _ = await events.add(
                session,
                EventRow(
                    message_id=event.message_id,
                    customer_id=customer_id,
                    name=event.event_name,
                    occurred_at=before,
                    received_at=now,
                    routed_at=now,
                    properties=event.properties(),
                ),
            )
            made.append(Enrolment(customer_id=customer_id, key="cart", start=events.heard(row)))
    return made
