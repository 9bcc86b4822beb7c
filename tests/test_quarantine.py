"""Quarantine: what does not validate is kept, mended, and sent on its way once."""

from typing import Any
from uuid import uuid4

import pytest

from dispatch.calls import Alias, read_call
from dispatch.quarantine import keep
from domain.errors import BadEvent
from store import Store, quarantine
from store.tables import QuarantineRow


def call(customer_id: str, **fields: Any) -> dict[str, Any]:
    """A track call whose price is no number, unless the fields differ."""
    return {
        "type": "track",
        "event": "Product Added",
        "messageId": str(uuid4()),
        "userId": customer_id,
        "timestamp": "2024-01-08T12:00:00Z",
        "properties": {"product_id": "p", "cart_id": "c", "price": "cheap"},
        **fields,
    }


async def refused(store: Store, sent: dict[str, Any], *, source: str = "key1") -> BadEvent:
    """Read the call, and keep it with its fault."""
    with pytest.raises(BadEvent) as fault:
        read_call(sent)
    await keep(store, sent, fault.value, source=source)
    return fault.value


async def rows(store: Store, customer_id: str) -> list[QuarantineRow]:
    async with store.reading() as session:
        every = await quarantine.listed(session, settled=True)
    return [row for row in every if row.call.get("userId") == customer_id]


# ---- keeping -------------------------------------------------------------------------------


async def test_a_call_is_kept_as_it_was_sent_with_its_fault(store: Store, customer_id: str) -> None:
    sent = call(customer_id)
    await refused(store, sent)
    (row,) = await rows(store, customer_id)
    assert row.call == sent
    assert (row.name, row.path, row.source) == ("Product Added", "properties.price", "key1")
    assert (row.settled_at, row.outcome) == (None, None)


async def test_a_senders_retry_is_no_second_row(store: Store, customer_id: str) -> None:
    sent = call(customer_id)
    for attempt in range(3):
        moment = f"2024-01-08T12:00:0{attempt}Z"
        await refused(store, {**sent, "sentAt": moment, "timestamp": moment})
    assert len(await rows(store, customer_id)) == 1
    await refused(store, {**sent, "properties": {"product_id": ""}})
    assert len(await rows(store, customer_id)) == 2


async def test_without_an_id_the_moment_tells_calls_apart(store: Store, customer_id: str) -> None:
    sent = call(customer_id, messageId=None)
    for second in (1, 1, 2):
        await refused(store, {**sent, "timestamp": f"2024-01-08T12:00:0{second}Z"})
    assert len(await rows(store, customer_id)) == 2


@pytest.mark.parametrize(
    "other", [{"event": "Level Reached", "messageId": ""}, {"type": "identify", "messageId": None}]
)
async def test_only_known_events_are_kept(
    store: Store, customer_id: str, other: dict[str, Any]
) -> None:
    await refused(store, call(customer_id, **other))
    assert await rows(store, customer_id) == []


@pytest.mark.parametrize("value", [float("nan"), "\ud800", "a\0b", {"deep": [float("inf")]}])
async def test_whatever_was_sent_can_be_kept(store: Store, customer_id: str, value: Any) -> None:
    await refused(store, call(customer_id, properties={"name": value, "price": "cheap"}))
    assert len(await rows(store, customer_id)) == 1


# ---- alias calls ---------------------------------------------------------------------------


def test_an_alias_call_names_both_ids() -> None:
    read = read_call(
        {
            "type": "alias",
            "previousId": "old",
            "userId": "new",
            "messageId": "m",
            "timestamp": "2024-01-08T12:00:00Z",
        }
    )
    assert isinstance(read, Alias)
    assert (read.previous_id, read.customer_id, read.message_id) == ("old", "new", "m")


@pytest.mark.parametrize("field", ["previousId", "userId", "messageId"])
def test_an_alias_call_without_an_id_names_the_field(field: str) -> None:
    sent = {"type": "alias", "previousId": "old", "userId": "new", "messageId": "m"}
    with pytest.raises(BadEvent, match=field):
        read_call({**sent, field: ""})
