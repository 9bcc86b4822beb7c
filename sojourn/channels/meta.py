"""WhatsApp by Meta's Cloud API.

https://developers.facebook.com/docs/whatsapp/cloud-api: .../reference/messages, .../webhooks,
.../support/error-codes; webhooks of preferences:
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig, Token
from sojourn.channels.http import LONGEST_WAIT, Http, body_of, fault_of, retry_after
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.replies import reply_reports
from sojourn.channels.webhooks import moment, object_in
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSignature,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    RecipientUnsubscribed,
    TemplateRefused,
    TransientError,
    WindowClosed,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

API_UNKNOWN = 1
INVALID_PARAMETER, NO_SUCH_OBJECT = 100, 33
ENOUGH_FOR_NOW = 131049
"""Meta's limit on marketing to the customer is reached for now; it may work on another day."""
WINDOW_CLOSED = 131047
MARKETING_STOPPED = 131050
UNDELIVERABLE = 131026
RECIPIENT_IS_SENDER = 131021

_INVALID = frozenset({UNDELIVERABLE, RECIPIENT_IS_SENDER})
_TEMPLATE = frozenset(
    {132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069}
)
_CONTENT = frozenset({
    100, 130472, 130497, 131008, 131009, 131051, 131052, 131053,
    131062,  # a sign-in code needs a phone number, not a user id
})  # fmt: skip
_RATE = frozenset({4, 80007, 130429, 131048, 131056})
_TRANSIENT = frozenset({API_UNKNOWN, 2, 131000, 131016, 131057, 133004})
_ACCOUNT = frozenset({
    0, 3, 10, 33, 190, 368, 131005, 131030, 131031, 131037, 131042, 131045, 133010,
    *range(200, 300),
})  # fmt: skip

_KINDS = {
    "sent": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "read": Kind.READ,
    "failed": Kind.FAILED,
}
_NO_MESSAGE = frozenset({"system", "request_welcome"})
"""The types of inbound "messages" that a customer did not write."""
_CAPTIONED = frozenset({"image", "video", "document"})

_PHONE = re.compile(r"\+(\d{7,15})", re.ASCII)
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z\d]{1,128}", re.ASCII)


class Config(ProviderConfig):
    """The settings ``SOJOURN_META_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_META_")

    token: Token
    """The access token of a system user."""
    phone_number_id: str = Field(pattern=r"^\d+$")
    """Meta's id of the sending number, not the number itself."""
    app_secret: SecretStr = SecretStr("")
    """The secret that signs webhooks. If empty, no webhook is accepted."""
    verify_token: SecretStr = SecretStr("")
    """The word that Meta sends when a webhook is set up; any word that both sides know."""
    api_version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$")
    base_url: str = "https://graph.facebook.com"


class Meta:
    """Meta's Graph API, which has neither idempotency keys nor a look-up."""

    name = "meta"
    channels = frozenset({Channel.WHATSAPP})
    abilities = Abilities(
        sandbox="a test number of Meta's sends to the five numbers that its page lists",
        fenced=True,
    )

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        headers = {"Authorization": f"Bearer {self._config.token.get_secret_value()}"}
        self._http = Http(self._config.base_url, self._config.timeout_seconds, headers=headers)
        self._number = f"/{self._config.api_version}/{self._config.phone_number_id}"

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return Meta's id of it, ``wamid...``.

        Raises:
            InvalidRecipient: Meta refuses the address, or it is neither a phone number nor a user
                id.
        """
        answer = await self._http.send("POST", f"{self._number}/messages", json=_message(parcel))
        said = body_of(answer)
        if not answer.is_success:
            error = said.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            raise _fault(answer, said).coded(f"HTTP {answer.status_code}", code)
        match said:
            case {"messages": [{"id": str(message_id)}, *_]} if message_id:
                return message_id
        raise AmbiguousSend(f"HTTP {answer.status_code} without the message's id")

    async def probe(self) -> None:
        """Ask for the sending number."""
        answer = await self._http.ask("GET", self._number, params={"fields": "id"})
        if answer.is_success:
            return
        fault = _fault(answer, body_of(answer))
        # the request sends no message, so a refusal means the number or the token
        raise fault if isinstance(fault, TransientError) else AccountError(str(fault))

    async def read(self, hook: Hook) -> Reading:
        """Read the reports in a batch; answer the GET that sets up a webhook with its challenge."""
        if hook.method != "POST":
            return Reading(answer=self._challenge(hook))
        self._verify(hook)
        return Reading(tuple(_reports(object_in(hook), hook.received_at)))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _challenge(self, hook: Hook) -> str:
        # https://developers.facebook.com/docs/graph-api/webhooks/getting-started
        expected = self._config.verify_token.get_secret_value()
        asked = dict(parse_qsl(hook.url.partition("?")[2]))
        given = asked.get("hub.verify_token", "")
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise BadSignature("hub.verify_token is not SOJOURN_META_VERIFY_TOKEN")
        if asked.get("hub.mode") != "subscribe" or "hub.challenge" not in asked:
            raise BadInput("a GET must subscribe, with hub.mode and hub.challenge")
        return asked["hub.challenge"]

    def _verify(self, hook: Hook) -> None:
        secret = self._config.app_secret.get_secret_value()
        if not secret:
            raise BadSignature("SOJOURN_META_APP_SECRET is not set: no webhook is accepted")
        expected = "sha256=" + hmac.new(secret.encode(), hook.body, hashlib.sha256).hexdigest()
        given = hook.headers.get("x-hub-signature-256", "")
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise BadSignature("not signed with SOJOURN_META_APP_SECRET")


def language_code(locale: str) -> str:
    """Return a locale in Meta's form: ``en_US`` for ``en-US``, ``pl`` for ``pl``.

    https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/supported-languages
    """
    return locale.replace("-", "_")


def _message(parcel: Parcel) -> dict[str, Any]:
    content = parcel.content
    message: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(parcel.address),
        "biz_opaque_callback_data": parcel.reference,
    }
    if not content.approved:
        return message | {"type": "text", "text": {"body": content.text}}
    template: dict[str, Any] = {
        "name": content.approved,
        # the only policy, required by Meta's documentation
        "language": {"policy": "deterministic", "code": language_code(content.locale)},
    }
    if content.variables:
        # Meta refuses line breaks, tabs and long runs of spaces in variables
        parameters = [{"type": "text", "text": " ".join(v.split())} for v in content.variables]
        template["components"] = [{"type": "body", "parameters": parameters}]
    return message | {"type": "template", "template": template}


def _recipient(address: str) -> dict[str, str]:
    """Return the digits of a phone number, or the user id of a customer who hides the number.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    if phone := _PHONE.fullmatch(address):
        return {"to": phone[1]}
    if _USER_ID.fullmatch(address):
        return {"recipient": address}
    raise InvalidRecipient(
        "the address is neither a phone number with + and country code nor Meta's user id"
    )


def _fault(answer: httpx.Response, said: Mapping[str, Any]) -> ProviderError:
    """Return the error that an answer means by Meta's code; the status of a quota, say, is 400."""
    error = said.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(code, int):
        return fault_of(answer)
    data = error.get("error_data")
    details = data.get("details", "") if isinstance(data, dict) else ""
    detail = " ".join(str(part) for part in (code, error.get("message", ""), details) if part != "")
    if code == API_UNKNOWN and answer.is_server_error:
        return AmbiguousSend(
            detail
        )  # "possible server error" does not say whether the message was sent
    if code in _RATE:
        return RateLimited(detail, retry_after=retry_after(answer) or _until_regained(answer))
    if code == ENOUGH_FOR_NOW:
        return TransientError(detail, retry_after=timedelta(days=1))
    if code in _TRANSIENT:
        return TransientError(detail, retry_after=retry_after(answer))
    if code == INVALID_PARAMETER and error.get("error_subcode") == NO_SUCH_OBJECT:
        code = NO_SUCH_OBJECT  # SOJOURN_META_PHONE_NUMBER_ID, or the rights of the token
    return _refusal(code, detail) or fault_of(answer, detail)


def _refusal(code: int, detail: str) -> ProviderError | None:
    if code == WINDOW_CLOSED:
        return WindowClosed(detail)
    if code == MARKETING_STOPPED:
        return RecipientUnsubscribed(detail)
    for codes, error in (
        (_INVALID, InvalidRecipient),
        (_TEMPLATE, TemplateRefused),
        (_CONTENT, ContentRejected),
        (_ACCOUNT, AccountError),
    ):
        if code in codes:
            return error(detail)
    return None


def _until_regained(answer: httpx.Response) -> timedelta | None:
    """Return the longest wait of all quotas in Meta's own header, which is in minutes.

    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    try:
        usage = json.loads(answer.headers.get("x-business-use-case-usage", ""))
    except ValueError:
        return None
    lists = usage.values() if isinstance(usage, dict) else ()
    quotas = [quota for one in lists if isinstance(one, list) for quota in one]
    told = [q.get("estimated_time_to_regain_access") for q in quotas if isinstance(q, dict)]
    minutes = max((m for m in told if isinstance(m, int | float) and math.isfinite(m)), default=0)
    longest = LONGEST_WAIT.total_seconds() / 60
    return timedelta(minutes=min(minutes, longest)) if minutes > 0 else None


def _reports(said: Mapping[str, Any], received_at: datetime) -> Iterator[Report]:
    for entry in _objects(said, "entry"):
        for change in _objects(entry, "changes"):
            value = change.get("value")
            if not isinstance(value, dict):
                raise BadInput("value of a change is not an object")
            for status in _objects(value, "statuses"):
                yield from _of_status(status, received_at)
            for message in _objects(value, "messages"):
                yield from _of_message(message, received_at)
            for preference in _objects(value, "user_preferences"):
                yield from _of_preference(preference, received_at)


def _of_status(said: Mapping[str, Any], received_at: datetime) -> Iterator[Report]:
    status, message_id = _word(said, "status"), _word(said, "id")
    kind = _KINDS.get(status)
    if kind is None:
        return
    errors = _objects(said, "errors")
    codes = {error["code"] for error in errors if isinstance(error.get("code"), int)}
    if kind is Kind.FAILED and codes & _INVALID:
        kind = Kind.BOUNCED
    elif kind is Kind.FAILED and MARKETING_STOPPED in codes:
        kind = Kind.UNSUBSCRIBED
    yield Report(
        event_id=f"{message_id}:{status}:{said.get('timestamp')}",
        kind=kind,
        at=moment(said.get("timestamp"), received_at),
        channel=Channel.WHATSAPP,
        reference=str(said.get("biz_opaque_callback_data") or ""),
        provider_id=message_id,
        address=_address(said, "recipient_id", "recipient_user_id"),
        hard=kind is Kind.BOUNCED,
        detail="; ".join(f"{e.get('code')} {e.get('title') or e.get('message')}" for e in errors),
    )


def _of_message(said: Mapping[str, Any], received_at: datetime) -> Iterator[Report]:
    form, message_id = _word(said, "type"), _word(said, "id")
    if form in _NO_MESSAGE:
        return
    text = _text(said, form)
    context = said.get("context")
    yield from reply_reports(
        text,
        event_id=message_id,
        at=moment(said.get("timestamp"), received_at),
        channel=Channel.WHATSAPP,
        # Meta includes it if the customer quotes our message or taps its button
        provider_id=str(context.get("id") or "") if isinstance(context, dict) else "",
        address=_address(said, "from", "from_user_id"),
    )


def _of_preference(said: Mapping[str, Any], received_at: datetime) -> Iterator[Report]:
    """Read a change to WhatsApp's own setting. Resuming there is not consent."""
    if said.get("category") != "marketing_messages" or said.get("value") != "stop":
        return
    address = _address(said, "wa_id", "user_id")
    yield Report(
        # Meta includes no id; a hash, because an event id must not show a phone number
        event_id=_digest(f"{address}:stop:{said.get('timestamp')}"),
        kind=Kind.UNSUBSCRIBED,
        at=moment(said.get("timestamp"), received_at),
        channel=Channel.WHATSAPP,
        address=address,
        detail=str(said.get("detail") or ""),
    )


def _text(said: Mapping[str, Any], form: str) -> str:
    """Return the customer's text, the label of a tapped button, or the caption of a picture."""
    match said.get(form):
        case {"body": str(text)} if form == "text":
            return text
        case {"text": str(text)} if form == "button":
            return text
        case {"button_reply": {"title": str(text)}} | {"list_reply": {"title": str(text)}}:
            return text
        case {"emoji": str(text)} if form == "reaction":
            return text
        case {"caption": str(text)} if form in _CAPTIONED:
            return text
    return ""


def _address(said: Mapping[str, Any], number: str, user_id: str) -> str:
    """Return the customer's number with +, or Meta's id if the customer hides the number."""
    digits = said.get(number)
    if isinstance(digits, str) and digits.isdecimal():
        return f"+{digits}"
    return str(digits or said.get(user_id) or "")


def _objects(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = said.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput(f"{name} is not a list of objects")
    return found


def _word(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str) or not found:
        raise BadInput(f"{name} is missing or not a string")
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
