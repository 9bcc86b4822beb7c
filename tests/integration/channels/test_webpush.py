"""Web Push beyond the contract of providers."""

import asyncio
import base64
import dataclasses
import json
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import http_ece
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from sojourn.channels.provider import Parcel
from sojourn.channels.webpush import WebPush, _subscription
from sojourn.domain.errors import (
    AccountError,
    BadSetting,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
    WrongSender,
)
from sojourn.domain.messages import MessageClass
from sojourn.domain.reports import reference
from sojourn.settings import Settings
from sojourn.testkit.fakes import Behaviour, Refused
from sojourn.testkit.fakes.webpush import FakeWebPush, encoded, pem_private_key, raw_private_key
from sojourn.testkit.pairs import Pair, configured, connected
from tests.support.markdown import ROOT

# the browser's keys in the example of RFC 8291, section 5
RFC_PUBLIC = (
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
)
RFC_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
RFC_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"


@pytest.fixture
async def pair() -> AsyncIterator[Pair[WebPush, FakeWebPush]]:
    async with connected(WebPush, FakeWebPush()) as pair:
        yield pair


def to(pair: Pair[WebPush, FakeWebPush], **changed: Any) -> Parcel:
    """Return a message to a subscription with changes."""
    return dataclasses.replace(pair.parcel(), address=pair.fake.subscription(**changed))


def saying(pair: Pair[WebPush, FakeWebPush], **changed: Any) -> Parcel:
    """Return a message with changes to its content."""
    parcel = pair.parcel()
    return dataclasses.replace(parcel, content=dataclasses.replace(parcel.content, **changed))


# ---- messages ------------------------------------------------------------------------------


async def test_the_browser_reads_every_part_of_the_message(
    pair: Pair[WebPush, FakeWebPush],
) -> None:
    parcel = pair.parcel()
    await pair.provider.send(parcel)
    (order,) = pair.fake.accepted
    assert order.request["payload"] == {
        "title": "Your cart is waiting",
        "body": "Żółty kubek is still there",
        "url": "https://shop.example/cart",
        "image": "https://shop.example/cup.png",
        "tag": "cart",
        "reference": parcel.reference,
    }
    assert order.request["headers"]["topic"] == reference("cart")
    assert order.request["headers"]["ttl"] == "86400"
    assert order.request["headers"]["urgency"] == "normal"


async def test_a_duplicate_replaces_the_first_push_without_a_collapse_key_too(
    pair: Pair[WebPush, FakeWebPush],
) -> None:
    parcel = saying(pair, collapse_key="")
    pair.fake.script.append(Behaviour.FAIL_AFTER)
    with pytest.raises(ProviderError):
        await pair.provider.send(parcel)
    await pair.provider.send(parcel)
    first, second = (order.request for order in pair.fake.accepted)
    assert first["payload"]["tag"] == second["payload"]["tag"] == parcel.reference
    assert first["headers"]["topic"] == second["headers"]["topic"]


async def test_a_sign_in_code_is_urgent(pair: Pair[WebPush, FakeWebPush]) -> None:
    parcel = dataclasses.replace(pair.parcel(), message_class=MessageClass.AUTHENTICATION)
    await pair.provider.send(parcel)
    assert pair.fake.accepted[0].request["headers"]["urgency"] == "high"


async def test_the_largest_message_is_sent_and_one_byte_more_is_rejected(
    pair: Pair[WebPush, FakeWebPush],
) -> None:
    parcel = saying(pair, body="")
    await pair.provider.send(parcel)
    empty = pair.fake.accepted[0].request["size"] + len('"body":"",')
    await pair.provider.send(saying(pair, body="x" * (4096 - empty)))
    assert pair.fake.accepted[1].request["size"] == 4096
    with pytest.raises(ContentRejected):
        await pair.provider.send(saying(pair, body="x" * (4096 - empty + 1)))
    assert pair.fake.asked == 2


@pytest.mark.parametrize(
    ("headers", "expected"), [({"apns-id": "E1-2"}, "E1-2"), ({}, ""), ({"location": ""}, "")]
)
async def test_a_push_service_that_returns_no_url_has_accepted_the_message(
    pair: Pair[WebPush, FakeWebPush],
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    expected: str,
) -> None:
    created = Refused(partial(Response, status_code=201, headers=headers), ProviderError)
    monkeypatch.setattr(pair.fake, "refusals", lambda: {"this": created})
    pair.fake.script.append("this")
    parcel = pair.parcel()
    assert await pair.provider.send(parcel) == (expected or parcel.reference)


async def test_the_payload_can_be_decrypted_with_the_keys_of_rfc_8291(
    pair: Pair[WebPush, FakeWebPush], monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[bytes] = []

    async def keep(request: Any) -> Any:
        bodies.append(await request.body())
        raise AssertionError

    monkeypatch.setattr(pair.fake, "order", keep)
    parcel = to(pair, keys={"p256dh": RFC_PUBLIC, "auth": RFC_AUTH})
    with pytest.raises(ProviderError):
        await pair.provider.send(parcel)
    number = int.from_bytes(base64.urlsafe_b64decode(RFC_PRIVATE + "="))
    browser = ec.derive_private_key(number, ec.SECP256R1())
    secret = base64.urlsafe_b64decode(RFC_AUTH + "==")
    text = http_ece.decrypt(bodies[0], private_key=browser, auth_secret=secret)
    assert json.loads(text)["reference"] == parcel.reference


@pytest.mark.parametrize("how", ["key-mismatch", "key-mismatch-mozilla", "key-mismatch-google"])
async def test_a_subscription_of_another_key_is_refused_alone_once_our_key_is_proven(
    pair: Pair[WebPush, FakeWebPush], how: str
) -> None:
    pair.fake.script.append(how)
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())
    await pair.provider.send(pair.parcel())
    pair.fake.script.append(how)
    with pytest.raises(WrongSender):
        await pair.provider.send(pair.parcel())


async def test_a_wrong_key_of_ours_suppresses_no_subscription(
    pair: Pair[WebPush, FakeWebPush],
) -> None:
    key = {"SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY": encoded(bytes(31) + b"\1")}
    other = configured(WebPush, pair.fake.environment() | key)
    for _ in range(2):
        with pytest.raises(AccountError, match="used to create the subscriptions"):
            await other.send(pair.parcel())
    await other.close()
    assert pair.fake.accepted == []


@pytest.mark.parametrize("status", [301, 307, 308, 402, 405, 407])
async def test_an_endpoint_that_is_no_push_service_pauses_nobody_elses_messages(
    pair: Pair[WebPush, FakeWebPush], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A browser, or somebody in its place, names the endpoint."""
    refused = Refused(partial(Response, status_code=status), ContentRejected)
    monkeypatch.setattr(pair.fake, "refusals", lambda: {"this": refused})
    pair.fake.script.append("this")
    with pytest.raises(ContentRejected):
        await pair.provider.send(pair.parcel())


@pytest.mark.parametrize("how", ["bad-claim", "unsigned"])
async def test_a_bad_claim_is_the_account_s_fault_even_after_a_success(
    pair: Pair[WebPush, FakeWebPush], how: str
) -> None:
    await pair.provider.send(pair.parcel())
    pair.fake.script.append(how)
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())


# ---- subscriptions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/x",
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://wns2-par02p.notify.windows.com/w/?token=x",
        "https://web.push.apple.com/x",
        "https://push.example.com/x",
        "https://eu.browsers.example/x",
        "https://FCM.googleapis.com:443/x",
    ],
)
def test_known_push_services_are_allowed(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _allows(endpoint, monkeypatch)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/fcm.googleapis.com",
        "https://evilpush.apple.com/x",
        "https://push.apple.com/x",
        "https://browsers.example/x",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:9001/x",
        "https://127.0.0.1:9000/x",
        "https://localhost/x",
        "https://[::1]/x",
        "file:///etc/passwd",
        "//fcm.googleapis.com/x",
        "fcm.googleapis.com",
        "",
    ],
)
def test_other_endpoints_are_not_allowed(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _allows(endpoint, monkeypatch)


def _allows(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    hosts = "push.example.com, *.Browsers.example,http://127.0.0.1:9000/"
    monkeypatch.setenv("SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY", raw_private_key())
    monkeypatch.setenv("SOJOURN_WEBPUSH_EXTRA_HOSTS", hosts)
    try:
        WebPush(Settings())._origin(httpx.URL(endpoint))
    except InvalidRecipient:
        return False
    return True


async def test_a_listed_origin_is_allowed_and_its_neighbour_is_not(
    pair: Pair[WebPush, FakeWebPush],
) -> None:
    await pair.provider.send(pair.parcel())
    for endpoint in (
        pair.fake.url.replace("127.0.0.1", "localhost") + "/push/x",
        pair.fake.url.replace("http://", "http://user:secret@") + "/push/x",
        pair.fake.url.replace("http://", "https://") + "/push/x",
    ):
        with pytest.raises(InvalidRecipient):
            await pair.provider.send(to(pair, endpoint=endpoint))
    assert pair.fake.asked == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"endpoint": None},
        {"endpoint": 3},
        {"endpoint": "https://[/"},
        {"endpoint": "https://fcm.googleapis.com\\@evil.example/"},
        {"keys": None},
        {"keys": []},
        {"keys": {"p256dh": RFC_PUBLIC}},
        {"keys": {"p256dh": RFC_PUBLIC, "auth": "c2hvcnQ"}},
        {"keys": {"p256dh": RFC_PUBLIC, "auth": "not base64!"}},
        {"keys": {"p256dh": RFC_PUBLIC[:-2] + "AA", "auth": RFC_AUTH}},
        {"keys": {"p256dh": RFC_AUTH, "auth": RFC_AUTH}},
        {"keys": {"p256dh": 1, "auth": 2}},
    ],
)
async def test_a_broken_subscription_is_an_invalid_recipient(
    pair: Pair[WebPush, FakeWebPush], changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRecipient) as raised:
        await pair.provider.send(to(pair, **changed))
    assert "evil" not in str(raised.value)
    assert pair.fake.asked == 0


@pytest.mark.parametrize("address", ["", "device-token", "[]", "null", "{}", "[" * 100_000])
async def test_an_address_that_is_no_subscription_is_an_invalid_recipient(
    pair: Pair[WebPush, FakeWebPush], address: str
) -> None:
    with pytest.raises(InvalidRecipient):
        await pair.provider.send(dataclasses.replace(pair.parcel(), address=address))


@given(endpoint=st.text(max_size=40), prefix=st.sampled_from(["", "https://", "https://a@"]))
def test_any_endpoint_belongs_to_a_push_service_or_is_refused(endpoint: str, prefix: str) -> None:
    keys = {"p256dh": RFC_PUBLIC, "auth": RFC_AUTH}
    try:
        found = _subscription(json.dumps({"endpoint": prefix + endpoint, "keys": keys}))
    except InvalidRecipient:
        return
    assert not found.endpoint.userinfo


# ---- settings ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["raw", "padded", "pem", "file"])
async def test_the_key_may_have_any_usual_form(
    form: str, pair: Pair[WebPush, FakeWebPush], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "vapid.pem"
    path.write_text(pem_private_key())
    raw = raw_private_key()
    key = {"raw": raw, "padded": f"{raw}=", "pem": pem_private_key(), "file": str(path)}[form]
    given = {"SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY": key}
    other = configured(WebPush, pair.fake.environment() | given)
    await other.probe()
    await other.send(pair.parcel())
    await other.close()


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("/nowhere/vapid.pem", "No such file"),
        ("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----", "not a private key"),
        (encoded(bytes(32)), "not a private key"),
        (_pem(ec.generate_private_key(ec.SECP384R1())), "another kind"),
        (_pem(rsa.generate_private_key(65537, 1024)), "another kind"),
    ],
)
def test_a_key_that_cannot_sign_is_named_at_start(
    key: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY", key)
    with pytest.raises(BadSetting, match=f"VAPID_PRIVATE_KEY.*{reason}") as raised:
        WebPush(Settings())
    assert "secret" not in str(raised.value)


def test_a_subject_that_is_no_contact_is_named_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY", raw_private_key())
    monkeypatch.setenv("SOJOURN_WEBPUSH_SUBJECT", "the shop")
    with pytest.raises(BadSetting, match="SOJOURN_WEBPUSH_SUBJECT"):
        WebPush(Settings())


# ---- the service worker --------------------------------------------------------------------

BROWSER = """
const heard = {}, shown = [], opened = [];
globalThis.self = {
  addEventListener: (name, react) => { heard[name] = react; },
  registration: { showNotification: async (...what) => { shown.push(what); } },
  clients: { openWindow: async (url) => { opened.push(url); } },
};
eval(require("fs").readFileSync(process.argv[1], "utf8"));
const message = JSON.parse(process.argv[2]);
const waits = [];
const waitUntil = (promise) => waits.push(promise);
heard.push({ data: { json: () => message }, waitUntil });
const notification = { close() {}, data: shown[0][1].data };
heard.notificationclick({ notification, waitUntil });
Promise.all(waits).then(() => console.log(JSON.stringify({ shown, opened })));
"""


async def test_the_service_worker_shows_the_message_and_opens_its_link(
    pair: Pair[WebPush, FakeWebPush],
) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed (Debian: apt-get install nodejs)")
    await pair.provider.send(pair.parcel())
    payload = pair.fake.accepted[0].request["payload"]
    worker = str(ROOT / "examples" / "service" / "service-worker.js")
    process = await asyncio.create_subprocess_exec(
        *("node", "-e", BROWSER, worker, json.dumps(payload)), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    data = {"url": payload["url"], "reference": payload["reference"]}
    options = {part: payload[part] for part in ("body", "image", "tag")} | {"data": data}
    assert json.loads(said) == {
        "shown": [[payload["title"], options]],
        "opened": ["https://shop.example/cart"],
    }
