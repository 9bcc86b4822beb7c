"""Twilio beyond the contract of providers."""

import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.channels.provider import Hook, Parcel
from sojourn.channels.twilio import Twilio, sign
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.domain.stopping import Meaning
from sojourn.settings import Settings
from sojourn.testkit.fakes import Order, SentHook, serving
from sojourn.testkit.fakes.twilio import ACCOUNT, SMS_FROM, TOKEN, FakeTwilio, signed

HOOKS = f"{FakeTwilio.hook_url}/webhooks/twilio"
EARLIER = timedelta(minutes=10)


class Words(FakeTwilio):
    """Twilio with answers that a test chooses."""

    says: Response | None = None
    lists: Response | None = None

    def answer(self, order: Order) -> Response:
        return self.says or super().answer(order)

    async def _list(self, request: Request) -> Response:
        return self.lists or await super()._list(request)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Words]:
    async with serving(Words()) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        assert isinstance(fake, Words)
        yield fake


@pytest.fixture
async def twilio(fake: Words) -> AsyncIterator[Twilio]:
    provider = Twilio(Settings(public_url=FakeTwilio.hook_url))
    yield provider
    await provider.close()


def template(variables: tuple[str, ...], key: str = "k") -> Parcel:
    content = Content(
        Channel.WHATSAPP, "cart/nudge", "it", approved="HX" + "b" * 32, variables=variables
    )
    return Parcel(key, "+393331234567", content)


def received(sent: SentHook) -> Hook:
    return sent.received(HOOKS)


def callback(**said: str) -> Hook:
    fixed = {"MessageSid": "SM1", "AccountSid": ACCOUNT, "To": "+393331234567", "From": SMS_FROM}
    return received(signed({**fixed, **said}, query="lid=abc"))


def reply(text: str, **more: str) -> Hook:
    said = {"MessageSid": "SM9", "From": "+393331234567", "To": SMS_FROM, "Body": text, **more}
    return received(signed(said))


# ---- what is sent --------------------------------------------------------------------------


async def test_an_sms_asks_for_reports_and_keeps_its_counted_text(
    fake: Words, twilio: Twilio
) -> None:
    parcel = fake.parcel(Channel.SMS, "k")
    await twilio.send(parcel)
    assert fake.accepted[0].request == {
        "To": "+393331234567",
        "From": SMS_FROM,
        "Body": parcel.content.text,
        "SmartEncoded": "false",
        "StatusCallback": f"https://sojourn.example/webhooks/twilio?lid={parcel.reference}",
    }


async def test_an_approved_template_has_its_sid_and_numbered_variables(
    fake: Words, twilio: Twilio
) -> None:
    await twilio.send(template(("Zoë", "https://shop.example/c")))
    request = dict(fake.accepted[0].request)
    assert json.loads(request.pop("ContentVariables")) == {
        "1": "Zoë",
        "2": "https://shop.example/c",
    }
    assert request["ContentSid"] == "HX" + "b" * 32
    assert request["To"] == "whatsapp:+393331234567"
    assert request["From"] == "whatsapp:+14155238886"
    assert "Body" not in request
    await twilio.send(template(()))
    assert "ContentVariables" not in fake.accepted[1].request


async def test_a_messaging_service_chooses_the_sender(
    fake: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_TWILIO_MESSAGING_SERVICE_SID", "MG1")
    monkeypatch.delenv("SOJOURN_TWILIO_WHATSAPP_FROM")
    provider = Twilio(Settings())
    for channel in (Channel.SMS, Channel.WHATSAPP):
        await provider.send(fake.parcel(channel, "k"))
        request = fake.accepted[-1].request
        assert request["MessagingServiceSid"] == "MG1"
        assert "From" not in request
        since = datetime.now(UTC)
        assert await provider.find(fake.parcel(channel, "k"), since) == fake.accepted[-1].id
    await provider.close()


async def test_an_api_key_authorises_requests(fake: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_TWILIO_API_KEY_SID", "SK1")
    monkeypatch.setenv("SOJOURN_TWILIO_API_KEY_SECRET", "wrong")
    provider = Twilio(Settings())
    with pytest.raises(AccountError):
        await provider.send(fake.parcel(Channel.SMS, "k"))
    await provider.close()
    monkeypatch.setenv("SOJOURN_TWILIO_API_KEY_SECRET", "")
    with pytest.raises(BadSetting, match="go together"):
        Twilio(Settings())


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
def test_a_channel_without_a_sender_is_named_at_start(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_TWILIO_ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("SOJOURN_TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv(f"SOJOURN_{channel.upper()}_PROVIDER", "twilio")
    with pytest.raises(BadSetting, match=f"SOJOURN_TWILIO_{channel.upper()}_FROM"):
        Twilio(Settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_FROM", "393331234567"),
        ("SMS_FROM", "A very long name"),
        ("WHATSAPP_FROM", "whatsapp:+39"),
    ],
)
def test_a_bad_sender_is_named_at_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_TWILIO_ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("SOJOURN_TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv(f"SOJOURN_TWILIO_{name}", value)
    with pytest.raises(BadSetting, match=f"SOJOURN_TWILIO_{name}"):
        Twilio(Settings())


# ---- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (JSONResponse({"status": "queued"}, 201), AmbiguousSend),
        (JSONResponse({"sid": None}, 201), AmbiguousSend),
        (JSONResponse(["sid"], 201), AmbiguousSend),
        (Response("<html>", 201), AmbiguousSend),
        (Response("", 302), AmbiguousSend),
        (JSONResponse({"code": 21211, "message": "late"}, 503), AmbiguousSend),
        (JSONResponse({"code": 20500, "message": "inside"}, 400), AmbiguousSend),
        (JSONResponse({"code": 20404, "message": "no such account"}, 404), AccountError),
        (
            JSONResponse({"code": 21659, "message": "From is no number of Twilio's"}, 400),
            AccountError,
        ),
        (JSONResponse({"code": 21661, "message": "From cannot send SMS"}, 400), AccountError),
        (JSONResponse({"code": 21705, "message": "no such service"}, 400), AccountError),
        (JSONResponse({"code": 63112, "message": "disabled by Meta"}, 400), AccountError),
        (JSONResponse({"code": 21657, "message": "not in this country"}, 400), ContentRejected),
        (
            JSONResponse({"sid": "SM1", "status": "failed", "error_code": 21614}, 201),
            InvalidRecipient,
        ),
    ],
)
async def test_a_strange_answer_never_counts_as_success(
    answer: Response, error: type[ProviderError], fake: Words, twilio: Twilio
) -> None:
    fake.says = answer
    with pytest.raises(ProviderError) as raised:
        await twilio.send(fake.parcel(Channel.SMS, "k"))
    assert type(raised.value) is error


# ---- what is in doubt ----------------------------------------------------------------------


async def test_a_message_is_found_on_a_later_page(fake: Words, twilio: Twilio) -> None:
    since = datetime.now(UTC)
    parcels = [fake.parcel(Channel.SMS, f"k{n}") for n in range(5)]
    for parcel in parcels:
        await twilio.send(parcel)
    assert await twilio.find(parcels[0], since) == fake.accepted[0].id


@pytest.mark.parametrize(
    "change",
    [
        {"at": datetime.now(UTC) - EARLIER},
        {"address": "+393337654321", "To": "+393337654321"},
        {"text": "Other words"},
        {"From": "+15005550001"},
    ],
)
async def test_an_older_or_another_message_is_not_found_as_ours(
    change: dict[str, object], fake: Words, twilio: Twilio
) -> None:
    parcel, since = fake.parcel(Channel.SMS, "k"), datetime.now(UTC)
    await twilio.send(parcel)
    order = fake.accepted.pop()
    request = {**order.request, **{k: v for k, v in change.items() if k in order.request}}
    own = {k: v for k, v in change.items() if k not in order.request}
    fake.accepted.append(dataclasses.replace(order, request=request, **own))  # type: ignore[arg-type]
    assert await twilio.find(parcel, since) is None


async def test_a_clock_that_differs_by_seconds_loses_no_message(
    fake: Words, twilio: Twilio
) -> None:
    parcel = fake.parcel(Channel.SMS, "k")
    await twilio.send(parcel)
    assert await twilio.find(parcel, datetime.now(UTC) + timedelta(seconds=30))


async def test_the_look_up_ignores_a_trial_account_s_preface(fake: Words, twilio: Twilio) -> None:
    parcel, since = fake.parcel(Channel.SMS, "k"), datetime.now(UTC)
    await twilio.send(parcel)
    order = fake.accepted.pop()
    text = f"Sent from your Twilio trial account - {order.text}"
    fake.accepted.append(dataclasses.replace(order, text=text))
    assert await twilio.find(parcel, since) == order.id


async def test_the_look_up_does_not_guess_about_approved_templates(
    fake: Words, twilio: Twilio
) -> None:
    since = datetime.now(UTC)
    parcel = template(("Anna", "https://shop.example/c"))
    assert await twilio.find(parcel, since) is None
    await twilio.send(template(("Anna", "https://shop.example/other")))
    assert await twilio.find(parcel, since) is None, "the other message has other words"
    await twilio.send(parcel)
    with pytest.raises(TransientError, match="told"):
        await twilio.find(parcel, since)


async def test_a_text_that_twilio_does_not_keep_leaves_the_look_up_undecided(
    fake: Words, twilio: Twilio
) -> None:
    parcel, since = fake.parcel(Channel.SMS, "k"), datetime.now(UTC)
    await twilio.send(parcel)
    fake.accepted.append(dataclasses.replace(fake.accepted.pop(), text=""))
    with pytest.raises(TransientError, match="told"):
        await twilio.find(parcel, since)


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({}),
        JSONResponse({"messages": {}}),
        JSONResponse({"messages": ["x"]}),
        JSONResponse({"messages": [{"sid": "SM1", "from": SMS_FROM, "date_created": None}]}),
        JSONResponse({"messages": []}, 404),
        Response("<html>"),
    ],
)
async def test_a_malformed_list_leaves_the_look_up_undecided(
    answer: Response, fake: Words, twilio: Twilio
) -> None:
    fake.lists = answer
    with pytest.raises(TransientError):
        await twilio.find(fake.parcel(Channel.SMS, "k"), datetime.now(UTC))


async def test_a_refused_list_is_no_proof_of_absence(fake: Words, twilio: Twilio) -> None:
    fake.authorized = False
    with pytest.raises(AccountError):
        await twilio.find(fake.parcel(Channel.SMS, "k"), datetime.now(UTC))


# ---- signatures ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "signature"),
    [
        ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    ],
)
def test_signatures_match_twilio_s_documentation(caller: str, signature: str) -> None:
    params = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Digits", "1234"),
        ("From", caller),
        ("To", "+18005551212"),
        ("Caller", caller),
    ]
    assert sign("https://mycompany.com/myapp.php?foo=1&bar=2", params, "12345") == signature


async def test_a_signature_of_the_public_address_is_accepted_behind_a_proxy(twilio: Twilio) -> None:
    hook = callback(MessageStatus="delivered")
    inside = dataclasses.replace(hook, url="http://10.0.0.7:8080/webhooks/twilio?lid=abc")
    (report,) = (await twilio.read(inside)).reports
    assert report.reference == "abc"
    for url in (HOOKS, f"{HOOKS}?lid=abd", f"{HOOKS}?lid=abc&x=1"):
        with pytest.raises(BadSignature):
            await twilio.read(dataclasses.replace(hook, url=url))


async def test_another_account_s_signature_is_refused(twilio: Twilio) -> None:
    sent = signed({"MessageSid": "SM1", "MessageStatus": "sent"}, token="another")
    with pytest.raises(BadSignature):
        await twilio.read(received(sent))


# ---- webhooks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind", "hard"),
    [
        ("queued", "", Kind.ACCEPTED, False),
        ("sending", "", Kind.ACCEPTED, False),
        ("undelivered", "30003", Kind.BOUNCED, False),
        ("undelivered", "30004", Kind.BOUNCED, False),
        ("undelivered", "30005", Kind.BOUNCED, True),
        ("undelivered", "30006", Kind.BOUNCED, False),
        ("undelivered", "30007", Kind.FAILED, False),
        ("undelivered", "30008", Kind.FAILED, False),
        ("failed", "30001", Kind.FAILED, False),
        ("failed", "63016", Kind.FAILED, False),
        ("failed", "63024", Kind.BOUNCED, True),
        ("failed", "21610", Kind.UNSUBSCRIBED, False),
        ("failed", "", Kind.FAILED, False),
        ("failed", "nonsense", Kind.FAILED, False),
        ("canceled", "", Kind.FAILED, False),
    ],
)
async def test_each_status_and_code_has_its_kind_of_report(
    status: str, code: str, kind: Kind, hard: bool, twilio: Twilio
) -> None:
    more = {"ErrorCode": code} if code else {}
    (report,) = (await twilio.read(callback(MessageStatus=status, **more))).reports
    assert (report.kind, report.hard) == (kind, hard)
    assert report.event_id == f"SM1:{status}"
    assert report.detail == (code if code.isdigit() else "")


async def test_an_overlong_code_counts_as_no_code(twilio: Twilio) -> None:
    hook = callback(MessageStatus="failed", ErrorCode="9" * 5000)
    (report,) = (await twilio.read(hook)).reports
    assert (report.kind, report.detail) == (Kind.FAILED, "")


async def test_a_status_of_no_interest_gives_no_report(twilio: Twilio) -> None:
    assert (await twilio.read(callback(MessageStatus="partially_delivered"))).reports == ()


async def test_a_reply_is_answered_with_no_words_of_ours(twilio: Twilio) -> None:
    reading = await twilio.read(reply("Żółty, please?\n+1 & more", From="whatsapp:+393331234567"))
    (report,) = reading.reports
    assert (report.kind, report.text) == (Kind.REPLIED, "Żółty, please?\n+1 & more")
    assert (report.channel, report.address) == (Channel.WHATSAPP, "+393331234567")
    assert (reading.answer, reading.media_type) == ("<Response/>", "text/xml")


@pytest.mark.parametrize(
    ("text", "more", "kind"),
    [
        ("Stop please", {}, Kind.UNSUBSCRIBED),
        ("wypisz mnie", {}, Kind.UNSUBSCRIBED),
        ("Adieu", {"OptOutType": "STOP"}, Kind.UNSUBSCRIBED),
        ("START", {"OptOutType": "START"}, Kind.REPLIED),
        ("HELP", {"OptOutType": "HELP"}, Kind.REPLIED),
        ("Where does the bus stop?", {}, Kind.REPLIED),
        ("", {"NumMedia": "1"}, Kind.REPLIED),
    ],
)
async def test_a_reply_is_an_opt_out_by_its_words_or_by_twilio_s_word(
    text: str, more: dict[str, str], kind: Kind, twilio: Twilio
) -> None:
    (report,) = (await twilio.read(reply(text, **more))).reports
    assert report.kind is kind


@pytest.mark.parametrize(
    ("text", "more", "meaning", "answered"),
    [
        ("STOP", {}, Meaning.STOP, True),
        (" stop ", {}, Meaning.STOP, True),
        ("stop please", {}, Meaning.STOP, False),
        ("ZATRZYMAJ", {}, Meaning.STOP, False),
        ("Adieu", {"OptOutType": "STOP"}, Meaning.STOP, True),
        ("Encore", {"OptOutType": "START"}, Meaning.START, True),
        ("HELP", {}, Meaning.HELP, True),
        ("STOP", {"From": "whatsapp:+393331234567"}, Meaning.STOP, False),
        ("STOP", {"From": "whatsapp:+393331234567", "OptOutType": "STOP"}, Meaning.STOP, True),
        ("Where does the bus stop?", {}, Meaning.OTHER, False),
    ],
)
async def test_twilio_s_own_answers_are_left_to_twilio(
    text: str, more: dict[str, str], meaning: Meaning, twilio: Twilio, *, answered: bool
) -> None:
    (report,) = (await twilio.read(reply(text, **more))).reports
    assert (report.meaning, report.answered) == (meaning, answered)


async def test_words_beside_a_stop_are_a_reply_as_well(twilio: Twilio) -> None:
    said = "STOP. I never signed up for this"
    stop, words = (await twilio.read(reply(said))).reports
    assert (stop.kind, words.kind, words.text) == (Kind.UNSUBSCRIBED, Kind.REPLIED, said)
    assert stop.event_id != words.event_id


names = st.sampled_from(
    ["MessageSid", "MessageStatus", "Body", "From", "To", "ErrorCode", "OptOutType", "Other"]
)
values = st.one_of(
    st.sampled_from(["", "failed", "undelivered", "delivered", "STOP", "whatsapp:", "9" * 5000]),
    st.text(st.characters(codec="utf-8"), max_size=12),
)


@given(said=st.dictionaries(names, values), lid=st.text("abc=&%", max_size=5))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_signed_body_is_read_or_refused(
    said: dict[str, str], lid: str, twilio: Twilio
) -> None:
    hook = received(signed(said, query=urlencode({"lid": lid})))
    try:
        reading = await twilio.read(hook)
    except BadSignature:
        raise
    except BadInput:
        return
    assert all(report.event_id for report in reading.reports)


@given(body=st.binary(max_size=40))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_signed_bytes_are_read_or_refused(body: bytes, twilio: Twilio) -> None:
    params = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    headers = {"X-Twilio-Signature": sign(HOOKS, params, TOKEN)}
    try:
        await twilio.read(SentHook(body, headers).received(HOOKS))
    except BadSignature:
        raise
    except BadInput:
        return
