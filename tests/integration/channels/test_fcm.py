"""Firebase beyond the contract of providers."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.channels.fcm import Fcm
from sojourn.channels.google_oauth import ServiceAccount
from sojourn.channels.http import Http
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadSetting,
    ProviderError,
    RateLimited,
    TransientError,
    WrongSender,
)
from sojourn.domain.reports import reference
from sojourn.settings import Settings
from sojourn.testkit.fakes import Behaviour, Refused
from sojourn.testkit.fakes.fcm import PROJECT, FakeFcm, error
from sojourn.testkit.pairs import Pair, configured, connected


@pytest.fixture
async def pair() -> AsyncIterator[Pair[Fcm, FakeFcm]]:
    async with connected(Fcm, FakeFcm()) as pair:
        yield pair


def tokens(pair: Pair[Fcm, FakeFcm]) -> int:
    """Count the access tokens that were issued."""
    return len(pair.fake.tokens)


# ---- messages ------------------------------------------------------------------------------


async def test_every_part_of_a_push_is_where_its_platform_looks(pair: Pair[Fcm, FakeFcm]) -> None:
    parcel = pair.parcel()
    await pair.provider.send(parcel)
    assert pair.fake.accepted[0].request == {
        "token": "device-token-1",
        "notification": {
            "title": "Your cart is waiting",
            "body": "Żółty kubek is still there",
            "image": "https://shop.example/cup.png",
        },
        "data": {"url": "https://shop.example/cart", "reference": parcel.reference},
        "android": {"collapse_key": "cart", "notification": {"tag": "cart"}},
        "apns": {"headers": {"apns-collapse-id": "cart"}},
        "webpush": {"fcm_options": {"link": "https://shop.example/cart"}},
    }


async def test_a_push_leaves_empty_parts_out(pair: Pair[Fcm, FakeFcm]) -> None:
    parcel = pair.parcel()
    bare = dataclasses.replace(parcel.content, title="", url="", image="")
    await pair.provider.send(dataclasses.replace(parcel, content=bare))
    request = pair.fake.accepted[0].request
    assert request["notification"] == {"body": parcel.content.body}
    assert request["data"] == {"reference": parcel.reference}
    assert "webpush" not in request


async def test_browsers_get_no_link_into_the_app(pair: Pair[Fcm, FakeFcm]) -> None:
    parcel = pair.parcel()
    content = dataclasses.replace(parcel.content, url="shop://cart")
    await pair.provider.send(dataclasses.replace(parcel, content=content))
    request = pair.fake.accepted[0].request
    assert request["data"]["url"] == "shop://cart"
    assert "webpush" not in request


async def test_a_duplicate_replaces_the_first_push_without_a_collapse_key_too(
    pair: Pair[Fcm, FakeFcm],
) -> None:
    parcel = pair.parcel()
    parcel = dataclasses.replace(
        parcel, content=dataclasses.replace(parcel.content, collapse_key="")
    )
    pair.fake.script.append(Behaviour.FAIL_AFTER)
    with pytest.raises(AmbiguousSend):
        await pair.provider.send(parcel)
    await pair.provider.send(parcel)
    first, second = (order.request["android"] for order in pair.fake.accepted)
    assert first == second
    assert first["collapse_key"] == first["notification"]["tag"] == parcel.reference


async def test_a_collapse_key_that_is_too_long_for_apple_is_hashed(
    pair: Pair[Fcm, FakeFcm],
) -> None:
    parcel = pair.parcel()
    content = dataclasses.replace(parcel.content, collapse_key="ż" * 33)
    await pair.provider.send(dataclasses.replace(parcel, content=content))
    headers = pair.fake.accepted[0].request["apns"]["headers"]
    assert headers["apns-collapse-id"] == reference("ż" * 33)


@pytest.mark.parametrize("body", [{}, [], {"name": ""}, {"name": 3}])
async def test_an_answer_without_a_name_leaves_the_push_in_doubt(
    pair: Pair[Fcm, FakeFcm], monkeypatch: pytest.MonkeyPatch, body: object
) -> None:
    refused = Refused(partial(JSONResponse, body), ProviderError)
    monkeypatch.setattr(pair.fake, "refusals", lambda: {"this": refused})
    pair.fake.script.append("this")
    with pytest.raises(AmbiguousSend):
        await pair.provider.send(pair.parcel())


async def test_a_quota_without_retry_after_means_a_minute(pair: Pair[Fcm, FakeFcm]) -> None:
    pair.fake.script.append("quota")
    with pytest.raises(RateLimited) as raised:
        await pair.provider.send(pair.parcel())
    assert raised.value.retry_after == timedelta(minutes=1)


async def test_an_unknown_project_is_the_account_s_fault(
    pair: Pair[Fcm, FakeFcm],
) -> None:
    other = configured(Fcm, pair.fake.environment() | {"SOJOURN_FCM_PROJECT": "other"})
    for call in (other.send(pair.parcel()), other.probe()):
        with pytest.raises(AccountError):
            await call
    await other.close()


async def test_a_token_of_another_project_is_refused_alone_once_our_project_is_proven(
    pair: Pair[Fcm, FakeFcm],
) -> None:
    pair.fake.script.append("sender")
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())
    await pair.provider.send(pair.parcel())
    pair.fake.script.append("sender")
    with pytest.raises(WrongSender):
        await pair.provider.send(pair.parcel())


async def test_a_probe_does_not_prove_our_project(pair: Pair[Fcm, FakeFcm]) -> None:
    await pair.provider.probe()
    pair.fake.script.append("sender")
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())


# ---- access tokens -------------------------------------------------------------------------


async def test_concurrent_messages_share_one_access_token(pair: Pair[Fcm, FakeFcm]) -> None:
    await asyncio.gather(*(pair.provider.send(pair.parcel()) for _ in range(10)))
    assert len(pair.fake.accepted) == 10
    assert tokens(pair) == 1


async def test_an_access_token_that_is_about_to_expire_is_exchanged(
    pair: Pair[Fcm, FakeFcm],
) -> None:
    pair.fake.lasts = 299
    await pair.provider.send(pair.parcel())
    pair.fake.lasts = 3600
    for _ in range(2):
        await pair.provider.send(pair.parcel())
    assert tokens(pair) == 2


async def test_a_refused_access_token_is_exchanged(pair: Pair[Fcm, FakeFcm]) -> None:
    await pair.provider.send(pair.parcel())
    pair.fake.tokens.clear()
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())
    await pair.provider.send(pair.parcel())
    assert len(pair.fake.accepted) == 2


async def test_another_refusal_keeps_the_access_token(pair: Pair[Fcm, FakeFcm]) -> None:
    pair.fake.script.append("denied")
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())
    await pair.provider.send(pair.parcel())
    assert tokens(pair) == 1


async def test_a_probe_asks_for_a_new_access_token(pair: Pair[Fcm, FakeFcm]) -> None:
    for _ in range(2):
        await pair.provider.probe()
    assert tokens(pair) == 2


class _Broken(FakeFcm):
    """Firebase with a broken token endpoint."""

    says: Response

    async def _token(self, request: Request) -> Response:
        return self.says


@pytest.mark.parametrize(
    "says",
    [
        error(500, "INTERNAL"),
        JSONResponse({}),
        JSONResponse([]),
        JSONResponse({"access_token": "", "expires_in": 3600}),
        JSONResponse({"access_token": "x", "expires_in": "soon"}),
        Response("<html>"),
    ],
)
async def test_a_missing_access_token_means_that_nothing_was_sent(
    says: Response, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = _Broken()
    fake.says = says
    async with connected(Fcm, fake) as pair:
        with pytest.raises(TransientError):
            await pair.provider.send(pair.parcel())
    assert fake.asked == 0


# ---- settings ------------------------------------------------------------------------------


async def test_the_service_account_s_key_may_be_a_file(
    pair: Pair[Fcm, FakeFcm], tmp_path: Path
) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(pair.fake.key()))
    other = configured(Fcm, pair.fake.environment() | {"SOJOURN_FCM_CREDENTIALS": str(path)})
    assert PROJECT in await other.send(pair.parcel())
    await other.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nsecret\n"}, "private_key is not an RSA key"),
        ({"client_email": None}, "client_email"),
        ({"project_id": ""}, "SOJOURN_FCM_PROJECT"),
    ],
)
def test_a_bad_key_is_named_at_start(
    change: dict[str, object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_FCM_CREDENTIALS", json.dumps(FakeFcm().key() | change))
    with pytest.raises(BadSetting, match=reason) as raised:
        Fcm(Settings())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("given", ["/nowhere/key.json", "{", '{"a": "secret"}', "se\0cret", "/"])
def test_unreadable_credentials_are_named_at_start(given: str) -> None:
    with pytest.raises(BadSetting, match="SOJOURN_FCM_CREDENTIALS") as raised:
        ServiceAccount(given, "scope", Http("", 1), "SOJOURN_FCM_CREDENTIALS")
    assert "secret" not in str(raised.value)
