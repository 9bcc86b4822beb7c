"""`sojourn events` lists the known events, and counts those that do nothing."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sojourn.dispatch.calls import Track, read_call
from sojourn.store import events
from sojourn.store.tables import EventRow
from tests.support.cli_stack import Cli
from tests.support.project import PROJECT


async def _stored(cli: Cli, event: str, **properties: Any) -> None:
    """Store an event as the gateway stores it, without a Temporal to tell."""
    call = {"type": "track", "userId": "c42", "messageId": str(uuid4()), "event": event}
    read = read_call({**call, "properties": properties}, PROJECT.events)
    assert isinstance(read, Track)
    async with cli.store.transaction() as session:
        await events.add(
            session,
            EventRow(
                message_id=read.message_id,
                customer_id=read.customer_id,
                name=read.name,
                occurred_at=read.at,
                received_at=datetime.now(UTC),
                properties=read.properties,
                as_sent=read.as_sent,
            ),
        )


async def test_the_known_events_are_listed_with_what_they_do(offline: Cli) -> None:
    rows = {row["event"]: row for row in (await offline("events", "--json")).json}
    assert rows["Order Completed"] == {"event": "Order Completed", "starts": False, "ends": True}
    assert rows["Product Added"]["starts"] is True
    assert "Order Completed" in (await offline("events")).out


async def test_unknown_names_and_missing_keys_are_counted_with_the_nearest(offline: Cli) -> None:
    assert (await offline("events", "unknown", "--json")).json == []
    for _ in range(2):
        await _stored(offline, "Oder Completed", email="ada@shop.example")
    await _stored(offline, "Zzz")
    await _stored(offline, "completed order")
    await _stored(offline, "Product Added", product_id="p", cart_number="ada@shop.example")
    await _stored(offline, "Product Added", product_id="p", cart_id="A")
    answer = await offline("events", "unknown", "--json")
    told = [(row["event"], row["count"], row["nearest"]) for row in answer.json]
    assert told == [
        ("Oder Completed", 2, "Order Completed"),
        ("Zzz", 1, None),
        ("Product Added", 1, "cart_number"),
    ]
    assert answer.json[-1]["fault"] == "cart_id is missing: it starts no run of abandoned-cart"
    listed = (await offline("events", "unknown")).out
    assert "Oder Completed" in listed
    assert "ada@" not in listed + answer.out
    (newest,) = (await offline("events", "unknown", "--json", "--newest", 2)).json
    assert newest["event"] == "Product Added"


async def test_where_everything_is_known_that_is_said(offline: Cli) -> None:
    answer = await offline("events", "unknown")
    assert (answer.code, answer.out.startswith("none of the newest 100000 events")) == (0, True)
