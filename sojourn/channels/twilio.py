"""SMS and WhatsApp by Twilio.

https://www.twilio.com/docs/messaging/api/message-resource (sending, look-up),
.../docs/api/errors (codes), .../docs/messaging/guides/track-outbound-message-status (callbacks),
.../docs/messaging/guides/webhook-request (replies), .../docs/usage/security (signatures).
"""

import base64
import email.utils
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from pydantic import AfterValidator, SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig
from sojourn.channels.http import Http, body_of, fault_of, retry_after
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.replies import reply_reports
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
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
from sojourn.domain.stopping import Meaning
from sojourn.settings import Settings

INTERNAL_ERROR = 20500
OPTED_OUT = 21610
_KEYWORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
    | {"START", "YES", "UNSTOP", "HELP", "INFO"}
)
"""The words that Twilio answers by itself if they are the whole SMS."""
_MEANT = {"STOP": Meaning.STOP, "START": Meaning.START, "HELP": Meaning.HELP}
MOST_PARAMETERS = 500
"""The most parameters of a webhook; Twilio sends about twenty."""
SKEW = timedelta(minutes=1)
"""The most by which Twilio's clock may be behind ours."""
_PAGE = "1000"
_WHATSAPP = "whatsapp:"
_TRIAL = "Sent from your Twilio trial account - "

_FAULTS: Mapping[int, type[ProviderError]] = {
    20003: AccountError,  # credentials
    10001: AccountError,  # account not active
    20005: AccountError,
    20006: AccountError,  # access denied
    20008: AccountError,  # test credentials
    20404: AccountError,  # no such account
    21210: AccountError,  # From is not verified
    21212: AccountError,  # From is not a number
    21267: AccountError,  # From is a name, on a trial account
    21601: AccountError,  # From cannot send SMS
    21603: AccountError,  # no From
    21606: AccountError,  # From is not ours, or cannot send
    21607: AccountError,
    21608: AccountError,  # a trial account, which sends only to verified numbers
    21609: AccountError,  # StatusCallback is not a public address
    21616: AccountError,  # From matches several numbers
    21659: AccountError,  # From is not a Twilio number
    21660: AccountError,  # From belongs to another account
    21661: AccountError,  # From cannot send SMS
    21701: AccountError,  # no such messaging service
    21703: AccountError,  # a messaging service without senders
    21704: AccountError,
    21705: AccountError,  # a wrong messaging service
    30002: AccountError,  # account suspended
    30034: AccountError,  # number without registration in the USA
    63007: AccountError,  # no such WhatsApp sender
    63020: AccountError,  # Meta's terms are not accepted
    63051: AccountError,  # the WhatsApp account or its number is locked
    63112: AccountError,  # disabled by Meta
    90010: AccountError,  # account not active
    14107: RateLimited,
    20429: RateLimited,  # "never processed", in Twilio's words
    21611: RateLimited,  # From's queue is full
    30022: RateLimited,
    63018: RateLimited,
    63038: RateLimited,  # the account's daily limit
    30001: TransientError,
    30003: TransientError,
    30008: TransientError,
    21211: InvalidRecipient,
    21217: InvalidRecipient,
    21265: InvalidRecipient,  # a short code
    21614: InvalidRecipient,  # not a mobile number
    63003: InvalidRecipient,
    63024: InvalidRecipient,
    OPTED_OUT: RecipientUnsubscribed,
    21654: TemplateRefused,  # no ContentSid
    21655: TemplateRefused,  # ContentSid does not exist
    21656: TemplateRefused,  # ContentVariables do not fit
    63021: TemplateRefused,
    63027: TemplateRefused,
    63028: TemplateRefused,
    63040: TemplateRefused,  # rejected by Meta
    63041: TemplateRefused,  # paused
    63042: TemplateRefused,  # disabled
    63016: WindowClosed,
    # the fault of one customer's country or network, which must not stop others
    21408: ContentRejected,
    21612: ContentRejected,
    30007: ContentRejected,
}
_BOUNCED = frozenset({21211, 21217, 21265, 21614, 30003, 30004, 30005, 30006, 63003, 63024})
_HARD = frozenset({21211, 21217, 21265, 21614, 30005, 63003, 63024})
_KINDS = {
    "accepted": Kind.ACCEPTED,
    "scheduled": Kind.ACCEPTED,
    "queued": Kind.ACCEPTED,
    "sending": Kind.ACCEPTED,
    "sent": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "read": Kind.READ,
    "canceled": Kind.FAILED,
    "failed": Kind.FAILED,
    "undelivered": Kind.FAILED,
}
_FAILED = frozenset({"failed", "undelivered"})


def _sms_sender(given: str) -> str:
    if given and not re.fullmatch(r"\+\d{7,15}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z\d &+_-]{1,11}", given):
        raise ValueError(
            "write a number as +393331234567, a short code, or a name of up to 11 letters"
        )
    return given


def _number(given: str) -> str:
    if given and not re.fullmatch(r"\+\d{7,15}", given):
        raise ValueError("write it as +393331234567")
    return given


class Config(ProviderConfig):
    """The settings ``SOJOURN_TWILIO_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_TWILIO_")

    account_sid: str
    """The account, ``AC...``."""
    auth_token: SecretStr
    """The account's auth token, which signs webhooks even if an API key authorises requests."""
    api_key_sid: str = ""
    """The API key, ``SK...``, that authorises requests instead of the auth token."""
    api_key_secret: SecretStr = SecretStr("")
    sms_from: Annotated[str, AfterValidator(_sms_sender)] = ""
    """The sender of SMS: a number with +, a short code or a name."""
    messaging_service_sid: str = ""
    """The messaging service, ``MG...``, that chooses the sender instead of ``sms_from``."""
    whatsapp_from: Annotated[str, AfterValidator(_number)] = ""
    """The number of the WhatsApp sender, with +; if empty, the messaging service chooses."""
    answers_keywords: bool = True
    """Twilio itself answers STOP, START and HELP by SMS, as it does for all numbers except short
    codes; if off, Sojourn answers."""
    base_url: str = "https://api.twilio.com"


class Twilio:
    """Twilio's API, which has no idempotency keys.

    The status callback, whose URL has our reference, settles a lost answer; otherwise a look-up by
    recipient and text does.
    """

    name = "twilio"
    channels = frozenset({Channel.SMS, Channel.WHATSAPP})
    abilities = Abilities(
        sandbox="Twilio accepts test credentials, from +15005550006, and sends nothing",
        fenced=True,
    )
    looks_up_after = timedelta(seconds=30)

    def __init__(self, settings: Settings) -> None:
        self._config = config = Config.load()
        self._hooks = f"{settings.public_url.rstrip('/')}/webhooks/{self.name}"
        for channel in (Channel.SMS, Channel.WHATSAPP):
            if getattr(settings, f"{channel}_provider") == self.name and not self._sender(channel):
                raise BadSetting(
                    f"twilio is chosen for {channel}, which needs SOJOURN_TWILIO_{channel.upper()}"
                    "_FROM or SOJOURN_TWILIO_MESSAGING_SERVICE_SID: not set"
                )
        key, secret = config.api_key_sid, config.api_key_secret.get_secret_value()
        if bool(key) != bool(secret):
            raise BadSetting(
                "SOJOURN_TWILIO_API_KEY_SID and SOJOURN_TWILIO_API_KEY_SECRET go together"
            )
        auth = (key, secret) if key else (config.account_sid, config.auth_token.get_secret_value())
        self._http = Http(config.base_url, config.timeout_seconds, auth=auth)
        self._messages = f"/2010-04-01/Accounts/{config.account_sid}/Messages.json"

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return Twilio's MessageSid."""
        answer = await self._http.send("POST", self._messages, data=self._message(parcel))
        said = body_of(answer)
        if not answer.is_success:
            raise _fault(answer).coded(f"HTTP {answer.status_code}", said.get("code"))
        if said.get("status") in _FAILED:
            code = _int(said.get("error_code"))
            detail = f"{code} {said.get('error_message') or said['status']}"
            raise _FAULTS.get(code, ContentRejected)(detail).coded(code)
        return _sid(said)

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """Search the messages from this sender to this recipient since the first attempt.

        Twilio returns our reference only in callbacks, so the text identifies a message. If the
        same text was sent from the same sender to the same recipient since the first attempt, the
        customer has it: sending it again would be a duplicate, even if two of our messages happen
        to have the same text. If no message was sent since then, Twilio did not accept ours.

        Everything else is uncertain: Twilio may not keep the text, or the text may come from an
        approved template. Then this method raises, and the status callback decides.

        The search does not use `DateSent`, which is empty while a message waits in Twilio's queue.
        """
        content, undecided = parcel.content, False
        async for message in self._listed(parcel):
            if not self._could_be(message, content.channel, since):
                continue
            body = str(message.get("body") or "").removeprefix(_TRIAL).strip()
            if not content.approved and body == content.text.strip():
                return _sid(message)
            if not body or (content.approved and all(v in body for v in content.variables)):
                undecided = True
        if undecided:
            raise TransientError("cannot be told from another message to the same recipient")
        return None

    async def probe(self) -> None:
        """Ask for one message, since even a restricted key must be allowed to look messages up."""
        answer = await self._http.ask("GET", self._messages, params={"PageSize": "1"})
        if not answer.is_success:
            raise _fault(answer)

    async def read(self, hook: Hook) -> Reading:
        """Read one status or one reply; a reply gets an empty answer."""
        said = self._verified(hook)
        if "MessageStatus" in said:
            report = _report(said, hook)
            return Reading((report,) if report else ())
        if "Body" in said:
            reports = tuple(_reply(said, hook, answers=self._config.answers_keywords))
            return Reading(reports, answer="<Response/>", media_type="text/xml")
        raise BadInput("neither a message's status nor a reply")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _sender(self, channel: Channel) -> dict[str, str]:
        config = self._config
        if channel is Channel.WHATSAPP and config.whatsapp_from:
            return {"From": _WHATSAPP + config.whatsapp_from}
        if config.messaging_service_sid:
            return {"MessagingServiceSid": config.messaging_service_sid}
        if channel is Channel.SMS and config.sms_from:
            return {"From": config.sms_from}
        return {}

    def _message(self, parcel: Parcel) -> dict[str, str]:
        content = parcel.content
        message = {
            "To": _recipient(parcel),
            **self._sender(content.channel),
            "StatusCallback": f"{self._hooks}?lid={parcel.reference}",
        }
        if content.channel is Channel.WHATSAPP and content.approved:
            message["ContentSid"] = content.approved
            if content.variables:
                numbered = {str(n): value for n, value in enumerate(content.variables, 1)}
                message["ContentVariables"] = json.dumps(numbered, ensure_ascii=False)
            return message
        message["Body"] = content.text
        if content.channel is Channel.SMS:
            # Twilio must send, bill and list exactly the text whose segments we counted
            message["SmartEncoded"] = "false"
        return message

    async def _listed(self, parcel: Parcel) -> AsyncIterator[dict[str, Any]]:
        """Yield every stored message to a recipient, page by page."""
        asked = httpx.QueryParams({"To": _recipient(parcel), "PageSize": _PAGE})
        page: str | None = f"{self._messages}?{asked}"
        while page:
            answer = await self._http.ask("GET", page)
            said = body_of(answer)
            messages = said.get("messages")
            if not answer.is_success or not isinstance(messages, list):
                raise TransientError(f"cannot be looked up: HTTP {answer.status_code}")
            for message in messages:
                if not isinstance(message, dict):
                    raise TransientError(
                        "cannot be looked up: the list holds something else than messages"
                    )
                yield message
            page = said.get("next_page_uri")

    def _could_be(self, message: Mapping[str, Any], channel: Channel, since: datetime) -> bool:
        sender = self._sender(channel)
        theirs = (message.get("from"), message.get("messaging_service_sid"))
        return next(iter(sender.values()), None) in theirs and _created(message) >= since - SKEW

    def _verified(self, hook: Hook) -> dict[str, str]:
        """Verify the signature and return the parameters.

        Twilio signs the URL that it was given. Behind a proxy the gateway may see another one, so
        the public URL is also accepted.
        """
        given = hook.headers.get("x-twilio-signature", "")
        try:  # the sender is not verified yet, so the work is limited
            said = parse_qsl(
                hook.body.decode(errors="replace"),
                keep_blank_values=True,
                max_num_fields=MOST_PARAMETERS,
            )
        except ValueError:
            raise BadSignature(f"has more than {MOST_PARAMETERS} parameters") from None
        query = urlsplit(hook.url).query
        public = self._hooks + (f"?{query}" if query else "")
        token = self._config.auth_token.get_secret_value()
        right = [
            hmac.compare_digest(sign(url, said, token).encode(), given.encode())
            for url in (hook.url, public)
        ]
        if not any(right):
            raise BadSignature(
                "not signed with SOJOURN_TWILIO_AUTH_TOKEN, or for a URL that does not begin with "
                "SOJOURN_PUBLIC_URL"
            )
        return dict(said)


def sign(url: str, params: list[tuple[str, str]], token: str) -> str:
    """Return the value of ``X-Twilio-Signature``.

    https://www.twilio.com/docs/usage/security#validating-requests

    Args:
        url: the URL that Twilio calls, with its query.
        params: the parameters of the body, in any order.
        token: the account's auth token.

    Returns:
        HMAC-SHA1 in base64.
    """
    text = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.digest(token.encode(), text.encode(errors="replace"), hashlib.sha1)
    return base64.b64encode(digest).decode()


def _recipient(parcel: Parcel) -> str:
    whatsapp = parcel.content.channel is Channel.WHATSAPP
    return (_WHATSAPP if whatsapp else "") + parcel.address


def _sid(message: Mapping[str, Any]) -> str:
    sid = message.get("sid")
    if not isinstance(sid, str) or not sid:
        raise AmbiguousSend("accepted, but the answer does not name the message")
    return sid


def _created(message: Mapping[str, Any]) -> datetime:
    try:
        created = email.utils.parsedate_to_datetime(str(message.get("date_created")))
    except ValueError:
        raise TransientError("cannot be looked up: a message without date_created") from None
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _int(code: object) -> int:
    """Read Twilio's code, a number in answers and digits in callbacks; 0 if there is none."""
    return int(str(code)) if re.fullmatch(r"[0-9]{1,9}", str(code)) else 0


def _fault(answer: httpx.Response) -> ProviderError:
    said = body_of(answer)
    code = _int(said.get("code"))
    detail = f"{code} {said.get('message', '')}" if code else ""
    if answer.is_server_error or code == INTERNAL_ERROR:
        return AmbiguousSend(
            f"HTTP {answer.status_code}: {detail}"
        )  # 20500: Twilio may have sent it
    known = _FAULTS.get(code)
    if known is None:
        return fault_of(answer, detail)
    if issubclass(known, TransientError):
        return known(detail, retry_after=retry_after(answer))
    return known(detail)


def _report(said: Mapping[str, str], hook: Hook) -> Report | None:
    status, code = said["MessageStatus"], _int(said.get("ErrorCode"))
    kind = _KINDS.get(status)
    if kind is None:
        return None
    if status in _FAILED and code == OPTED_OUT:
        kind = Kind.UNSUBSCRIBED
    elif status in _FAILED and code in _BOUNCED:
        kind = Kind.BOUNCED
    sid = _required(said, "MessageSid")
    query = dict(parse_qsl(urlsplit(hook.url).query))
    channel, address = _address(said.get("To", ""))
    return Report(
        event_id=f"{sid}:{status}",  # each status is reached once; callbacks have no id
        kind=kind,
        at=hook.received_at,  # callbacks have no moment
        channel=channel,
        reference=query.get("lid", ""),
        provider_id=sid,
        address=address,
        hard=kind is Kind.BOUNCED and code in _HARD,
        detail=f"{code} {said.get('ErrorMessage', '')}".strip() if code else "",
    )


def _reply(said: Mapping[str, str], hook: Hook, *, answers: bool) -> Iterator[Report]:
    sid, text = _required(said, "MessageSid"), said["Body"]
    channel, address = _address(_required(said, "From"))
    # OptOutType includes words added in the console, and Twilio has answered them
    known = said.get("OptOutType", "")
    keyword = channel is Channel.SMS and answers and text.strip().upper() in _KEYWORDS
    return reply_reports(
        text,
        event_id=f"{sid}:received",
        at=hook.received_at,
        channel=channel,
        address=address,
        meant=_MEANT.get(known),
        answered=bool(known) or keyword,
    )


def _required(said: Mapping[str, str], name: str) -> str:
    if not said.get(name):
        raise BadInput(f"{name} is missing")
    return said[name]


def _address(given: str) -> tuple[Channel, str]:
    whatsapp = given.startswith(_WHATSAPP)
    return Channel.WHATSAPP if whatsapp else Channel.SMS, given.removeprefix(_WHATSAPP)
