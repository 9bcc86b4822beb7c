"""Keys of browsers: public, so they speak for visitors alone; and the right to ask for answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import pytest_asyncio

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.gateway.tracking.proof import user_hash
from sojourn.store import Store, cards, consents, keys
from sojourn.store.tables import EventRow
from tests.support.gateway_server import Served, added, serving, settings

OLD, NEW = "old-secret-of-the-shop-0123456789", "new-secret-of-the-shop-0123456789"


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store, temporal: Server) -> AsyncIterator[Served]:
    own = settings(
        identity_secret=f"{NEW},{OLD}",
        shop_url="https://shop.example",
        link_hosts=("cdn.shop.example",),
    )
    sojourn = Sojourn(temporal.client, store, own, task_queue=f"browsers-{uuid4()}")
    async with serving(sojourn) as served:
        await served.ready()
        yield served


@pytest_asyncio.fixture(loop_scope="session", name="browser")
async def browser_key(served: Served) -> str:
    async with served.store.transaction() as session:
        _, key = await keys.add(session, "web", kind=keys.Kind.BROWSER)
    return key


def _left_out(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {note["path"] for note in answer.json().get("notes", [])}


async def _properties(served: Served, customer_id: str) -> dict[str, Any]:
    (row,) = await served.stored(customer_id)
    return row.properties


async def _email(served: Served, customer_id: str) -> str:
    async with served.store.reading() as session:
        card = await cards.find(session, customer_id)
    return card.email if card else ""


async def _consents(served: Served, customer_id: str) -> dict[str, bool]:
    async with served.store.reading() as session:
        rows = await consents.statements(session, customer_id)
    return {row.channel: row.granted for row in rows}


async def _make_known(served: Served, customer_id: str) -> None:
    traits = {"email": f"{customer_id}@shop.example", "marketingConsent": {"email": True}}
    answer = await served.post("/v1/identify", {"userId": customer_id, "traits": traits})
    assert answer.status_code == 200


STOLEN = {"email": "thief@evil.example", "phone": "+393201234567", "pushToken": "t"}


# ---- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["?wait=1", ""])
async def test_a_key_without_the_right_is_told_nothing_and_its_event_counts(
    served: Served, browser: str, customer_id: str, query: str
) -> None:
    async with served.store.transaction() as session:
        _, plain = await keys.add(session, "plain")
    await served.post("/v1/track", added(customer_id))
    await served.told()
    for key in (plain, browser):
        answer = await served.post(
            f"/v1/track{query}",
            added(customer_id),
            auth=(key, ""),
            headers={} if query else {"Prefer": "wait"},
        )
        assert _left_out(answer) == ({"wait"} if query else set())
        assert "runs" not in answer.json()
        assert customer_id not in answer.text
        assert "preference-applied" not in answer.headers
    assert len(await served.stored(customer_id)) == 3


# ---- events ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event", ["Anything", "Message Unsubscribed", "Message Clicked", "Journey Stopped"]
)
async def test_a_browser_may_send_known_events_and_none_of_ours(
    served: Served, browser: str, customer_id: str, event: str
) -> None:
    call = added(customer_id, event=event)
    answer = await served.post("/v1/track", call, auth=(browser, ""))
    assert (answer.status_code, answer.json()["error"]["path"]) == (403, "event")
    assert await served.stored(customer_id) == []


async def test_nothing_that_a_browser_sends_lies_in_the_future(
    served: Served, browser: str, customer_id: str
) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    for field in ("timestamp", "originalTimestamp"):
        call = added(customer_id, **{field: ahead})
        assert (await served.post("/v1/track", call, auth=(browser, ""))).status_code == 200
    traits = {"marketingConsent": {"email": True}, "email": "a@shop.example"}
    call = {"userId": customer_id, "timestamp": ahead, "traits": traits}
    assert (await served.post("/v1/identify", call, auth=(browser, ""))).status_code == 200
    # a word of the future would outweigh this one
    await served.post(
        "/v1/identify",
        {"userId": customer_id, "traits": {"marketingConsent": {"email": False}}},
    )
    assert (await _consents(served, customer_id))["email"] is False
    rows: list[EventRow] = await served.stored(customer_id)
    assert all(row.occurred_at <= datetime.now(UTC) for row in rows)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/login",
        "//evil.example/login",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://shop.example\\@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://evil.example\u3002com",
    ],
)
async def test_links_and_pictures_of_a_browser_lead_to_the_shop_alone(
    served: Served, browser: str, customer_id: str, link: str
) -> None:
    lines = [{"product_id": "p", "url": link, "image_url": link, "name": "Lamp"}]
    call = added(
        customer_id,
        event="Cart Viewed",
        properties={"cart_id": "k1", "products": lines, "image": {"src": link}},
    )
    answer = await served.post("/v1/track", call, auth=(browser, ""))
    assert _left_out(answer) >= {"properties.products.0.url", "properties.products.0.image_url"}
    assert link not in str(await _properties(served, customer_id))


async def test_links_and_pictures_of_the_shop_are_kept(
    served: Served, browser: str, customer_id: str
) -> None:
    properties = {
        "cart_id": "k1",
        "product_id": "p.1234",
        "name": "Lamp, 2.5 m",
        "url": "https://shop.example/lamp?x=1",
        "image_url": "https://cdn.shop.example/lamp.jpg",
        "price": "59.90",
    }
    call = added(customer_id, properties={**properties, "link": "/lamp"})
    answer = await served.post("/v1/track", call, auth=(browser, ""))
    assert _left_out(answer) == set()
    assert (await _properties(served, customer_id)).items() >= {
        "url": properties["url"],
        "image_url": properties["image_url"],
        "name": properties["name"],
    }.items()


@pytest.mark.parametrize(
    "name",
    [
        "You won! Visit evil.example now",
        "Pay at https://evil.example",
        "write to help@evil.example",
        "evil\uff0eexample",
        "evil\u3002example",
        "ev\u200bil.exa\u200bmple",
    ],
)
async def test_a_text_of_a_browser_is_no_advertisement(
    served: Served, browser: str, customer_id: str, name: str
) -> None:
    properties = {"cart_id": "k1", "product_id": "p1", "price": 12.5, "name": name}
    call = added(customer_id, properties=properties)
    answer = await served.post("/v1/track", call, auth=(browser, ""))
    assert _left_out(answer) == {"properties.name"}
    assert "name" not in await _properties(served, customer_id)
    # a server is trusted with its own catalogue
    call = added(f"{customer_id}-server", properties=properties)
    assert _left_out(await served.post("/v1/track", call)) == set()


# ---- people ----------------------------------------------------------------------------------


async def test_a_visitor_may_subscribe(served: Served, browser: str, customer_id: str) -> None:
    traits = {"email": "new@shop.example", "marketingConsent": {"email": True}}
    call = {"anonymousId": customer_id, "traits": traits}
    answer = await served.post("/v1/identify", call, auth=(browser, ""))
    assert _left_out(answer) == set()
    assert await _email(served, customer_id) == "new@shop.example"
    assert await _consents(served, customer_id) == {"email": True}


async def test_a_browser_changes_no_address_and_gives_no_consent_of_a_known_customer(
    served: Served, browser: str, customer_id: str
) -> None:
    await _make_known(served, customer_id)
    second = {"secondPhone": "+393207654321", "phones": ["n/a"]}
    traits = {**STOLEN, **second, "marketingConsent": {"sms": True}, "plan": "pro"}
    call = {"userId": customer_id, "traits": traits}
    answer = await served.post("/v1/identify", call, auth=(browser, ""))
    assert _left_out(answer) == {
        "traits.email", "traits.phone", "traits.phone2", "traits.push_token",
        "traits.marketingConsent.sms",
    }  # fmt: skip
    assert await _email(served, customer_id) == f"{customer_id}@shop.example"
    assert await _consents(served, customer_id) == {"email": True}


async def test_of_statements_on_a_known_customer_a_browser_can_say_no_alone(
    served: Served, browser: str, customer_id: str
) -> None:
    await _make_known(served, customer_id)
    said = [
        {"channel": "sms", "granted": True},
        {"channel": "email", "granted": False, "proof": "a page"},
    ]
    call = {"userId": customer_id, "traits": {"consents": said, "plan": "pro"}}
    answer = await served.post("/v1/identify", call, auth=(browser, ""))
    assert _left_out(answer) == {"traits.consents"}
    assert await _consents(served, customer_id) == {"email": False}


async def test_a_refusal_counts_whoever_says_it(
    served: Served, browser: str, customer_id: str
) -> None:
    await _make_known(served, customer_id)
    traits = {**STOLEN, "marketingConsent": {"email": False, "sms": True}}
    call = {"userId": customer_id, "traits": traits}
    assert (await served.post("/v1/identify", call, auth=(browser, ""))).status_code == 200
    assert await _consents(served, customer_id) == {"email": False}


def _token(secret: str, user: str, **claims: Any) -> dict[str, str]:
    return {"userToken": jwt.encode({"sub": user, **claims}, secret, "HS256")}


def _later(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("proof", "holds"),
    [
        (lambda user: {"userHash": user_hash(NEW, user)}, True),
        (lambda user: {"userHash": user_hash(OLD, user).upper()}, True),
        (lambda user: _token(NEW, user, exp=_later(5)), True),
        (lambda user: _token(OLD, user), True),
        (lambda user: {"userHash": user_hash("another-secret-of-somebody-else-1", user)}, False),
        (lambda user: {"userHash": user_hash(NEW, f"{user}x")}, False),
        (lambda user: {"userHash": ""}, False),
        (lambda user: {"userHash": ["x"]}, False),
        (lambda user: {"userHash": user_hash("", user)}, False),
        (lambda user: _token(NEW, f"{user}x"), False),
        (lambda user: _token(NEW, user, exp=_later(-5)), False),
        (lambda user: _token("another-secret-of-somebody-else-1", user), False),
        (lambda user: {"userToken": jwt.encode({"sub": user}, "", "none")}, False),
        (lambda user: {"userToken": "x.y.z"}, False),
    ],
)
async def test_a_signed_user_id_speaks_for_the_customer(
    served: Served, browser: str, customer_id: str, proof: Any, *, holds: bool
) -> None:
    await _make_known(served, customer_id)
    call = {
        "userId": customer_id,
        "traits": {"email": "own@shop.example"},
        "context": proof(customer_id),
    }
    answer = await served.post("/v1/identify", call, auth=(browser, ""))
    assert _left_out(answer) == (set() if holds else {"traits.email"})
    kept = "own@shop.example" if holds else f"{customer_id}@shop.example"
    assert await _email(served, customer_id) == kept


async def test_a_browser_gives_nobody_up_who_is_known(
    served: Served, browser: str, customer_id: str
) -> None:
    victim, thief, visitor = (f"{customer_id}-{who}" for who in ("victim", "thief", "visitor"))
    await _make_known(served, victim)
    signed = {"userHash": user_hash(NEW, thief)}
    for context in ({}, signed):
        call = {"previousId": victim, "userId": thief, "context": context}
        answer = await served.post("/v1/alias", call, auth=(browser, ""))
        assert (answer.status_code, answer.json()["error"]["path"]) == (403, "previousId")
    call = {"previousId": visitor, "userId": victim}
    answer = await served.post("/v1/alias", call, auth=(browser, ""))
    assert (answer.status_code, answer.json()["error"]["path"]) == (403, "userId")
    call["context"] = {"userHash": user_hash(NEW, victim)}
    assert (await served.post("/v1/alias", call, auth=(browser, ""))).status_code == 200
    call = {"previousId": f"{visitor}2", "userId": f"{visitor}3"}
    assert (await served.post("/v1/alias", call, auth=(browser, ""))).status_code == 200
