"""Customers to measure with: known, reachable, agreeing to everything; something in their cart."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sojourn.domain.customer import read_identity
from sojourn.domain.events import Event, ProductAdded, SignedUp
from sojourn.domain.messages import Enrolment
from sojourn.store import Store, cards, events
from sojourn.store.tables import EventRow
from sojourn.testkit.kit import EVERYTHING


def in_cart(customer_id: str, at: datetime) -> Event:
    """They added a product to their cart."""
    return ProductAdded(
        customer_id=customer_id,
        occurred_at=at,
        cart_id="cart",
        product_id="mug",
        name="Mug",
        price="12.50",
        currency="EUR",
    )


def signed_up(customer_id: str, at: datetime) -> Event:
    """They made an account."""
    return SignedUp(customer_id=customer_id, occurred_at=at)


async def enrolments(
    store: Store, count: int, *, who: Callable[[str, datetime], Event] = in_cart
) -> list[Enrolment]:
    """Store that many new customers, each with the event that starts a run; the runs.

    The rows are as the dispatcher leaves them, so that the gate finds what it looks for.
    """
    now = datetime.now(UTC)
    before = now - timedelta(minutes=1)
    made = []
    async with store.transaction() as session:
        for _ in range(count):
            customer_id = f"c-{uuid4().hex[:12]}"
            event = who(customer_id, before)
            await cards.identify(
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
            key = "cart" if who is in_cart else ""
            made.append(Enrolment(customer_id=customer_id, key=key, start=events.heard(row, event)))
    return made
