"""The tracking API over HTTP: calls that are taken, calls that are refused, and the answers."""

import asyncio
import gc
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.cli.commands.gateway import listening
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.http import edge, slow, work
from sojourn.gateway.http.bodies import inflate
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.server import serve_gateway
from sojourn.gateway.tracking.keyring import Key, Keyring
from sojourn.store import Store, cards, keys, people, quarantine
from tests.support.cli_stack import NOWHERE
from tests.support.gateway_server import Served, added, basic, serving, settings
from tests.support.postgres import Postgres

CALLS = ("identify", "track", "page", "screen", "group", "alias")
PACKED = {"Content-Encoding": "gzip"}
LONG_AGO = datetime(2024, 1, 4, 11, 45, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store, temporal: Server) -> AsyncIterator[Served]:
    sojourn = Sojourn(temporal.client, store, settings(), task_queue=f"gateway-{uuid4()}")
    async with serving(sojourn) as served:
        await served.ready()
        yield served


def fault(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["message"] == f"{body['error']['path']}: {body['error']['reason']}"
    assert body["code"]
    return answer.status_code, body["error"]["path"]


# ---- what is taken ---------------------------------------------------------------------------


async def test_a_call_is_stored_before_it_is_acknowledged(served: Served, customer_id: str) -> None:
    answer = await served.post("/v1/track", added(customer_id, messageId=customer_id))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (row,) = await served.stored(customer_id)
    assert (row.message_id, row.name) == (customer_id, "Product Added")


async def test_runs_are_told_of_what_was_acknowledged(served: Served, customer_id: str) -> None:
    assert (await served.post("/v1/track", added(customer_id))).status_code == 200
    await served.told()
    (row,) = await served.stored(customer_id)
    assert row.routed_at is not None
    handle = served.gateway.sojourn.client.get_workflow_handle(f"abandoned-cart:{customer_id}:k1")
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    told = await served.until(
        "/metrics", lambda answer: "sojourn_gateway_told_seconds_count" in answer.text
    )
    assert "sojourn_gateway_telling 0.0" in told.text


@pytest.mark.parametrize("kind", CALLS)
async def test_the_gateway_takes_every_call_under_its_name_and_under_its_letter(
    served: Served, customer_id: str, kind: str
) -> None:
    call = {"userId": customer_id, "event": "Cart Viewed", "previousId": f"{customer_id}-before"}
    for path in (f"/v1/{kind}", f"/v1/{kind[0]}"):
        answer = await served.post(path, call)
        assert answer.status_code == 200
        assert answer.json()["success"] is True


async def test_an_identify_call_updates_the_customers_card(
    served: Served, customer_id: str
) -> None:
    traits = {"email": "ada@example.com", "phone": "+39 320 1234567", "plan": "pro"}
    answer = await served.post("/v1/identify", {"userId": customer_id, "traits": traits})
    assert answer.status_code == 200
    async with served.store.reading() as session:
        card = await cards.find(session, customer_id)
    assert card is not None
    assert (card.email, card.phone) == ("ada@example.com", "+393201234567")
    assert card.attributes == {"plan": "pro"}


async def test_an_identify_reads_traits_from_its_context_and_no_other_call_does(
    served: Served, customer_id: str
) -> None:
    call = {"userId": customer_id, "context": {"traits": {"email": "ada@example.com"}}}
    assert (await served.post("/v1/page", call)).status_code == 200
    async with served.store.reading() as session:
        assert await cards.find(session, customer_id) is None
    for traits in ({}, {"plan": "pro"}):
        assert (await served.post("/v1/identify", {**call, "traits": traits})).status_code == 200
    async with served.store.reading() as session:
        card = await cards.find(session, customer_id)
    assert card is not None
    assert (card.email, card.attributes) == ("ada@example.com", {"plan": "pro"})
    bad = {"userId": customer_id, "context": {"traits": "pro"}}
    assert fault(await served.post("/v1/identify", bad)) == (400, "context.traits")
    bad = {"userId": customer_id, "context": {"traits": {"email": "ada"}}}
    assert fault(await served.post("/v1/identify", bad)) == (400, "traits.email")


async def test_an_anonymous_id_stands_in_for_the_customer_id(
    served: Served, customer_id: str
) -> None:
    call = {**added(""), "anonymousId": customer_id}
    del call["userId"]
    assert (await served.post("/v1/track", call)).status_code == 200
    assert len(await served.stored(customer_id)) == 1


async def test_a_call_that_is_sent_twice_is_stored_once(served: Served, customer_id: str) -> None:
    call = added(customer_id)
    for _ in range(2):
        assert (await served.post("/v1/track", call)).status_code == 200
    assert len(await served.stored(customer_id)) == 1


async def test_two_calls_without_a_message_id_are_told_apart_by_their_moments(
    served: Served, customer_id: str
) -> None:
    call = added(customer_id, messageId=None, timestamp=LONG_AGO.isoformat())
    later = {**call, "timestamp": (LONG_AGO + timedelta(seconds=1)).isoformat()}
    for one in (call, call, later):
        assert (await served.post("/v1/track", one)).status_code == 200
    assert len(await served.stored(customer_id)) == 2


async def test_two_equal_calls_without_message_id_and_moment_are_two_events(
    served: Served, customer_id: str
) -> None:
    for _ in range(2):
        await served.post("/v1/track", added(customer_id, messageId=None))
    assert len(await served.stored(customer_id)) == 2


async def test_a_batch_keeps_the_order_of_each_customer(served: Served, customer_id: str) -> None:
    names = [f"{customer_id}-{n % 3}" for n in range(30)]
    batch = [{"type": "track", "userId": c, "event": f"E{n}"} for n, c in enumerate(names)]
    answer = await served.post("/v1/batch", {"batch": batch})
    assert answer.status_code == 200
    assert "errors" not in answer.json()
    for number in range(3):
        stored = await served.stored(f"{customer_id}-{number}")
        rows = sorted(stored, key=lambda row: row.seq or 0)
        assert [row.name for row in rows] == [f"E{n}" for n in range(30) if n % 3 == number]


async def test_a_bad_item_of_a_batch_is_listed_and_the_others_are_taken(
    served: Served, customer_id: str
) -> None:
    batch = [
        {"type": "track", **added(customer_id)},
        {"type": "track", **added(customer_id, properties={"product_id": "p", "price": "much"})},
        7,
        {"type": "page", "userId": [customer_id]},
        {"type": "track", "event": "E", "userId": customer_id, "properties": {"x": "y" * 33_000}},
        {"type": "dance", "userId": customer_id},
        {"type": "track", **added(customer_id)},
    ]
    for name in ("batch", "import", "b"):
        answer = await served.post(f"/v1/{name}", {"batch": batch})
        assert answer.status_code == 200
        errors = {error["index"]: error["path"] for error in answer.json()["errors"]}
        assert errors == {1: "properties.price", 2: "call", 3: "userId", 4: "call", 5: "type"}
    assert len(await served.stored(customer_id)) == 2


async def test_a_known_event_that_does_not_validate_is_kept_in_quarantine_once(
    served: Served, customer_id: str
) -> None:
    bad = added(customer_id, properties={"product_id": "p", "price": "much"})
    for _ in range(2):
        call = {**bad, "timestamp": datetime.now(UTC).isoformat(), "writeKey": served.key}
        answer = await served.post("/v1/track", call)
        assert fault(answer) == (400, "properties.price")
    async with served.store.reading() as session:
        kept = await quarantine.listed(session)
    (row,) = [row for row in kept if row.call["userId"] == customer_id]
    assert (row.path, row.name) == ("properties.price", "Product Added")
    assert "writeKey" not in row.call
    assert b"sojourn_gateway_quarantined_total" in (await served.operations.get("/metrics")).content


# ---- clocks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
async def test_a_senders_wrong_clock_does_not_change_the_moment_of_an_event(
    served: Served, customer_id: str, field: str
) -> None:
    fast = datetime.now(UTC) + timedelta(days=400)
    call = {field: (fast - timedelta(hours=1)).isoformat(), "sentAt": fast.isoformat()}
    before = datetime.now(UTC) - timedelta(hours=1)
    assert (await served.post("/v1/track", added(customer_id, **call))).status_code == 200
    (row,) = await served.stored(customer_id)
    assert before <= row.occurred_at <= datetime.now(UTC) - timedelta(hours=1)


async def test_the_sent_at_of_a_batch_counts_for_all_its_items(
    served: Served, customer_id: str
) -> None:
    item = added(customer_id, type="track", timestamp="2001-01-01T00:00:00Z")
    await served.post("/v1/batch", {"batch": [item], "sentAt": "2001-01-02T00:00:00Z"})
    (row,) = await served.stored(customer_id)
    day_ago = datetime.now(UTC) - timedelta(days=1)
    assert abs(row.occurred_at - day_ago) < timedelta(minutes=5)


async def test_a_timestamp_without_sent_at_is_taken_as_it_is(
    served: Served, customer_id: str
) -> None:
    await served.post("/v1/track", added(customer_id, timestamp=LONG_AGO.isoformat()))
    (row,) = await served.stored(customer_id)
    assert row.occurred_at == LONG_AGO


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
@pytest.mark.parametrize(
    "moment",
    [
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
        "2024-02-30T00:00:00Z", "2024-01-04T11:45:38", "yesterday", 1704369938, True, {},
    ],
)  # fmt: skip
async def test_an_absurd_moment_is_refused(
    served: Served, customer_id: str, field: str, moment: Any
) -> None:
    answer = await served.post("/v1/track", added(customer_id, **{field: moment}))
    assert fault(answer) == (400, field)
    assert await served.stored(customer_id) == []


async def test_an_event_whose_clocks_contradict_each_other_happened_on_arrival(
    served: Served, customer_id: str
) -> None:
    before = datetime.now(UTC)
    moments = {"timestamp": "1970-01-01T00:00:00Z", "sentAt": "2199-12-31T00:00:00Z"}
    assert (await served.post("/v1/track", added(customer_id, **moments))).status_code == 200
    (row,) = await served.stored(customer_id)
    assert before <= row.occurred_at <= datetime.now(UTC)


# ---- bad input -------------------------------------------------------------------------------


DEEP = b'{"userId":"u","properties":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'{"userId": "u"', "body"),
        (b'{"userId": "\xff"}', "body"),
        (b'\xff\xfe{\x00}\x00', "body"),
        (b'{"userId": "u", "properties": {"a": ' + b"9" * 5000 + b"}}", "body"),
        (b'{"userId": "u", "userId": "v"}', "userId"),
        (b'{"userId": "u\\u0000"}', "userId"),
        (b'{"userId": "u\x00"}', "body"),
        (b'{"userId": ""}', "userId"),
        (b'{"userId": true}', "userId"),
        (b'{"userId": 1.5}', "userId"),
        (b'{"userId": ["u"]}', "userId"),
        (b'{"userId": "' + b"u" * 10_000 + b'"}', "userId"),
        (b'{"anonymousId": "' + b"u" * 10_000 + b'"}', "anonymousId"),
        (b"{}", "userId"),
        (b'{"userId": "u", "event": "E", "properties": [1]}', "properties"),
        (b'{"userId": "u", "event": 5}', "event"),
        (b'{"userId": "u"}', "event"),
        (b'{"userId": "u", "event": "' + b"e" * 500 + b'"}', "event"),
        (b'{"userId": "u", "event": "e", "type": "identify"}', "type"),
        (b'{"userId": "u", "event": "e", "writeKey": 5}', "writeKey"),
        (b'{"a":' * 6_000 + b"1" + b"}" * 2_000, "body"),
    ],
)  # fmt: skip
async def test_the_gateway_refuses_a_call_that_the_specification_forbids(
    served: Served, content: bytes, path: str | None
) -> None:
    answer = await served.post("/v1/track", content=content)
    status, at = fault(answer)
    assert status == 400
    assert path is None or at == path


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b'"properties": {"a": NaN}', "properties.a"),
        (b'"properties": {"a": -Infinity}', "properties.a"),
        (b'"properties": {"a": 1e999}', "properties.a"),
        (b'"properties": {"a": ' + b"9" * 500 + b"}", "properties.a"),
        (b'"properties": {"a": "\\u0000"}', "properties.a"),
        (b'"properties": {"\\u0000": 1}', "properties"),
        (b'"properties": ' + b'{"a":' * 40 + b"1" + b"}" * 40, "properties" + ".a" * 31),
        (b'"context": {"a": ["\\ud800"]}', "context.a.0"),
        (b'"context": "c"', "context"),
        (b'"messageId": "' + b"u" * 10_000 + b'"', "messageId"),
        (b'"sentAt": "yesterday"', "sentAt"),
    ],
)
async def test_the_gateway_leaves_out_and_names_what_nobody_needs(
    served: Served, customer_id: str, content: bytes, path: str
) -> None:
    begun = b'{"userId": "' + customer_id.encode() + b'", "event": "Order Completed", '
    answer = await served.post("/v1/track", content=begun + content + b"}")
    assert answer.status_code == 200
    assert answer.json()["notes"][0]["path"] == path
    (row,) = await served.stored(customer_id)
    assert row.name == "Order Completed"


async def test_an_alias_without_both_ids_is_refused(served: Served, customer_id: str) -> None:
    call = {"previousId": "before", "anonymousId": customer_id}
    assert fault(await served.post("/v1/alias", call)) == (400, "userId")
    assert fault(await served.post("/v1/alias", {"userId": "u"})) == (400, "previousId")


async def test_a_call_too_deep_for_the_parser_is_refused(served: Served) -> None:
    packed = gzip.compress(b'{"batch":[' + b"[" * 200_000)
    answer = await served.post("/v1/batch", content=packed, headers=PACKED)
    assert fault(answer) == (400, "body")
    assert fault(await served.post("/v1/track", content=DEEP)) == (413, "body")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/xml"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "nonsense"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "gzip, gzip"},
    ],
)
async def test_the_gateway_refuses_other_content_types(
    served: Served, headers: dict[str, str]
) -> None:
    answer = await served.post("/v1/track", content=b"{}", headers=headers)
    assert fault(answer) == (415, next(iter(headers)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "Application/JSON; charset=UTF-8"},
        {"Content-Type": "text/plain;charset=UTF-8"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "identity"},
    ],
)
async def test_the_gateway_takes_the_content_types_of_the_sdks(
    served: Served, customer_id: str, headers: dict[str, str]
) -> None:
    content = json.dumps(added(customer_id)).encode()
    answer = await served.post("/v1/track", content=content, headers=headers)
    assert answer.status_code == 200


# ---- size and speed --------------------------------------------------------------------------


def padded(call: dict[str, Any], size: int) -> bytes:
    bare = json.dumps({**call, "context": {"x": ""}}).encode()
    return json.dumps({**call, "context": {"x": "x" * (size - len(bare))}}).encode()


async def test_the_gateway_takes_a_call_of_32_kb_and_refuses_a_larger_one(
    served: Served, customer_id: str
) -> None:
    for size, status in ((32 << 10, 200), ((32 << 10) + 1, 413)):
        content = padded(added(customer_id), size)
        packed = gzip.compress(content)
        answer = await served.post("/v1/track", content=content)
        assert answer.status_code == status
        answer = await served.post("/v1/track", content=packed, headers=PACKED)
        assert answer.status_code == status


async def test_the_gateway_takes_a_batch_of_500_kb_and_refuses_a_larger_one(
    served: Served, customer_id: str
) -> None:
    item = {"type": "page", "userId": customer_id, "context": {"x": "x" * 25_000}}
    for count, status in ((20, 200), (21, 413)):
        answer = await served.post("/v1/batch", {"batch": [item] * count})
        assert answer.status_code == status


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_of_unknown_length_is_refused_at_the_limit(served: Served) -> None:
    answer = await served.post("/v1/track", content=chunks(*[b" " * 8192] * 8))
    assert fault(answer) == (413, "body")


async def test_a_gzip_bomb_is_refused_while_it_is_inflated(served: Served) -> None:
    bomb = gzip.compress(b"0" * 30_000_000)
    assert len(bomb) < 32 << 10
    answer = await served.post("/v1/track", content=bomb, headers=PACKED)
    assert fault(answer) == (413, "body")


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"{}",
        gzip.compress(b"{}")[:-9],
        gzip.compress(b"{}") + b"more",
        gzip.compress(b"") * 99,
    ],
    ids=["empty", "plain", "cut", "trailing", "members"],
)
async def test_a_bad_gzip_is_refused(served: Served, packed: bytes) -> None:
    answer = await served.post("/v1/track", content=packed, headers=PACKED)
    assert fault(answer) == (400, "body")


def test_a_gzip_of_several_parts_is_one_body() -> None:
    assert inflate(gzip.compress(b"ab") + gzip.compress(b"cd"), 4) == b"abcd"
    with pytest.raises(Refusal):
        inflate(gzip.compress(b"ab") + gzip.compress(b"cd"), 3)


async def test_a_body_that_arrives_too_slowly_is_refused(store: Store, temporal: Server) -> None:
    sojourn = Sojourn(temporal.client, store, settings(gateway_body_seconds=0.05))
    async with serving(sojourn) as served:
        reader, writer = await half_sent(served)
        async with asyncio.timeout(20):
            answer = (await reader.read()).decode()  # to the end: the connection is closed
        assert answer.startswith("HTTP/1.1 408 ")
        assert '{"path":"body"' in answer
        writer.close()


# ---- who is sending --------------------------------------------------------------------------


async def test_a_write_key_is_found_in_header_token_and_body(
    served: Served, customer_id: str
) -> None:
    call = added(customer_id)
    for authorization in (basic(served.key), f"Bearer {served.key}"):
        headers = {"Authorization": authorization}
        answer = await served.post("/v1/track", call, headers=headers, auth=None)
        assert answer.status_code == 200
    answer = await served.post("/v1/track", {**call, "writeKey": served.key}, auth=None)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Basic", "Basic !", "Basic /w==", basic("sj_other"), "Bearer sj_other", "Bearer",
        "Digest x", "Bearer " + "x" * 5000,
    ],
)  # fmt: skip
async def test_a_call_without_a_valid_write_key_is_refused(
    served: Served, customer_id: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await served.post("/v1/track", added(customer_id), headers=headers, auth=None)
    assert fault(answer) == (401, "Authorization")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert await served.stored(customer_id) == []


async def test_a_restricted_write_key_sends_its_own_events_alone(
    served: Served, customer_id: str
) -> None:
    async with served.store.transaction() as session:
        _, key = await keys.add(session, "pos", events=["Order Completed", "identify"])
    other = added(customer_id, type="track", properties={})
    bought = {**other, "event": "Order Completed", "properties": {"order_id": "o1"}}
    bought["messageId"] = str(uuid4())
    named = {"type": "identify", "userId": customer_id}
    joined = {"type": "alias", "userId": customer_id, "previousId": "other"}
    auth = (key, "")
    assert fault(await served.post("/v1/track", other, auth=auth)) == (403, "event")
    assert fault(await served.post("/v1/alias", joined, auth=auth)) == (403, "type")
    batch = {"batch": [other, bought, named, joined, {"type": "page", "userId": customer_id}]}
    answer = await served.post("/v1/batch", batch, auth=auth)
    assert [error["index"] for error in answer.json()["errors"]] == [0, 3]
    assert [row.name for row in await served.stored(customer_id)] == ["Order Completed"]
    async with served.store.reading() as session:
        kept = [row.call for row in await quarantine.listed(session)]
    assert customer_id not in [call.get("userId") for call in kept]


async def test_a_revoked_write_key_is_refused_within_seconds(store: Store) -> None:
    now = 0.0
    keyring = Keyring(store, clock=lambda: now)
    async with store.transaction() as session:
        row, key = await keys.add(session, "passing")
    known = await keyring.of_body({"writeKey": key})
    assert known.id == row.id
    async with store.transaction() as session:
        await keys.revoke(session, row.id)
    now = 2.1
    with pytest.raises(Refusal) as refused:
        await keyring.of_body({"writeKey": key})
    assert refused.value.status == 401


def test_a_write_key_that_exceeds_its_rate_is_refused(store: Store) -> None:
    now = 0.0
    keyring = Keyring(store, processes=2, clock=lambda: now)
    key = Key("key_1", None, 5.0)
    keyring.charge(key, 14)  # a batch may overdraw
    waits = set()
    for _ in range(50):
        with pytest.raises(Refusal) as refused:
            keyring.charge(key, 1)
        assert refused.value.status == 429
        waits.add(refused.value.retry_after)
    assert waits == {2, 3, 4}, "senders that are refused together come back one by one"
    now = 2.0
    keyring.charge(key, 1)
    with pytest.raises(Refusal):
        keyring.charge(key, 1)


async def test_a_call_beyond_the_rate_is_answered_429_with_retry_after(
    served: Served, customer_id: str
) -> None:
    async with served.store.transaction() as session:
        _, key = await keys.add(session, "slow", rate=1)
    batch = {"batch": [{"type": "page", "userId": customer_id}] * 100}
    assert (await served.post("/v1/batch", batch, auth=(key, ""))).status_code == 200
    answer = await served.post("/v1/batch", batch, auth=(key, ""))
    assert fault(answer) == (429, "request")
    assert int(answer.headers["retry-after"]) > 90


# ---- elsewhere -------------------------------------------------------------------------------


async def test_other_paths_and_methods_are_answered_in_json(served: Served) -> None:
    assert fault(await served.post("/v1/dance", {})) == (404, "path")
    assert fault(await served.post("/v1/track/", {})) == (404, "path")
    answer = await served.http.get("/v1/track")
    assert fault(answer) == (405, "path")
    assert answer.headers["allow"] == "POST"


async def test_health_readiness_and_metrics_are_served(served: Served, customer_id: str) -> None:
    for http in (served.http, served.operations):
        assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await served.operations.get("/readyz")).json() == {"status": "ready", "missing": {}}
    await served.post("/v1/track", added(customer_id))
    answer = await served.operations.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        'sojourn_gateway_calls_total{outcome="taken",type="track"}',
        'sojourn_gateway_requests_total{method="POST",route="/v1/track",status="200"}',
        "sojourn_gateway_in_work 0.0",
    ):
        assert line in answer.text


async def test_what_is_for_operators_is_not_on_the_customers_port(served: Served) -> None:
    for path in ("/readyz", "/metrics", "/openapi.json"):
        answer = await served.http.get(path)
        assert fault(answer) == (404, "path")
        assert "SOJOURN_GATEWAY_OPERATIONS_ADDRESS" in answer.json()["error"]["reason"]
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):  # pages with scripts of other hosts
        for http in (served.http, served.operations):
            assert (await http.get(path)).status_code == 404
    assert (await served.operations.post("/v1/track", json=added("c"))).status_code == 404


async def test_operators_read_the_document_of_the_customers_port(served: Served) -> None:
    document = (await served.operations.get("/openapi.json")).json()
    assert {"/v1/track", "/healthz"} <= set(document["paths"])
    assert not {"/readyz", "/metrics"} & set(document["paths"])
    assert document["servers"] == [{"url": served.gateway.settings.public_url}]


async def test_a_gateway_can_be_without_operators(store: Store, temporal: Server) -> None:
    gateway, stop, started = (
        Gateway(Sojourn(temporal.client, store, settings())), asyncio.Event(), asyncio.Event(),
    )  # fmt: skip
    sock = listening("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    task = asyncio.create_task(serve_gateway(gateway, sock, stop, on_start=started.set))
    async with httpx.AsyncClient(base_url=url) as http:
        await started.wait()
        assert (await http.get("/healthz")).status_code == 200
    stop.set()
    await task


async def test_a_gateway_leaves_what_it_has_loaded_out_of_the_rounds_of_garbage(
    store: Store, temporal: Server
) -> None:
    gc.unfreeze()  # what the suite has left out
    try:
        async with serving(Sojourn(temporal.client, store, settings())) as served:
            assert (await served.http.get("/healthz")).status_code == 200
            assert gc.get_freeze_count() > 10_000
        assert gc.get_freeze_count() == 0
    finally:
        gc.freeze()


async def test_operators_can_watch_the_end(store: Store, temporal: Server) -> None:
    async with (
        serving(Sojourn(temporal.client, store, settings())) as served,
        served.gateway.work.place("somebody"),
    ):
        served.stop.set()
        await refused(served.url)
        numbers = await served.operations.get("/metrics")
        assert "sojourn_gateway_in_work 1.0" in numbers.text


async def refused(url: str) -> None:
    """Wait until nobody listens there any more."""
    with suppress(httpx.TransportError):
        while True:
            async with httpx.AsyncClient(base_url=url) as http:
                await http.get("/healthz")


# ---- overload, and what is away --------------------------------------------------------------


async def test_a_call_waits_in_line_for_a_place(
    store: Store, temporal: Server, customer_id: str
) -> None:
    sojourn = Sojourn(temporal.client, store, settings(gateway_in_work=1))
    async with serving(sojourn) as served:
        async with served.gateway.work.place("somebody"):
            call = asyncio.create_task(served.post("/v1/page", {"userId": customer_id}))
            await served.until("/metrics", lambda a: "sojourn_gateway_in_line 1.0" in a.text)
        assert (await call).status_code == 200
        line = await served.operations.get("/metrics")
        assert "sojourn_gateway_in_line 0.0" in line.text
        assert "sojourn_gateway_in_work 0.0" in line.text


async def test_a_call_that_finds_no_place_in_time_is_refused(
    store: Store, temporal: Server, customer_id: str
) -> None:
    sojourn = Sojourn(
        temporal.client, store, settings(gateway_in_work=1, gateway_answer_seconds=0.2)
    )
    async with serving(sojourn) as served:
        async with served.gateway.work.place("somebody"):
            answer = await served.post("/v1/track", added(customer_id))
            assert fault(answer) == (429, "request")
            assert int(answer.headers["retry-after"]) >= 1
            assert await served.stored(customer_id) == []
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200


async def test_a_request_that_would_wait_in_vain_is_refused_unread(
    store: Store, temporal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LINE", 0)
    sojourn = Sojourn(temporal.client, store, settings(gateway_in_work=1))
    async with serving(sojourn) as served:
        answer = await served.post("/v1/track", content=b"not even JSON")
        assert fault(answer) == (429, "request")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await served.http.get("/healthz")).status_code == 200


async def test_half_sent_bodies_take_no_place(
    store: Store, temporal: Server, customer_id: str
) -> None:
    sojourn = Sojourn(temporal.client, store, settings(gateway_in_work=1))
    async with serving(sojourn) as served:
        lines = [await half_sent(served) for _ in range(5)]
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200
        for _, writer in lines:
            writer.close()


async def test_a_peer_may_have_some_slow_bodies_and_no_more(
    store: Store, temporal: Server, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(slow, "SLOW_OF_A_PEER", 1)
    async with serving(Sojourn(temporal.client, store, settings())) as served:
        lines = [await half_sent(served) for _ in range(3)]
        reading = [asyncio.create_task(reader.readline()) for reader, _ in lines]
        async with asyncio.timeout(20):
            refused, kept = await asyncio.wait(
                reading, return_when=asyncio.ALL_COMPLETED, timeout=2
            )
        assert [task.result().split()[1] for task in refused] == [b"408", b"408"]
        assert len(kept) == 1
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200
        for _, writer in lines:
            writer.close()
        await asyncio.gather(*kept)


async def half_sent(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx.URL(served.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(served.key)}\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    return reader, writer


async def test_a_gateway_without_temporal_stores_events_and_is_not_ready(
    store: Store, customer_id: str
) -> None:
    client = await Client.connect(NOWHERE, lazy=True, data_converter=pydantic_data_converter)
    async with serving(Sojourn(client, store, settings())) as served:
        assert (await served.http.get("/healthz")).status_code == 200
        answer = await served.operations.get("/readyz")
        assert answer.status_code == 503
        assert list(answer.json()["missing"]) == ["temporal"]
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200
        (row,) = await served.stored(customer_id)
        assert row.routed_at is None, "a sweep tells the runs"
        answer = await served.post("/v1/track?wait=1", added(customer_id))
        assert fault(answer) == (503, "request")
        assert int(answer.headers["retry-after"]) >= 1
        assert len(await served.stored(customer_id)) == 2


@pytest.mark.parametrize(
    "nowhere", ["sqlite+aiosqlite:////nowhere/a.db", f"postgresql+asyncpg://u:p@{NOWHERE}/db"]
)
async def test_a_gateway_without_its_store_asks_senders_to_try_again(
    tmp_path: Path, temporal: Server, customer_id: str, nowhere: str
) -> None:
    database_url = f"sqlite:///{tmp_path}/test.db"
    async with (
        await Store.open(database_url, migrate=True) as store,
        serving(Sojourn(temporal.client, store, settings())) as served,
    ):
        await served.ready()
        assert (await served.post("/v1/page", {"userId": customer_id})).status_code == 200
        whole, store.engine = store.engine, create_async_engine(nowhere)
        answer = await served.post("/v1/track", added(customer_id))
        assert fault(answer) == (503, "request")
        assert int(answer.headers["retry-after"]) >= 1
        # a server that is busy may be late for one look
        await served.until("/readyz", lambda answer: list(answer.json()["missing"]) == ["store"])
        store.engine = whole
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200


async def test_work_that_outlasts_its_request_is_finished(
    store: Store, temporal: Server, customer_id: str
) -> None:
    sojourn = Sojourn(temporal.client, store, settings(gateway_answer_seconds=0.01))
    async with serving(sojourn) as served:
        await served.ready()
        async with store.transaction() as session:
            await people.lock(session, customer_id)
            answer = await served.post("/v1/track", added(customer_id))
            assert fault(answer) == (503, "request")
            assert await served.stored(customer_id) == []
        await served.gateway.work.drained()
        assert len(await served.stored(customer_id)) == 1


async def test_a_database_without_a_free_connection_is_away_for_now(
    postgres: Postgres, temporal: Server, customer_id: str
) -> None:
    url = await postgres.create()
    await (await Store.open(url, migrate=True)).close()
    role = f"few_{url.rpartition('/')[2]}"
    await on_postgres(url, f"CREATE ROLE {role} LOGIN SUPERUSER")
    async with (
        await Store.open(url.replace("//sojourn@", f"//{role}@")) as store,
        serving(Sojourn(temporal.client, store, settings())) as served,
    ):
        await served.ready()
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200
        await served.told()
        # a limit does not hold for superusers
        await on_postgres(url, f"ALTER ROLE {role} NOSUPERUSER CONNECTION LIMIT 0")
        await on_postgres(url, CUT.format(role=role))
        for path, call in (
            ("/v1/track", added(customer_id)),
            ("/v1/identify", {"userId": customer_id, "traits": {"plan": "pro"}}),
            ("/v1/alias", {"userId": customer_id, "previousId": f"{customer_id}-before"}),
            ("/v1/track", {**added(customer_id), "writeKey": "sj_unknown"}),
        ):
            auth = None if "writeKey" in call else (served.key, "")
            answer = await served.post(path, call, auth=auth)
            assert fault(answer) == (503, "request"), path
            assert int(answer.headers["retry-after"]) >= 1
        # a server that is busy may be late for one look
        await served.until("/readyz", lambda answer: list(answer.json()["missing"]) == ["store"])
        await on_postgres(url, f"ALTER ROLE {role} SUPERUSER CONNECTION LIMIT -1")
        assert (await served.post("/v1/track", added(customer_id))).status_code == 200


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"


async def on_postgres(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


# ---- HTTP as clients speak it ------------------------------------------------------------------


H2C = (
    b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
)
"""The offer of Java's HttpClient and of ``curl --http2``: to go on in HTTP/2."""


async def test_a_client_that_offers_another_protocol_is_answered_in_ours(
    served: Served, customer_id: str
) -> None:
    url = httpx.URL(served.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    auth = f"Authorization: {basic(served.key)}\r\n".encode()
    for number, pieces in enumerate((1, 3)):
        body = json.dumps(added(customer_id)).encode()
        head = b"POST /v1/track HTTP/1.1\r\n" + H2C + auth
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        if number:
            chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            whole = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
        size = len(whole) // pieces + 1
        for first in range(0, len(whole), size):
            writer.write(whole[first : first + size])
            await writer.drain()
            await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            answer = await reader.readuntil(b'{"success":true}')
        assert answer.startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET /healthz HTTP/1.1\r\n" + H2C + b"\r\n")
    async with asyncio.timeout(20):
        assert (await reader.readuntil(b'{"status":"ok"}')).startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert len(await served.stored(customer_id)) == 2


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/u/x", "GET, HEAD, POST"),
        ("/c/x", "GET, HEAD"),
        ("/o/x", "GET, HEAD"),
        ("/v1/track", "POST"),
        ("/webhooks/shopify", "GET, HEAD, POST"),
        ("/webhooks/in/bookings", "POST"),
        ("/healthz", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "OPTIONS"])
async def test_a_refused_method_is_answered_with_all_that_are_not(
    served: Served, path: str, methods: str, method: str
) -> None:
    answer = await served.http.request(method, path)
    assert fault(answer) == (405, "path")
    assert answer.headers["allow"] == methods
