"""Quarantine keeps calls that do not validate until they are mended and redriven, once."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from sojourn.dispatch import Published, Sojourn
from sojourn.dispatch.calls import read_call
from sojourn.dispatch.quarantine import drop, keep, keep_request, mend, redrive
from sojourn.domain.alias import Alias
from sojourn.domain.errors import BadEvent, BadInput
from sojourn.settings import Settings
from sojourn.store import Store, events, quarantine
from sojourn.store.rights import erasing, erasures
from sojourn.store.tables import EventRow, QuarantineRow


def call(customer_id: str, **fields: Any) -> dict[str, Any]:
    """Return a track call whose price is no number, unless the fields differ."""
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
    """Read a call, and quarantine it with its fault."""
    with pytest.raises(BadEvent) as fault:
        read_call(sent)
    await keep(store, sent, fault.value, source=source)
    return fault.value


async def rows(store: Store, customer_id: str) -> list[QuarantineRow]:
    async with store.reading() as session:
        every = await quarantine.listed(session, settled=True)
    return [row for row in every if row.call.get("userId") == customer_id]


# ---- keeping -------------------------------------------------------------------------------


async def test_nothing_is_kept_of_a_call_about_somebody_who_was_erased(
    store: Store, customer_id: str
) -> None:
    shopper = f"shop:{customer_id}-7"
    for one in (customer_id, shopper):
        async with store.transaction() as session:
            await erasing.begin(session, one, why="asked", by="anna")
    await refused(store, call(customer_id))
    order = {"body": {"customer": {"id": f"{customer_id}-7", "email": "ada@shop.example"}}}
    fault = BadEvent("total", "is missing")
    await keep_request(store, order, fault, source="shop", name="shop orders")
    await refused(store, call(f"{customer_id}-new"))
    async with store.reading() as session:
        every = await quarantine.listed(session, settled=True)
        proofs = await erasures.listed(session, everything=True, limit=2)
    left = [row.call for row in every if customer_id in str(row.call)]
    assert [one["userId"] for one in left] == [f"{customer_id}-new"]
    assert [row.dropped for row in proofs] == [1, 1]


async def test_a_call_is_kept_as_it_was_sent_with_its_fault(store: Store, customer_id: str) -> None:
    sent = call(customer_id)
    await refused(store, sent)
    (row,) = await rows(store, customer_id)
    assert row.call == sent
    assert (row.name, row.path, row.source) == ("Product Added", "properties.price", "key1")
    assert (row.settled_at, row.outcome) == (None, None)


async def test_a_senders_retry_makes_no_second_row(store: Store, customer_id: str) -> None:
    sent = call(customer_id)
    for attempt in range(3):
        moment = f"2024-01-08T12:00:0{attempt}Z"
        await refused(store, {**sent, "sentAt": moment, "timestamp": moment})
    assert len(await rows(store, customer_id)) == 1
    await refused(store, {**sent, "properties": {"product_id": ""}})
    assert len(await rows(store, customer_id)) == 2


async def test_calls_without_an_id_are_told_apart_by_their_moment(
    store: Store, customer_id: str
) -> None:
    sent = call(customer_id, messageId=None)
    for second in (1, 1, 2):
        await refused(store, {**sent, "timestamp": f"2024-01-08T12:00:0{second}Z"})
    assert len(await rows(store, customer_id)) == 2


@pytest.mark.parametrize(
    "other",
    [{"event": "Level Reached", "timestamp": "soon"}, {"type": "alias", "timestamp": "soon"}],
)
async def test_calls_of_unknown_events_are_not_quarantined(
    store: Store, customer_id: str, other: dict[str, Any]
) -> None:
    await refused(store, call(customer_id, **other))
    assert await rows(store, customer_id) == []


@pytest.mark.parametrize("value", [float("nan"), "\ud800", "a\0b", {"deep": [float("inf")]}])
async def test_any_call_can_be_quarantined(store: Store, customer_id: str, value: Any) -> None:
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


@pytest.mark.parametrize("field", ["previousId", "userId"])
@pytest.mark.parametrize("value", ["", None, [], "x" * 201])
def test_an_alias_call_without_an_id_names_the_field(field: str, value: Any) -> None:
    sent = {"type": "alias", "previousId": "old", "userId": "new", "messageId": "m"}
    with pytest.raises(BadEvent, match=field):
        read_call({**sent, field: value})


# ---- mending and sending, through the engine's way in --------------------------------------


@pytest.fixture
def sojourn(store: Store, time_skipping_client: Client) -> Sojourn:
    return Sojourn(time_skipping_client, store, Settings(), task_queue="nobody-serves-this")


async def _number(store: Store, customer_id: str) -> int:
    (row,) = await rows(store, customer_id)
    assert row.id is not None
    return row.id


async def _events(store: Store, customer_id: str) -> list[EventRow]:
    async with store.reading() as session:
        return list(await events.of_customer(session, customer_id))


def _unheard(customer_id: str, **fields: Any) -> dict[str, Any]:
    """Return a known event that no journey listens to, so that it starts nothing."""
    given = {"event": "Checkout Started", "properties": {"value": "much"}, **fields}
    return call(customer_id, **given)


async def test_a_mended_call_is_redriven_once_with_its_own_id_and_moment(
    sojourn: Sojourn, customer_id: str
) -> None:
    store, sent = sojourn.store, _unheard(customer_id)
    await refused(store, sent)
    number = await _number(store, customer_id)
    await mend(store, number, [("properties.value", 12.5), ("properties.currency", "EUR")])
    assert (await redrive(sojourn, number)).stored
    (event,) = await _events(store, customer_id)
    assert event.message_id == sent["messageId"]
    assert event.occurred_at == datetime(2024, 1, 8, 12, tzinfo=UTC)
    assert event.properties == {"value": 12.5, "currency": "EUR"}
    (row,) = await rows(store, customer_id)
    assert row.outcome == "redriven"
    with pytest.raises(BadInput, match="was redriven"):
        await redrive(sojourn, number)
    await refused(store, sent)  # the sender repeats its call
    assert len(await rows(store, customer_id)) == 1


async def test_a_call_that_still_does_not_validate_stays_quarantined(
    sojourn: Sojourn, customer_id: str
) -> None:
    sent = _unheard(customer_id, properties={"value": "much", "currency": "euro"})
    await refused(sojourn.store, sent)
    number = await _number(sojourn.store, customer_id)
    with pytest.raises(BadEvent, match=r"properties\.currency"):
        await mend(sojourn.store, number, [("properties.value", 1)])
    with pytest.raises(BadEvent, match=r"properties\.value"):
        await redrive(sojourn, number)
    (row,) = await rows(sojourn.store, customer_id)
    assert (row.call, row.mended_at, row.settled_at) == (sent, None, None)


async def test_a_crash_before_a_redriven_call_is_settled_leaves_it_open(
    sojourn: Sojourn, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sojourn.store
    await refused(store, _unheard(customer_id))
    number = await _number(store, customer_id)
    await mend(store, number, [("properties.value", 1)])
    take = sojourn.take

    async def dying(*arguments: Any, **named: Any) -> None:
        await take(*arguments, **named)
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(sojourn, "take", dying)
        with pytest.raises(asyncio.CancelledError):
            await redrive(sojourn, number)
    (row,) = await rows(store, customer_id)
    assert row.settled_at is None
    assert not (await redrive(sojourn, number)).stored
    (row,) = await rows(store, customer_id)
    assert row.outcome == "redriven"
    assert len(await _events(store, customer_id)) == 1


async def test_a_call_without_a_moment_happened_when_it_arrived(
    sojourn: Sojourn, customer_id: str
) -> None:
    await refused(sojourn.store, _unheard(customer_id, timestamp=None))
    number = await _number(sojourn.store, customer_id)
    row = await mend(sojourn.store, number, [("properties.value", 1)])
    await redrive(sojourn, number)
    (event,) = await _events(sojourn.store, customer_id)
    assert event.occurred_at == row.received_at


async def test_two_simultaneous_redrives_store_a_call_once(
    sojourn: Sojourn, customer_id: str
) -> None:
    await refused(sojourn.store, _unheard(customer_id))
    number = await _number(sojourn.store, customer_id)
    await mend(sojourn.store, number, [("properties.value", 1)])
    done = await asyncio.gather(
        *(redrive(sojourn, number) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, Published) and each.stored for each in done) == 1
    assert all(isinstance(each, Published | BadInput) for each in done)


async def test_a_dropped_call_stays_dropped(sojourn: Sojourn, customer_id: str) -> None:
    sent = _unheard(customer_id)
    await refused(sojourn.store, sent)
    number = await _number(sojourn.store, customer_id)
    await drop(sojourn.store, number)
    await refused(sojourn.store, sent)
    (row,) = await rows(sojourn.store, customer_id)
    assert row.outcome == "dropped"
    for settled in (redrive(sojourn, number), mend(sojourn.store, number, [])):
        with pytest.raises(BadInput, match="was dropped"):
            await settled


@pytest.mark.parametrize(
    ("path", "value"),
    [("properties.products.0.price", 2), ("properties.products.0", {"product_id": "p"})],
)
async def test_paths_of_a_mended_field_reach_into_lists(
    store: Store, customer_id: str, path: str, value: Any
) -> None:
    products = [{"product_id": "p", "price": "cheap"}]
    properties = {"order_id": "o", "total": "cheap", "products": products}
    await refused(store, call(customer_id, event="Order Completed", properties=properties))
    changes = [(path, value), ("properties.total", 2)]
    row = await mend(store, await _number(store, customer_id), changes)
    assert row.mended_at is not None
    assert row.call["properties"]["products"][0].get("price") != "cheap"


@pytest.mark.parametrize(
    "path", ["properties.price.cents", "properties.list.1", "properties.list.x"]
)
async def test_a_path_that_leads_nowhere_is_refused(
    store: Store, customer_id: str, path: str
) -> None:
    await refused(store, call(customer_id, properties={"price": "cheap", "list": [1]}))
    with pytest.raises(BadInput, match=re.escape(path)):
        await mend(store, await _number(store, customer_id), [(path, 1)])


async def test_open_quarantined_calls_are_counted_by_event_and_field(
    store: Store, customer_id: str
) -> None:
    async def count() -> dict[tuple[str, str], int]:
        async with store.reading() as session:
            counted = await quarantine.counts(session)
        return {(name, path): number for name, path, number in counted}

    asked = ("Product Added", "properties.currency")
    before = (await count()).get(asked, 0)
    sent = call(customer_id, properties={"product_id": "p", "currency": "Euro"})
    await refused(store, sent)
    assert (await count())[asked] == before + 1
    await drop(store, await _number(store, customer_id))
    assert (await count()).get(asked, 0) == before
