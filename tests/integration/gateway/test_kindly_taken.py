"""Calls as senders really make them: what ends a run counts, and the rest is said."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sojourn.domain.messages import Channel
from sojourn.store import consents, events, quarantine
from sojourn.testkit import JourneyTest
from tests.support.gateway_server import Served, serving
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

DAY = timedelta(days=1)
EXPIRES = datetime(2024, 3, 1, 15, tzinfo=UTC)  # the kit's tests begin on 8 January 2024


class Shopper:
    """A customer whose calls arrive over HTTP."""

    def __init__(self, journey: JourneyTest, served: Served) -> None:
        self._journey = journey
        self._served = served

    async def track(self, event: str, **call: Any) -> httpx.Response:
        moment = (await self._journey.now()).isoformat()
        sent = {"userId": self._journey.customer_id, "event": event, "timestamp": moment, **call}
        answer = await self._served.post("/v1/track?wait=1", sent)
        await self._journey.settled()
        return answer

    async def stored(self) -> list[Any]:
        return await self._served.stored(self._journey.customer_id)

    async def kept(self) -> list[Any]:
        async with self._served.store.reading() as session:
            rows = await quarantine.listed(session)
        return [row for row in rows if row.call["userId"] == self._journey.customer_id]


@pytest_asyncio.fixture
async def shopper(journey: JourneyTest) -> AsyncIterator[Shopper]:
    async with serving(await journey._ready()) as served:
        await served.ready()
        yield Shopper(journey, served)


DECORATED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a currency in small letters": ({"total": 10, "currency": "eur"}, []),
    "a line without a product": (
        {"products": [{"sku": "x", "name": "Tip", "price": 1, "quantity": 1}]},
        ["properties.products.0"],
    ),
    "half a piece": (
        {"products": [{"product_id": "p1", "quantity": 0.5}]},
        ["properties.products.0.quantity"],
    ),
    "no quantity": ({"products": [{"product_id": "p1", "quantity": None}]}, []),
    "an empty quantity": ({"products": [{"product_id": "p1", "quantity": ""}]}, []),
    "a comma": ({"total": "27,50", "currency": "EUR"}, ["properties.total"]),
    "no products": ({"products": None}, []),
    "an empty list": ({"products": {}, "coupon": []}, []),
    "no id": ({"order_id": None}, ["properties.order_id", "properties"]),
    "a NUL": ({"email": "a\0b"}, ["properties.email"]),
    "a moment of nobody": ({}, []),
}


@pytest.mark.parametrize("name", DECORATED)
async def test_a_purchase_ends_the_run_whatever_its_decoration_is(
    journey: JourneyTest, shopper: Shopper, name: str
) -> None:
    properties, noted = DECORATED[name]
    await journey.start(AbandonedCart, cart_id="A")
    answer = await shopper.track(
        "Order Completed", properties={"order_id": "o", "cart_id": "A", **properties}
    )
    assert answer.status_code == 200
    assert [run["effect"] for run in answer.json()["runs"]] == ["ended"]
    assert [note["path"] for note in answer.json().get("notes", [])] == noted
    assert journey.outcome == "converted"
    assert journey.sent == []


@pytest.mark.parametrize(
    "moment", ["soon", "", 1704369938000, "9999-12-31T00:00:00Z", "2024-01-08 12:00", None]
)
async def test_a_purchase_without_a_usable_moment_happened_as_it_arrived(
    journey: JourneyTest, shopper: Shopper, moment: Any
) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    before = datetime.now(UTC)
    answer = await shopper.track(
        "Order Completed", timestamp=moment, properties={"order_id": "o", "cart_id": "A"}
    )
    assert answer.status_code == 200
    (bought,) = [row for row in await shopper.stored() if row.name == "Order Completed"]
    assert before <= bought.occurred_at or bought.received_at >= before
    assert journey.outcome == "converted"


@pytest.mark.parametrize(
    "name",
    ["Completed Order", "order completed", "order_completed", "OrderCompleted", "Order Completed "],
)
async def test_a_purchase_under_a_name_that_segment_takes_ends_the_run(
    journey: JourneyTest, shopper: Shopper, name: str
) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    answer = await shopper.track(name, properties={"orderId": "o", "cartId": "A"})
    assert [run["effect"] for run in answer.json()["runs"]] == ["ended"]
    assert "notes" not in answer.json()
    bought = (await shopper.stored())[-1]
    assert bought.name == "Order Completed"
    assert bought.properties == {"order_id": "o", "cart_id": "A"}
    assert bought.as_sent == {"event": name, "properties": {"orderId": "o", "cartId": "A"}}
    assert journey.outcome == "converted"


async def test_a_cart_in_camel_case_starts_a_run_of_that_cart(
    journey: JourneyTest, shopper: Shopper
) -> None:
    answer = await shopper.track("Added Product", properties={"id": "p", "cartId": "A"})
    (run,) = answer.json()["runs"]
    assert run["run"] == f"abandoned-cart:{journey.customer_id}:A"
    other = await shopper.track("Order Completed", properties={"order_id": "o", "cart_id": "A"})
    assert [run["effect"] for run in other.json()["runs"]] == ["ended"]


async def test_a_start_without_its_key_and_an_unknown_name_are_said(
    journey: JourneyTest, shopper: Shopper
) -> None:
    keyless = (await shopper.track("Product Added", properties={"product_id": "p"})).json()
    assert keyless["runs"] == []
    assert [note["path"] for note in keyless["notes"]] == ["properties.cart_id"]
    unknown = (await shopper.track("Oder Completed", properties={"cart_id": "A"})).json()
    assert unknown["notes"] == [
        {"path": "event", "reason": 'is not known here; the nearest is "Order Completed"'}
    ]
    assert [row.name for row in await shopper.stored()] == ["Product Added", "Oder Completed"]


async def test_a_purchase_kept_as_it_was_sent_loses_nothing(
    journey: JourneyTest, shopper: Shopper
) -> None:
    sent = {"order_id": "o", "cart_id": "A", "total": "27,50", "products": [{"sku": "x"}]}
    await shopper.track("Order Completed", properties=sent)
    (row,) = await shopper.stored()
    assert row.properties == {"order_id": "o", "cart_id": "A", "products": []}
    assert row.as_sent == {"event": "Order Completed", "properties": sent}
    assert await shopper.kept() == []


# ---- an event that ends one run and starts the next ----------------------------------------


async def test_a_renewal_whose_end_cannot_be_read_stops_the_reminders_and_can_be_mended(
    journey: JourneyTest, shopper: Shopper
) -> None:
    await journey.start(Renewal, subscription_id="s1", expires_at=EXPIRES)
    answer = await shopper.track(
        "Subscription Renewed",
        messageId="r1",
        properties={"subscription_id": "s1", "expires_at": "9999-12-31T00:00:00Z"},
    )
    assert answer.status_code == 200
    assert [run["effect"] for run in answer.json()["runs"]] == ["ended"]
    assert [note["path"] for note in answer.json()["notes"]] == [
        "properties.expires_at", "properties",
    ]  # fmt: skip
    await journey.until(EXPIRES + 10 * DAY)
    assert journey.sent == []
    assert journey.outcomes == ["converted"]
    (kept,) = await shopper.kept()
    assert (kept.name, kept.path) == ("Subscription Renewed", "properties.expires_at")
    assert kept.call["messageId"] == "whole/r1"
    assert kept.call["properties"]["expires_at"] == "9999-12-31T00:00:00Z"


async def test_a_renewal_that_lacks_its_end_starts_no_run_of_its_own(
    journey: JourneyTest, shopper: Shopper
) -> None:
    answer = await shopper.track("Subscription Renewed", properties={"subscription_id": "s1"})
    assert answer.json()["runs"] == []


# ---- time on the way -------------------------------------------------------------------------


async def test_a_call_that_was_held_up_changes_places_with_nothing(served_late: Served) -> None:
    """A purchase arrives first; the product that it bought was ten seconds on its way."""
    now = datetime.now(UTC)
    who = f"held-up-{now.timestamp()}"
    ordered = {"order_id": "o", "cart_id": "k"}
    await served_late.post(
        "/v1/track",
        {
            "userId": who, "event": "Order Completed", "properties": ordered,
            "timestamp": (now - timedelta(seconds=3)).isoformat(),
        },
    )  # fmt: skip
    answer = await served_late.post(
        "/v1/track?wait=1",
        {
            "userId": who, "event": "Product Added",
            "properties": {"product_id": "lamp", "cart_id": "k"},
            "timestamp": (now - timedelta(seconds=11)).isoformat(),
            "sentAt": (now - timedelta(seconds=10)).isoformat(),
        },
    )  # fmt: skip
    assert answer.json()["runs"] == []
    async with served_late.store.reading() as session:
        rows = await events.of_customer(session, who)
    assert [row.name for row in rows] == ["Product Added", "Order Completed"]


async def test_an_older_yes_that_was_held_up_does_not_outweigh_a_no(served_late: Served) -> None:
    now = datetime.now(UTC)
    who = f"held-up-no-{now.timestamp()}"
    said = (
        {"timestamp": now - timedelta(days=40), "email": True},
        {"timestamp": now - timedelta(seconds=20), "email": False},
        {
            "timestamp": now - timedelta(seconds=45),
            "sentAt": now - timedelta(seconds=44),
            "email": True,
        },
    )
    for number, word in enumerate(said):
        consent = {"marketingConsent": {"email": word.pop("email")}}
        moments = {name: moment.isoformat() for name, moment in word.items()}  # type: ignore[attr-defined]
        call = {"userId": who, "messageId": f"{who}{number}", "traits": consent, **moments}
        assert (await served_late.post("/v1/identify", call)).status_code == 200
    async with served_late.store.reading() as session:
        consent_now = await consents.current(session, who)
    assert consent_now.refusal(Channel.EMAIL, "cart") is not None


@pytest_asyncio.fixture
async def served_late(journey: JourneyTest) -> AsyncIterator[Served]:
    async with serving(await journey._ready()) as served:
        await served.ready()
        yield served


# ---- empty text ------------------------------------------------------------------------------


async def test_a_browser_before_anybody_has_logged_in_is_an_anonymous_customer(
    served_late: Served,
) -> None:
    """RudderStack's SDK for browsers sends ``userId: ""`` until somebody logs in."""
    who = f"anonymous-{datetime.now(UTC).timestamp()}"
    nobody = {"userId": "", "anonymousId": who}
    product = {"product_id": "p1", "cart_id": "A"}
    for path, call in (
        ("track", {**nobody, "event": "Product Added", "properties": product}),
        ("identify", {**nobody, "context": {"traits": {"email": f"{who}@shop.example"}}}),
        ("page", {**nobody, "messageId": "", "timestamp": "", "properties": []}),
    ):
        answer = await served_late.post(f"/v1/{path}", call)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
    (row,) = await served_late.stored(who)
    assert row.customer_id == who


async def test_a_batch_is_not_lost_for_what_stands_beside_its_calls(served_late: Served) -> None:
    who = f"beside-{datetime.now(UTC).timestamp()}"
    call = {"type": "track", "userId": who, "event": "Order Completed", "properties": {}}
    beside = {"sentAt": "soon", "context": "c", "integrations": [1]}
    answer = await served_late.post("/v1/batch", {"batch": [call], **beside})
    assert answer.status_code == 200
    assert {note["index"] for note in answer.json()["notes"]} == {0}
    assert len(await served_late.stored(who)) == 1


# ---- other clients ---------------------------------------------------------------------------


async def test_a_beacon_has_its_key_in_its_address(served_late: Served) -> None:
    """RudderStack's SDK for browsers sends batches by ``navigator.sendBeacon``."""
    who = f"beacon-{datetime.now(UTC).timestamp()}"
    call = {"type": "track", "anonymousId": who, "userId": "", "event": "Cart Viewed"}
    for key, status in ((served_late.key, 200), ("sj_wrong", 401), ("", 401)):
        answer = await served_late.http.post(
            f"/beacon/v1/batch?writeKey={key}",
            content=json.dumps({"batch": [call]}),
            headers={"Content-Type": "text/plain;charset=UTF-8"},
        )
        assert answer.status_code == status
    assert len(await served_late.stored(who)) == 1
    elsewhere = f"/v1/batch?writeKey={served_late.key}"
    assert (await served_late.http.post(elsewhere, json={"batch": []})).status_code == 401


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("/capture/", "PostHog"),
        ("/capture", "PostHog"),
        ("/batch", "PostHog"),
        ("/batch/", "PostHog"),
        ("/e/", "PostHog"),
        ("/i/v0/e/", "PostHog"),
        ("/decide/?v=3", "PostHog"),
        ("/flags/?v=2", "PostHog"),
        ("/array/phc_x/config.js", "PostHog"),
        ("/api/s/s2s/track", "Jitsu"),
        ("/api/s/track", "Jitsu"),
        ("/api/public/apps/identify", "Dittofeed"),
        ("/api/public/apps/batch", "Dittofeed"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_other_tools_clients_are_told_what_to_use(
    served_late: Served, method: str, path: str, tool: str
) -> None:
    answer = await served_late.http.request(method, path)
    assert answer.status_code == 404
    reason = answer.json()["error"]["reason"]
    assert reason.startswith(f"is an address of {tool}; the gateway speaks Segment's API")
    assert "docs/send-events.md" in reason


async def test_an_address_of_nobody_is_nothing(served_late: Served) -> None:
    answer = await served_late.http.post("/nothing")
    assert answer.json()["error"]["reason"] == "is nothing here"


async def test_notes_are_counted_by_names_of_ours_alone(served_late: Served) -> None:
    who = f"counted-{datetime.now(UTC).timestamp()}"
    properties = {"order_id": "o", "total": "1,5", "\0secret": 1, "x": {"ada@shop.example": "\0"}}
    call = {"userId": who, "event": "Order Completed", "properties": properties}
    await served_late.post("/v1/track", call)
    odd = await served_late.post("/v1/track", {"userId": who, "event": "ada@shop.example"})
    assert odd.status_code == 200, odd.text
    assert odd.json()["notes"], odd.text
    text = (await served_late.operations.get("/metrics")).text
    for path in ("properties.total", "properties"):
        line = f'sojourn_gateway_notes_total{{event="Order Completed",path="{path}"}} 1.0'
        assert line in text
    assert 'sojourn_gateway_notes_total{event="track",path="event"} 1.0' in text
    assert "ada@" not in text
