import base64
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from sojourn.channels.http import retry_after
from sojourn.channels.provider import Hook, Reading
from sojourn.channels.sendgrid import SEARCHED, SIGNATURE, TIMESTAMP, SendGrid
from sojourn.domain.content import Attachment
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings
from sojourn.testkit.fakes import Happening, Order
from sojourn.testkit.fakes.sendgrid import FakeSendGrid, signed
from sojourn.testkit.pairs import Pair, connected

# The example of SendGrid's own library:
# https://github.com/sendgrid/sendgrid-python/blob/main/test/unit/test_eventwebhook.py
THEIR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe6"
    "2gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)
THEIR_SIGNATURE = (
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15Tl"
    "uLtEZtM="
)
THEIR_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
ORDER = Order("order-1", "0" * 32, "anna@shop.example", Channel.EMAIL, "hello")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
EVENTS = st.dictionaries(
    st.sampled_from(
        ["event", "reason", "type", "status", "timestamp", "sg_event_id", "sg_message_id", "email"]
    ),
    st.sampled_from(["bounce", "dropped", "open", "0001-01-01T00:00:00+14:00"]) | JSON,
)


@pytest.fixture
async def pair() -> AsyncIterator[Pair[SendGrid, FakeSendGrid]]:
    async with connected(SendGrid, FakeSendGrid()) as pair:
        yield pair


@cache
def reader(key: str = FakeSendGrid().environment()["SOJOURN_SENDGRID_WEBHOOK_KEY"]) -> SendGrid:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOJOURN_SENDGRID_API_KEY", "SG.any")
        patch.setenv("SOJOURN_SENDGRID_WEBHOOK_KEY", key)
        return SendGrid(Settings())


async def read(*events: Any) -> tuple[Report, ...]:
    return (await reader().read(signed(list(events)).received())).reports


THEIRS = Hook(
    method="POST",
    url="https://sojourn.example/webhooks/sendgrid",
    headers={SIGNATURE: THEIR_SIGNATURE, TIMESTAMP: "1600112502"},
    body=THEIR_BODY,
    received_at=datetime.fromtimestamp(1600112510, UTC),
)


async def test_the_example_of_sendgrid_s_library_is_accepted() -> None:
    (report,) = (await reader(THEIR_KEY).read(THEIRS)).reports
    assert report.kind is Kind.BOUNCED
    assert report.hard
    assert report.provider_id == "LRzXl_NHStOGhQ4kofSm_A"
    assert report.event_id == "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA"
    assert report.at == datetime.fromtimestamp(1600112492, UTC)


@pytest.mark.parametrize(
    "hook",
    [
        replace(THEIRS, body=THEIR_BODY.rstrip()),
        replace(THEIRS, headers={SIGNATURE: THEIR_SIGNATURE, TIMESTAMP: "1600112503"}),
        replace(THEIRS, headers={SIGNATURE: THEIR_SIGNATURE, TIMESTAMP: "żółw"}),
        replace(THEIRS, headers={SIGNATURE: "żółw", TIMESTAMP: "1600112502"}),
        replace(THEIRS, headers={SIGNATURE: "AAAA", TIMESTAMP: "1600112502"}),
    ],
)
async def test_a_changed_example_is_refused(hook: Hook) -> None:
    with pytest.raises(BadSignature, match="SOJOURN_SENDGRID_WEBHOOK_KEY"):
        await reader(THEIR_KEY).read(hook)


async def test_a_webhook_is_accepted_for_a_day_and_not_much_longer() -> None:
    signed_at = datetime.fromtimestamp(1600112502, UTC)
    late = replace(THEIRS, received_at=signed_at + timedelta(hours=24))
    assert (await reader(THEIR_KEY).read(late)).reports
    with pytest.raises(BadSignature, match="replay"):
        await reader(THEIR_KEY).read(replace(THEIRS, received_at=signed_at + timedelta(hours=26)))


async def test_each_event_of_a_batch_gives_a_report() -> None:
    fake = FakeSendGrid()
    kinds = (Kind.ACCEPTED, Kind.DELIVERED, Kind.CLICKED)
    now = datetime.now(UTC)
    events = (fake.event(Happening(ORDER, kind, f"event-{kind}", now)) for kind in kinds)
    reports = await read(*events)
    assert tuple(report.kind for report in reports) == kinds
    assert len({report.event_id for report in reports}) == 3


@pytest.mark.parametrize(
    ("event", "kind", "hard"),
    [
        ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, Kind.BOUNCED, True),
        ({"event": "bounce", "status": "5.0.0"}, Kind.BOUNCED, True),
        ({"event": "bounce", "type": "blocked", "status": "5.1.1"}, Kind.BOUNCED, False),
        ({"event": "bounce", "type": "bounce", "status": "5.7.1"}, Kind.BOUNCED, False),
        ({"event": "bounce", "type": "bounce"}, Kind.BOUNCED, False),
        ({"event": "bounce", "bounce_classification": "Invalid Address"}, Kind.BOUNCED, True),
        ({"event": "bounce", "bounce_classification": "Mailbox Unavailable"}, Kind.BOUNCED, False),
        (
            {"event": "bounce", "bounce_classification": "Unclassified", "status": "5.1.1"},
            Kind.BOUNCED,
            True,
        ),
        ({"event": "dropped", "reason": "Bounced Address"}, Kind.BOUNCED, True),
        ({"event": "dropped", "reason": "Invalid"}, Kind.BOUNCED, True),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, Kind.UNSUBSCRIBED, False),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, Kind.COMPLAINED, False),
        ({"event": "dropped", "reason": "Recipient List over Package Quota"}, Kind.FAILED, False),
        ({"event": "group_unsubscribe"}, Kind.UNSUBSCRIBED, False),
    ],
)
async def test_each_reason_for_a_failure_has_its_kind(
    event: dict[str, Any], kind: Kind, hard: bool
) -> None:
    (report,) = await read(event)
    assert (report.kind, report.hard) == (kind, hard)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "group_resubscribe"},
        {"event": "account_status_change"},
        {},
    ],
)
async def test_another_event_gives_no_report(
    event: dict[str, Any],
) -> None:
    assert await read(event) == ()


async def test_a_repeated_event_without_an_id_gets_the_same_id() -> None:
    event = {"event": "dropped", "reason": "Invalid", "reference": "r1", "timestamp": 1600000000}
    (first,), (again,) = await read(event), await read(event)
    (later,) = await read(event | {"timestamp": 1600000001})
    assert first.event_id == again.event_id != later.event_id


@pytest.mark.parametrize(
    ("logged", "answered"),
    [
        ("14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "14c5d75ce93.dfd.64b469"),
        ("LRzXl_NHStOGhQ4kofSm_A.recvd-5f54b5d587-2z9zz-1-6470E9F0-1B.0", "LRzXl_NHStOGhQ4kofSm_A"),
        ("LRzXl_NHStOGhQ4kofSm_A", "LRzXl_NHStOGhQ4kofSm_A"),
    ],
)
async def test_an_event_s_message_id_matches_the_answer_s(logged: str, answered: str) -> None:
    (report,) = await read({"event": "delivered", "sg_message_id": logged})
    assert report.provider_id == answered


async def test_a_moment_outside_the_calendar_becomes_the_arrival() -> None:
    odd = {"event": "delivered", "timestamp": "0001-01-01T00:00:00+14:00"}
    hook = signed([odd]).received()
    (report,) = (await reader().read(hook)).reports
    assert report.at == hook.received_at


@given(JSON | st.lists(EVENTS))
async def test_any_signed_body_is_read_or_bad_input(body: Any) -> None:
    try:
        reading = await reader().read(signed(body).received())
    except BadInput as error:
        said: object = error
    else:
        said = reading
    assert isinstance(said, Reading | BadInput)
    assert not isinstance(said, BadSignature)


async def test_no_webhook_is_accepted_without_a_key() -> None:
    with pytest.raises(BadSignature, match="SOJOURN_SENDGRID_WEBHOOK_KEY"):
        await reader("").read(THEIRS)


@pytest.mark.parametrize("key", ["nonsense", base64.b64encode(b"nonsense").decode()])
def test_a_bad_key_is_named_at_start(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_SENDGRID_API_KEY", "SG.any")
    monkeypatch.setenv("SOJOURN_SENDGRID_WEBHOOK_KEY", key)
    with pytest.raises(BadSetting, match="SOJOURN_SENDGRID_WEBHOOK_KEY: this is not a key"):
        SendGrid(Settings())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Reset": lambda: str(int(time.time()) + 40)}, 40),
        ({"X-RateLimit-Reset": lambda: str(int(time.time() * 1000) + 40_000)}, 40),
        ({"X-RateLimit-Reset": lambda: "40"}, 40),
        ({"X-RateLimit-Reset": lambda: "1392815263"}, 0),
        ({"X-RateLimit-Reset": lambda: "40", "Retry-After": lambda: "7"}, 7),
        ({"X-RateLimit-Reset": lambda: "soon"}, None),
        ({"X-RateLimit-Reset": lambda: "-1"}, None),
        ({"X-RateLimit-Reset": lambda: "1e300"}, 3600),
    ],
)
def test_the_time_to_wait_is_read_from_the_rate_limit_s_reset(
    headers: dict[str, Any], seconds: float | None
) -> None:
    answer = httpx.Response(429, headers={name: make() for name, make in headers.items()})
    wait = retry_after(answer)
    if seconds is None:
        assert wait is None
    else:
        assert wait is not None
        assert abs(wait - timedelta(seconds=seconds)) <= timedelta(seconds=2)


async def test_an_answer_without_an_id_leaves_the_message_in_doubt(
    pair: Pair[SendGrid, FakeSendGrid],
) -> None:
    pair.fake.answer = lambda order: Response(status_code=202)  # type: ignore[method-assign]
    with pytest.raises(AmbiguousSend, match="X-Message-Id"):
        await pair.provider.send(pair.parcel())


async def test_the_sandbox_sends_nothing_and_gives_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_SENDGRID_SANDBOX", "true")
    async with connected(SendGrid, FakeSendGrid()) as pair:
        parcel = pair.parcel()
        assert await pair.provider.send(parcel) == f"sandbox-{parcel.reference}"
        (order,) = pair.fake.accepted
        assert order.request["mail_settings"] == {"sandbox_mode": {"enable": True}}


async def test_a_mail_has_our_reference_and_no_tracking_of_the_provider_s(
    pair: Pair[SendGrid, FakeSendGrid],
) -> None:
    parcel = pair.parcel()
    content = parcel.content
    pdf = Attachment("invoice.pdf", "application/pdf", base64.b64encode(b"%PDF").decode())
    headers = {**content.headers, "Reply-To": "Shop <help@shop.example>"}
    changed = replace(content, headers=headers, attachments=(pdf,))
    await pair.provider.send(replace(parcel, content=changed))
    (order,) = pair.fake.accepted
    said = order.request
    assert said["reply_to"] == {"email": "help@shop.example"}
    assert said["headers"] == {
        **content.headers,
        "Message-ID": f"<{parcel.reference}@shop.example>",
    }
    assert said["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
    }
    assert said["attachments"] == [
        {
            "content": "JVBERg==",
            "type": "application/pdf",
            "filename": "invoice.pdf",
            "disposition": "attachment",
        }
    ]
    assert not re.search(r"\bnull\b", json.dumps(said))
    assert "mail_settings" not in said


async def test_a_mail_leaves_an_empty_part_out(pair: Pair[SendGrid, FakeSendGrid]) -> None:
    parcel = pair.parcel()
    bare = replace(parcel.content, html="")
    await pair.provider.send(replace(parcel, content=bare))
    (order,) = pair.fake.accepted
    assert order.request["content"] == [{"type": "text/plain", "value": bare.text}]


async def test_the_probe_notices_a_key_that_may_not_send(
    pair: Pair[SendGrid, FakeSendGrid],
) -> None:
    pair.fake.scopes = ["messages.read"]
    with pytest.raises(AccountError, match=r"mail\.send"):
        await pair.provider.probe()


async def test_too_many_messages_to_one_address_leave_a_look_up_undecided(
    pair: Pair[SendGrid, FakeSendGrid],
) -> None:
    since = datetime.now(UTC)
    for _ in range(SEARCHED):
        await pair.provider.send(pair.parcel())
    with pytest.raises(TransientError, match="too many"):
        await pair.provider.find(pair.parcel(), since)


async def test_an_address_that_no_query_can_quote_is_not_looked_up(
    pair: Pair[SendGrid, FakeSendGrid],
) -> None:
    parcel = pair.parcel()
    odd = replace(parcel, address='"a\\"b"@shop.example')
    with pytest.raises(TransientError, match="quote"):
        await pair.provider.find(odd, datetime.now(UTC))
    assert pair.fake.asked == 0


async def test_a_machine_s_open_is_kept_with_what_sendgrid_says() -> None:
    # https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event#engagement-events
    (report,) = await read(
        {
            "email": "example@test.com",
            "timestamp": 1513299569,
            "event": "open",
            "sg_machine_open": True,
            "category": "cat facts",
            "sg_event_id": "sg_event_id",
            "sg_message_id": "sg_message_id",
            "useragent": "Mozilla/4.0 (compatible; MSIE 6.1; Windows XP; .NET CLR 1.1.4322)",
            "ip": "255.255.255.255",
        }
    )
    assert (report.kind, report.said, report.network) == (Kind.OPENED, "provider_says", "")
    assert (report.agent or "").startswith("Mozilla/4.0")


async def test_an_open_by_a_person_says_nothing_of_a_machine() -> None:
    (report,) = await read({"event": "open", "sg_machine_open": False, "ip": "8.8.8.8"})
    assert (report.said, report.agent, report.network) == ("", None, "8.8.8.0/24")
