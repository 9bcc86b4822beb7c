"""SMS by Vonage's Messages API.

https://developer.vonage.com/en/api/messages (sending, webhooks),
.../en/api-errors and .../en/api-errors/messages (errors),
.../en/getting-started/concepts/webhooks (signatures).
"""

import hashlib
import hmac
import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

import httpx
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig
from sojourn.channels.http import Http, body_of, fault_of, retry_after
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.channels.replies import reply_reports
from sojourn.channels.webhooks import check_age, moment, object_in
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    RecipientUnsubscribed,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

TOKEN_LIFE = timedelta(minutes=5)
"""The life of a request's JWT."""
_OPTED_OUT = "1240"

_FAULTS: Mapping[str, type[ProviderError]] = {
    "throttled": RateLimited,
    "1000": RateLimited,
    "1241": RateLimited,
    "1100": TransientError,  # "not submitted because there was a communication failure"
    "1030": AmbiguousSend,  # "an error processing your request"
    "low-balance": AccountError,
    "unauthorized": AccountError,
    "forbidden": AccountError,
    "unprovisioned": AccountError,
    "account-suspended": AccountError,
    "jwt-expired": AccountError,
    "jwt-revoked": AccountError,
    "invalid-api-key": AccountError,
    "invalid-signature": AccountError,
    "1060": AccountError,  # account barred
    "1070": AccountError,  # no credit
    "1080": AccountError,
    "1110": AccountError,
    "1140": AccountError,  # not enabled for the account
    "1160": AccountError,  # a trial account, which writes only to listed numbers
    "1420": AccountError,  # sender
    "1170": InvalidRecipient,
    "1190": InvalidRecipient,  # "remove this phone number from your database"
    "1430": InvalidRecipient,
    _OPTED_OUT: RecipientUnsubscribed,
}
"""Errors by the text after the # of their type. All others are the message's fault; so is 1120, a
sender that the laws of one country do not allow, since it must not stop messages to others."""
_HARD = frozenset({"1170", "1190", "1430"})
_BOUNCED = _HARD | {"1050", "1180", "1200", "1220", "1260", "1280", "1290", "1300", "1310"}
_KINDS = {
    "submitted": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "read": Kind.READ,
    "rejected": Kind.FAILED,
    "undeliverable": Kind.FAILED,
}
_NO_CREDIT = 402


def _sender(given: str) -> str:
    if not re.fullmatch(r"\+?\d{3,15}|(?=.*[A-Za-z])[A-Za-z\d &+_-]{1,11}", given):
        raise ValueError("write a number as +393331234567, or a name of up to 11 letters")
    return given


class Config(ProviderConfig):
    """The settings ``SOJOURN_VONAGE_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_VONAGE_")

    sms_from: Annotated[str, AfterValidator(_sender)]
    """The sender of SMS: a number or a name."""
    application_id: str = ""
    private_key: SecretStr = SecretStr("")
    """The application's private key as PEM; ``\\n`` may replace its line breaks."""
    api_key: str = ""
    """The account's key, which authorises requests if there is no application."""
    api_secret: SecretStr = SecretStr("")
    signature_secret: SecretStr = SecretStr("")
    """The secret that signs webhooks. If empty, no webhook is accepted."""
    base_url: str = "https://api.nexmo.com"


class Vonage:
    """Vonage's API, which has neither idempotency keys nor a look-up.

    The status webhook, which returns our reference, settles a lost answer.
    """

    name = "vonage"
    channels = frozenset({Channel.SMS})
    abilities = Abilities(fenced=True)

    def __init__(self, settings: Settings) -> None:
        self._config = config = Config.load()
        self._hooks = f"{settings.public_url.rstrip('/')}/webhooks/{self.name}"
        self._key, auth = _credentials(config)
        self._http = Http(config.base_url, config.timeout_seconds, auth=auth)

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return Vonage's message_uuid."""
        answer = await self._http.send(
            "POST",
            "/v1/messages",
            json=self._message(parcel),
            headers=self._authority() | {"Accept": "application/json"},
        )
        if not answer.is_success:
            fault = _fault(answer)
            raise fault.coded(f"HTTP {answer.status_code}", _code(body_of(answer)))
        uuid = body_of(answer).get("message_uuid")
        if not isinstance(uuid, str) or not uuid:
            raise AmbiguousSend("accepted, but the answer does not name the message")
        return uuid

    async def probe(self) -> None:
        """Ask for one of the account's applications, or for one of the application's users.

        The first request takes only Basic credentials, the second a JWT:
        https://developer.vonage.com/en/api/application.v2 (list),
        https://github.com/Vonage/vonage-python-sdk/tree/main/users (Vonage's own client)
        """
        path = "/v1/users" if self._key else "/v2/applications"
        asked = {"page_size": "1"}
        answer = await self._http.ask("GET", path, params=asked, headers=self._authority())
        if not answer.is_success:
            raise _fault(answer)

    async def read(self, hook: Hook) -> Reading:
        """Read one status or one reply."""
        self._verify(hook)
        said = object_in(hook)
        if said.get("channel", Channel.SMS) != Channel.SMS:
            return Reading()
        if "status" not in said:
            return Reading(tuple(_reply(said, hook)))
        report = _report(said, hook)
        return Reading((report,) if report else ())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _message(self, parcel: Parcel) -> dict[str, str]:
        return {
            "channel": "sms",
            "message_type": "text",
            "to": parcel.address.removeprefix("+"),  # "don't use a leading plus sign"
            "from": self._config.sms_from.removeprefix("+"),
            "text": parcel.content.text,
            "client_ref": parcel.reference,
            "webhook_url": self._hooks,
            "webhook_version": "v1",
        }

    def _authority(self) -> dict[str, str]:
        """Return the header that authorises a request; empty if Basic credentials are used.

        https://developer.vonage.com/en/getting-started/concepts/authentication#jwts
        """
        if self._key is None:
            return {}
        now = int(time.time())
        claims = {
            "application_id": self._config.application_id,
            "iat": now,
            "exp": now + int(TOKEN_LIFE.total_seconds()),
            "jti": str(uuid4()),
        }
        return {"Authorization": f"Bearer {jwt.encode(claims, self._key, algorithm='RS256')}"}

    def _verify(self, hook: Hook) -> None:
        """Check the hook's JWT: the signature with our secret, the hash of the body, the moment."""
        secret = self._config.signature_secret.get_secret_value()
        if not secret:
            raise BadSignature("SOJOURN_VONAGE_SIGNATURE_SECRET is not set: no webhook is accepted")
        scheme, _, token = hook.headers.get("authorization", "").partition(" ")
        needed = {"require": ["iat", "payload_hash"], "verify_iat": False, "verify_aud": False}
        try:
            claims = jwt.decode(token, secret, algorithms=["HS256"], options=needed)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            claims = None
        if scheme.lower() != "bearer" or claims is None:
            raise BadSignature("not signed with SOJOURN_VONAGE_SIGNATURE_SECRET")
        digest = hashlib.sha256(hook.body).hexdigest()
        if not hmac.compare_digest(digest.encode(), str(claims["payload_hash"]).lower().encode()):
            raise BadSignature("the body is not the one that was signed")
        check_age(str(claims["iat"]), hook.received_at)


def _credentials(config: Config) -> tuple[RSAPrivateKey | None, tuple[str, str] | None]:
    """Return the application's key or the account's Basic credentials."""
    pem = config.private_key.get_secret_value().replace("\\n", "\n")
    secret = config.api_secret.get_secret_value()
    if config.application_id and pem:
        try:
            key = load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise BadSetting("SOJOURN_VONAGE_PRIVATE_KEY: not an RSA key in PEM, without password")
        return key, None
    if config.api_key and secret:
        return None, (config.api_key, secret)
    raise BadSetting(
        "vonage is chosen, which needs SOJOURN_VONAGE_APPLICATION_ID and _PRIVATE_KEY, or "
        "SOJOURN_VONAGE_API_KEY and _API_SECRET: not set"
    )


def _code(error: Mapping[str, Any]) -> str:
    """Return the title of an error if it is a number, or else the text after the # of its type."""
    title = str(error.get("title", ""))
    _, _, fragment = str(error.get("type", "")).rpartition("#")
    return title if re.fullmatch(r"1\d{3}", title) else fragment


def _fault(answer: httpx.Response) -> ProviderError:
    said = body_of(answer)
    code, words = _code(said), str(said.get("detail") or said.get("title") or "")
    detail = f"{code} {words}" if code else ""
    if answer.is_server_error:
        return AmbiguousSend(f"HTTP {answer.status_code}: {detail}")
    if answer.status_code == _NO_CREDIT:
        return AccountError(f"HTTP {_NO_CREDIT}: {detail}")
    known = _FAULTS.get(code) or _of_field(said)
    if known is None:
        return fault_of(answer, detail)
    if issubclass(known, TransientError):
        return known(detail, retry_after=retry_after(answer))
    return known(detail)


def _of_field(said: Mapping[str, Any]) -> type[ProviderError] | None:
    """Return the error for an invalid parameter; None if it is the message's fault or unknown."""
    listed = said.get("invalid_parameters")
    names = (
        {one.get("name") for one in listed if isinstance(one, dict)}
        if isinstance(listed, list)
        else set()
    )
    if "from" in names:
        return AccountError
    return InvalidRecipient if "to" in names else None


def _report(said: Mapping[str, Any], hook: Hook) -> Report | None:
    status, error = _text(said, "status"), _error(said)
    kind, code = _KINDS.get(status), _code(error)
    if kind is None:
        return None
    if kind is Kind.FAILED and code == _OPTED_OUT:
        kind = Kind.UNSUBSCRIBED
    elif kind is Kind.FAILED and code in _BOUNCED:
        kind = Kind.BOUNCED
    uuid = _required(said, "message_uuid")
    return Report(
        event_id=f"{uuid}:{status}",  # each status is reached once; webhooks have no id
        kind=kind,
        at=moment(said.get("timestamp"), hook.received_at),
        channel=Channel.SMS,
        reference=_text(said, "client_ref"),
        provider_id=uuid,
        address=_number(_text(said, "to")),
        hard=kind is Kind.BOUNCED and code in _HARD,
        detail=f"{code} {error.get('detail', '')}".strip(),
    )


def _reply(said: Mapping[str, Any], hook: Hook) -> Iterator[Report]:
    return reply_reports(
        _text(said, "text"),
        event_id=f"{_required(said, 'message_uuid')}:received",
        at=moment(said.get("timestamp"), hook.received_at),
        channel=Channel.SMS,
        address=_number(_required(said, "from")),
    )


def _error(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error of a status, which Vonage wraps once or twice."""
    error = said.get("error")
    inner = error.get("error", error) if isinstance(error, dict) else None
    return inner if isinstance(inner, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise BadInput(f"{name} is not a string")
    return value


def _required(said: Mapping[str, Any], name: str) -> str:
    value = _text(said, name)
    if not value:
        raise BadInput(f"{name} is missing")
    return value


def _number(given: str) -> str:
    """Add the + that Vonage leaves out."""
    return f"+{given}" if given.isdecimal() else given
