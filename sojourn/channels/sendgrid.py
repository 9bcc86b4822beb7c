"""E-mail by Twilio SendGrid.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send, .../mail-send/errors,
.../api-reference/email-logs (look-up), .../for-developers/tracking-events/event (webhooks) and
.../getting-started-event-webhook-security-features (their signature).
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import quote

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig, Token
from sojourn.channels.http import Http, body_of, fault_of
from sojourn.channels.mailbox import ascii_mailbox
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.sender import sender
from sojourn.channels.webhooks import check_age, evidence, json_in, moment
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSignature,
    InvalidRecipient,
    ProviderError,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
OLDEST_WEBHOOK = timedelta(hours=25)
"""The age at which a webhook counts as a replay. SendGrid repeats a refused webhook for 24 hours,
and does not document whether it signs each attempt. A replay has a known event id, so it changes
nothing."""
SEARCHED = 50
"""The most messages to one address that a look-up reads."""

_KINDS = {
    "processed": Kind.ACCEPTED,
    "deferred": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "bounce": Kind.BOUNCED,
    "dropped": Kind.FAILED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
    "spamreport": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
}
_DROPPED = {
    "bounced address": Kind.BOUNCED,
    "invalid": Kind.BOUNCED,
    "unsubscribed address": Kind.UNSUBSCRIBED,
    "spam reporting address": Kind.COMPLAINED,
}
"""The reasons about the address for which SendGrid does not try to deliver."""
_RECIPIENT_FIELD = re.compile(r"personalizations(\.\d+)?\.to\b")
_MACHINE = re.compile(r"(filter|recv)\w*[.-]")
_MESSAGE_ID = re.compile(r"\.(filter|recv).*")


class Config(ProviderConfig):
    """The settings ``SOJOURN_SENDGRID_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_SENDGRID_")

    api_key: Token
    """An API key that may send mail and read e-mail logs."""
    webhook_key: str = ""
    """The public key of the signed event webhook, in base64. If empty, no webhook is accepted."""
    sandbox: bool = False
    """Have SendGrid check messages, but send none."""
    base_url: str = "https://api.sendgrid.com"

    @field_validator("webhook_key")
    @classmethod
    def _is_key(cls, given: str) -> str:
        if given:
            _public_key(given)
        return given


class SendGrid:
    """SendGrid's API, which has no idempotency keys. A look-up settles a lost answer."""

    name = "sendgrid"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(
        sandbox="SOJOURN_SENDGRID_SANDBOX=true: SendGrid checks messages and sends none",
        fenced=True,
    )
    looks_up_after = timedelta(minutes=5)

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        self._settings = settings
        headers = {"Authorization": f"Bearer {self._config.api_key.get_secret_value()}"}
        self._http = Http(self._config.base_url, self._config.timeout_seconds, headers=headers)

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return SendGrid's X-Message-Id."""
        answer = await self._http.send("POST", "/v3/mail/send", json=self._mail(parcel))
        if not answer.is_success:
            raise _fault(answer).coded(f"HTTP {answer.status_code}")
        message_id = str(answer.headers.get("x-message-id", ""))
        if message_id:
            return message_id
        if self._config.sandbox:
            return f"sandbox-{parcel.reference}"  # the sandbox returns no id
        raise AmbiguousSend(f"HTTP {answer.status_code} without X-Message-Id")

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """Search the messages to this address for the one with our reference.

        The logs cannot be searched by custom arguments, so each message is read in turn.
        """
        address = ascii_mailbox(parcel.address)
        if '"' in address or "\\" in address:
            raise TransientError("cannot be looked up: a query has no way to quote the address")
        start = (since - timedelta(minutes=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = f'to_email = "{address}" AND sg_message_id_created_at >= TIMESTAMP "{start}"'
        answer = await self._http.ask("POST", "/v3/logs", json={"query": query, "limit": SEARCHED})
        listed = _ok(answer).get("messages")
        if not isinstance(listed, list):
            raise TransientError("cannot be looked up: the answer lists no messages")
        for message in listed:
            logged = str(message.get("sg_message_id", "")) if isinstance(message, dict) else ""
            told = _ok(await self._http.ask("GET", f"/v3/logs/{quote(logged, safe='')}"))
            arguments = told.get("custom_args")
            if isinstance(arguments, dict) and arguments.get("reference") == parcel.reference:
                return _message_id(logged)
        if len(listed) >= SEARCHED:
            raise TransientError("cannot be looked up: too many messages to this address")
        return None

    async def probe(self) -> None:
        """Ask for the scopes of our key."""
        scopes = _ok(await self._http.ask("GET", "/v3/scopes")).get("scopes")
        if not isinstance(scopes, list) or "mail.send" not in scopes:
            raise AccountError("the API key may not send mail: give it the scope mail.send")

    async def read(self, hook: Hook) -> Reading:
        """Read a report from each relevant event in the batch."""
        self._verify(hook)
        events = json_in(hook)
        if not isinstance(events, list) or not all(isinstance(one, dict) for one in events):
            raise BadInput("the body is not a list of events")
        reports = (_report(event, hook.received_at) for event in events)
        return Reading(tuple(report for report in reports if report))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _mail(self, parcel: Parcel) -> dict[str, Any]:
        content, settings = parcel.content, self._settings
        from_email = sender(settings)
        _, _, domain = from_email.rpartition("@")
        # a mailbox that drops duplicates recognises a second attempt
        headers = {**content.headers, "Message-ID": f"<{parcel.reference}@{domain}>"}
        # SendGrid refuses this header, for which it has a field
        replies = [headers.pop(name) for name in list(headers) if name.lower() == "reply-to"]
        off = {"enable": False}
        mail: dict[str, Any] = {
            "personalizations": [
                {
                    "to": [{"email": ascii_mailbox(parcel.address)}],
                    "custom_args": {"reference": parcel.reference},
                }
            ],
            "from": {"email": from_email, "name": settings.shop_name},
            "subject": content.subject,
            "content": [  # plain text must come first
                {"type": media_type, "value": value}
                for media_type, value in (("text/plain", content.text), ("text/html", content.html))
                if value
            ],
            "headers": headers,
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": off,
                "subscription_tracking": off,
            },
        }
        if replies:
            mail["reply_to"] = {"email": parseaddr(replies[0])[1]}
        if content.attachments:
            mail["attachments"] = [
                {
                    "content": a.data,
                    "type": a.media_type,
                    "filename": a.name,
                    "disposition": "attachment",
                }
                for a in content.attachments
            ]
        if self._config.sandbox:
            mail["mail_settings"] = {"sandbox_mode": {"enable": True}}
        return mail

    def _verify(self, hook: Hook) -> None:
        if not self._config.webhook_key:
            raise BadSignature("SOJOURN_SENDGRID_WEBHOOK_KEY is not set: no webhook is accepted")
        moment_signed = hook.headers.get(TIMESTAMP, "")
        try:
            signature = base64.b64decode(hook.headers.get(SIGNATURE, ""), validate=True)
            _public_key(self._config.webhook_key).verify(
                signature, moment_signed.encode() + hook.body, ec.ECDSA(SHA256())
            )
        except (ValueError, InvalidSignature):
            raise BadSignature("not signed with SOJOURN_SENDGRID_WEBHOOK_KEY") from None
        check_age(moment_signed, hook.received_at, OLDEST_WEBHOOK)


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("this is not a key: copy the verification key of the signed event webhook")
    return key


def _ok(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise TransientError(f"HTTP {answer.status_code}: {_said(answer)}")
    return body_of(answer)


def _errors(answer: httpx.Response) -> list[dict[str, Any]]:
    errors = body_of(answer).get("errors")
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _said(answer: httpx.Response) -> str:
    told = (f"{one.get('field') or ''} {one.get('message') or ''}" for one in _errors(answer))
    return "; ".join(text.strip() for text in told)


def _fault(answer: httpx.Response) -> ProviderError:
    """Return the error that an answer means, by the faulty field, since SendGrid has no codes."""
    said = _said(answer)
    if answer.status_code in (404, 405):
        return AccountError(f"HTTP {answer.status_code}: no such path, check the base URL: {said}")
    if answer.status_code == 400:
        for one in _errors(answer):
            field, message = str(one.get("field") or ""), str(one.get("message") or "").lower()
            if _RECIPIENT_FIELD.match(field) and "valid" in message:
                return InvalidRecipient(said)
            if field.partition(".")[0] == "from":
                return AccountError(said)
    return fault_of(answer, said)


def _message_id(logged: str) -> str:
    """Return the X-Message-Id, with which the id in logs and events begins.

    The id of a message that SendGrid dropped may begin with the name of a machine instead: then the
    result is empty.
    """
    return "" if _MACHINE.match(logged) else _MESSAGE_ID.sub("", logged)


def _report(event: Mapping[str, Any], received_at: datetime) -> Report | None:
    name = str(event.get("event"))
    kind = _KINDS.get(name)
    reason = str(event.get("reason") or event.get("response") or "")
    hard = kind is Kind.BOUNCED and _is_dead(event)
    if kind is Kind.FAILED:
        kind = _DROPPED.get(reason.lower(), Kind.FAILED)
        hard = kind is Kind.BOUNCED
    if kind is None:
        return None
    at = moment(event.get("timestamp"), received_at)
    reference = str(event.get("reference") or "")
    message_id = _message_id(str(event.get("sg_message_id") or ""))
    made_up = f"{message_id or reference}:{name}:{at.isoformat()}"
    return Report(
        event_id=str(event.get("sg_event_id") or made_up),
        kind=kind,
        at=at,
        channel=Channel.EMAIL,
        reference=reference,
        provider_id=message_id,
        address=str(event.get("email") or ""),
        hard=hard,
        detail=reason,
        url=str(event.get("url") or "") if kind is Kind.CLICKED else "",
        **evidence(
            kind,
            agent=event.get("useragent"),
            address=event.get("ip"),
            machine=kind is Kind.OPENED and event.get("sg_machine_open") is True,
        ),
    )


def _is_dead(bounce: Mapping[str, Any]) -> bool:
    """Return whether a bounce means a dead address, not a block or a full mailbox."""
    if bounce.get("type", "bounce") != "bounce":
        return False
    classified = str(bounce.get("bounce_classification") or "Unclassified")
    if classified == "Unclassified":
        return str(bounce.get("status") or "").startswith(("5.0.", "5.1."))
    return classified == "Invalid Address"
