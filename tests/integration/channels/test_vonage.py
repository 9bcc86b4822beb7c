"""Vonage beyond the contract of providers."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.channels.provider import Hook
from sojourn.channels.vonage import Vonage
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.settings import Settings
from sojourn.testkit.fakes import Order, serving
from sojourn.testkit.fakes.vonage import SIGNATURE_SECRET, FakeVonage, problem, signed

APPLICATION = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
KEY = rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


class Words(FakeVonage):
    """Vonage with answers that a test chooses, and a record of Authorization headers."""

    says: Response | None = None
    jwts = False

    def __init__(self) -> None:
        super().__init__()
        self.authorities: list[str] = []

    def authorizes(self, request: Request) -> bool:
        self.authorities.append(request.headers["authorization"])
        return self.jwts or super().authorizes(request)

    def answer(self, order: Order) -> Response:
        return self.says or super().answer(order)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Words]:
    async with serving(Words()) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        assert isinstance(fake, Words)
        yield fake


@pytest.fixture
async def vonage(fake: Words) -> AsyncIterator[Vonage]:
    provider = Vonage(Settings(public_url="https://sojourn.example/"))
    yield provider
    await provider.close()


def hook(said: object, **claims: Any) -> Hook:
    return signed(said, datetime.now(UTC), **claims).received()


def status(status: str, **more: Any) -> dict[str, Any]:
    return {
        "channel": "sms",
        "message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
        "to": "393331234567",
        "from": "15005550006",
        "timestamp": "2025-11-01T14:00:00.000Z",
        "status": status,
        "client_ref": "abc",
        **more,
    }


def reply(text: object) -> dict[str, Any]:
    return {
        "channel": "sms",
        "message_uuid": "bbbbbbbb-bbbb-4ccc-8ddd-0123456789ab",
        "to": "15005550006",
        "from": "393331234567",
        "timestamp": "2025-11-01T14:00:00Z",
        "text": text,
    }


# ---- what is sent --------------------------------------------------------------------------


async def test_a_message_has_our_reference_and_asks_for_reports(
    fake: Words, vonage: Vonage
) -> None:
    parcel = fake.parcel(Channel.SMS, "k")
    await vonage.send(parcel)
    assert fake.accepted[0].request == {
        "channel": "sms",
        "message_type": "text",
        "to": "393331234567",
        "from": "15005550006",
        "text": parcel.content.text,
        "client_ref": parcel.reference,
        "webhook_url": "https://sojourn.example/webhooks/vonage",
        "webhook_version": "v1",
    }


@pytest.mark.parametrize("breaks", ["\n", "\\n"])
async def test_an_application_signs_each_request_with_its_key(
    breaks: str, fake: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_VONAGE_APPLICATION_ID", APPLICATION)
    monkeypatch.setenv("SOJOURN_VONAGE_PRIVATE_KEY", pem(KEY).replace("\n", breaks))
    fake.jwts = True
    provider = Vonage(Settings())
    await provider.send(fake.parcel(Channel.SMS, "k"))
    await provider.probe()
    await provider.close()
    claims = [
        jwt.decode(authority.removeprefix("Bearer "), KEY.public_key(), algorithms=["RS256"])
        for authority in fake.authorities
    ]
    assert [one["application_id"] for one in claims] == [APPLICATION, APPLICATION]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert claims[0]["exp"] - claims[0]["iat"] == 300


@pytest.mark.parametrize(
    "key",
    [
        "nonsense",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        pem(ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_a_bad_key_is_named_at_start(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_VONAGE_SMS_FROM", "Shop")
    monkeypatch.setenv("SOJOURN_VONAGE_APPLICATION_ID", APPLICATION)
    monkeypatch.setenv("SOJOURN_VONAGE_PRIVATE_KEY", key)
    with pytest.raises(BadSetting, match="SOJOURN_VONAGE_PRIVATE_KEY"):
        Vonage(Settings())


@pytest.mark.parametrize("half", ["APPLICATION_ID", "PRIVATE_KEY", "API_KEY", "API_SECRET"])
def test_half_of_the_credentials_is_not_enough(half: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_VONAGE_SMS_FROM", "Shop")
    monkeypatch.setenv(f"SOJOURN_VONAGE_{half}", "x")
    with pytest.raises(BadSetting, match="SOJOURN_VONAGE_API_KEY"):
        Vonage(Settings())


@pytest.mark.parametrize("name", ["A very long name", "+12", "Shop!"])
def test_a_bad_sender_is_named_at_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_VONAGE_SMS_FROM", name)
    with pytest.raises(BadSetting, match="SOJOURN_VONAGE_SMS_FROM"):
        Vonage(Settings())


def invalid(name: object) -> dict[str, Any]:
    """Return the body of an answer that names an invalid parameter."""
    faults = [{"name": name, "reason": "is invalid"}]
    return {**problem("invalid-params", "Unprocessable"), "invalid_parameters": faults}


# ---- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (JSONResponse({"workflow_id": "w1"}, 202), AmbiguousSend),
        (JSONResponse({"message_uuid": None}, 202), AmbiguousSend),
        (JSONResponse([], 202), AmbiguousSend),
        (Response("<html>", 200), AmbiguousSend),
        (JSONResponse(problem("1430", "late"), 500), AmbiguousSend),
        (Response("", 402), AccountError),
        (JSONResponse(problem("unauthorized", "no"), 403), AccountError),
        (
            JSONResponse({"type": "x#rejected", "title": 1060, "detail": "barred"}, 422),
            AccountError,
        ),
        (JSONResponse({"title": "Not found"}, 404), AccountError),
        (JSONResponse(invalid("from"), 422), AccountError),
        (JSONResponse(invalid("to"), 422), InvalidRecipient),
        (JSONResponse(invalid("text"), 422), ContentRejected),
        (JSONResponse(invalid(7), 422), ContentRejected),
        (Response("nonsense", 400), ContentRejected),
    ],
)
async def test_a_strange_answer_never_counts_as_success(
    answer: Response, error: type[ProviderError], fake: Words, vonage: Vonage
) -> None:
    fake.says = answer
    with pytest.raises(ProviderError) as raised:
        await vonage.send(fake.parcel(Channel.SMS, "k"))
    assert type(raised.value) is error


# ---- signatures ----------------------------------------------------------------------------


async def test_no_webhook_is_accepted_without_a_signature_secret(
    fake: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOJOURN_VONAGE_SIGNATURE_SECRET")
    provider = Vonage(Settings())
    with pytest.raises(BadSignature, match="SOJOURN_VONAGE_SIGNATURE_SECRET"):
        await provider.read(hook(status("delivered")))
    await provider.close()


@pytest.mark.parametrize(
    "claims",
    [
        {"secret": "another-signature-secret-that-is-long"},
        {"payload_hash": "0" * 64},
        {"payload_hash": None},
        {"iat": None},
        {"iat": "now"},
        {"iat": 10**400},
        {"iat": int(datetime.now(UTC).timestamp()) + 3600},
    ],
)
async def test_a_jwt_with_wrong_claims_is_refused(claims: dict[str, Any], vonage: Vonage) -> None:
    with pytest.raises(BadSignature):
        await vonage.read(hook(status("delivered"), **claims))


@pytest.mark.parametrize("scheme", ["", "Basic ", "Bearer ", "Bearer x.y.z", "Bearer żółć"])
async def test_a_malformed_authorization_is_refused(scheme: str, vonage: Vonage) -> None:
    sent = hook(status("delivered"))
    _, _, token = sent.headers["authorization"].partition(" ")
    value = scheme + token if scheme in ("", "Basic ") else scheme
    with pytest.raises(BadSignature):
        await vonage.read(dataclasses.replace(sent, headers={"authorization": value}))


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
async def test_a_jwt_of_another_algorithm_is_refused(algorithm: str, vonage: Vonage) -> None:
    sent = hook(status("delivered"))
    token = sent.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    key = "" if algorithm == "none" else SIGNATURE_SECRET * 2
    forged = f"Bearer {jwt.encode(claims, key, algorithm=algorithm)}"
    with pytest.raises(BadSignature):
        await vonage.read(dataclasses.replace(sent, headers={"authorization": forged}))


# ---- webhooks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        ("submitted", "", (Kind.ACCEPTED, False)),
        ("delivered", "", (Kind.DELIVERED, False)),
        ("rejected", "1190", (Kind.BOUNCED, True)),
        ("rejected", "1170", (Kind.BOUNCED, True)),
        ("rejected", "1180", (Kind.BOUNCED, False)),
        ("undeliverable", "1260", (Kind.BOUNCED, False)),
        ("rejected", "1240", (Kind.UNSUBSCRIBED, False)),
        ("rejected", "1210", (Kind.FAILED, False)),
        ("undeliverable", "", (Kind.FAILED, False)),
        ("delivered", "1190", (Kind.DELIVERED, False)),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
async def test_each_status_and_code_has_its_kind_of_report(
    said: str, code: str, expected: tuple[Kind, bool], wrapped: bool, vonage: Vonage
) -> None:
    error: dict[str, Any] = problem(code, "Words") if code else {}
    more = {"error": {"error": error} if wrapped else error} if code else {}
    (report,) = (await vonage.read(hook(status(said, **more)))).reports
    assert (report.kind, report.hard) == expected
    assert report.reference == "abc"
    assert report.address == "+393331234567"
    assert report.at == datetime(2025, 11, 1, 14, tzinfo=UTC)
    assert report.detail == (f"{code} Words" if code else "")


@pytest.mark.parametrize(
    "said",
    [status("typing"), status("delivered", channel="whatsapp"), reply("Hi") | {"channel": "mms"}],
)
async def test_a_webhook_of_no_interest_gives_no_report(
    said: dict[str, Any], vonage: Vonage
) -> None:
    assert (await vonage.read(hook(said))).reports == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Stop please", Kind.UNSUBSCRIBED),
        ("rezygnuję", Kind.UNSUBSCRIBED),
        ("START", Kind.REPLIED),
        ("Where does the bus stop?", Kind.REPLIED),
    ],
)
async def test_a_reply_names_the_customer_and_the_text(
    text: str, kind: Kind, vonage: Vonage
) -> None:
    (report,) = (await vonage.read(hook(reply(text)))).reports
    assert (report.kind, report.text) == (kind, text)
    assert report.address == "+393331234567"
    assert report.reference == ""


@pytest.mark.parametrize(
    "said",
    [
        [],
        None,
        {},
        status("delivered", message_uuid=None),
        status("delivered", client_ref=7),
        status("delivered") | {"status": ["delivered"]},
        reply(None),
        reply("Hi") | {"from": ""},
    ],
)
async def test_a_signed_body_without_meaning_is_bad_input(said: object, vonage: Vonage) -> None:
    with pytest.raises(BadInput) as raised:
        await vonage.read(hook(said))
    assert not isinstance(raised.value, BadSignature)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["rejected", "delivered", "submitted"]) | json,
        "message_uuid": st.just("u") | json,
        "channel": st.just("sms") | json,
        "error": st.fixed_dictionaries({}, optional={"error": json, "type": json}) | json,
        "timestamp": json,
        "client_ref": json,
        "text": json,
        "from": st.just("39333") | json,
        "to": json,
    },
)


@given(said=shaped | json)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_signed_body_is_read_or_refused(said: object, vonage: Vonage) -> None:
    try:
        reading = await vonage.read(hook(said))
    except BadSignature:
        raise
    except BadInput:
        return
    assert all(report.event_id for report in reading.reports)


async def test_a_report_that_is_delivered_late_is_the_same_report(vonage: Vonage) -> None:
    now = datetime.now(UTC)
    first = await vonage.read(signed(status("delivered"), now - timedelta(minutes=3)).received())
    again = await vonage.read(signed(status("delivered"), now).received())
    assert first.reports == again.reports
