"""E-mail by Postmark.

https://postmarkapp.com/developer/api/email-api (single messages and batches), .../overview (error
codes), .../webhooks and .../messages-api (look-up).
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.batches import each_of
from sojourn.channels.config import ProviderConfig, Token
from sojourn.channels.http import Http, array_of, body_of, fault_of, retry_after
from sojourn.channels.mailbox import ascii_mailbox
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.sender import from_header
from sojourn.channels.webhooks import evidence, moment, object_in, part
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadSignature,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    RecipientUnsubscribed,
    TemplateRefused,
    TransientError,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

BATCH_BYTES = 50_000_000
"""The most bytes in a batch: https://postmarkapp.com/developer/user-guide/send-email-with-api"""
OUT_OF_SERVICE = 100
INVALID_REQUEST = 300
INACTIVE_RECIPIENT = 406
TOO_FAST = 429
_ACCOUNT = frozenset({10, 400, 401, 402, 403, 405, 412, 413, *range(1221, 1240)})
"""Token, sender signature, JSON, credits, approval, and message streams: settings, not messages."""
_FIELD = re.compile(r"'(From|To|Cc|Bcc|ReplyTo|MessageStream)'", re.IGNORECASE)
_TEMPLATE = frozenset({1101, 1105, 1109, 1120})

_KINDS = {
    "Delivery": Kind.DELIVERED,
    "Open": Kind.OPENED,
    "Click": Kind.CLICKED,
    "SpamComplaint": Kind.COMPLAINED,
}
_BOUNCES: Mapping[str, Kind | None] = {
    "HardBounce": Kind.BOUNCED,
    "SoftBounce": Kind.BOUNCED,  # Postmark has given up
    "BadEmailAddress": Kind.BOUNCED,
    "ManuallyDeactivated": Kind.BOUNCED,
    "SpamNotification": Kind.BOUNCED,
    "VirusNotification": Kind.BOUNCED,
    "Blocked": Kind.BOUNCED,
    "Unknown": Kind.BOUNCED,
    "Transient": Kind.DEFERRED,  # Postmark keeps trying
    "DnsError": Kind.DEFERRED,
    "Unsubscribe": Kind.UNSUBSCRIBED,
    "SpamComplaint": Kind.COMPLAINED,
    "DMARCPolicy": Kind.FAILED,  # the sender's fault
    "SMTPApiError": Kind.FAILED,
    "TemplateRenderingFailed": Kind.FAILED,
    "Unconfirmed": Kind.FAILED,
    # automatic answers: they prove that the message left, and are not bounces
    "AutoResponder": Kind.ACCEPTED,
    "AddressChange": Kind.ACCEPTED,
    "ChallengeVerification": Kind.ACCEPTED,
    "Subscribe": Kind.ACCEPTED,
    "OpenRelayTest": Kind.ACCEPTED,
    "InboundError": None,  # about a message to us
}
"""Every type of the record "Bounce"; a type that Postmark adds later counts as a bounce.

https://postmarkapp.com/developer/api/bounce-api#bounce-types
"""
_HARD = frozenset({"HardBounce", "BadEmailAddress", "ManuallyDeactivated", "SpamNotification"})
_SUPPRESSED = {
    "HardBounce": Kind.BOUNCED,
    "SpamComplaint": Kind.COMPLAINED,
    "ManualSuppression": Kind.UNSUBSCRIBED,
}
"""The reasons for which Postmark suppresses an address. A customer who unsubscribes is also a
manual suppression."""
_AT = {
    "Delivery": "DeliveredAt",
    "Bounce": "BouncedAt",
    "SpamComplaint": "BouncedAt",
    "SubscriptionChange": "ChangedAt",
}


class Config(ProviderConfig):
    """The settings ``SOJOURN_POSTMARK_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_POSTMARK_")

    token: Token
    """The server's API token."""
    webhook_password: SecretStr = SecretStr("")
    """The password in the webhook's URL, ``https://any:password@...``, since Postmark signs no
    webhook. If empty, no webhook is accepted."""
    stream: str = "outbound"
    """The message stream of transactional messages."""
    promotional_stream: str = "broadcast"
    """The message stream of promotional messages."""
    base_url: str = "https://api.postmarkapp.com"


class Postmark:
    """Postmark's API, which has no idempotency keys. A look-up settles a lost answer."""

    name = "postmark"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(
        sandbox="Postmark accepts the token POSTMARK_API_TEST, and sends nothing",
        fenced=True,
    )
    batch_of = 500
    looks_up_after = timedelta(seconds=30)

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        self._settings = settings
        headers = {
            "Accept": "application/json",  # Postmark requires it in every request
            "X-Postmark-Server-Token": self._config.token.get_secret_value(),
        }
        self._http = Http(self._config.base_url, self._config.timeout_seconds, headers=headers)

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return Postmark's MessageID."""
        answer = await self._http.send("POST", "/email", json=self._email(parcel))
        said = body_of(answer)
        if answer.is_success and said.get("ErrorCode") == 0:
            return str(said["MessageID"])
        raise _fault(answer, said).coded(f"HTTP {answer.status_code}", said.get("ErrorCode"))

    def may_share(self, parcel: Parcel) -> bool:
        """Return True, since each message in a batch is complete."""
        return True

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        """Hand messages over in one call and return Postmark's MessageID or error for each."""
        return await each_of(parcels, self._email, self._batch)

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """Search the messages of the last 45 days for our reference in their metadata."""
        asked = {
            "count": "1",
            "offset": "0",
            "recipient": ascii_mailbox(parcel.address),
            "metadata_reference": parcel.reference,
        }
        answer = await self._http.ask("GET", "/messages/outbound", params=asked)
        if not answer.is_success:
            raise TransientError(f"cannot be looked up: HTTP {answer.status_code}")
        found = body_of(answer).get("Messages") or []
        return str(found[0]["MessageID"]) if found else None

    async def probe(self) -> None:
        """Ask for the description of the server."""
        answer = await self._http.ask("GET", "/server")
        if not answer.is_success:
            raise _fault(answer, body_of(answer))

    async def read(self, hook: Hook) -> Reading:
        """Read one report; none from a record of another type."""
        self._verify(hook)
        said = object_in(hook)
        report = _report(said, hook.received_at)
        return Reading((report,) if report else ())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _batch(self, emails: Sequence[dict[str, Any]]) -> list[str | ProviderError]:
        """Send the messages; the answer is 200 even if some of them are refused."""
        body = json.dumps(emails, ensure_ascii=False).encode()
        if len(body) > BATCH_BYTES:
            raise ContentRejected(f"a batch of {len(body)} bytes")
        headers = {"Content-Type": "application/json"}
        answer = await self._http.send("POST", "/email/batch", content=body, headers=headers)
        if not answer.is_success:
            said = body_of(answer)
            raise _fault(answer, said).coded(f"HTTP {answer.status_code}", said.get("ErrorCode"))
        return [_outcome(answer, one) for one in array_of(answer)]

    def _email(self, parcel: Parcel) -> dict[str, Any]:
        content = parcel.content
        promotional = parcel.message_class is MessageClass.PROMOTIONAL
        email: dict[str, Any] = {
            "From": from_header(self._settings),
            "To": ascii_mailbox(parcel.address),
            "Subject": content.subject,
            "HtmlBody": content.html,
            "TextBody": content.text,
            "MessageStream": (
                self._config.promotional_stream if promotional else self._config.stream
            ),
            "TrackOpens": False,
            "TrackLinks": "None",
            "Metadata": {"reference": parcel.reference},
            "Headers": [{"Name": n, "Value": v} for n, v in content.headers.items()],
        }
        if content.attachments:
            email["Attachments"] = [
                {"Name": a.name, "Content": a.data, "ContentType": a.media_type}
                for a in content.attachments
            ]
        return email

    def _verify(self, hook: Hook) -> None:
        password = self._config.webhook_password.get_secret_value()
        if not password:
            raise BadSignature(
                "SOJOURN_POSTMARK_WEBHOOK_PASSWORD is not set: no webhook is accepted"
            )
        scheme, _, given = hook.headers.get("authorization", "").partition(" ")
        try:
            _, _, said = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            said = ""
        same = hmac.compare_digest(_digest(said), _digest(password))
        if scheme.lower() != "basic" or not same:
            raise BadSignature("the webhook's URL does not hold SOJOURN_POSTMARK_WEBHOOK_PASSWORD")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _fault(answer: httpx.Response, said: Mapping[str, Any]) -> ProviderError:
    """Return the error that an answer means by Postmark's code; its status is usually 422."""
    code, message = said.get("ErrorCode"), str(said.get("Message", ""))
    if answer.status_code != 422 or not isinstance(code, int):
        return fault_of(answer, f"{code} {message}" if code else "")
    return _refusal(answer, code, message)


def _outcome(answer: httpx.Response, said: Mapping[str, Any]) -> str | ProviderError:
    """Return the MessageID or the error of one message in a batch."""
    code = said.get("ErrorCode")
    if code == 0 and said.get("MessageID"):
        return str(said["MessageID"])
    if not code or not isinstance(code, int):
        return AmbiguousSend("an answer without a MessageID and without an ErrorCode")
    return _refusal(answer, code, str(said.get("Message", ""))).coded(code)


def _refusal(answer: httpx.Response, code: int, message: str) -> ProviderError:
    """Return the error that one of Postmark's codes means."""
    detail = f"{code} {message}"
    if code == INACTIVE_RECIPIENT:
        # the address bounced, complained or unsubscribed before; only the text says which
        unsubscribed = "unsubscri" in message.lower()
        return RecipientUnsubscribed(detail) if unsubscribed else InvalidRecipient(detail)
    if code == INVALID_REQUEST:
        return _invalid(message)(detail)
    if code == OUT_OF_SERVICE:
        return TransientError(detail, retry_after=retry_after(answer))
    if code == TOO_FAST:  # for single messages in a batch, whose own status is 200
        return RateLimited(detail, retry_after=retry_after(answer))
    if code in _ACCOUNT:
        return AccountError(detail)
    return TemplateRefused(detail) if code in _TEMPLATE else ContentRejected(detail)


def _invalid(message: str) -> type[ProviderError]:
    """Return the error for code 300, whose text names the field: "Invalid 'From' address".

    The sender and the stream are the same in every message: they are a fault of the settings.
    """
    field = _FIELD.search(message)
    match field[1].lower() if field else "":
        case "from" | "messagestream":
            return AccountError
        case "to":
            return InvalidRecipient
    return InvalidRecipient if "recipient" in message.lower() else ContentRejected


def _report(said: Mapping[str, Any], received_at: datetime) -> Report | None:
    record = str(said.get("RecordType"))
    kind, hard = _meaning(record, said)
    if kind is None:
        return None
    at = moment(said.get(_AT.get(record, "ReceivedAt")), received_at)
    # a manual suppression concerns no message: its id is null
    message_id = str(said.get("MessageID") or "")
    address = str(said.get("Email") or said.get("Recipient") or "")
    named = message_id or _digest(address.lower()).hex()[:32]
    return Report(
        # only bounces and complaints have an id
        event_id=f"{named}:{record}:{said.get('ID') or at.isoformat()}",
        kind=kind,
        at=at,
        channel=Channel.EMAIL,
        reference=str(part(said, "Metadata").get("reference") or ""),
        provider_id=message_id,
        address=address,
        hard=hard,
        detail=str(said.get("Description") or said.get("Details") or ""),
        url=str(said.get("OriginalLink") or ""),
        **evidence(kind, agent=said.get("UserAgent"), address=part(said, "Geo").get("IP")),
    )


def _meaning(record: str, said: Mapping[str, Any]) -> tuple[Kind | None, bool]:
    """Return the kind of a record, and whether the address will never take a message."""
    if record == "Bounce":
        bounce = str(said.get("Type"))
        kind = _BOUNCES.get(bounce, Kind.BOUNCED)
        dead = bounce in _HARD or said.get("Inactive") is True
        return kind, kind is Kind.BOUNCED and dead
    if record == "SubscriptionChange":
        if said.get("SuppressSending") is not True:
            return None, False  # no consent: only the customer can give that
        kind = _SUPPRESSED.get(str(said.get("SuppressionReason")), Kind.UNSUBSCRIBED)
        return kind, kind is Kind.BOUNCED
    return _KINDS.get(record), False
