"""Identify calls over HTTP: field by field, once each, and what is left out is said and kept."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlmodel import col, select

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn, quarantine
from sojourn.domain.customer import Customer
from sojourn.domain.errors import BadEvent
from sojourn.domain.messages import Channel
from sojourn.store import Store, cards, consents
from sojourn.store.tables import QuarantineRow
from tests.support.gateway_server import Served, serving, settings

REFUSES = {"marketingConsent": {"email": False}}
AGREES = {"marketingConsent": {"email": True}}


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store, temporal: Server) -> AsyncIterator[Served]:
    sojourn = Sojourn(temporal.client, store, settings(), task_queue=f"identify-{uuid4()}")
    async with serving(sojourn) as served:
        await served.ready()
        yield served


async def say(served: Served, customer_id: str, traits: Any, **call: Any) -> dict[str, Any]:
    answer = await served.post(
        "/v1/identify", {"userId": customer_id, "messageId": str(uuid4()), "traits": traits, **call}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["success"] is True
    return body


async def card(served: Served, customer_id: str) -> Customer:
    async with served.store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    return found


async def agreed(served: Served, customer_id: str) -> bool | None:
    async with served.store.reading() as session:
        return (await consents.current(session, customer_id)).by_channel.get(Channel.EMAIL)


async def kept(served: Served, customer_id: str) -> list[QuarantineRow]:
    query = select(QuarantineRow).where(QuarantineRow.name == "identify")
    async with served.store.reading() as session:
        rows = (await session.exec(query.order_by(col(QuarantineRow.id)))).all()
    return [row for row in rows if row.call.get("userId") == customer_id]


BAD: dict[str, Any] = {
    "phone": "n/a",
    "birthday": "soon",
    "timezone": "Mars/Olympus",
    "locale": ["it"],
    "email": "grp:x@y.example;",
    "firstName": {"first": "Ada"},
    "pushToken": 1.5,
    "score": "a\ud800b",
    "note": "a\0b",
    "deep": json.loads("[" * 40 + "]" * 40),
    "big": 10**200,
}


@pytest.mark.parametrize("trait", BAD)
@pytest.mark.parametrize("way", ["call", "batch"])
async def test_a_bad_trait_does_not_lose_the_refusal_beside_it(
    served: Served, customer_id: str, trait: str, way: str
) -> None:
    await say(served, customer_id, {"plan": "gold", **AGREES})
    traits = {trait: BAD[trait], "lastName": "Byron", **REFUSES}
    call = {"type": "identify", "userId": customer_id, "traits": traits}
    body = json.dumps({"batch": [call]} if way == "batch" else call).encode()
    path = "/v1/batch" if way == "batch" else "/v1/identify"
    (note,) = (await served.post(path, content=body)).json()["notes"]
    assert note.pop("index", 0) == 0
    assert note["path"].startswith(f"traits.{trait}")
    assert note["reason"].startswith("left out: ")
    assert await agreed(served, customer_id) is False
    assert (await card(served, customer_id)).attributes == {"plan": "gold", "lastName": "Byron"}
    (row,) = await kept(served, customer_id)
    assert row.call["traits"].keys() == {trait}
    assert row.path == note["path"]


@pytest.mark.parametrize(
    "traits",
    [
        {"marketingConsent": {"email": False, "sms": None}},
        {"marketingConsent": {"fax": True, "email": False}},
        {"marketingConsent": {"email": "false"}},
        {"marketingConsent": False},
        {"birthday": "", **REFUSES},
        {"timezone": "UTC+2", **REFUSES},
        {"timezone": "W. Europe Standard Time", **REFUSES},
        {"firstName": "Ada\nByron", **REFUSES},
    ],
)
async def test_a_refusal_is_heard_however_the_rest_is_written(
    served: Served, customer_id: str, traits: dict[str, Any]
) -> None:
    await say(served, customer_id, AGREES)
    await say(served, customer_id, traits)
    assert await agreed(served, customer_id) is False


@pytest.mark.parametrize(
    "bad",
    [
        {"timestamp": "yesterday"},
        {"timestamp": "0001-01-01T00:00:00Z"},
        {"timestamp": 1732800000},
        {"originalTimestamp": "soon", "sentAt": "later"},
        {"messageId": {"id": 1}},
        {"context": "c"},
        {"integrations": "none"},
    ],
)
async def test_a_refusal_is_not_lost_with_a_bad_envelope(
    served: Served, customer_id: str, bad: dict[str, Any]
) -> None:
    await say(served, customer_id, {"plan": "gold", **AGREES})
    call = {"userId": customer_id, "traits": {"plan": "tin", **REFUSES}, **bad}
    answer = await served.post("/v1/identify", call)
    assert answer.status_code == 200
    assert {note["path"] for note in answer.json()["notes"]} == bad.keys()
    assert await agreed(served, customer_id) is False
    assert (await card(served, customer_id)).attributes == {"plan": "tin"}
    if "timestamp" in bad:  # a yes of an unknown moment may be older than the no
        await say(served, customer_id, AGREES, **bad)
        assert await agreed(served, customer_id) is False


@pytest.mark.parametrize("moment", ["yesterday", "0001-01-01T00:00:00Z", 1732800000])
async def test_a_call_of_an_unreadable_moment_counts_as_said_on_its_arrival(
    served: Served, customer_id: str, moment: object
) -> None:
    await say(served, customer_id, {"email": "old@shop.example"}, timestamp="2024-01-01T00:00:00Z")
    body = await say(served, customer_id, {"email": "new@shop.example", **AGREES}, timestamp=moment)
    assert [note["path"] for note in body["notes"]] == ["timestamp"]
    assert (await card(served, customer_id)).email == "new@shop.example"
    assert await agreed(served, customer_id) is True
    await say(served, customer_id, REFUSES)
    assert await agreed(served, customer_id) is False


async def test_a_consent_that_is_no_plain_yes_is_left_out_and_kept(
    served: Served, customer_id: str
) -> None:
    body = await say(served, customer_id, {"plan": "gold", "marketingConsent": {"email": 1}})
    assert [note["path"] for note in body["notes"]] == ["traits.marketingConsent.email"]
    assert await agreed(served, customer_id) is None
    (row,) = await kept(served, customer_id)
    assert row.call["traits"] == {"marketingConsent": {"email": 1}}


async def test_a_call_of_which_nothing_can_be_read_is_refused_and_kept(
    served: Served, customer_id: str
) -> None:
    call = {"type": "identify", "userId": customer_id, "traits": {"email": "n/a", "phone": "n/a"}}
    answer = await served.post("/v1/identify", call)
    assert (answer.status_code, answer.json()["error"]["path"]) == (400, "traits.email")
    batch = (await served.post("/v1/batch", {"batch": [call]})).json()
    assert [error["path"] for error in batch["errors"]] == ["traits.email"]
    (row,) = await kept(served, customer_id)
    assert row.call["traits"] == call["traits"]


async def test_the_same_fault_of_the_same_customer_is_kept_once(
    served: Served, customer_id: str
) -> None:
    for plan in ("gold", "silver"):
        await say(served, customer_id, {"phone": "n/a", "plan": plan})
    assert len(await kept(served, customer_id)) == 1


async def test_a_mended_trait_comes_to_the_card_and_repeats_no_other_word(
    served: Served, customer_id: str
) -> None:
    await say(served, customer_id, {"phone": "n/a", "plan": "gold", **AGREES})
    await say(served, customer_id, {"plan": "silver", **REFUSES})
    (row,) = await kept(served, customer_id)
    assert row.id is not None
    with pytest.raises(BadEvent, match=r"traits\.phone"):
        await quarantine.redrive(served.gateway.sojourn, row.id)
    await quarantine.mend(served.store, row.id, [("traits.phone", "+39 320 1234567")])
    published = await quarantine.redrive(served.gateway.sojourn, row.id)
    assert published.stored
    found = await card(served, customer_id)
    assert (found.phone, found.attributes) == ("+393201234567", {"plan": "silver"})
    assert await agreed(served, customer_id) is False


async def test_a_number_is_read_by_what_the_call_or_the_card_tells(
    served: Served, customer_id: str
) -> None:
    await say(served, customer_id, {"locale": "de-DE", "phone": "491711234567"})
    assert (await card(served, customer_id)).phone == "+491711234567"
    await say(served, customer_id, {"phone": "0171 7654321"})
    assert (await card(served, customer_id)).phone == "+491717654321"
    body = await say(served, customer_id, {"phone": "393201234567", "plan": "gold"})
    assert [note["path"] for note in body["notes"]] == ["traits.phone"]
    assert (await card(served, customer_id)).phone == "+491717654321"


async def test_the_context_of_browsers_and_phones_tells_locale_and_zone(
    served: Served, customer_id: str
) -> None:
    context = {"locale": "it-IT", "timezone": "Europe/Rome", "userAgent": "a\0b"}
    await say(served, customer_id, {"email": "ada@shop.example"}, context=context)
    found = await card(served, customer_id)
    assert (found.locale, found.timezone) == ("it-IT", "Europe/Rome")
    await say(served, customer_id, {"timezone": "Asia/Tokyo"}, context=context)
    await say(served, customer_id, {"plan": "gold"}, context=context)
    assert (await card(served, customer_id)).timezone == "Asia/Tokyo"


# ---- sent again ------------------------------------------------------------------------------


def ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


WAYS: dict[str, dict[str, Any]] = {
    "by its message id": {"messageId": "i1"},
    "by its message id, without a moment": {"messageId": "i1", "timestamp": None},
    "byte for byte, with a moment": {"timestamp": ahead(-60)},
    "byte for byte, with a moment ahead": {"timestamp": ahead(3600)},
    "byte for byte, with both moments kept": {"timestamp": ahead(-60), "sentAt": ahead(-60)},
    "byte for byte, with neither": {},
    "byte for byte, with sentAt alone": {"sentAt": ahead(-60)},
}


@pytest.mark.parametrize("case", WAYS)
async def test_a_call_that_is_sent_again_after_a_no_is_no_new_word(
    served: Served, customer_id: str, case: str
) -> None:
    said = {
        key: value.replace("i1", f"{customer_id}-1") for key, value in WAYS[case].items() if value
    }
    call = {
        "userId": customer_id, **said,
        "traits": {"email": "old@shop.example", "timezone": "UTC", **AGREES},
    }  # fmt: skip
    assert (await served.post("/v1/identify", call)).status_code == 200
    assert await agreed(served, customer_id) is True
    new = {"email": "new@shop.example", **REFUSES}
    await served.post("/v1/identify", {"userId": customer_id, "traits": new})
    for path, body in (
        ("/v1/identify", call),
        ("/v1/batch", {"batch": [{"type": "identify", **call}]}),
    ):
        assert (await served.post(path, body)).status_code == 200
        assert await agreed(served, customer_id) is False
        assert (await card(served, customer_id)).email == "new@shop.example"


async def test_an_equal_call_without_id_and_moment_is_told_so(
    served: Served, customer_id: str
) -> None:
    call = {"userId": customer_id, "traits": {"plan": "gold"}}
    assert (await served.post("/v1/identify", call)).json() == {"success": True}
    (note,) = (await served.post("/v1/identify", call)).json()["notes"]
    assert note["path"] == "messageId"
    again = {**call, "timestamp": datetime.now(UTC).isoformat()}
    assert (await served.post("/v1/identify", again)).json() == {"success": True}


async def test_a_call_from_the_future_pins_nothing(served: Served, customer_id: str) -> None:
    """React Native's clock: both moments as the SDK sends them, sentAt two weeks behind."""
    old = {
        "type": "identify", "userId": customer_id, "messageId": f"{customer_id}1",
        "timestamp": ahead(0), "traits": {"email": "old@shop.example", **AGREES},
    }  # fmt: skip
    body = {"sentAt": ahead(-14 * 86400), "batch": [old]}
    assert (await served.post("/v1/batch", body)).json() == {"success": True}
    await say(served, customer_id, {"email": "new@shop.example", **REFUSES})
    assert await agreed(served, customer_id) is False
    assert (await card(served, customer_id)).email == "new@shop.example"


async def test_no_write_key_may_delete_a_customer(served: Served, customer_id: str) -> None:
    await say(served, customer_id, {"email": "ada@shop.example"})
    call = {"type": "delete", "userId": customer_id}
    (error,) = (await served.post("/v1/batch", {"batch": [call]})).json()["errors"]
    assert error["path"] == "type"
    assert (await card(served, customer_id)).email == "ada@shop.example"


# ---- statements of consent -------------------------------------------------------------------


async def test_statements_are_recorded_with_their_circumstances_once(
    served: Served, customer_id: str
) -> None:
    said = [
        {"channel": "email", "topic": "newsletter", "granted": True, "wording": "Yes.",
         "wordingVersion": "7", "proof": "form 7", "expiresAt": "2190-01-01T00:00:00Z"},
        {"purpose": "opens", "granted": True},
        {"channel": "email", "topic": "newsleter", "granted": True},
    ]  # fmt: skip
    for _ in range(2):
        traits = {"email": "ada@shop.example", "consents": said}
        await say(served, customer_id, traits, messageId=f"{customer_id}-s")
    async with served.store.reading() as session:
        rows = await consents.statements(session, customer_id)
        stands = await consents.current(session, customer_id)
    assert [
        (row.topic, row.wording, row.proof, row.address) for row in rows if not row.purpose
    ] == [("newsletter", "Yes.", "form 7", "ada@shop.example")]
    assert (stands.opens, set(stands.agreed)) == (True, {(Channel.EMAIL, "newsletter")})
    (row,) = await kept(served, customer_id)
    assert row.path == "traits.consents.2.topic"
    assert row.call["traits"] == {
        "consents": [{"channel": "email", "topic": "newsleter", "granted": True}]
    }


async def test_another_wording_under_a_used_id_is_another_word(
    served: Served, customer_id: str
) -> None:
    for version in ("7", "8"):
        said = [{"channel": "email", "granted": True, "wordingVersion": version}]
        await say(served, customer_id, {"consents": said}, messageId=f"{customer_id}-w")
    async with served.store.reading() as session:
        rows = await consents.statements(session, customer_id)
    assert [row.wording_version for row in rows] == ["7", "8"]
