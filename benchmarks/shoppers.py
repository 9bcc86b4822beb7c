"""Customers for benchmarks: known, reachable, agreed to everything, with something in the cart."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sojourn.domain.customer import read_identity
from sojourn.domain.events import Event, ProductAdded, SignedUp
from sojourn.domain.messages import EDITION, Enrolment
from sojourn.store import Store, cards, events
from sojourn.store.tables import EventRow
from sojourn.testkit.kit import EVERYTHING


def in_cart(customer_id: str, at: datetime) -> Event:
    """Return the event that fills a customer's cart."""
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
    """Return a customer's event of signing up."""
    return SignedUp(customer_id=customer_id, occurred_at=at)


AT_ONCE = 200
"""The customers in one transaction, during which nobody else can write to SQLite."""


async def enrolments(
    store: Store, count: int, *, who: Callable[[str, datetime], Event] = in_cart
) -> list[Enrolment]:
    """Store new customers, each with the event that starts a run.

    The rows are as the dispatcher would store them, so that the gate finds what it needs.

    Args:
        store: the store of the benchmark.
        count: the number of customers.
        who: creates the event of a customer at a moment.

    Returns:
        The enrolments of the runs to start.
    """
    made: list[Enrolment] = []
    while len(made) < count:
        made += await _enrolments(store, min(AT_ONCE, count - len(made)), who)
    return made


async def _enrolments(
    store: Store, count: int, who: Callable[[str, datetime], Event]
) -> list[Enrolment]:
    now = datetime.now(UTC)
    before = now - timedelta(minutes=1)
    made = []
    async with store.transaction() as session:
        for _ in range(count):
            customer_id = f"c-{uuid4().hex[:12]}"
            event = who(customer_id, before)
            own = {**EVERYTHING, "email": f"{customer_id}@shop.example"}
            await cards.identify(
                session,
                read_identity(own, customer_id=customer_id, message_id=customer_id, at=before),
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
            made.append(
                Enrolment(
                    customer_id=customer_id,
                    key=key,
                    start=events.heard(row, event),
                    edition=EDITION,
                )
            )
    return made
