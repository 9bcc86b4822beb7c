import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from sojourn.channels.mailgun import Mailgun
from sojourn.channels.provider import Hook, Reading
from sojourn.domain.content import Attachment
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSignature,
    ContentRejected,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.testkit.fakes import Order
from sojourn.testkit.fakes.mailgun import DOMAIN, WEBHOOK_KEY, FakeMailgun, signed
from sojourn.testkit.pairs import Pair, configured, connected

# token and moment of https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/
# securing-webhooks; the signature by `openssl dgst -sha256 -hmac signing-key-fake`
THEIRS = Hook(
    method="POST",
    url="https://sojourn.example/webhooks/mailgun",
    headers={},
    body=json.dumps(
        {
            "signature": {
                "token": "e0b5477167110d68991efc6b9f89f0a11066af27834600e123",
                "timestamp": "1770920772",
                "signature": "92b3ad90883f32cbf75ec8921771b07c24661f4babaf8ef9dff55efe0e02685c",
            },
            "event-data": {"event": "delivered", "timestamp": 1770920771.5},
        }
    ).encode(),
    received_at=datetime.fromtimestamp(1770920780, UTC),
)
ORDER = Order(f"0123@{DOMAIN}", "0" * 32, "anna@shop.example", Channel.EMAIL, "hello")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
PARTS = ["delivery-status", "message", "user-variables", "reject", "recipient", "url", "timestamp"]
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["failed", "clicked", "delivered", "rejected"]) | JSON},
    optional={
        "severity": st.sampled_from(["temporary", "permanent"]) | JSON,
        "reason": st.sampled_from(["bounce", "suppress-bounce", "old"]) | JSON,
        **dict.fromkeys(PARTS, JSON),
    },
)
SIGNATURES = st.dictionaries(
    st.sampled_from(["timestamp", "token", "signature", "parent-signature"]), JSON
)


@pytest.fixture
async def pair() -> AsyncIterator[Pair[Mailgun, FakeMailgun]]:
    async with connected(Mailgun, FakeMailgun()) as pair:
        yield pair


@cache
def reader(key: str = WEBHOOK_KEY) -> Mailgun:
    environment = {
        "SOJOURN_MAILGUN_API_KEY": "key-any",
        "SOJOURN_MAILGUN_DOMAIN": DOMAIN,
        "SOJOURN_MAILGUN_WEBHOOK_KEY": key,
    }
    return configured(Mailgun, environment)


async def read(event: dict[str, Any], token: str = "token-1") -> tuple[Report, ...]:
    return (await reader().read(signed(event, token).received())).reports


def failed(reason: str, **status: Any) -> dict[str, Any]:
    permanent = {"event": "failed", "severity": "permanent"}
    return permanent | {"reason": reason, "delivery-status": status}


async def test_a_signature_by_openssl_is_accepted() -> None:
    (report,) = (await reader().read(THEIRS)).reports
    assert report.kind is Kind.DELIVERED
    assert report.at == datetime.fromtimestamp(1770920771.5, UTC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1770920772", b"1770920773"),
        (b"e0b5477167", b"e0b5477168"),
        (b'"signature": "', b'"signature": "0'),
        (b'"signature": "', b'"signature": "\\u017c'),
        (b'"token"', b'"tokens"'),
    ],
)
async def test_a_changed_signature_is_refused(old: bytes, new: bytes) -> None:
    touched = THEIRS.body.replace(old, new)
    assert touched != THEIRS.body
    with pytest.raises(BadSignature, match="SOJOURN_MAILGUN_WEBHOOK_KEY"):
        await reader().read(replace(THEIRS, body=touched))


async def test_a_webhook_is_accepted_for_eight_hours_and_not_much_longer() -> None:
    signed_at = datetime.fromtimestamp(1770920772, UTC)
    assert await reader().read(replace(THEIRS, received_at=signed_at + timedelta(hours=8)))
    with pytest.raises(BadSignature, match="replay"):
        await reader().read(replace(THEIRS, received_at=signed_at + timedelta(hours=10)))


async def test_a_reused_token_gives_the_same_report_id() -> None:
    (first,) = await read({"event": "delivered", "id": "a"}, "token-1")
    (forged,) = await read({"event": "complained", "id": "b"}, "token-1")
    assert forged.event_id == first.event_id


async def test_the_parent_account_s_signature_is_accepted() -> None:
    hook = signed({"event": "delivered"}, "token-1", name="parent-signature").received()
    assert (await reader().read(hook)).reports


async def test_no_webhook_is_accepted_without_a_key() -> None:
    with pytest.raises(BadSignature, match="SOJOURN_MAILGUN_WEBHOOK_KEY"):
        await reader("").read(THEIRS)


@pytest.mark.parametrize(
    ("event", "kind", "hard"),
    [
        (failed("bounce", code=550, message="5.1.1 no such user"), Kind.BOUNCED, True),
        (failed("bounce", **{"code": 550, "enhanced-code": "5.1.1"}), Kind.BOUNCED, True),
        (failed("bounce", code=550, message="No such user"), Kind.BOUNCED, True),
        (failed("bounce", code=550, message="5.7.1 spam"), Kind.BOUNCED, False),
        (failed("bounce", code=552, message="5.2.2 mailbox full"), Kind.BOUNCED, False),
        (failed("bounce", code=554, message="refused"), Kind.BOUNCED, False),
        (failed("bounce", **{"code": 550, "bounce-type": "soft"}), Kind.BOUNCED, False),
        (failed("bounce"), Kind.BOUNCED, False),
        (failed("suppress-bounce", code=605), Kind.BOUNCED, True),
        (failed("suppress-unsubscribe", code=606), Kind.UNSUBSCRIBED, False),
        (failed("suppress-complaint", code=607), Kind.COMPLAINED, False),
        (failed("generic", code=554), Kind.FAILED, False),
        (failed("old", code=602), Kind.FAILED, False),
        (failed("bounce", code=550) | {"severity": "temporary"}, Kind.DEFERRED, False),
        ({"event": "rejected", "reject": {"reason": "Sandbox"}}, Kind.FAILED, False),
    ],
)
async def test_each_reason_for_a_failure_has_its_kind(
    event: dict[str, Any], kind: Kind, hard: bool
) -> None:
    (report,) = await read(event)
    assert (report.kind, report.hard) == (kind, hard)


@pytest.mark.parametrize("name", ["stored", "list_member_uploaded", "something new"])
async def test_an_event_of_another_type_gives_no_report(name: str) -> None:
    assert await read({"event": name}) == ()


async def test_a_webhook_without_an_event_is_bad_input() -> None:
    with pytest.raises(BadInput, match="event-data"):
        await reader().read(signed(["delivered"], "token-1").received())


@given(EVENTS | JSON)
async def test_any_signed_event_is_read_or_bad_input(event: Any) -> None:
    try:
        said: object = await reader().read(signed(event, "token-1").received())
    except BadInput as error:
        said = error
    assert isinstance(said, Reading | BadInput)
    assert not isinstance(said, BadSignature)


@given(st.fixed_dictionaries({"signature": SIGNATURES | JSON}) | JSON)
async def test_any_body_without_a_signature_is_refused(body: Any) -> None:
    with pytest.raises(BadInput):
        await reader().read(replace(THEIRS, body=json.dumps(body).encode()))


@pytest.mark.parametrize("said", [{"message": "Queued. Thank you."}, {"id": ""}, ["queued"]])
async def test_an_answer_without_an_id_leaves_the_message_in_doubt(
    pair: Pair[Mailgun, FakeMailgun], said: Any
) -> None:
    pair.fake.answer = lambda order: JSONResponse(said)  # type: ignore[method-assign]
    with pytest.raises(AmbiguousSend, match="without an id"):
        await pair.provider.send(pair.parcel())


async def test_a_mail_has_our_reference_and_no_tracking_of_the_provider_s(
    pair: Pair[Mailgun, FakeMailgun],
) -> None:
    parcel = pair.parcel()
    pdf = Attachment("zamówienie.pdf", "application/pdf", base64.b64encode(b"%PDF").decode())
    png = Attachment("cup.png", "image/png", base64.b64encode(b"\x89PNG").decode())
    content = replace(parcel.content, attachments=(pdf, png))
    assert await pair.provider.send(replace(parcel, content=content)) == (
        f"{parcel.reference}@{DOMAIN}"
    )
    (order,) = pair.fake.accepted
    assert order.request == {
        "from": "Sojourn Shop <hello@shop.example>",
        "to": "anna@shop.example",
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "o:tag": "abandoned-cart/reminder",
        "o:tracking": "no",
        "o:tracking-clicks": "no",
        "o:tracking-opens": "no",
        "v:reference": parcel.reference,
        "h:List-Unsubscribe": "<https://shop.example/u/t>",
        "h:List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "h:Message-Id": f"<{parcel.reference}@{DOMAIN}>",
        "attachment": [
            ("zamówienie.pdf", "application/pdf", b"%PDF"),
            ("cup.png", "image/png", b"\x89PNG"),
        ],
    }


async def test_a_shop_s_name_with_a_comma_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_SHOP_NAME", 'Żółty "Kubek", Inc.')
    async with connected(Mailgun, FakeMailgun()) as pair:
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        assert order.request["from"] == '"Żółty \\"Kubek\\", Inc." <hello@shop.example>'


async def test_an_attachment_that_is_no_base64_is_rejected(
    pair: Pair[Mailgun, FakeMailgun],
) -> None:
    parcel = pair.parcel()
    broken = Attachment("invoice.pdf", "application/pdf", "%PDF")
    content = replace(parcel.content, attachments=(broken,))
    with pytest.raises(ContentRejected, match=r"invoice\.pdf"):
        await pair.provider.send(replace(parcel, content=content))
    assert pair.fake.asked == 0


async def test_test_mode_is_asked_for_with_each_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_MAILGUN_TEST_MODE", "true")
    async with connected(Mailgun, FakeMailgun()) as pair:
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        assert order.request["o:testmode"] == "yes"


@pytest.mark.parametrize("state", ["unverified", "disabled"])
async def test_the_probe_notices_a_domain_that_may_not_send(
    pair: Pair[Mailgun, FakeMailgun], state: str
) -> None:
    pair.fake.state = state
    with pytest.raises(AccountError, match=state):
        await pair.provider.probe()


async def test_a_domain_of_another_region_is_the_account_s_fault(
    pair: Pair[Mailgun, FakeMailgun],
) -> None:
    domain = {"SOJOURN_MAILGUN_DOMAIN": "elsewhere.example"}
    elsewhere = configured(Mailgun, pair.fake.environment() | domain)
    try:
        with pytest.raises(AccountError, match="region"):
            await elsewhere.send(pair.parcel())
        with pytest.raises(AccountError, match="region"):
            await elsewhere.probe()
    finally:
        await elsewhere.close()


@pytest.mark.parametrize(
    ("event", "bot", "said"),
    [
        ("opened", "apple", "provider_says"),
        ("opened", "generic", "provider_says"),
        ("opened", "gmail", ""),  # a person behind Google's proxy
        ("clicked", "gmail", "provider_says"),
        ("opened", "", ""),
    ],
)
async def test_a_bot_that_mailgun_has_told_apart_is_kept_as_one(
    event: str, bot: str, said: str
) -> None:
    # https://documentation.mailgun.com/docs/mailgun/user-manual/tracking-messages/open-click-bot-detect
    (report,) = await read(
        {
            "client-info": {
                "client-name": "unknown",
                "client-type": "unknown",
                "user-agent": "Mozilla/5.0",
                "device-type": "unknown",
                "client-os": "unknown",
                "bot": bot,
            },
            "tags": [],
            "timestamp": 1652883435.279025,
            "recipient": "bot@apple.com",
            "ip": "17.58.6.51",
            "event": event,
        }
    )
    assert (report.said, report.agent, report.network) == (said, "Mozilla/5.0", "17.58.6.0/24")
