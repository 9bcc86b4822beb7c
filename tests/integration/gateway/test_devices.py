"""Calls of apps name the device that they come from."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.store import Store, cards, devices, joining, keys
from sojourn.store.keys import Kind
from tests.support.gateway_server import Served, serving, settings


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store, temporal: Server) -> AsyncIterator[Served]:
    sojourn = Sojourn(temporal.client, store, settings(), task_queue=f"devices-{uuid4()}")
    async with serving(sojourn) as served:
        await served.ready()
        yield served


@pytest.fixture
def token() -> str:
    return f"token-{uuid4()}"


async def say(served: Served, kind: str, customer_id: str, token: str, **call: Any) -> Any:
    context = {"device": {"token": token, "type": "ios"}}
    given = {"userId": customer_id, "messageId": str(uuid4()), "context": context}
    auth = {"auth": call.pop("auth")} if "auth" in call else {}
    answer = await served.post(f"/v1/{kind}", {**given, **call}, **auth)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def held(served: Served, customer_id: str) -> dict[str, bool]:
    """Return the customer's devices, and whether each is gone."""
    async with served.store.reading() as session:
        rows = await devices.listed(session, customer_id)
    return {row.token: row.gone_at is not None for row in rows}


async def test_events_and_identify_calls_name_devices(
    served: Served, customer_id: str, token: str
) -> None:
    await say(served, "identify", customer_id, f"{token}-1", traits={"firstName": "Ada"})
    await say(served, "track", customer_id, f"{token}-2", event="Application Opened")
    await say(served, "track", customer_id, f"{token}-2", event="Application Opened")
    assert await held(served, customer_id) == {f"{token}-1": False, f"{token}-2": False}
    (newest, _) = await of(served, customer_id)
    assert newest.platform == "ios"
    await say(served, "track", customer_id, f"{token}-1", event="Application Uninstalled")
    assert await held(served, customer_id) == {f"{token}-1": True, f"{token}-2": False}


async def of(served: Served, customer_id: str) -> list[Any]:
    async with served.store.reading() as session:
        return list(await devices.of(session, customer_id))


async def test_somebody_else_who_logs_in_takes_the_device_over(
    served: Served, customer_id: str, token: str
) -> None:
    await say(served, "track", customer_id, token, event="Application Opened")
    await say(served, "track", f"{customer_id}-2", token, event="Application Opened")
    assert await held(served, customer_id) == {}
    assert await held(served, f"{customer_id}-2") == {token: False}
    await say(served, "track", customer_id, token, event="Application Opened")
    assert await held(served, customer_id) == {token: False}


async def test_a_device_follows_its_owner_to_another_id_and_goes_with_an_erasure(
    served: Served, customer_id: str, token: str
) -> None:
    await say(served, "track", customer_id, token, event="Application Opened")
    known = f"{customer_id}-known"
    async with served.store.transaction() as session:
        at = (await devices.listed(session, customer_id))[0].used_at
        await joining.join(session, customer_id, known, at=at)
    assert await held(served, known) == {token: False}
    async with served.store.transaction() as session:
        await cards.erase(session, known, at)
    assert await held(served, known) == {}
    await say(served, "track", known, token, event="Application Opened")
    assert await held(served, known) == {}


async def test_a_key_that_everybody_can_read_names_no_device(
    served: Served, customer_id: str, token: str
) -> None:
    async with served.store.transaction() as session:
        _, browser = await keys.add(session, "page", kind=Kind.BROWSER)
    for kind, call in (
        ("track", {"event": "Product Added", "properties": {"product_id": "p", "name": "Mug"}}),
        ("identify", {"traits": {"firstName": "Ada"}}),
    ):
        body = await say(served, kind, customer_id, token, auth=(browser, ""), **call)
        assert "context.device.token" in [note["path"] for note in body["notes"]]
    assert await held(served, customer_id) == {}
