"""Cards: the latest word on each field counts."""

import asyncio

from sojourn.store import (
    Store,
    cards,
)
from tests.support.rows import event_row, identify, keep


async def test_an_older_identify_only_fills_in_what_is_missing(
    store: Store, customer_id: str
) -> None:
    await identify(store, customer_id, 2, email="new@shop.example", plan="gold")
    card = await identify(
        store, customer_id, 1, email="old@shop.example", firstName="Ada", plan="tin", size="M"
    )
    assert (card.email, card.first_name) == ("new@shop.example", "Ada")
    assert card.attributes == {"plan": "gold", "size": "M"}
    card = await identify(store, customer_id, 3, email="newest@shop.example")
    assert (card.email, card.first_name) == ("newest@shop.example", "Ada")


async def test_identify_calls_at_once_make_one_customer(store: Store, customer_id: str) -> None:
    await asyncio.gather(
        *(identify(store, customer_id, n, email=f"{n}@shop.example") for n in range(10))
    )
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    assert found.email == "9@shop.example"


async def test_an_event_alone_makes_nobody_known(store: Store, customer_id: str) -> None:
    await keep(store, event_row(customer_id))
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    assert not found.known
