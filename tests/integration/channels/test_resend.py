"""Resend beyond the contract of providers."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as few
from hypothesis import strategies as some
from standardwebhooks import Webhook
from starlette.responses import JSONResponse, Response

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Reading
from sojourn.channels.resend import Config, Resend, _outcomes
from sojourn.domain.content import Attachment
from sojourn.domain.errors import AmbiguousSend, BadInput, BadSetting, BadSignature
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.sending.handing_many import hand_over_many, is_keyed
from sojourn.settings import Settings
from sojourn.testkit.fakes import Behaviour, Order, SentHook, serving
from sojourn.testkit.fakes.resend import FakeResend, signed

KEY = "abandoned-cart:c1:k/1/1-reminder/email"
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner),
    max_leaves=8,
)
PARTS = ("to", "tags", "bounce", "click", "suppressed", "failed", "email_id")
EVENT = some.fixed_dictionaries(
    {"type": some.sampled_from(["email.bounced", "email.clicked", "email.suppressed"])},
    optional={
        "created_at": JSON,
        "data": JSON
        | some.fixed_dictionaries(
            {},
            optional=dict.fromkeys(PARTS, JSON),
        ),
    },
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeResend]:
    async with serving(FakeResend()) as fake:
        assert isinstance(fake, FakeResend)
        yield fake


@pytest.fixture
async def resend(fake: FakeResend, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resend]:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    provider = Resend(Settings().model_copy(update={"shop_name": 'Łódź, "Figli" & Co'}))
    yield provider
    await provider.close()


def parcel(fake: FakeResend, **changes: Any) -> Parcel:
    parcel = fake.parcel(Channel.EMAIL, KEY)
    return dataclasses.replace(parcel, content=dataclasses.replace(parcel.content, **changes))


def event(kind: str, **data: object) -> SentHook:
    return signed({"type": kind, "created_at": "2026-11-22T04:00:00Z", "data": data})


async def test_the_request_holds_the_whole_mail(fake: FakeResend, resend: Resend) -> None:
    invoice = Attachment("invoice.pdf", "application/pdf", "JVBERi0=")
    sent = parcel(fake, attachments=(invoice,))
    await resend.send(sent)
    assert fake.accepted[0].request == {
        "from": '"Łódź, \\"Figli\\" & Co" <hello@shop.example>',
        "to": [sent.address],
        "subject": sent.content.subject,
        "html": sent.content.html,
        "text": sent.content.text,
        "headers": sent.content.headers,
        "tags": [{"name": "reference", "value": sent.reference}],
        "attachments": [
            {"filename": "invoice.pdf", "content": "JVBERi0=", "content_type": "application/pdf"}
        ],
    }


async def test_another_text_under_the_same_key_leaves_the_first_mail_in_doubt(
    fake: FakeResend, resend: Resend
) -> None:
    fake.script.append(Behaviour.DROP_AFTER)
    with pytest.raises(AmbiguousSend):
        await resend.send(parcel(fake))
    with pytest.raises(AmbiguousSend, match="invalid_idempotent_request"):
        await resend.send(parcel(fake, text="Other words."))
    assert len(fake.accepted) == 1


async def test_an_answer_without_an_id_leaves_the_mail_in_doubt(
    fake: FakeResend, resend: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(order: Order) -> Response:
        return JSONResponse([])

    monkeypatch.setattr(fake, "answer", nothing)
    with pytest.raises(AmbiguousSend):
        await resend.send(parcel(fake))


async def test_a_key_that_may_only_send_passes_the_probe(fake: FakeResend, resend: Resend) -> None:
    fake.only_sends = True
    await resend.probe()


@pytest.mark.parametrize(
    ("bounce", "hard"), [("Permanent", True), ("Transient", False), ("Undetermined", False)]
)
async def test_a_bounce_means_a_dead_address_if_it_is_permanent(
    resend: Resend, bounce: str, hard: bool
) -> None:
    said = event("email.bounced", bounce={"type": bounce, "message": "550"})
    (report,) = (await resend.read(said.received())).reports
    assert (report.kind, report.hard, report.detail) == (Kind.BOUNCED, hard, "550")


@pytest.mark.parametrize(
    ("reason", "kind", "hard"),
    [("previous_bounce", Kind.BOUNCED, True), ("previous_complaint", Kind.COMPLAINED, False)],
)
async def test_a_suppressed_address_is_reported_with_the_earlier_reason(
    resend: Resend, reason: str, kind: Kind, hard: bool
) -> None:
    said = event("email.suppressed", suppressed={"reason": reason, "message": "suppressed"})
    (report,) = (await resend.read(said.received())).reports
    assert (report.kind, report.hard) == (kind, hard)


@pytest.mark.parametrize("tags", [{"reference": "r1"}, [{"name": "reference", "value": "r1"}]])
async def test_our_reference_is_found_in_both_forms_of_tags(resend: Resend, tags: object) -> None:
    (report,) = (await resend.read(event("email.sent", tags=tags).received())).reports
    assert report.reference == "r1"


@pytest.mark.parametrize("kind", ["email.received", "email.scheduled", "contact.created", "new"])
async def test_an_event_of_another_type_gives_no_report(resend: Resend, kind: str) -> None:
    assert await resend.read(event(kind).received()) == Reading()


async def test_no_webhook_is_accepted_without_a_secret(
    fake: FakeResend, resend: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOJOURN_RESEND_WEBHOOK_SECRET")
    deaf = Resend(Settings())
    try:
        with pytest.raises(BadSignature, match="WEBHOOK_SECRET"):
            await deaf.read(event("email.sent").received())
    finally:
        await deaf.close()


def test_a_bad_secret_is_named_at_start_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_RESEND_API_KEY", "k")
    monkeypatch.setenv("SOJOURN_RESEND_WEBHOOK_SECRET", "whsec_ąę")
    with pytest.raises(
        BadSetting, match=r"^SOJOURN_RESEND_WEBHOOK_SECRET: this is not a signing"
    ) as said:
        Config.load()
    assert "ąę" not in str(said.value)


def test_the_signature_matches_svix_s_published_example() -> None:
    # https://docs.svix.com/receiving/verifying-payloads/how-manual
    made = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        '{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("signature", ["v1", "v1,é", "v1,!", "v2,abc", "é", "v1,YQ== v1"])
async def test_a_malformed_signature_is_refused(resend: Resend, signature: str) -> None:
    hook = event("email.sent").received()
    headers = {**hook.headers, "svix-signature": signature}
    with pytest.raises(BadSignature):
        await resend.read(dataclasses.replace(hook, headers=headers))


@few(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=JSON | EVENT)
async def test_any_signed_json_is_read_or_bad_input(resend: Resend, said: object) -> None:
    try:
        assert isinstance(await resend.read(signed(said).received()), Reading)
    except BadSignature:
        raise
    except BadInput:
        pass


# ---- batches -----------------------------------------------------------------------------------


def several(fake: FakeResend, number: int = 3) -> list[Parcel]:
    return [
        dataclasses.replace(fake.parcel(Channel.EMAIL, f"{KEY}-{n}"), address=f"g{n}@shop.example")
        for n in range(number)
    ]


@pytest.mark.parametrize("how", [Behaviour.DROP_AFTER, Behaviour.FAIL_AFTER, Behaviour.DROP_BEFORE])
async def test_a_batch_whose_answer_is_lost_is_handed_over_again_and_delivered_once(
    fake: FakeResend, resend: Resend, how: Behaviour
) -> None:
    fake.script.append(how)
    answers = await resend.send_many(several(fake))
    assert answers == [order.id for order in fake.accepted]
    assert (len(fake.accepted), fake.asked) == (3, 2)


@pytest.mark.parametrize(
    "then", [Behaviour.RATE_LIMIT, Behaviour.UNAUTHORIZED, "malformed", "meanwhile"]
)
async def test_no_answer_to_the_second_call_says_that_the_first_sent_nothing(
    fake: FakeResend, resend: Resend, then: Behaviour | str
) -> None:
    fake.script += [Behaviour.DROP_AFTER, then]
    with pytest.raises(AmbiguousSend):
        await resend.send_many(several(fake))
    assert len(fake.accepted) == 3


async def test_the_key_of_a_batch_does_not_know_a_message_of_it_alone(
    fake: FakeResend, resend: Resend
) -> None:
    parcels = several(fake, 2)
    await resend.send_many(parcels)
    await resend.send(parcels[0])
    assert len(fake.accepted) == 3  # so `is_keyed` says no
    assert not is_keyed(resend, 2)


async def test_a_message_with_an_attachment_goes_alone(fake: FakeResend, resend: Resend) -> None:
    first, second, third = several(fake)
    file = Attachment("invoice.pdf", "application/pdf", "aGk=")
    content = dataclasses.replace(second.content, attachments=(file,))
    parcels = [first, dataclasses.replace(second, content=content), third]
    outcomes = await hand_over_many(resend, parcels, Fence(), at_once=1)
    assert [outcome.provider_id for outcome in outcomes] == [order.id for order in fake.accepted]
    assert fake.asked == 3


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"data": []},
        {"data": [{"id": "a"}]},
        {"data": [{"id": "a"}, {}]},
        {"data": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
        {"data": [{"id": "a"}, {"id": "b"}], "errors": [{"index": 0, "message": "x"}]},
        {"data": [{"id": "a"}], "errors": [{"index": 2, "message": "x"}]},
        {"data": "ab"},
    ],
)
def test_an_answer_that_does_not_say_who_got_which_id_leaves_all_in_doubt(said: Any) -> None:
    with pytest.raises(AmbiguousSend):
        _outcomes(said, 2)
