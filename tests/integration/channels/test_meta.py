"""WhatsApp by Meta beyond the contract of providers."""

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.channels.meta import Config, Meta, language_code
from sojourn.channels.provider import Hook, Reading
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import Fake, Refused
from sojourn.testkit.fakes.meta import VERIFY_TOKEN, FakeMeta, error, inbound, signed, signed_bytes
from sojourn.testkit.pairs import Pair, connected


@pytest.fixture
async def pair() -> AsyncIterator[Pair[Meta, FakeMeta]]:
    async with connected(Meta, FakeMeta()) as pair:
        yield pair


def template(*variables: str, locale: str = "pl") -> Content:
    return Content(
        channel=Channel.WHATSAPP,
        template=f"abandoned-cart/nudge.whatsapp.{locale}",
        locale=locale,
        approved="cart_reminder",
        variables=variables,
    )


def answering(fake: Fake, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """Let the fake answer the next message so."""
    monkeypatch.setattr(fake, "refusals", lambda: {"this": Refused(answer, ProviderError)})
    fake.script.append("this")


def asking(query: str, method: str = "GET") -> Hook:
    url = f"https://sojourn.example/webhooks/meta?{query}"
    return Hook(method, url, {}, b"", datetime.now(UTC))


# ---- sending -------------------------------------------------------------------------------


async def test_free_text_is_sent_to_the_digits_of_the_number(pair: Pair[Meta, FakeMeta]) -> None:
    parcel = pair.parcel()
    await pair.provider.send(parcel)
    assert pair.fake.accepted[0].request == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "393331234567",
        "biz_opaque_callback_data": parcel.reference,
        "type": "text",
        "text": {"body": parcel.content.text},
    }


async def test_an_approved_template_has_its_variables_in_order(
    pair: Pair[Meta, FakeMeta],
) -> None:
    parcel = dataclasses.replace(pair.parcel(), content=template("Żółty kubek", "12 zł"))
    await pair.provider.send(parcel)
    request = pair.fake.accepted[0].request
    assert request["type"] == "template"
    assert "text" not in request
    assert request["template"] == {
        "name": "cart_reminder",
        "language": {"policy": "deterministic", "code": "pl"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Żółty kubek"},
                    {"type": "text", "text": "12 zł"},
                ],
            }
        ],
    }


async def test_a_variable_of_several_lines_becomes_one_line(pair: Pair[Meta, FakeMeta]) -> None:
    parcel = dataclasses.replace(pair.parcel(), content=template("two\nlines\tand      more"))
    await pair.provider.send(parcel)
    (component,) = pair.fake.accepted[0].request["template"]["components"]
    assert component["parameters"] == [{"type": "text", "text": "two lines and more"}]


async def test_a_template_without_variables_has_no_components(pair: Pair[Meta, FakeMeta]) -> None:
    await pair.provider.send(dataclasses.replace(pair.parcel(), content=template(locale="en-US")))
    said = pair.fake.accepted[0].request["template"]
    language = {"policy": "deterministic", "code": "en_US"}
    assert said == {"name": "cart_reminder", "language": language}


@pytest.mark.parametrize(
    ("locale", "code"), [("it", "it"), ("en", "en"), ("en-US", "en_US"), ("pt_BR", "pt_BR")]
)
def test_a_locale_becomes_meta_s_language_code(locale: str, code: str) -> None:
    assert language_code(locale) == code


@pytest.mark.parametrize("user", ["US.13491208655302741918", "US.ENT.11815799212886844830"])
async def test_a_customer_without_a_number_is_reached_by_the_user_id(
    pair: Pair[Meta, FakeMeta], user: str
) -> None:
    await pair.provider.send(dataclasses.replace(pair.parcel(), address=user))
    request = pair.fake.accepted[0].request
    assert request["recipient"] == user
    assert "to" not in request


@pytest.mark.parametrize(
    "address", ["", "anna", "393331234567", "+39 333", "whatsapp:+39333123456"]
)
async def test_a_bad_address_is_refused_without_a_request(
    pair: Pair[Meta, FakeMeta], address: str
) -> None:
    with pytest.raises(InvalidRecipient) as raised:
        await pair.provider.send(dataclasses.replace(pair.parcel(), address=address))
    assert not address or address not in str(raised.value)
    assert pair.fake.asked == 0


@pytest.mark.parametrize(
    "body", [{}, [], {"messages": []}, {"messages": [{}]}, {"messages": [{"id": ""}]}, "ok"]
)
async def test_an_answer_without_an_id_leaves_the_message_in_doubt(
    pair: Pair[Meta, FakeMeta], monkeypatch: pytest.MonkeyPatch, body: object
) -> None:
    answering(pair.fake, monkeypatch, partial(JSONResponse, body))
    with pytest.raises(AmbiguousSend):
        await pair.provider.send(pair.parcel())


async def test_a_customer_with_enough_marketing_is_tried_a_day_later(
    pair: Pair[Meta, FakeMeta],
) -> None:
    pair.fake.script.append("131049")
    with pytest.raises(TransientError) as raised:
        await pair.provider.send(pair.parcel())
    assert raised.value.retry_after == timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ('{"1": [{"estimated_time_to_regain_access": 7}, {}], "2": []}', timedelta(minutes=7)),
        ('{"1": [{"estimated_time_to_regain_access": 900}]}', timedelta(hours=1)),
        ('{"1": [{"estimated_time_to_regain_access": 0}]}', None),
        ('{"1": 3}', None),
        ("[]", None),
        ("nonsense", None),
    ],
)
async def test_meta_s_own_header_gives_the_time_to_wait(
    pair: Pair[Meta, FakeMeta], monkeypatch: pytest.MonkeyPatch, header: str, wait: timedelta | None
) -> None:
    def limited() -> JSONResponse:
        answer = error(80007, 400)
        answer.headers["X-Business-Use-Case-Usage"] = header
        assert isinstance(answer, JSONResponse)
        return answer

    answering(pair.fake, monkeypatch, limited)
    with pytest.raises(RateLimited) as raised:
        await pair.provider.send(pair.parcel())
    assert raised.value.retry_after == wait


@pytest.mark.parametrize("said", [{"error": "no"}, {"error": {}}, {"error": {"code": "190"}}])
async def test_an_error_without_a_code_is_judged_by_its_http_status(
    pair: Pair[Meta, FakeMeta], monkeypatch: pytest.MonkeyPatch, said: object
) -> None:
    answering(pair.fake, monkeypatch, partial(JSONResponse, said, 403))
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())


async def test_a_number_that_meta_does_not_know_is_the_account_s_fault(
    pair: Pair[Meta, FakeMeta], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 100 is an invalid parameter, too; the subcode tells the two apart."""
    unknown = {"error": {"code": 100, "error_subcode": 33, "message": "Object does not exist"}}
    answering(pair.fake, monkeypatch, partial(JSONResponse, unknown, 400))
    with pytest.raises(AccountError) as raised:
        await pair.provider.send(pair.parcel())
    assert raised.value.told == "AccountError, HTTP 400 100"


class _Moved(FakeMeta):
    """Meta without our number."""

    async def _number(self, request: Request) -> Response:
        return error(100, 400, "Unsupported get request. Object does not exist")


async def test_the_probe_fails_for_an_unknown_number(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(Meta, _Moved()) as pair:
        with pytest.raises(AccountError):
            await pair.provider.probe()


async def test_a_number_instead_of_its_id_is_named_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOJOURN_META_TOKEN", "x")
    monkeypatch.setenv("SOJOURN_META_PHONE_NUMBER_ID", "+393331234567")
    with pytest.raises(BadSetting, match="SOJOURN_META_PHONE_NUMBER_ID"):
        Config.load()


# ---- webhooks ------------------------------------------------------------------------------


async def test_the_challenge_is_answered_if_the_verify_token_is_right(
    pair: Pair[Meta, FakeMeta],
) -> None:
    query = f"hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=1158201444"
    assert await pair.provider.read(asking(query)) == Reading(answer="1158201444")


@pytest.mark.parametrize("token", ["", "wrong", "%C3%A9", "%FF"])
async def test_the_challenge_is_not_answered_if_the_verify_token_is_wrong(
    pair: Pair[Meta, FakeMeta], token: str
) -> None:
    query = f"hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1"
    with pytest.raises(BadSignature):
        await pair.provider.read(asking(query))


@pytest.mark.parametrize("rest", ["", "hub.mode=subscribe", "hub.mode=other&hub.challenge=1"])
async def test_a_get_that_does_not_subscribe_is_bad_input(
    pair: Pair[Meta, FakeMeta], rest: str
) -> None:
    with pytest.raises(BadInput) as raised:
        await pair.provider.read(asking(f"hub.verify_token={VERIFY_TOKEN}&{rest}"))
    assert not isinstance(raised.value, BadSignature)


@pytest.mark.parametrize("name", ["APP_SECRET", "VERIFY_TOKEN"])
async def test_no_webhook_is_accepted_without_a_secret(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeMeta()
    given = fake.environment
    monkeypatch.setattr(fake, "environment", lambda: given() | {f"SOJOURN_META_{name}": ""})
    async with connected(Meta, fake) as pair:
        empty = asking("hub.mode=subscribe&hub.verify_token=&hub.challenge=1")
        hook = empty if name == "VERIFY_TOKEN" else signed({}).received()
        with pytest.raises(BadSignature):
            await pair.provider.read(hook)


async def test_the_signature_matches_a_published_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries: the scheme
    # and the header are the same, and Meta publishes no example
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    monkeypatch.setenv("SOJOURN_META_APP_SECRET", "It's a Secret to Everybody")
    async with connected(Meta, _Keeping()) as other:
        hook = dataclasses.replace(
            signed({}).received(),
            body=b"Hello, World!",
            headers={"x-hub-signature-256": signature},
        )
        with pytest.raises(BadInput, match="not JSON"):
            await other.provider.read(hook)


class _Keeping(FakeMeta):
    """Meta with the app secret that the test has set."""

    def environment(self) -> dict[str, str]:
        given = super().environment()
        del given["SOJOURN_META_APP_SECRET"]
        return given


async def test_a_batch_gives_one_report_for_each_part(pair: Pair[Meta, FakeMeta]) -> None:
    status = {"status": "sent", "timestamp": "1700000000", "recipient_id": "393331234567"}
    first = {"statuses": [status | {"id": "a"}, status | {"id": "b", "status": "delivered"}]}
    reply = {"from": "393331234567", "id": "c", "type": "text", "text": {"body": "ciao"}}
    reading = await pair.provider.read(signed(first, {"messages": [reply]}).received())
    assert [(r.kind, r.provider_id or r.event_id) for r in reading.reports] == [
        (Kind.ACCEPTED, "a"),
        (Kind.DELIVERED, "b"),
        (Kind.REPLIED, "c"),
    ]
    assert {r.address for r in reading.reports} == {"+393331234567"}
    assert reading.reports[0].at == datetime.fromtimestamp(1700000000, UTC)


@pytest.mark.parametrize(
    ("code", "kind", "hard"),
    [
        (131026, Kind.BOUNCED, True),
        (131050, Kind.UNSUBSCRIBED, False),
        (131049, Kind.FAILED, False),
        (131047, Kind.FAILED, False),
        (131053, Kind.FAILED, False),
    ],
)
async def test_the_code_of_a_failure_decides_about_the_address(
    pair: Pair[Meta, FakeMeta], code: int, kind: Kind, hard: bool
) -> None:
    status = {"id": "a", "status": "failed", "errors": [{"code": code, "title": "Why"}]}
    (report,) = (await pair.provider.read(signed({"statuses": [status]}).received())).reports
    assert (report.kind, report.hard) == (kind, hard)
    assert report.detail == f"{code} Why"


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ({"type": "text", "text": {"body": "Grazie!"}}, Kind.REPLIED, "Grazie!"),
        ({"type": "text", "text": {"body": "STOP"}}, Kind.UNSUBSCRIBED, "STOP"),
        (
            {"type": "button", "button": {"payload": "x", "text": "Stop promotions"}},
            Kind.UNSUBSCRIBED,
            "Stop promotions",
        ),
        (
            {"type": "interactive", "interactive": {"button_reply": {"id": "1", "title": "Yes"}}},
            Kind.REPLIED,
            "Yes",
        ),
        (
            {"type": "interactive", "interactive": {"list_reply": {"id": "1", "title": "Red"}}},
            Kind.REPLIED,
            "Red",
        ),
        ({"type": "image", "image": {"id": "1", "caption": "Broken"}}, Kind.REPLIED, "Broken"),
        ({"type": "reaction", "reaction": {"emoji": "👍"}}, Kind.REPLIED, "👍"),
        ({"type": "audio", "audio": {"id": "1"}}, Kind.REPLIED, ""),
    ],
)
async def test_a_customer_s_message_is_a_reply_or_an_opt_out(
    pair: Pair[Meta, FakeMeta], message: dict[str, Any], kind: Kind, text: str
) -> None:
    given = {"from": "393331234567", "id": "wamid.1", "context": {"id": "wamid.0"}, **message}
    (report,) = (await pair.provider.read(inbound(given).received())).reports
    assert (report.kind, report.text) == (kind, text)
    assert (report.event_id, report.provider_id) == ("wamid.1", "wamid.0")
    assert report.address == "+393331234567"


async def test_a_customer_who_shows_no_number_is_reported_by_the_user_id(
    pair: Pair[Meta, FakeMeta],
) -> None:
    given = {"from_user_id": "IT.1", "id": "w", "type": "text", "text": {"body": "Ciao"}}
    (report,) = (await pair.provider.read(inbound(given).received())).reports
    assert report.address == "IT.1"


@pytest.mark.parametrize(
    "value",
    [
        {"statuses": [{"id": "a", "status": "played"}]},
        {"messages": [{"id": "a", "type": "system", "system": {"body": "changed number"}}]},
        {
            "user_preferences": [
                {"wa_id": "39", "category": "marketing_messages", "value": "resume"}
            ]
        },
        {"event": "APPROVED", "message_template_name": "cart_reminder"},
        {"errors": [{"code": 130429}]},
    ],
)
async def test_a_change_of_no_interest_gives_no_report(
    pair: Pair[Meta, FakeMeta], value: dict[str, Any]
) -> None:
    assert await pair.provider.read(signed(value).received()) == Reading()


async def test_marketing_stopped_in_whatsapp_s_settings_is_an_opt_out(
    pair: Pair[Meta, FakeMeta],
) -> None:
    stop = {
        "wa_id": "393331234567",
        "detail": "User requested to stop marketing messages",
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": 1731705721,
    }
    later = stop | {"timestamp": 1731709999}
    value = {"user_preferences": [stop, later]}
    first, second = (await pair.provider.read(signed(value).received())).reports
    assert first.kind is Kind.UNSUBSCRIBED
    assert first.address == "+393331234567"
    assert "39333" not in first.event_id
    assert first.event_id != second.event_id


NAMES = [
    "entry", "changes", "value", "statuses", "messages", "user_preferences", "id", "type",
    "status", "errors", "code", "text", "body", "from", "context", "timestamp", "wa_id",
    "category",
]  # fmt: skip
WORDS = st.sampled_from(["sent", "failed", "text", "stop", "marketing_messages", "1700000000"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=15,
)


@settings(suppress_health_check=list(HealthCheck))
@given(said=JSON, depth=st.integers(0, 3))
async def test_any_json_is_read_or_refused(
    pair: Pair[Meta, FakeMeta], said: Any, depth: int
) -> None:
    # at the depths at which Meta puts entries, changes and statuses
    if depth > 1:
        said = {"statuses": said, "messages": said, "user_preferences": said}
    if depth > 0:
        said = {"entry": [{"changes": [{"value": said}]}]}
    hook = signed_bytes(json.dumps(said).encode()).received()
    with suppress(BadInput):
        assert isinstance(await pair.provider.read(hook), Reading)
