"""Webhooks over HTTP: signatures, answers, and their effect on runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import String, cast
from sqlmodel import col, select
from structlog.testing import capture_logs

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import read_call
from sojourn.dispatch.quarantine import mend
from sojourn.dispatch.routing import workflow_id
from sojourn.domain.errors import BadEvent, BadInput, TemporalUnavailable
from sojourn.domain.messages import Channel, Result
from sojourn.gateway.app import make_api, make_app
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.http.faults import AWAY, Refusal, answer
from sojourn.gateway.http.operations import make_operations
from sojourn.gateway.redriving import redrive
from sojourn.gateway.tracking.taking import take_calls
from sojourn.gateway.webhooks.knowing import Unread, settled
from sojourn.gateway.webhooks.mapping.source import load_sources
from sojourn.gateway.webhooks.refused import reread
from sojourn.gateway.webhooks.routes import BODY_LIMIT, Sources, Take, configured, router
from sojourn.gateway.webhooks.shops import shopify, woocommerce
from sojourn.gateway.webhooks.source import Call, Depending, Nothing, Part, Unreadable
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, cards, consents, events, tickets
from sojourn.store.rights import erasures
from sojourn.store.tables import EventRow, QuarantineRow
from tests.support import webhooks
from tests.support.markdown import ROOT
from tests.support.webhooks import STANDARD_SECRET, payload, standard

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BOOKINGS = {"BOOKINGS_WEBHOOK_SECRET": STANDARD_SECRET}
BOOKING = {
    "type": "booking.paid",
    "timestamp": "2026-11-20T09:30:00Z",
    "data": {"id": "bk_81", "basket": "bs_12", "guest": {"id": 7, "email": "ada@example.com"}},
}

Post = Callable[..., Awaitable[httpx.Response]]


def sources(**settings: str) -> Sources:
    given: dict[str, Any] = {
        "shopify_secret": webhooks.SHOPIFY_SECRET,
        "woocommerce_secret": webhooks.WOOCOMMERCE_SECRET,
        "webhooks": ROOT / "examples" / "webhook_mapping",
        **settings,
    }
    return configured(Settings(**given), environment=BOOKINGS)


def client(found: Sources, take: Take) -> httpx.AsyncClient:
    app = FastAPI()
    for error in (Refusal, BadEvent, *AWAY):
        app.add_exception_handler(error, answer)
    app.include_router(router(found, take))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


class Taker:
    """A fake of the tracking API: it remembers calls, and refuses those that it is told to."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.fault: Exception | None = None
        self.refused: set[int] = set()

    async def __call__(
        self, calls: Sequence[Part], source: str, at: datetime
    ) -> list[BadEvent | None]:
        if self.fault:
            raise self.fault
        told = [one.call if isinstance(one, Depending) else one for one in calls]
        self.calls += [one for one in told if not isinstance(one, Unreadable)]
        fault = BadEvent("properties.price", "must be a number")
        return [fault if n in self.refused else None for n, _ in enumerate(calls)]


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest_asyncio.fixture(loop_scope="session")
async def post(taker: Taker) -> AsyncIterator[Post]:
    async with client(sources(), taker) as http:

        async def send(path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
            raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            return await http.post(f"/webhooks/{path}", content=body, headers=raw)

        yield send


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode()


CART = body_of(payload("shopify_cart"))
ORDER = body_of(payload("woocommerce_order"))
PAID = body_of(BOOKING)


def signed(path: str, **options: Any) -> tuple[bytes, dict[str, str]]:
    """Return a good request to each kind of source."""
    match path:
        case "shopify":
            return CART, webhooks.shopify("carts/update", CART, **options)
        case "woocommerce":
            return ORDER, webhooks.woocommerce("order.updated", ORDER, **options)
        case _:
            return PAID, standard(PAID, **options)


EVERY = pytest.mark.parametrize("path", ["shopify", "woocommerce", "in/bookings"])
SIGNATURES = ("x-shopify-hmac-sha256", "x-wc-webhook-signature", "webhook-signature")


# ---- signatures ----------------------------------------------------------------------------


@EVERY
async def test_a_webhook_with_a_good_signature_is_taken(
    post: Post, taker: Taker, path: str
) -> None:
    answer = await post(path, *signed(path))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert taker.calls


@EVERY
async def test_a_webhook_whose_body_was_changed_is_refused(
    post: Post, taker: Taker, path: str
) -> None:
    body, headers = signed(path)
    for place in (0, len(body) // 2, len(body) - 1):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert (await post(path, changed, headers)).status_code == 401
    assert (await post(path, body + b" ", headers)).status_code == 401
    assert (await post(path, b"", headers)).status_code == 401
    assert taker.calls == []


@EVERY
async def test_a_webhook_signed_with_another_secret_is_refused(
    post: Post, taker: Taker, path: str
) -> None:
    body, headers = signed(path, secret="whsec_b3RoZXIgc2VjcmV0IG9mIDI0IGI=")
    answer = await post(path, body, headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["path"] == "signature"
    assert taker.calls == []


@EVERY
@pytest.mark.parametrize("signature", [None, "", "v1,", "v1", "%", "v1,%", "é", "v2,AAAA", "v1,é"])
async def test_a_webhook_with_a_malformed_signature_is_refused(
    post: Post, taker: Taker, path: str, signature: str | None
) -> None:
    body, headers = signed(path)
    (name,) = set(headers) & set(SIGNATURES)
    if signature is None:
        del headers[name]
    else:
        headers[name] = signature
    assert (await post(path, body, headers)).status_code == 401
    assert taker.calls == []


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_standard_webhook_of_another_time_is_refused(post: Post, minutes: int) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    answer = await post("in/bookings", PAID, standard(PAID, at))
    assert answer.status_code == 401
    assert "timestamp" in answer.json()["error"]["reason"]


@pytest.mark.parametrize("timestamp", ["", "soon", "nan", "inf", "1e400", "-1", "9" * 400])
async def test_a_standard_webhook_of_no_time_is_refused(post: Post, timestamp: str) -> None:
    headers = {**standard(PAID), "webhook-timestamp": timestamp}
    assert (await post("in/bookings", PAID, headers)).status_code == 401


async def test_a_body_that_is_not_utf_8_is_refused(post: Post) -> None:
    assert (await post("in/bookings", b"\xff\xfe", standard(PAID))).status_code == 401


async def test_two_secrets_are_valid_while_one_is_exchanged(taker: Taker) -> None:
    async with client(sources(shopify_secret="new, hush"), taker) as http:
        for secret in ("new", "hush"):
            headers = webhooks.shopify("carts/update", CART, secret)
            answer = await http.post("/webhooks/shopify", content=CART, headers=headers)
            assert answer.status_code == 200
        headers = webhooks.shopify("carts/update", CART, "old")
        answer = await http.post("/webhooks/shopify", content=CART, headers=headers)
    assert answer.status_code == 401


# ---- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["shopify", "woocommerce", "magento", "in/bookings"])
async def test_a_source_that_is_not_set_up_is_not_found(taker: Taker, path: str) -> None:
    async with client(Sources(), taker) as http:
        answer = await http.post(f"/webhooks/{path}", content=CART)
    assert answer.status_code == 404
    assert answer.json()["error"]["reason"].startswith("no webhooks are taken here: ")


async def test_a_webhook_of_an_unknown_topic_is_answered_as_taken(post: Post, taker: Taker) -> None:
    for path, headers in (
        ("shopify", webhooks.shopify("products/update", b"{}")),
        ("woocommerce", webhooks.woocommerce("product.updated", b"{}")),
        ("in/bookings", standard(b"{}")),
    ):
        answer = await post(path, b"{}", headers)
        assert answer.status_code == 200
        assert answer.json()["ignored"]
    assert taker.calls == []


async def test_the_ping_of_a_new_woocommerce_webhook_is_answered(post: Post, taker: Taker) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await post("woocommerce", b"webhook_id=1", form)).status_code == 200
    assert (await post("woocommerce", b"webhook_id=1&status=paid", form)).status_code == 401
    assert taker.calls == []


@EVERY
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"NaN",
        b'{"id": 1e999}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b"[" * 5000 + b"]" * 5000,
        b'{"a": ' * 500 + b"1" + b"}" * 500,
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: body[:12].decode(),
)
async def test_a_signed_body_that_makes_no_sense_is_refused_with_its_path(
    post: Post, taker: Taker, path: str, body: bytes
) -> None:
    headers = {
        "shopify": webhooks.shopify("orders/create", body),
        "woocommerce": webhooks.woocommerce("order.updated", body),
        "in/bookings": standard(body),
    }[path]
    answer = await post(path, body, headers)
    if path == "in/bookings" and answer.status_code == 200:
        assert answer.json()["ignored"]  # JSON that no entry of the file is about
    else:
        assert answer.status_code == 400
        assert answer.json()["error"]["path"]
    assert taker.calls == []


async def test_a_body_that_is_too_large_is_not_read(post: Post, taker: Taker) -> None:
    body = b"x" * (BODY_LIMIT + 1)
    assert (await post("shopify", body, webhooks.shopify("carts/update", body))).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        yield body[:10]
        yield body[10:]

    async with client(sources(), taker) as http:
        answer = await http.post("/webhooks/shopify", content=chunks())
    assert answer.status_code == 413


async def test_a_call_that_cannot_be_taken_is_named_and_the_others_are_taken(
    post: Post, taker: Taker
) -> None:
    taker.refused = {1}
    answer = await post("shopify", *signed("shopify"))
    assert answer.status_code == 200
    assert answer.json()["refused"] == [{"path": "properties.price", "reason": "must be a number"}]
    taker.refused = {0, 1, 2}
    answer = await post("shopify", *signed("shopify"))
    assert answer.status_code == 400
    assert answer.json()["error"]["path"] == "properties.price"


async def test_a_shop_is_asked_to_send_again_while_temporal_is_away(
    post: Post, taker: Taker
) -> None:
    taker.fault = TemporalUnavailable("no Temporal server answers")
    answer = await post("shopify", *signed("shopify"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


# ---- any shape of a body -------------------------------------------------------------------

BODIES = [
    *((shopify.TOPICS[topic], payload(f"shopify_{name}")) for topic, name in (
        ("carts/update", "cart"),
        ("checkouts/update", "checkout"),
        ("orders/create", "order"),
        ("orders/cancelled", "order"),
        ("refunds/create", "refund"),
        ("fulfillments/update", "fulfillment"),
        ("fulfillment_events/create", "fulfillment_event"),
        ("customers/create", "customer"),
        ("customers/update", "customer"),
        ("customers_email_marketing_consent/update", "email_consent"),
        ("customers_marketing_consent/update", "sms_consent"),
        ("customers_whats_app_marketing_consent/update", "whatsapp_consent"),
        ("customers/merge", "merge"),
    )),
    *((woocommerce.TOPICS[topic], payload(f"woocommerce_{name}")) for topic, name in (
        ("order.updated", "order"),
        ("order.updated", "order_fractions"),
        ("order.updated", "order_refunded"),
        ("order.created", "order_pending"),
        ("customer.created", "customer"),
    )),
]  # fmt: skip
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["", "0", "-1", "1e9", "2026-13-01T00:00:00Z", "0000-01-01", "+39", "a@b"]),
    st.lists(st.none() | st.integers() | st.text(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.none() | st.text(), max_size=3),
)


def plain(one: Call | Depending) -> Call:
    """Return a call as it is taken once it counts."""
    if isinstance(one, Depending):
        return {**one.call, "userId": one.call["userId"] or "somebody"}
    return one


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List every place in a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(p for name, one in inner for p in places(one, (*path, name)))]


def changed(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return the body with another value at a place."""
    if not path:
        return value
    copy = body.copy()
    copy[path[0]] = changed(body[path[0]], path[1:], value)
    return copy


def fault_of(work: Callable[[], Any]) -> BadEvent | None:
    """Return the `BadEvent` that some work raises; let any other error pass."""
    try:
        work()
    except BadEvent as fault:
        return fault
    return None


@given(st.data())
def test_a_shops_body_of_any_shape_is_read_or_refused_with_its_path(data: st.DataObject) -> None:
    topic, body = data.draw(st.sampled_from(BODIES))
    for _ in range(data.draw(st.integers(1, 3))):
        body = changed(body, data.draw(st.sampled_from(places(body))), data.draw(ANYTHING))
    calls: list[Call] = []

    def read() -> None:
        found = topic(body, NOW)
        calls.extend([] if isinstance(found, Nothing) else map(plain, found))

    fault = fault_of(read)
    assert fault is None or fault.path
    assert not any("@" in call["userId"] for call in calls)


@given(st.data())
def test_a_mapped_body_of_any_shape_is_read_or_refused_with_its_path(data: st.DataObject) -> None:
    (source,) = load_sources(ROOT / "examples" / "webhook_mapping", BOOKINGS).values()
    body = changed(BOOKING, data.draw(st.sampled_from(places(BOOKING))), data.draw(ANYTHING))
    fault = fault_of(lambda: source.read(body, "msg_1", NOW))
    assert fault is None or fault.path.startswith(("events.", "identify."))


TWO_ENTRIES = """secret = "BOOKINGS_WEBHOOK_SECRET"
[[events]]
event = "Order Completed"
user_id = "guest"
properties.order_id = "id"
[[events]]
event = "Signed Up"
user_id = "nobody"
"""


async def test_an_entry_that_cannot_be_read_is_listed_and_the_others_are_taken(
    tmp_path: Path, taker: Taker
) -> None:
    (tmp_path / "pair.toml").write_text(TWO_ENTRIES)
    found = Sources(inbound=dict(load_sources(tmp_path, BOOKINGS)))
    body = body_of({"guest": "g1", "id": "o1"})

    async def take(parts: Sequence[Part], source: str, at: datetime) -> list[BadEvent | None]:
        plain = [one for one in parts if isinstance(one, dict)]
        ends = iter(await taker(plain, source, at))
        return [
            Unread(one.path, one.reason) if isinstance(one, Unreadable) else next(ends)
            for one in parts
        ]

    async with client(found, take) as http:
        answer = await http.post("/webhooks/in/pair", content=body, headers=standard(body))
        none = body_of({"id": "o1"})
        refused = await http.post("/webhooks/in/pair", content=none, headers=standard(none))
    assert answer.status_code == 200
    assert answer.json()["refused"] == [
        {"path": "events.1.user_id", "reason": "nobody finds nothing"}
    ]
    assert [call["event"] for call in taker.calls] == ["Order Completed"]
    assert refused.status_code == 400
    assert refused.json()["error"]["path"] == "events.0.user_id"


# ---- end to end ----------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def sojourn(temporal: Server, store: Store) -> AsyncIterator[Sojourn]:
    settings = Settings(quiet_hours=None)
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    async with worker.serving(temporal.client, store, settings, task_queue=queue):
        yield Sojourn(temporal.client, store, settings, task_queue=queue)


def taking(sojourn: Sojourn) -> Take:
    async def take(calls: Sequence[Part], source: str, at: datetime) -> list[BadEvent | None]:
        plain = [one for one in await settled(sojourn.store, calls) if isinstance(one, dict)]
        taken = await take_calls(sojourn, plain, source=source, received_at=at)
        return [one.fault for one in taken]

    return take


async def _email(sojourn: Sojourn, customer_id: str) -> str:
    async with sojourn.store.reading() as session:
        card = await cards.find(session, customer_id)
    assert card is not None
    return card.email


async def outcome(sojourn: Sojourn, customer_id: str, key: str) -> str:
    await sojourn.drain()  # an answer says that the events are stored, not that a run has begun
    run = workflow_id("abandoned-cart", customer_id, key)
    handle = sojourn.client.get_workflow_handle(run, result_type=Result)
    async with asyncio.timeout(20):  # a run that goes on is a failure, not a reason to wait
        return str((await handle.result()).outcome)


async def test_an_order_ends_the_carts_of_the_customer_and_of_the_guest(sojourn: Sojourn) -> None:
    token, number = uuid4().hex, uuid4().int % 10**12
    began = datetime.now(UTC) - timedelta(minutes=10)

    async def post(topic: str, name: str, minutes: int, **changes: Any) -> None:
        at = (began + timedelta(minutes=minutes)).isoformat(timespec="seconds")
        body = {**payload(f"shopify_{name}"), "created_at": at, "updated_at": at, **changes}
        if body.get("customer"):
            body["customer"] = {**body["customer"], "id": number}
        raw = body_of(body)
        for _ in range(2):  # shops send twice
            answer = await http.post(
                "/webhooks/shopify", content=raw, headers=webhooks.shopify(topic, raw)
            )
            assert (answer.status_code, answer.json()) == (200, {"success": True})

    async with client(sources(), taking(sojourn)) as http:
        await post("carts/create", "cart", 0, id=token, token=token)
        await post("checkouts/create", "checkout_guest", 1, cart_token=token, token=f"t{token}")
        await post("checkouts/update", "checkout", 2, cart_token=token, token=f"t{token}")
        await post("orders/create", "order", 3, id=number, cart_token=token)
        await post("orders/paid", "order", 3, id=number, cart_token=token)
    guest, giulia = shopify.guest(token), shopify.known(str(number))
    assert await outcome(sojourn, guest, token) == "converted"
    assert await outcome(sojourn, giulia, token) == "converted"
    async with sojourn.store.reading() as session:
        card, stranger = [await cards.find(session, who) for who in (giulia, guest)]
    assert card is not None
    assert (card.email, card.phone) == ("giulia@example.com", "+393201234567")
    assert stranger is not None
    assert not stranger.reachable


async def test_a_paid_order_ends_the_run_of_the_order_left_at_the_till(sojourn: Sojourn) -> None:
    number = uuid4().int % 10**12
    began = datetime.now(UTC) - timedelta(minutes=10)
    async with client(sources(), taking(sojourn)) as http:
        for name, topic, minutes in (
            ("order_pending", "order.created", 0),
            ("order", "order.updated", 1),
        ):
            at = (began + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")
            body = {
                **payload(f"woocommerce_{name}"),
                "id": number,
                "customer_id": number,
                "date_modified_gmt": at,
                "date_paid_gmt": at if minutes else None,
            }
            raw = body_of(body)
            answer = await http.post(
                "/webhooks/woocommerce", content=raw, headers=webhooks.woocommerce(topic, raw)
            )
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    key = f"order {number}"
    assert await outcome(sojourn, woocommerce.known(str(number)), key) == "converted"


async def test_an_order_by_a_mapping_file_ends_the_run_of_its_cart(sojourn: Sojourn) -> None:
    guest, basket = uuid4().int % 10**12, uuid4().hex
    began = datetime.now(UTC) - timedelta(minutes=10)
    data = {
        "id": uuid4().hex,
        "basket": basket,
        "guest": {"id": guest, "name": "Ada", "email": "ada@example.com", "newsletter": True},
        "rooms": [{"code": "dbl", "title": "Double room", "nights": 2, "price": "124.50"}],
    }
    async with client(sources(), taking(sojourn)) as http:
        for minutes, kind in enumerate(("basket.changed", "booking.paid")):
            at = (began + timedelta(minutes=minutes)).isoformat()
            raw = body_of({"type": kind, "timestamp": at, "data": data})
            headers = standard(raw, webhook_id=f"msg_{uuid4().hex}")
            for _ in range(2):
                answer = await http.post("/webhooks/in/bookings", content=raw, headers=headers)
                assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert await outcome(sojourn, f"guest-{guest}", basket) == "converted"


async def test_the_gateway_takes_webhooks_that_its_settings_name(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    settings = sojourn.settings.model_copy(
        update={"home": tmp_path, "shopify_secret": SecretStr(webhooks.SHOPIFY_SECRET)}
    )
    gateway = Gateway(Sojourn(sojourn.client, sojourn.store, settings, task_queue="nowhere"))
    await gateway.find_temporal()
    transport = httpx.ASGITransport(make_app(gateway, make_api(gateway)))
    body = body_of({**payload("shopify_customer"), "id": uuid4().int % 10**12})
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        for path, status in (("shopify", 200), ("woocommerce", 404), ("in/bookings", 404)):
            headers = webhooks.shopify("customers/update", body)
            answer = await http.post(f"/webhooks/{path}", content=body, headers=headers)
            assert answer.status_code == status
    assert await _email(sojourn, shopify.known(str(json.loads(body)["id"]))) == "giulia@example.com"


OPERATIONS = "http://operations"


@asynccontextmanager
async def gateway_of(sojourn: Sojourn, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a whole gateway that takes the webhooks of both shops."""
    settings = sojourn.settings.model_copy(
        update={
            "home": home,
            "shopify_secret": SecretStr(webhooks.SHOPIFY_SECRET),
            "woocommerce_secret": SecretStr(webhooks.WOOCOMMERCE_SECRET),
        }
    )
    queue = sojourn.task_queue
    gateway = Gateway(Sojourn(sojourn.client, sojourn.store, settings, task_queue=queue))
    await gateway.find_temporal()
    api = make_api(gateway)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(make_app(gateway, api)),
        mounts={OPERATIONS: httpx.ASGITransport(make_operations(gateway.backend, api.openapi))},
        base_url="http://gateway",
    ) as http:
        yield http


async def told_by_shopify(http: httpx.AsyncClient, topic: str, body: Any) -> httpx.Response:
    raw = body_of(body)
    headers = webhooks.shopify(topic, raw)
    return await http.post("/webhooks/shopify", content=raw, headers=headers)


async def of_customer(sojourn: Sojourn, customer_id: str, name: str) -> list[EventRow]:
    async with sojourn.store.reading() as session:
        return [row for row in await events.of_customer(session, customer_id) if row.name == name]


async def agreed(sojourn: Sojourn, customer_id: str) -> dict[Channel, bool]:
    async with sojourn.store.reading() as session:
        return dict((await consents.current(session, customer_id)).by_channel)


async def in_quarantine(sojourn: Sojourn, text: str) -> list[QuarantineRow]:
    """Return the open rows that quote a text; other tests leave thousands in the same store."""
    query = select(QuarantineRow).where(
        cast(QuarantineRow.call, String).contains(text), col(QuarantineRow.settled_at).is_(None)
    )
    async with sojourn.store.reading() as session:
        return list(await session.exec(query))


async def test_a_no_by_its_own_topic_holds_against_a_ticked_box(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    number, token = uuid4().int % 10**12, uuid4().hex
    said = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    word = {"state": "unsubscribed", "opt_in_level": "single_opt_in", "consent_updated_at": said}
    refusal = {
        **payload("shopify_email_consent"),
        "customer_id": number,
        "email_marketing_consent": word,
    }
    checkout = {
        **payload("shopify_checkout"),
        "token": token,
        "cart_token": f"cart{token}",
        "created_at": datetime.now(UTC).isoformat(),
        "updated_at": datetime.now(UTC).isoformat(),
    }
    checkout["customer"] = {**checkout["customer"], "id": number}
    async with gateway_of(sojourn, tmp_path) as http:
        answer = await told_by_shopify(http, "checkouts/update", checkout)
        assert answer.status_code == 200
        assert await agreed(sojourn, shopify.known(str(number))) == {Channel.EMAIL: True}
        topic = "customers_email_marketing_consent/update"
        assert (await told_by_shopify(http, topic, refusal)).status_code == 200
        assert await agreed(sojourn, shopify.known(str(number))) == {Channel.EMAIL: False}
        assert (await told_by_shopify(http, "checkouts/update", checkout)).status_code == 200
    assert await agreed(sojourn, shopify.known(str(number))) == {Channel.EMAIL: False}


async def test_a_guests_checkout_without_an_id_and_an_address_is_taken(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    token = uuid4().hex
    body = {
        **payload("shopify_checkout_guest"),
        "token": token,
        "cart_token": f"cart{token}",
        "shipping_address": [],
    }
    who = shopify.guest(f"cart{token}")
    async with gateway_of(sojourn, tmp_path) as http:
        for email in (None, "ada@example.com"):  # in one second
            answer = await told_by_shopify(http, "checkouts/create", {**body, "email": email})
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert await _email(sojourn, who) == "ada@example.com"
    assert await agreed(sojourn, who) == {Channel.EMAIL: True}
    assert len(await of_customer(sojourn, who, "Checkout Started")) == 1
    assert await of_customer(sojourn, who, "Cart Viewed")


@pytest.mark.parametrize("topics", [("enable", "update"), ("update", "enable"), ("update",)])
async def test_a_first_sign_in_signs_up_once(
    sojourn: Sojourn, tmp_path: Path, topics: tuple[str, ...]
) -> None:
    number = uuid4().int % 10**12
    body = {
        **payload("shopify_customer"),
        "id": number,
        "created_at": "2026-05-01T10:00:00Z",  # an order made the card, long before
        "updated_at": "2026-05-01T10:00:00Z",
        "state": "disabled",
    }
    async with gateway_of(sojourn, tmp_path) as http:
        await told_by_shopify(http, "customers/create", body)
        assert await of_customer(sojourn, shopify.known(str(number)), "Signed Up") == []
        for topic in (*topics, "update"):
            body |= {"state": "enabled", "updated_at": "2026-11-20T10:00:30Z"}
            answer = await told_by_shopify(http, f"customers/{topic}", body)
            assert answer.status_code == 200
    (signed_up,) = await of_customer(sojourn, shopify.known(str(number)), "Signed Up")
    assert signed_up.occurred_at == datetime(2026, 11, 20, 10, 0, 30, tzinfo=UTC)


async def test_an_old_account_that_changes_does_not_sign_up(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    number = uuid4().int % 10**12
    body = {**payload("shopify_customer"), "id": number, "created_at": "2020-05-01T10:00:00Z"}
    async with gateway_of(sojourn, tmp_path) as http:
        assert (await told_by_shopify(http, "customers/update", body)).status_code == 200
    assert await of_customer(sojourn, shopify.known(str(number)), "Signed Up") == []


async def test_a_merged_customer_keeps_the_addresses_though_the_other_is_deleted(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    kept, former = uuid4().int % 10**12, uuid4().int % 10**12
    merge = {
        **payload("shopify_merge"),
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{former}",
    }
    async with gateway_of(sojourn, tmp_path) as http:
        for number in (former, kept):
            body = {**payload("shopify_customer"), "id": number}
            await told_by_shopify(http, "customers/update", body)
        assert (await told_by_shopify(http, "customers/merge", merge)).status_code == 200
        answer = await told_by_shopify(http, "customers/delete", {"id": former})
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert await _email(sojourn, shopify.known(str(former))) == "giulia@example.com"
        await told_by_shopify(http, "customers/delete", {"id": kept})
        late = {**payload("shopify_customer"), "id": kept, "updated_at": "2030-01-01T00:00:00Z"}
        assert (await told_by_shopify(http, "customers/update", late)).status_code == 200
    async with sojourn.store.reading() as session:
        card = await cards.find(session, shopify.known(str(kept)))
    assert card is not None
    assert (card.reachable, card.first_name) == (frozenset(), "")


async def test_a_refund_reaches_the_customer_of_its_order(sojourn: Sojourn, tmp_path: Path) -> None:
    number, order = uuid4().int % 10**12, uuid4().int % 10**12
    bought = {**payload("shopify_order"), "id": order, "cart_token": uuid4().hex}
    bought["customer"] = {**bought["customer"], "id": number}
    refund = {**payload("shopify_refund"), "id": order + 1, "order_id": order}
    async with gateway_of(sojourn, tmp_path) as http:
        early = await told_by_shopify(http, "refunds/create", refund)
        assert early.status_code == 200  # no retry would help, and a shop gives up on failures
        assert early.json()["refused"][0]["path"] == "order_id"
        (row,) = await in_quarantine(sojourn, str(order))
        assert (row.name, row.path) == ("shopify refunds/create", "order_id")
        await told_by_shopify(http, "orders/create", bought)
        for _ in range(2):
            answer = await told_by_shopify(http, "refunds/create", refund)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    (refunded,) = await of_customer(sojourn, shopify.known(str(number)), "Order Refunded")
    assert refunded.properties["total"] == "17.50"


async def test_an_event_of_a_fulfillment_is_one_of_each_of_its_parcels(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    number, order, parcel = (uuid4().int % 10**12 for _ in range(3))
    bought = {**payload("shopify_order"), "id": order, "cart_token": uuid4().hex}
    bought["customer"] = {**bought["customer"], "id": number}
    left = {**payload("shopify_fulfillment"), "id": parcel, "order_id": order}
    van = {**payload("shopify_fulfillment_event"), "fulfillment_id": parcel, "order_id": order}
    async with gateway_of(sojourn, tmp_path) as http:
        await told_by_shopify(http, "orders/create", bought)
        early = await told_by_shopify(http, "fulfillment_events/create", van)
        assert early.status_code == 200
        assert early.json()["refused"][0]["path"] == "fulfillment_id"
        await told_by_shopify(http, "fulfillments/create", left)
        other = {**left, "id": parcel + 1, "tracking_number": None, "tracking_numbers": ["GL9"]}
        await told_by_shopify(http, "fulfillments/create", other)
        told = {**left, "shipment_status": "out_for_delivery", "updated_at": van["happened_at"]}
        for topic, body in (
            ("fulfillment_events/create", van),
            ("fulfillments/update", told),
            ("fulfillment_events/create", van),
            ("fulfillment_events/create", {**van, "status": "delayed"}),
        ):
            assert (await told_by_shopify(http, topic, body)).status_code == 200
    for name in ("Out for Delivery", "Order Delayed"):
        found = await of_customer(sojourn, shopify.known(str(number)), name)
        assert [row.properties["tracking_number"] for row in found] == ["GL1", "GL2"]


async def test_a_redacted_customer_is_erased_before_the_answer(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    number = uuid4().int % 10**12
    bought = {**payload("shopify_order"), "id": number + 1}
    bought["customer"] = {**bought["customer"], "id": number}
    body = payload("shopify_redact")
    body["customer"] = {**body["customer"], "id": number}
    async with gateway_of(sojourn, tmp_path) as http:
        await told_by_shopify(http, "orders/create", bought)
        assert await of_customer(sojourn, shopify.known(str(number)), "Order Completed")
        for _ in range(2):
            answer = await told_by_shopify(http, "customers/redact", body)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
        late = await told_by_shopify(http, "orders/create", {**bought, "id": number + 2})
        assert late.status_code == 200
    assert not await of_customer(sojourn, shopify.known(str(number)), "Order Completed")
    async with sojourn.store.reading() as session:
        card = await cards.find(session, shopify.known(str(number)))
        proofs = await erasures.listed(session, everything=True, limit=1)
    assert card is not None
    assert (card.erased, card.email) == (True, "")
    assert (proofs[0].why, proofs[0].by, proofs[0].dropped > 0) == (
        "customers/redact",
        "shopify",
        True,
    )


@pytest.mark.parametrize(
    ("topic", "name"), [("customers/data_request", "data_request"), ("shop/redact", "shop_redact")]
)
async def test_a_request_that_needs_a_person_is_a_ticket(
    sojourn: Sojourn, tmp_path: Path, topic: str, name: str
) -> None:
    number = uuid4().int % 10**12
    body = {**payload(f"shopify_{name}"), "shop_id": number}
    if "customer" in body:
        body["customer"] = {**body["customer"], "id": number}
    async with gateway_of(sojourn, tmp_path) as http:
        for _ in range(2):
            answer = await told_by_shopify(http, topic, body)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    async with sojourn.store.reading() as session:
        found = [t for t in await tickets.listed(session) if str(number) in t.customer_id]
    assert len(found) == 1
    assert "sojourn customer" in found[0].subject


async def test_a_webhook_that_cannot_be_read_is_logged_counted_and_kept(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    token = uuid4().hex
    body = {**payload("shopify_order"), "id": None, "cart_token": token}
    async with gateway_of(sojourn, tmp_path) as http:
        with capture_logs() as logs:
            for _ in range(3):  # a shop sends it again and again
                answer = await told_by_shopify(http, "orders/create", body)
                assert (answer.status_code, answer.json()["error"]["path"]) == (400, "id")
        raw = body_of(body)
        headers = webhooks.shopify("orders/create", raw, "wrong")
        answer = await http.post("/webhooks/shopify", content=raw, headers=headers)
        assert answer.status_code == 401
        metrics = (await http.get(f"{OPERATIONS}/metrics")).text
    assert (
        'sojourn_gateway_webhooks_refused_total{path="id",source="shopify",status="400"} 3.0'
        in (metrics)
    )
    assert 'path="signature",source="shopify",status="401"} 1.0' in metrics
    (row,) = await in_quarantine(sojourn, token)  # not the one that nobody signed
    assert (row.name, row.path, row.reason) == ("shopify orders/create", "id", "is missing")
    assert ("webhook refused", "id", "is missing") in [
        (one["event"], one.get("path"), one.get("reason")) for one in logs
    ]

    # a person mends it, and it is taken as if it had come in order
    assert row.id is not None
    found = sources()
    with pytest.raises(BadEvent, match="id: is missing"):
        await redrive(sojourn, row, found.named)
    mended = await mend(
        sojourn.store, row.id, [("body.id", 1)], check=lambda one: reread(one, found.named)
    )
    done = await redrive(sojourn, mended, found.named)
    assert done.message_ids[0] == "shopify/order/1"
    assert done.stored
    assert await in_quarantine(sojourn, token) == []


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:-1], lambda raw: raw.replace(b"{", b'{"tax": NaN, ', 1)]
)
async def test_a_webhook_that_is_no_json_is_kept_as_text(
    sojourn: Sojourn, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    token, number = uuid4().hex, uuid4().int % 10**12
    whole = {**payload("shopify_order"), "id": number, "cart_token": token}
    raw = spoil(body_of(whole))
    async with gateway_of(sojourn, tmp_path) as http:
        for _ in range(2):
            headers = webhooks.shopify("orders/create", raw)
            answer = await http.post("/webhooks/shopify", content=raw, headers=headers)
            assert (answer.status_code, answer.json()["error"]["path"]) == (400, "body")
        headers = webhooks.shopify("orders/create", raw, "wrong")
        answer = await http.post("/webhooks/shopify", content=raw, headers=headers)
        assert answer.status_code == 401
    (row,) = await in_quarantine(sojourn, token)  # not the one that nobody signed
    assert (row.name, row.path, row.call["body"]) == ("shopify orders/create", "body", raw.decode())
    assert row.id is not None
    found = sources()
    with pytest.raises(BadEvent, match="is not JSON"):
        await redrive(sojourn, row, found.named)
    mended = await mend(
        sojourn.store, row.id, [("body", whole)], check=lambda one: reread(one, found.named)
    )
    assert (await redrive(sojourn, mended, found.named)).message_ids[0] == f"shopify/order/{number}"
    assert await in_quarantine(sojourn, token) == []


async def test_what_is_left_out_of_a_webhook_is_said_and_counted(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    body = {**payload("shopify_order"), "id": uuid4().int % 10**12, "total_price": "27,50"}
    body["line_items"] = [{**body["line_items"][0], "quantity": -1}, {"title": "nothing"}]
    async with gateway_of(sojourn, tmp_path) as http:
        answer = await told_by_shopify(http, "orders/create", body)
        metrics = (await http.get(f"{OPERATIONS}/metrics")).text
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "notes": [
            {"path": "total_price", "reason": "left out: must be an amount like 49.90"},
            {"path": "line_items.0.quantity", "reason": "left out: must be a number, 0 to 1000000"},
            {"path": "line_items.1.id", "reason": "left out: is missing"},
        ],
    }
    assert 'left_out_total{path="line_items.N.quantity",source="shopify"} 1.0' in metrics
    assert "27,50" not in answer.text


async def test_a_request_without_a_source_here_stays_in_quarantine(
    sojourn: Sojourn, tmp_path: Path
) -> None:
    token = uuid4().hex
    async with gateway_of(sojourn, tmp_path) as http:
        await told_by_shopify(http, "checkouts/create", {"cart_token": token})
    (row,) = await in_quarantine(sojourn, token)
    with pytest.raises(BadInput, match="shopify, which is not set up here"):
        await redrive(sojourn, row, {})


def test_the_reader_takes_every_call_of_the_shops_bodies() -> None:
    for topic, body in BODIES:
        calls = topic(body, NOW)
        assert not isinstance(calls, Nothing)
        assert all(read_call(plain(call)) for call in calls)
