"""Amazon SES and SNS beyond the contract of providers."""

import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given
from hypothesis import settings as few
from hypothesis import strategies as some
from starlette.responses import JSONResponse, Response

from sojourn.channels.provider import Parcel, Reading
from sojourn.channels.ses import Config, Ses
from sojourn.domain.content import Attachment
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    RateLimited,
    TransientError,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Kind
from sojourn.settings import Settings
from sojourn.testkit.fakes import Behaviour, Order, SentHook, serving
from sojourn.testkit.fakes.ses import CERTIFICATE, TOPIC, FakeSes, pem

OTHER_TOPIC = TOPIC.replace("ses-events", "somebody-else-s")
BOUNCE = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bouncedRecipients": [{"emailAddress": "a@shop.example", "diagnosticCode": "550"}],
    },
    "mail": {"messageId": "m1"},
}
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner),
    max_leaves=8,
)
WHO = JSON | some.lists(some.fixed_dictionaries({"emailAddress": JSON, "diagnosticCode": JSON}))
EVENT = some.fixed_dictionaries(
    {"eventType": some.sampled_from(["Bounce", "Click"])},
    optional={
        name: JSON
        | some.fixed_dictionaries(
            {},
            optional={"bouncedRecipients": WHO, "tags": JSON, "timestamp": JSON, "messageId": JSON},
        )
        for name in ("bounce", "click", "mail")
    },
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeSes]:
    async with serving(FakeSes()) as fake:
        assert isinstance(fake, FakeSes)
        yield fake


@pytest.fixture
async def ses(fake: FakeSes, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ses]:
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    provider = Ses(Settings().model_copy(update={"shop_name": 'Łódź, "Figli" & Co'}))
    yield provider
    await provider.close()


def parcel(fake: FakeSes, **changes: Any) -> Parcel:
    return dataclasses.replace(fake.parcel(Channel.EMAIL, "j:c1:k/1/1-reminder/email"), **changes)


async def test_the_request_holds_the_whole_mail(fake: FakeSes, ses: Ses) -> None:
    sent = parcel(fake)
    invoice = Attachment("invoice.pdf", "application/pdf", "JVBERi0=")
    await ses.send(
        dataclasses.replace(sent, content=dataclasses.replace(sent.content, attachments=(invoice,)))
    )
    content = sent.content
    assert fake.accepted[0].request == {
        "FromEmailAddress": "=?utf-8?b?xYHDs2TFuiwgIkZpZ2xpIiAmIENv?= <hello@shop.example>",
        "Destination": {"ToAddresses": [sent.address]},
        "ConfigurationSetName": "shop",
        "EmailTags": [{"Name": "reference", "Value": sent.reference}],
        "Content": {
            "Simple": {
                "Subject": {"Data": content.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": content.text, "Charset": "UTF-8"},
                    "Html": {"Data": content.html, "Charset": "UTF-8"},
                },
                "Headers": [{"Name": n, "Value": v} for n, v in content.headers.items()],
                "Attachments": [
                    {
                        "FileName": "invoice.pdf",
                        "RawContent": "JVBERi0=",
                        "ContentType": "application/pdf",
                        "ContentDisposition": "ATTACHMENT",
                        "ContentTransferEncoding": "BASE64",
                    }
                ],
            }
        },
    }


async def test_promotional_mail_can_have_its_own_configuration_set(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    promotional = parcel(fake, message_class=MessageClass.PROMOTIONAL)
    await ses.send(promotional)
    monkeypatch.setenv("SOJOURN_SES_PROMOTIONAL_CONFIGURATION_SET", "shop-promotions")
    apart = Ses(Settings())
    try:
        await apart.send(promotional)
        await apart.send(parcel(fake))
    finally:
        await apart.close()
    assert [order.promotional for order in fake.accepted] == [False, True, False]


def test_the_signature_matches_aws_s_published_example(monkeypatch: pytest.MonkeyPatch) -> None:
    # get-vanilla of https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: at)
    keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    request = AWSRequest(method="GET", url="https://example.amazonaws.com/", data=b"")
    SigV4Auth(keys, "service", "us-east-1").add_auth(request)
    assert request.headers["Authorization"].endswith(
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


async def test_a_session_token_is_sent_with_each_request(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_SES_SESSION_TOKEN", "token")
    temporary = Ses(Settings())
    try:
        headers = temporary._headers("POST", "/", b"{}")
    finally:
        await temporary.close()
    assert headers["X-Amz-Security-Token"] == "token"
    assert "x-amz-security-token" in headers["Authorization"]


async def test_a_used_up_daily_quota_means_a_longer_wait(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quota() -> Response:
        said = {"message": "Daily message quota exceeded"}
        return JSONResponse(said, 429, {"x-amzn-ErrorType": "TooManyRequestsException"})

    monkeypatch.setattr(fake, "rate_limited", quota)
    fake.script.append(Behaviour.RATE_LIMIT)
    with pytest.raises(RateLimited) as raised:
        await ses.send(parcel(fake))
    assert raised.value.retry_after == timedelta(minutes=10)


async def test_an_error_code_in_the_body_counts(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paused() -> Response:
        said = {"__type": "com.amazonaws.sesv2#SendingPausedException", "message": "paused"}
        return JSONResponse(said, 400)

    monkeypatch.setattr(fake, "rate_limited", paused)
    fake.script.append(Behaviour.RATE_LIMIT)
    with pytest.raises(AccountError):
        await ses.send(parcel(fake))


async def test_an_answer_without_an_id_leaves_the_mail_in_doubt(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(order: Order) -> Response:
        return Response("OK")

    monkeypatch.setattr(fake, "answer", nothing)
    with pytest.raises(AmbiguousSend):
        await ses.send(parcel(fake))


async def test_the_probe_notices_a_paused_account(fake: FakeSes, ses: Ses) -> None:
    fake.sending_enabled = False
    with pytest.raises(AccountError, match="SHUTDOWN"):
        await ses.probe()


@pytest.mark.parametrize("version", ["1", "2"])
async def test_both_versions_of_signatures_are_accepted(
    fake: FakeSes, ses: Ses, version: str
) -> None:
    sent = fake.notification(json.dumps(BOUNCE), SignatureVersion=version)
    (report,) = (await ses.read(sent.received())).reports
    assert (report.kind, report.hard, report.detail) == (Kind.BOUNCED, True, "550")
    assert (report.provider_id, report.address) == ("m1", "a@shop.example")


async def test_one_version_of_signatures_is_not_accepted_as_the_other(
    fake: FakeSes, ses: Ses
) -> None:
    with pytest.raises(BadSignature, match="does not hold"):
        await ses.read(altered(fake.notification("{}"), SignatureVersion="2").received())


async def test_a_message_without_a_subject_is_signed_without_one(fake: FakeSes, ses: Ses) -> None:
    said = json.loads(fake.notification(json.dumps(BOUNCE)).body)
    del said["Subject"], said["Signature"]
    assert len((await ses.read(fake.sealed(said).received())).reports) == 1


async def test_the_certificate_is_fetched_once(fake: FakeSes, ses: Ses) -> None:
    for _ in range(3):
        await ses.read(fake.notification(json.dumps(BOUNCE)).received())
    assert fake.certificates_asked == 1


@pytest.mark.parametrize("url", [
    "https://sns.eu-south-1.amazonaws.com.evil.example" + CERTIFICATE,
    "https://evil.example" + CERTIFICATE,
    "http://[::1" + CERTIFICATE,
    "",
])  # fmt: skip
async def test_a_certificate_from_another_host_is_never_fetched(
    fake: FakeSes, ses: Ses, url: str
) -> None:
    with pytest.raises(BadSignature, match="certificate"):
        await ses.read(fake.notification("{}", SigningCertURL=url).received())


async def test_another_file_of_sns_is_not_accepted_as_certificate(fake: FakeSes, ses: Ses) -> None:
    for path in ("/?Action=Publish&Token=1", "/other.pem", f"/x/..{CERTIFICATE}"):
        with pytest.raises(BadSignature, match="certificate"):
            await ses.read(fake.notification("{}", SigningCertURL=fake.url + path).received())
    assert fake.confirmed == []


async def test_certificates_come_from_sns_in_the_topic_s_region_by_default(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOJOURN_SES_SNS_URL")
    monkeypatch.setenv("SOJOURN_SES_REGION", "us-east-1")
    real = Ses(Settings())
    try:
        assert real._is_sns(f"https://sns.eu-south-1.amazonaws.com{CERTIFICATE}")
        for other in ("http://sns.eu-south-1", "https://sns.us-east-1", "https://s3.eu-south-1"):
            assert not real._is_sns(f"{other}.amazonaws.com{CERTIFICATE}")
        assert not real._is_sns(f"https://x@sns.eu-south-1.amazonaws.com{CERTIFICATE}")
    finally:
        await real.close()


async def test_an_expired_certificate_is_refused(fake: FakeSes, ses: Ses) -> None:
    fake.certificate = pem(lasts=timedelta(hours=-1))
    with pytest.raises(BadSignature, match="expired"):
        await ses.read(fake.notification("{}").received())


async def test_an_unreadable_certificate_is_fetched_again(fake: FakeSes, ses: Ses) -> None:
    good, fake.certificate = fake.certificate, b"<html>oops</html>"
    with pytest.raises(TransientError):
        await ses.read(fake.notification(json.dumps(BOUNCE)).received())
    fake.certificate = good
    assert (await ses.read(fake.notification(json.dumps(BOUNCE)).received())).reports


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "Subject"])
async def test_a_change_of_any_signed_field_is_refused(fake: FakeSes, ses: Ses, name: str) -> None:
    with pytest.raises(BadSignature, match="does not hold"):
        await ses.read(altered(fake.notification("{}"), **{name: "other"}).received())


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])
@pytest.mark.parametrize("value", [None, 7, [], {}])
async def test_a_malformed_envelope_is_refused(
    fake: FakeSes, ses: Ses, name: str, value: object
) -> None:
    with pytest.raises(BadSignature):
        await ses.read(altered(fake.notification("{}"), **{name: value}).received())


async def test_a_body_of_another_topic_is_not_parsed(fake: FakeSes, ses: Ses) -> None:
    hook = fake.notification(json.dumps(BOUNCE)).received()
    for headers in ({}, {"x-amz-sns-topic-arn": OTHER_TOPIC}):
        with pytest.raises(BadSignature, match="topic"):
            await ses.read(dataclasses.replace(hook, headers=headers))
    assert fake.certificates_asked == 0


async def test_a_webhook_that_sns_repeats_for_an_hour_is_read(fake: FakeSes, ses: Ses) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=55)).isoformat()
    assert (await ses.read(fake.notification(json.dumps(BOUNCE), Timestamp=at).received())).reports


async def test_the_messages_of_another_topic_are_refused(fake: FakeSes, ses: Ses) -> None:
    for sent in (
        fake.notification("{}", TopicArn=OTHER_TOPIC),
        fake.confirmation(TopicArn=OTHER_TOPIC),
    ):
        with pytest.raises(BadSignature, match="topic"):
            await ses.read(sent.received())
    assert fake.confirmed == []


async def test_the_subscription_of_our_topic_is_confirmed(fake: FakeSes, ses: Ses) -> None:
    assert await ses.read(fake.confirmation().received()) == Reading()
    assert fake.confirmed == ["token-1"]


async def test_a_forged_subscription_is_not_confirmed(fake: FakeSes, ses: Ses) -> None:
    with pytest.raises(BadSignature):
        await ses.read(altered(fake.confirmation(), Token="token-2").received())
    with pytest.raises(BadSignature, match="confirmation"):
        await ses.read(fake.confirmation(SubscribeURL="https://evil.example/").received())
    assert fake.confirmed == []


async def test_the_end_of_a_subscription_gives_no_report(fake: FakeSes, ses: Ses) -> None:
    sent = fake.confirmation(Type="UnsubscribeConfirmation")
    assert await ses.read(sent.received()) == Reading()
    assert fake.confirmed == []


async def test_no_webhook_is_accepted_without_a_topic(
    fake: FakeSes, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOJOURN_SES_TOPIC_ARN")
    deaf = Ses(Settings())
    try:
        with pytest.raises(BadSignature, match="SOJOURN_SES_TOPIC_ARN"):
            await deaf.read(fake.notification("{}").received())
    finally:
        await deaf.close()


def test_a_topic_that_is_no_arn_is_named_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION", "TOPIC_ARN"):
        monkeypatch.setenv(f"SOJOURN_SES_{name}", "ses-events")
    with pytest.raises(BadSetting, match="SOJOURN_SES_TOPIC_ARN"):
        Config.load()


@pytest.mark.parametrize(
    ("bounce", "hard"), [("Permanent", True), ("Transient", False), ("Undetermined", False)]
)
async def test_a_bounce_means_a_dead_address_if_it_is_permanent(
    fake: FakeSes, ses: Ses, bounce: str, hard: bool
) -> None:
    event = BOUNCE | {"bounce": {"bounceType": bounce}}
    (report,) = (await ses.read(fake.notification(json.dumps(event)).received())).reports
    assert report.hard is hard


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [
        ("abuse", Kind.COMPLAINED),
        ("fraud", Kind.COMPLAINED),
        ("other", Kind.COMPLAINED),
        (None, Kind.COMPLAINED),
        ("not-spam", Kind.ACCEPTED),
    ],
)
async def test_a_message_that_was_taken_out_of_the_spam_folder_is_no_complaint(
    fake: FakeSes, ses: Ses, feedback: str | None, kind: Kind
) -> None:
    told = {
        "complainedRecipients": [{"emailAddress": "a@shop.example"}],
        "complaintFeedbackType": feedback,
    }
    event = {"eventType": "Complaint", "complaint": told, "mail": {"messageId": "m1"}}
    (report,) = (await ses.read(fake.notification(json.dumps(event)).received())).reports
    assert (report.kind, report.hard) == (kind, False)


async def test_an_identity_s_own_notification_is_read_by_its_message_id(
    fake: FakeSes, ses: Ses
) -> None:
    event = {"notificationType": "Complaint", "complaint": {}, "mail": {"messageId": "m1"}}
    (report,) = (await ses.read(fake.notification(json.dumps(event)).received())).reports
    assert (report.kind, report.provider_id) == (Kind.COMPLAINED, "m1")


@pytest.mark.parametrize(
    "message",
    [
        '{"eventType": "Subscription"}',
        "{}",
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ],
)
async def test_a_webhook_of_no_interest_gives_no_report(
    fake: FakeSes, ses: Ses, message: str
) -> None:
    assert await ses.read(fake.notification(message).received()) == Reading()


@few(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=JSON | EVENT)
async def test_any_signed_json_is_read_or_bad_input(fake: FakeSes, ses: Ses, said: object) -> None:
    try:
        assert isinstance(await ses.read(fake.notification(json.dumps(said)).received()), Reading)
    except BadSignature:
        raise
    except BadInput:
        pass


@pytest.mark.parametrize("message", ["", "nonsense", "[]", "\ud800", "null"])
async def test_a_signed_message_that_is_no_event_is_bad_input(
    fake: FakeSes, ses: Ses, message: str
) -> None:
    with pytest.raises(BadInput) as raised:
        await ses.read(fake.notification(message).received())
    assert type(raised.value) is BadInput


def altered(sent: SentHook, **changes: object) -> SentHook:
    """Change an envelope after it was signed."""
    body = json.dumps(json.loads(sent.body) | changes).encode()
    return dataclasses.replace(sent, body=body)
