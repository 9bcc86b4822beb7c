"""E-mail by Amazon SES, API v2; its events come through Amazon SNS.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html, .../CommonErrors.html,
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
"""

import base64
import binascii
import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import Certificate, load_pem_x509_certificate
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig
from sojourn.channels.http import Http, body_of, fault_of, retry_after
from sojourn.channels.mailbox import ascii_mailbox
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.sender import from_header
from sojourn.channels.webhooks import check_age, evidence, moment, object_in, part
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadSignature,
    ProviderError,
    RateLimited,
    TransientError,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

DAILY_QUOTA_WAIT = timedelta(minutes=10)
"""https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"""
LONGEST_RETRY = timedelta(hours=1)
"""The age at which a webhook counts as a replay. SNS signs the moment of its first attempt, and a
topic's policy may let it repeat the webhook for an hour:
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"""
NOT_SPAM = "not-spam"
"""The feedback of a customer who took the message out of the spam folder, the opposite of a
complaint. It only proves that the message left."""
GREETING = "Successfully validated SNS topic"
"""The plain text that SES publishes when a topic is set up."""

# without the suffix "Exception", which some codes have only in some places
_ACCOUNT = frozenset(
    {
        "AccountSuspended",
        "SendingPaused",
        "MailFromDomainNotVerified",
        "NotFound",  # the configuration set, the only thing that we name
        "AccessDenied",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignature",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClient",
    }
)
_TOO_MUCH = frozenset({"TooManyRequests", "Throttling", "LimitExceeded"})

_KINDS = {
    "Send": (Kind.ACCEPTED, "send"),
    "Delivery": (Kind.DELIVERED, "delivery"),
    "DeliveryDelay": (Kind.DEFERRED, "deliveryDelay"),
    "Bounce": (Kind.BOUNCED, "bounce"),
    "Complaint": (Kind.COMPLAINED, "complaint"),
    "Reject": (Kind.FAILED, "reject"),
    "Rendering Failure": (Kind.FAILED, "failure"),
    "Open": (Kind.OPENED, "open"),
    "Click": (Kind.CLICKED, "click"),
    "Subscription": (Kind.UNSUBSCRIBED, "subscription"),
}
_DETAIL = ("smtpResponse", "reason", "errorMessage", "delayType", "complaintFeedbackType")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_HASHES: Mapping[object, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 (SNS's choice)
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[\w-]+\.pem", re.ASCII)


class Config(ProviderConfig):
    """The settings ``SOJOURN_SES_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_SES_")

    access_key_id: SecretStr
    secret_access_key: SecretStr
    session_token: SecretStr = SecretStr("")
    """The session token of temporary credentials."""
    region: str
    """The AWS region of SES: ``eu-south-1``."""
    configuration_set: str = ""
    """The configuration set whose event destinations report. Empty for the identity's default."""
    promotional_configuration_set: str = ""
    """The configuration set of promotional messages, which separates their IP addresses. Empty for
    the same set."""
    topic_arn: Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:\S+)?$")] = ""
    """The SNS topic to which the configuration set publishes. If empty, no webhook is accepted."""
    base_url: str = ""
    """The URL of SES. Empty for SES in ``region``."""
    sns_url: str = ""
    """The URL of SNS's certificates and confirmations. Empty for SNS in the topic's region."""


class Ses:
    """SES, which has neither idempotency keys nor a look-up. An event settles a lost answer."""

    name = "ses"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(
        sandbox="success, bounce and complaint@simulator.amazonses.com reach nobody",
        fenced=True,
    )

    def __init__(self, settings: Settings) -> None:
        config = self._config = Config.load()
        self._settings = settings
        base = config.base_url or f"https://email.{config.region}.amazonaws.com"
        self._base = base.rstrip("/")
        self._http = Http(self._base, config.timeout_seconds)
        self._signer = SigV4Auth(
            Credentials(
                config.access_key_id.get_secret_value(),
                config.secret_access_key.get_secret_value(),
                config.session_token.get_secret_value() or None,
            ),
            "ses",
            config.region,
        )
        region = config.topic_arn.split(":")[3] if config.topic_arn else config.region
        sns = config.sns_url or f"https://sns.{region}.amazonaws.com"
        self._sns_origin = urlsplit(sns)[:2]
        self._sns = Http(sns, config.timeout_seconds)
        self._certificates: dict[str, Certificate] = {}

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return SES's MessageId.

        Raises:
            ContentRejected: the message, or an address in it, is malformed or not allowed.
            AccountError: the credentials, an unverified identity or a paused account is at fault.
            RateLimited: there are too many messages per second, or today.
            AmbiguousSend: there is no answer, or an answer without an id.
        """
        body = json.dumps(self._email(parcel)).encode()
        path = "/v2/email/outbound-emails"
        answer = await self._http.send(
            "POST", path, content=body, headers=self._headers("POST", path, body)
        )
        said = body_of(answer)
        if not answer.is_success:
            fault = _fault(answer, said)
            raise fault.coded(f"HTTP {answer.status_code}", _code(answer, said))
        if not said.get("MessageId"):
            raise AmbiguousSend(f"HTTP {answer.status_code} without a MessageId")
        return str(said["MessageId"])

    async def probe(self) -> None:
        """Ask whether the account may send."""
        path = "/v2/email/account"
        answer = await self._http.ask("GET", path, headers=self._headers("GET", path))
        said = body_of(answer)
        if not answer.is_success:
            raise _fault(answer, said)
        if said.get("SendingEnabled") is False:
            status = said.get("EnforcementStatus", "")
            raise AccountError(f"SES has paused the account in {self._config.region}: {status}")

    async def read(self, hook: Hook) -> Reading:
        """Read one report from an event; confirm the subscription of our own topic.

        Raises:
            BadSignature: the hook is not from our topic.
            BadInput: the hook is from our topic, but not an event of SES.
            TransientError: SNS's certificate cannot be fetched, or the subscription not confirmed.
        """
        said = await self._verified(hook)
        if said["Type"] == "SubscriptionConfirmation":
            await self._confirm(said["SubscribeURL"])
        if said["Type"] != "Notification" or said["Message"].startswith(GREETING):
            return Reading()
        event = object_in(
            dataclasses.replace(hook, body=said["Message"].encode(errors="surrogatepass"))
        )
        report = _report(event, said["MessageId"], hook.received_at)
        return Reading((report,) if report else ())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._sns.close()

    def _headers(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        request = AWSRequest(
            method=method,
            url=self._base + path,
            data=body,
            headers={"Content-Type": "application/json"} if body else {},
        )
        self._signer.add_auth(request)
        return dict(request.headers.items())

    def _email(self, parcel: Parcel) -> dict[str, Any]:
        content, config = parcel.content, self._config
        simple: dict[str, Any] = {
            "Subject": _text(content.subject),
            "Body": {"Text": _text(content.text), "Html": _text(content.html)},
            "Headers": [{"Name": n, "Value": v} for n, v in content.headers.items()],
        }
        if content.attachments:
            simple["Attachments"] = [
                {
                    "FileName": a.name,
                    "RawContent": a.data,
                    "ContentType": a.media_type,
                    "ContentDisposition": "ATTACHMENT",
                    "ContentTransferEncoding": "BASE64",
                }
                for a in content.attachments
            ]
        email: dict[str, Any] = {
            "FromEmailAddress": from_header(self._settings, ascii_only=True),
            "Destination": {"ToAddresses": [ascii_mailbox(parcel.address)]},
            "Content": {"Simple": simple},
            "EmailTags": [{"Name": "reference", "Value": parcel.reference}],
        }
        chosen = config.configuration_set
        if parcel.message_class is MessageClass.PROMOTIONAL:
            chosen = config.promotional_configuration_set or chosen
        if chosen:
            email["ConfigurationSetName"] = chosen
        return email

    async def _verified(self, hook: Hook) -> dict[str, Any]:
        """Verify SNS's envelope and return its signed fields, all of them text."""
        topic = self._config.topic_arn
        if not topic:
            raise BadSignature("SOJOURN_SES_TOPIC_ARN is not set: no webhook is accepted")
        # before the body is parsed, so that a stranger's request costs us nothing
        if hook.headers.get("x-amz-sns-topic-arn") != topic:
            raise BadSignature("not from the SNS topic in SOJOURN_SES_TOPIC_ARN")
        said = object_in(hook)
        names = _SIGNED.get(str(said.get("Type")), ())
        signed = {name: said[name] for name in names if said.get(name) is not None}
        missing = set(names) - {"Subject"} - signed.keys()
        if not names or missing or not all(isinstance(value, str) for value in signed.values()):
            raise BadSignature("the body is not a message of SNS")
        if signed["TopicArn"] != topic:
            raise BadSignature("not from the SNS topic in SOJOURN_SES_TOPIC_ARN")
        text = "".join(f"{name}\n{value}\n" for name, value in signed.items())
        await self._check(said, text, hook.received_at)
        try:
            sent = datetime.fromisoformat(signed["Timestamp"]).timestamp()
        except (ValueError, OverflowError):
            raise BadSignature("the signed moment cannot be read") from None
        check_age(sent, hook.received_at, LONGEST_RETRY)
        return signed

    async def _check(self, said: Mapping[str, Any], text: str, at: datetime) -> None:
        """Check SNS's signature of a text.

        https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
        """
        hashing = _HASHES.get(str(said.get("SignatureVersion")))
        if hashing is None:
            raise BadSignature("the signature's version is not documented")
        certificate = await self._certificate(str(said.get("SigningCertURL")))
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise BadSignature("the certificate of SNS has no RSA key")
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise BadSignature("the certificate of SNS has expired")
        try:
            signature = base64.b64decode(str(said.get("Signature")), validate=True)
            key.verify(signature, text.encode(errors="surrogatepass"), PKCS1v15(), hashing)
        except (InvalidSignature, ValueError, binascii.Error):
            raise BadSignature("the signature of SNS does not hold") from None

    async def _certificate(self, url: str) -> Certificate:
        if not self._is_sns(url) or not _CERTIFICATE.fullmatch(urlsplit(url).path):
            raise BadSignature("the certificate is not one of SNS in our topic's region")
        if url not in self._certificates:
            answer = await self._sns.ask("GET", url)
            if not answer.is_success:
                raise TransientError(f"SNS's certificate: HTTP {answer.status_code}")
            try:
                self._certificates[url] = load_pem_x509_certificate(answer.content)
            except ValueError:
                raise TransientError("SNS's certificate cannot be read") from None
        return self._certificates[url]

    async def _confirm(self, url: str) -> None:
        if not self._is_sns(url):
            raise BadSignature("the confirmation is not for SNS in our topic's region")
        answer = await self._sns.ask("GET", url)
        if not answer.is_success:
            raise TransientError(f"the subscription is not confirmed: HTTP {answer.status_code}")

    def _is_sns(self, url: str) -> bool:
        try:
            return urlsplit(url)[:2] == self._sns_origin
        except ValueError:
            return False


def _text(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _fault(answer: httpx.Response, said: Mapping[str, Any]) -> ProviderError:
    """Return the error that an answer means; the code is in a header or the body (restJson1)."""
    code = _code(answer, said)
    message = str(said.get("message") or said.get("Message") or "")
    detail = f"{code} {message}".strip()
    if answer.is_server_error:
        return fault_of(answer, detail)
    if code in _TOO_MUCH:
        wait = retry_after(answer) or (DAILY_QUOTA_WAIT if "daily" in message.lower() else None)
        return RateLimited(detail, retry_after=wait)
    # MessageRejected and BadRequest can also mean senders and configuration sets
    ours = "not verified" in message.lower() or "configuration set" in message.lower()
    if code in _ACCOUNT or ours:
        return AccountError(detail)
    # a faulty address may be the sender's: the answer does not say
    return fault_of(answer, detail)


def _code(answer: httpx.Response, said: Mapping[str, Any]) -> str:
    told = answer.headers.get("x-amzn-errortype") or said.get("__type") or said.get("code")
    return str(told or "").partition(":")[0].rpartition("#")[2].removesuffix("Exception")


def _report(said: Mapping[str, Any], event_id: str, received_at: datetime) -> Report | None:
    # an identity without a configuration set uses the second name, without tags
    known = _KINDS.get(str(said.get("eventType") or said.get("notificationType")))
    if known is None:
        return None
    kind, place = known
    mail, told = part(said, "mail"), part(said, place)
    if (
        place == "subscription"
        and part(told, "newTopicPreferences").get("unsubscribeAll") is not True
    ):
        return None
    if kind is Kind.COMPLAINED and told.get("complaintFeedbackType") == NOT_SPAM:
        kind = Kind.ACCEPTED
    tagged = part(mail, "tags").get("reference")
    who = _first(
        told.get("bouncedRecipients")
        or told.get("complainedRecipients")
        or told.get("delayedRecipients")
    )
    who = who if isinstance(who, dict) else {}
    details = [who.get("diagnosticCode"), *(told.get(name) for name in _DETAIL)]
    return Report(
        event_id=event_id,
        kind=kind,
        at=moment(told.get("timestamp") or mail.get("timestamp"), received_at),
        channel=Channel.EMAIL,
        reference=str(_first(tagged) or ""),
        provider_id=str(mail.get("messageId") or ""),
        address=str(who.get("emailAddress") or _first(mail.get("destination")) or ""),
        hard=kind is Kind.BOUNCED and told.get("bounceType") == "Permanent",
        detail=next((str(detail) for detail in details if detail), ""),
        url=str(told.get("link") or ""),
        **evidence(kind, agent=told.get("userAgent"), address=told.get("ipAddress")),
    )


def _first(said: object) -> Any:
    return said[0] if isinstance(said, list) and said else None
