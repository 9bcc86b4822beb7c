"""A fake of Amazon SES, and of Amazon SNS, which carries its events."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.channels.provider import Hook
from sojourn.domain.errors import AccountError, AmbiguousSend, ContentRejected, RateLimited
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import Fake, Happening, Malformed, Order, Refused, SentHook

ACCESS_KEY, SECRET_KEY, REGION = "AKIAFAKE", "secret-of-the-fake", "eu-south-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:ses-events"
CERTIFICATE = "/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
HEADER_VALUE = re.compile(r"[ -~]{1,995}")
PLACES = {
    Kind.ACCEPTED: ("Send", "send"),
    Kind.DELIVERED: ("Delivery", "delivery"),
    Kind.DEFERRED: ("DeliveryDelay", "deliveryDelay"),
    Kind.BOUNCED: ("Bounce", "bounce"),
    Kind.COMPLAINED: ("Complaint", "complaint"),
    Kind.FAILED: ("Reject", "reject"),
    Kind.OPENED: ("Open", "open"),
    Kind.CLICKED: ("Click", "click"),
}


class FakeSes(Fake):
    """SES and SNS in one region, with one topic."""

    name = "ses"
    channels = (Channel.EMAIL,)
    dated = True
    too_old = timedelta(hours=2)
    signer = "SNS"
    kinds = {Channel.EMAIL: tuple(PLACES)}

    def __init__(self) -> None:
        super().__init__()
        self.sending_enabled = True
        self.certificates_asked = 0
        self.certificate = pem()
        self.confirmed: list[str] = []
        """The tokens of the confirmed subscriptions."""

    def environment(self) -> dict[str, str]:
        """Return the credentials, the region and the topic."""
        return {
            "SOJOURN_SES_ACCESS_KEY_ID": ACCESS_KEY,
            "SOJOURN_SES_SECRET_ACCESS_KEY": SECRET_KEY,
            "SOJOURN_SES_REGION": REGION,
            "SOJOURN_SES_CONFIGURATION_SET": "shop",
            "SOJOURN_SES_TOPIC_ARN": TOPIC,
            "SOJOURN_SES_BASE_URL": self.url,
            "SOJOURN_SES_SNS_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return SES's endpoints, and SNS's certificate and confirmation."""
        return [
            Route("/v2/email/outbound-emails", self._send, methods=["POST"]),
            Route("/v2/email/account", self._account),
            Route(CERTIFICATE, self._certificate),
            Route("/", self._confirm),
        ]

    def authorizes(self, request: Request) -> bool:
        """Compare the signature with the one that AWS would compute."""
        signature = request.headers.get("authorization", "")
        return hmac.compare_digest(signature, _authorization(request, request.state.body))

    async def order(self, request: Request) -> Order:
        """Check the request against AWS's own model."""
        said = json.loads(request.state.body)
        if faults := _faults_in(said):
            raise Malformed(_error(400, "BadRequestException", faults))
        tags = {tag["Name"]: tag["Value"] for tag in said["EmailTags"]}
        return Order(
            id=self.order_id(),
            reference=tags["reference"],
            address=said["Destination"]["ToAddresses"][0],
            channel=Channel.EMAIL,
            text=said["Content"]["Simple"]["Body"]["Text"]["Data"],
            promotional=said.get("ConfigurationSetName") == "shop-promotions",
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the MessageId."""
        return JSONResponse({"MessageId": order.id})

    def refusals(self) -> dict[str, Refused]:
        """Return SES's exceptions by name."""
        told: dict[str, tuple[int, str, str, Any]] = {
            "rejected": (400, "MessageRejected", "Illegal content", ContentRejected),
            "malformed": (400, "BadRequestException", "Missing final '@domain'", ContentRejected),
            "unverified": (
                400,
                "MessageRejected",
                "Email address is not verified. The following identities failed the check",
                AccountError,
            ),
            "set": (
                400,
                "BadRequestException",
                "Configuration set shop is invalid",
                AccountError,
            ),
            "unknown-set": (404, "NotFoundException", "There is no such set", AccountError),
            "suspended": (400, "AccountSuspendedException", "Shut down", AccountError),
            "paused": (400, "SendingPausedException", "Paused", AccountError),
            "mail-from": (400, "MailFromDomainNotVerifiedException", "No MX", AccountError),
            "denied": (403, "AccessDeniedException", "ses:SendEmail", AccountError),
            "clock": (400, "RequestExpired", "Signature expired", AccountError),
            "throttled": (
                400,
                "ThrottlingException",
                "Maximum sending rate exceeded.",
                RateLimited,
            ),
            "limit": (400, "LimitExceededException", "Too many", RateLimited),
            "broken": (500, "InternalFailure", "Unknown", AmbiguousSend),
            "down": (503, "ServiceUnavailable", "Try later", AmbiguousSend),
        }
        return {
            name: Refused(partial(_error, status, code, text), error)
            for name, (status, code, text, error) in told.items()
        }

    def unauthorized(self) -> Response:
        """Answer with the error of a bad signature."""
        return _error(403, "InvalidSignatureException", "The signature does not match")

    def rate_limited(self) -> Response:
        """Answer with SES's exception in its header."""
        answer = super().rate_limited()
        answer.headers["x-amzn-ErrorType"] = "TooManyRequestsException"
        return answer

    def webhook(self, happening: Happening) -> SentHook:
        """Write the event as a notification of SNS."""
        order, kind = happening.order, happening.kind
        when = happening.at
        name, place = PLACES[kind]
        recipient = {"emailAddress": order.address}
        told: dict[Kind, dict[str, Any]] = {
            Kind.ACCEPTED: {},
            Kind.DELIVERED: {"recipients": [order.address], "smtpResponse": "250 ok"},
            Kind.DEFERRED: {"delayType": "MailboxFull", "delayedRecipients": [recipient]},
            Kind.BOUNCED: {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    recipient | {"diagnosticCode": "smtp; 550 5.1.1 user unknown"}
                ],
                "feedbackId": happening.id,
            },
            Kind.COMPLAINED: {"complainedRecipients": [recipient], "feedbackId": happening.id},
            Kind.FAILED: {"reason": "Bad content"},
            Kind.OPENED: {"userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0"},
            Kind.CLICKED: {"link": "https://shop.example/cart"},
        }
        timed = {} if kind in (Kind.ACCEPTED, Kind.FAILED) else {"timestamp": _written(when)}
        event = {
            "eventType": name,
            place: told[kind] | timed,
            "mail": {
                "timestamp": _written(when),
                "messageId": order.id,
                "destination": [order.address],
                "tags": {"reference": [order.reference], "ses:configuration-set": ["shop"]},
            },
        }
        return self.notification(
            json.dumps(event), MessageId=happening.id, Timestamp=_written(when)
        )

    def unsigned(self, hook: Hook) -> Hook:
        """Remove the signature, which is in the body."""
        said = json.loads(hook.body)
        del said["Signature"]
        return replace(hook, body=json.dumps(said).encode())

    def notification(self, message: str, **changes: str) -> SentHook:
        """Return a signed notification of SNS.

        Args:
            message: the published text.
            changes: changes to the envelope before it is signed.
        """
        said = {
            "Type": "Notification",
            "MessageId": "message-1",
            "TopicArn": TOPIC,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": _written(datetime.now(UTC)),
            "SignatureVersion": "1",
            "SigningCertURL": self.url + CERTIFICATE,
            "UnsubscribeURL": f"{self.url}/?Action=Unsubscribe",
        } | changes
        return self.sealed(said)

    def confirmation(self, **changes: str) -> SentHook:
        """Return the message with which SNS asks us to confirm a subscription."""
        said = {
            "Type": "SubscriptionConfirmation",
            "MessageId": "message-1",
            "Token": "token-1",
            "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe to the topic.",
            "SubscribeURL": f"{self.url}/?Action=ConfirmSubscription&Token=token-1",
            "Timestamp": _written(datetime.now(UTC)),
            "SignatureVersion": "2",
            "SigningCertURL": self.url + CERTIFICATE,
        } | changes
        return self.sealed(said)

    def sealed(self, said: Mapping[str, Any]) -> SentHook:
        """Sign an envelope."""
        names = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
        names += ["Subject"] if said["Type"] == "Notification" else ["SubscribeURL", "Token"]
        text = "".join(f"{n}\n{said[n]}\n" for n in sorted(names) if n in said)
        hashing = SHA1() if said["SignatureVersion"] == "1" else SHA256()
        signature = key().sign(text.encode(errors="surrogatepass"), PKCS1v15(), hashing)
        body = {**said, "Signature": base64.b64encode(signature).decode()}
        headers = {
            "x-amz-sns-message-type": str(said["Type"]),
            "x-amz-sns-topic-arn": TOPIC,
            "content-type": "text/plain; charset=UTF-8",
        }
        return SentHook(json.dumps(body).encode(), headers)

    async def _send(self, request: Request) -> Response:
        request.state.body = await request.body()
        return await self.take(request)

    async def _account(self, request: Request) -> Response:
        request.state.body = b""
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        status = "HEALTHY" if self.sending_enabled else "SHUTDOWN"
        return JSONResponse({"SendingEnabled": self.sending_enabled, "EnforcementStatus": status})

    async def _certificate(self, request: Request) -> Response:
        self.certificates_asked += 1
        return Response(self.certificate, media_type="application/x-pem-file")

    async def _confirm(self, request: Request) -> Response:
        self.confirmed.append(request.query_params["Token"])
        return Response("<ConfirmSubscriptionResponse/>", media_type="text/xml")


@cache
def key() -> rsa.RSAPrivateKey:
    """Return the key with which SNS signs."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(lasts: timedelta = timedelta(days=1)) -> bytes:
    """Return the key's certificate.

    Args:
        lasts: the time from now to its end; it is valid since yesterday.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key().public_key(),
        serial_number=1,
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + lasts,
    )
    return made.sign(key(), SHA256()).public_bytes(Encoding.PEM)


def _authorization(request: Request, body: bytes) -> str:
    """Return the Authorization header of a request, following AWS's documentation.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    moment = request.headers.get("x-amz-date", "")
    scope = f"{moment[:8]}/{REGION}/ses/aws4_request"
    names = ["content-type"] if body else []
    names += ["host", "x-amz-date"]
    lines = [
        request.method,
        request.url.path,
        "",
        *(f"{name}:{request.headers.get(name, '')}" for name in names),
        "",
        ";".join(names),
        hashlib.sha256(body).hexdigest(),
    ]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    secret = f"AWS4{SECRET_KEY}".encode()
    for word in scope.split("/"):
        secret = hmac.digest(secret, word.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{canonical}"
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )


@cache
def _shape() -> Any:
    model = ServiceModel(Loader().load_service_model("sesv2", "service-2"))
    return model.operation_model("SendEmail").input_shape


def _faults_in(said: Mapping[str, Any]) -> str:
    """Check a request against AWS's model of the API, and against its documented rules."""
    report = ParamValidator().validate(said, _shape())
    if report.has_errors():
        return str(report.generate_report())
    headers = said["Content"]["Simple"].get("Headers", [])
    faults = {
        "more than 15 headers": len(headers) > 15,
        "a header's name or value is not printable ASCII": not all(
            HEADER_NAME.fullmatch(h["Name"]) and HEADER_VALUE.fullmatch(h["Value"]) for h in headers
        ),
        "the sender's name is not ASCII": not said["FromEmailAddress"].isascii(),
        "Missing final '@domain'": "@" not in said["Destination"]["ToAddresses"][0],
    }
    return next((text for text, so in faults.items() if so), "")


def _error(status: int, code: str, message: str) -> Response:
    header = {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/com.amazonaws.ses/"}
    return JSONResponse({"message": message}, status, header)


def _written(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
