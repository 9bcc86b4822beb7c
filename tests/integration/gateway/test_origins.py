"""Browsers: the pages that may send calls, and the answers that they may read."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.dispatch import Sojourn
from sojourn.domain.errors import BadSetting
from sojourn.gateway.http import work
from sojourn.settings import load_settings
from tests.support.cli_stack import NOWHERE, Cli
from tests.support.gateway_server import Served, serving, settings

SHOP = "https://shop.example"
ASKED = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "anonymousid,authorization,content-type",
}


@pytest_asyncio.fixture(loop_scope="session", name="served")
async def shop_served(request: pytest.FixtureRequest, offline: Cli) -> AsyncIterator[Served]:
    client = await Client.connect(NOWHERE, lazy=True, data_converter=pydantic_data_converter)
    origins = getattr(request, "param", (SHOP, "http://localhost:3000"))
    sojourn = Sojourn(client, offline.store, settings(gateway_origins=origins))
    async with serving(sojourn) as served:
        yield served


async def test_a_page_of_a_named_origin_may_send(served: Served) -> None:
    for origin in (SHOP, "http://localhost:3000"):
        answer = await served.http.options("/v1/batch", headers={"Origin": origin, **ASKED})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://shop.example.evil.example", "http://shop.example", "null"]
)
async def test_a_page_of_another_origin_may_not_send(served: Served, origin: str) -> None:
    answer = await served.http.options("/v1/t", headers={"Origin": origin, **ASKED})
    assert answer.status_code == 403
    assert answer.json()["error"]["path"] == "Origin"
    sent = await served.post("/v1/t", {}, headers={"Origin": origin})
    for one in (answer, sent):
        assert "access-control-allow-origin" not in one.headers
        assert one.headers["vary"] == "Origin"


async def test_a_page_can_read_why_it_was_refused_and_when_to_try_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {"userId": "c", "event": "Page Read"}
    with monkeypatch.context() as patch:
        patch.setattr(work, "LINE", 0)
        answer = await served.post("/v1/track", call, headers={"Origin": SHOP})
    assert answer.status_code == 429
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert int(answer.headers["retry-after"]) >= 1


async def test_pages_reach_the_tracking_api_alone(served: Served) -> None:
    for path in ("/healthz", "/webhooks/shopify"):
        answer = await served.http.get(path, headers={"Origin": SHOP})
        assert "access-control-allow-origin" not in answer.headers
    answer = await served.http.options("/webhooks/shopify", headers={"Origin": SHOP, **ASKED})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("served", [("*",)], indirect=True)
async def test_every_page_may_send_if_the_setting_is_a_star(served: Served) -> None:
    answer = await served.http.options("/v1/t", headers={"Origin": "https://a.example", **ASKED})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    headers = {"Origin": "https://a.example", "Content-Type": "text/plain"}
    answer = await served.post("/v1/t", content=b"no JSON", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (400, "*")


@pytest.mark.parametrize("served", [()], indirect=True)
async def test_a_gateway_without_origins_lets_no_page_send(served: Served) -> None:
    answer = await served.http.options("/v1/t", headers={"Origin": SHOP, **ASKED})
    assert answer.status_code == 405
    answer = await served.post("/v1/t", {}, headers={"Origin": SHOP})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ()),
        ("*", ("*",)),
        (
            "https://Shop.example, http://localhost:3000,capacitor://localhost",
            (SHOP, "http://localhost:3000", "capacitor://localhost"),
        ),
    ],
)
def test_origins_are_read_from_the_setting(
    monkeypatch: pytest.MonkeyPatch, given: str, read: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SOJOURN_GATEWAY_ORIGINS", given)
    assert load_settings().gateway_origins == read


@pytest.mark.parametrize("given", ["shop.example", f"{SHOP}/", f"{SHOP}/cart", f"*,{SHOP}", "null"])
def test_an_origin_that_no_browser_sends_is_refused_as_a_setting(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("SOJOURN_GATEWAY_ORIGINS", given)
    with pytest.raises(BadSetting, match=r"^SOJOURN_GATEWAY_ORIGINS=.*https://shop\.example"):
        load_settings()
