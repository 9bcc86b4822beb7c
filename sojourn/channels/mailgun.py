"""E-mail by Mailgun.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages (sending),
.../mailgun/events (look-up), .../user-manual/webhooks/webhook-payloads, .../webhook-retries and
.../securing-webhooks.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig
from sojourn.channels.http import Http, body_of, fault_of
from sojourn.channels.mailbox import ascii_mailbox
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.sender import from_header
from sojourn.channels.webhooks import check_age, evidence, moment, object_in
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSignature,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

OLDEST_WEBHOOK = timedelta(hours=9)
"""The age at which a webhook counts as a replay. Mailgun repeats a refused webhook for eight hours,
and does not document whether it signs each attempt."""
LONGEST_TAG = 128

_KINDS = {
    "accepted": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "rejected": Kind.FAILED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "complained": Kind.COMPLAINED,
}
_BOTS = {
    Kind.OPENED: ("apple", "generic"),  # Gmail's bot fetches the picture when a person opens it
    Kind.CLICKED: ("apple", "generic", "gmail"),
}
"""Values of `client-info.bot` that mean a machine: documentation.mailgun.com, bot detection."""
_SUPPRESSED = {
    "suppress-bounce": Kind.BOUNCED,
    "suppress-unsubscribe": Kind.UNSUBSCRIBED,
    "suppress-complaint": Kind.COMPLAINED,
}
"""The reasons for which Mailgun does not try to deliver."""
_OUR_ACCOUNT = re.compile(
    r"\bfrom\b.*parameter|not allowed to send|free accounts|sandbox|activate your"
)
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
_NO_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""The enhanced status codes of dead addresses: no such mailbox or system, bad syntax, moved, a
domain without mail, a disabled mailbox
(https://www.iana.org/assignments/smtp-enhanced-status-codes)."""
_Field = tuple[str | None, str | bytes, str | None]
"""A part of a multipart form: file name, content, media type."""


class Config(ProviderConfig):
    """The settings ``SOJOURN_MAILGUN_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_MAILGUN_")

    api_key: SecretStr
    """An API key that may send, read events and read domains."""
    domain: str
    """The sending domain, as registered with Mailgun."""
    webhook_key: SecretStr = SecretStr("")
    """The HTTP webhook signing key. If empty, no webhook is accepted."""
    test_mode: bool = False
    """Have Mailgun accept messages, but deliver none."""
    base_url: str = "https://api.mailgun.net"


class Mailgun:
    """Mailgun's API, which has no idempotency keys. A look-up settles a lost answer.

    We derive the Message-ID from the reference, since Mailgun's events can be searched by it.
    """

    name = "mailgun"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(
        sandbox="SOJOURN_MAILGUN_TEST_MODE=true: Mailgun accepts messages and delivers none",
        fenced=True,
    )
    # Mailgun stores events out of order; its manual trusts events that are half an hour old:
    # https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-polling
    looks_up_after = timedelta(minutes=30)

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        self._settings = settings
        self._domain = quote(self._config.domain, safe="")
        self._http = Http(
            self._config.base_url,
            self._config.timeout_seconds,
            auth=("api", self._config.api_key.get_secret_value()),
        )

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return its Message-ID, without the brackets."""
        form = self._form(parcel)
        answer = await self._http.send("POST", f"/v3/{self._domain}/messages", files=form)
        said = body_of(answer)
        if not answer.is_success:
            fault = _fault(answer, str(said.get("message") or ""))
            raise fault.coded(f"HTTP {answer.status_code}")
        if not said.get("id"):
            raise AmbiguousSend(f"HTTP {answer.status_code} without an id")
        return str(said["id"]).strip("<>")

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """Search the domain's events for our Message-ID."""
        asked = {
            "begin": str(int((since - timedelta(minutes=1)).timestamp())),
            "ascending": "yes",
            "limit": "1",
            "message-id": self._message_id(parcel),
        }
        answer = await self._http.ask("GET", f"/v3/{self._domain}/events", params=asked)
        items = body_of(answer).get("items")
        if not answer.is_success or not isinstance(items, list):
            raise TransientError(f"cannot be looked up: HTTP {answer.status_code}")
        return self._message_id(parcel) if items else None

    async def probe(self) -> None:
        """Ask whether our domain may send."""
        answer = await self._http.ask("GET", f"/v4/domains/{self._domain}")
        if not answer.is_success:
            raise _fault(answer, str(body_of(answer).get("message") or ""))
        state = _part(body_of(answer), "domain").get("state")
        if state != "active":
            raise AccountError(f"Mailgun's domain {self._config.domain} is {state}, not active")

    async def read(self, hook: Hook) -> Reading:
        """Read one report; none from an event of another type."""
        said = object_in(hook)
        token = self._verified(said, hook.received_at)
        event = said.get("event-data")
        if not isinstance(event, dict):
            raise BadInput("the body has no event-data")
        report = _report(event, token, hook.received_at)
        return Reading((report,) if report else ())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _form(self, parcel: Parcel) -> list[tuple[str, _Field]]:
        content = parcel.content
        fields = {
            "from": from_header(self._settings),
            "to": ascii_mailbox(parcel.address),
            "subject": content.subject,
            "text": content.text,
            "html": content.html,
            "o:tag": _tag(content.template),
            "o:tracking": "no",
            "o:tracking-clicks": "no",
            "o:tracking-opens": "no",
            "o:testmode": "yes" if self._config.test_mode else "",
            "v:reference": parcel.reference,
            **{f"h:{name}": value for name, value in content.headers.items()},
            "h:Message-Id": f"<{self._message_id(parcel)}>",
        }
        form: list[tuple[str, _Field]] = [
            (name, (None, value, None)) for name, value in fields.items() if value
        ]
        form += [
            ("attachment", (a.name, _decoded(a.name, a.data), a.media_type))
            for a in content.attachments
        ]
        return form

    def _message_id(self, parcel: Parcel) -> str:
        return f"{parcel.reference}@{self._config.domain}"

    def _verified(self, said: Mapping[str, Any], received_at: datetime) -> str:
        """Verify and return the token. The signature covers it and the moment, not the event."""
        key = self._config.webhook_key.get_secret_value()
        if not key:
            raise BadSignature("SOJOURN_MAILGUN_WEBHOOK_KEY is not set: no webhook is accepted")
        signature = _part(said, "signature")
        timestamp, token = str(signature.get("timestamp", "")), str(signature.get("token", ""))
        text = (timestamp + token).encode(errors="replace")
        expected = hmac.new(key.encode(), text, hashlib.sha256).hexdigest().encode()
        # the parent account's key also signs the events of a subaccount
        given = (str(signature.get(name, "")) for name in ("signature", "parent-signature"))
        if not any(hmac.compare_digest(one.encode(errors="replace"), expected) for one in given):
            raise BadSignature("not signed with SOJOURN_MAILGUN_WEBHOOK_KEY")
        check_age(timestamp, received_at, OLDEST_WEBHOOK)
        return token


def _decoded(name: str, data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise ContentRejected(f"the attachment {name} is not in base64") from None


def _tag(template: str) -> str:
    """Return journey and step, ``abandoned-cart/reminder``, in ASCII as Mailgun requires."""
    return template.partition(".")[0].encode("ascii", "ignore").decode()[:LONGEST_TAG]


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = said.get(name)
    return part if isinstance(part, dict) else {}


def _fault(answer: httpx.Response, message: str) -> ProviderError:
    """Return the error that an answer means, by its status and text, since Mailgun has no codes."""
    said = message.lower()
    if answer.status_code == 404:
        # Mailgun also answers this in a region without this domain
        return AccountError(f"HTTP 404: check the domain and the base URL's region: {message}")
    if answer.status_code == 400:
        if re.search(r"\bto\b.*parameter is not a valid address", said):
            return InvalidRecipient(message)
        if _OUR_ACCOUNT.search(said):
            return AccountError(message)
    return fault_of(answer, message)


def _report(event: Mapping[str, Any], token: str, received_at: datetime) -> Report | None:
    name = str(event.get("event"))
    status = _part(event, "delivery-status")
    kind, hard = _failure(event, status) if name == "failed" else (_KINDS.get(name), False)
    if kind is None:
        return None
    headers = _part(_part(event, "message"), "headers")
    client = _part(event, "client-info")
    words = (
        status.get("description"),
        status.get("message"),
        _part(event, "reject").get("reason"),
        event.get("reason"),
    )
    return Report(
        # the signature does not cover the event, so each signed token may count only once
        event_id=token,
        kind=kind,
        at=moment(event.get("timestamp"), received_at),
        channel=Channel.EMAIL,
        reference=str(_part(event, "user-variables").get("reference") or ""),
        provider_id=str(headers.get("message-id") or "").strip("<>"),
        address=str(event.get("recipient") or ""),
        hard=hard,
        detail=next((str(text) for text in words if text), ""),
        url=str(event.get("url") or "") if kind is Kind.CLICKED else "",
        **evidence(
            kind,
            agent=client.get("user-agent"),
            address=event.get("ip"),
            machine=client.get("bot") in _BOTS.get(kind, ()),
        ),
    )


def _failure(event: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[Kind, bool]:
    if event.get("severity") == "temporary":
        return Kind.DEFERRED, False
    reason = str(event.get("reason"))
    if reason in _SUPPRESSED:
        return _SUPPRESSED[reason], reason == "suppress-bounce"
    if reason == "bounce":
        return Kind.BOUNCED, _is_dead(status)
    return Kind.FAILED, False  # Mailgun tried for too long, or was blocked


def _is_dead(status: Mapping[str, Any]) -> bool:
    """Return whether a bounce means a dead address, not a spam filter or a full mailbox."""
    words = f"{status.get('enhanced-code', '')} {status.get('message', '')}"
    enhanced = _ENHANCED.search(words)
    if enhanced:
        return enhanced[0] in _NO_ADDRESS
    return status.get("bounce-type", "hard") == "hard" and status.get("code") == 550
