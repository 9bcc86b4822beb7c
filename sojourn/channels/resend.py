"""E-mail by Resend.

https://resend.com/docs/api-reference/emails/send-email, .../emails/send-batch-emails, .../errors,
https://resend.com/docs/dashboard/emails/batch-validation-modes, .../emails/idempotency-keys and
https://resend.com/docs/webhooks/event-types; the shapes of requests and webhooks:
https://github.com/resend/resend-openapi.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import parseaddr
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, SecretStr
from pydantic_settings import SettingsConfigDict
from standardwebhooks import Webhook, WebhookVerificationError

from sojourn.channels.batches import each_of
from sojourn.channels.config import ProviderConfig, Token
from sojourn.channels.http import Http, body_of, fault_of
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
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings

ONLY_SENDS = "restricted_api_key"
_ACCOUNT = frozenset(
    {
        "missing_api_key",
        "invalid_api_key",
        ONLY_SENDS,
        "invalid_from_address",
        # they have status 429, as the rate limit does, but last until tomorrow or next month
        "daily_quota_exceeded",
        "monthly_quota_exceeded",
    }
)
_IN_DOUBT = frozenset({"invalid_idempotent_request", "concurrent_idempotent_requests"})

_KINDS = {
    "email.sent": Kind.ACCEPTED,
    "email.delivered": Kind.DELIVERED,
    "email.delivery_delayed": Kind.DEFERRED,
    "email.bounced": Kind.BOUNCED,
    "email.failed": Kind.FAILED,
    "email.complained": Kind.COMPLAINED,
    "email.opened": Kind.OPENED,
    "email.clicked": Kind.CLICKED,
}


def _secret(given: SecretStr) -> SecretStr:
    text = given.get_secret_value().removeprefix("whsec_").rstrip("=")
    try:
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("this is not a signing secret of Resend: whsec_ and base64") from None
    return given


class Config(ProviderConfig):
    """The settings ``SOJOURN_RESEND_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_RESEND_")

    api_key: Token
    """The API key; one that may only send is enough."""
    webhook_secret: Annotated[SecretStr, AfterValidator(_secret)] = SecretStr("")
    """The signing secret of the webhook, ``whsec_`` and base64. If empty, no webhook is
    accepted."""
    base_url: str = "https://api.resend.com"


class Resend:
    """Resend's API, which has idempotency keys: a message in doubt is handed over again.

    The key of a batch belongs to the whole call: a single message of it is not recognised.
    """

    name = "resend"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(
        idempotent_for=timedelta(hours=24),
        sandbox="delivered@resend.dev, bounced@resend.dev and complained@resend.dev reach nobody",
        fenced=True,
    )
    batch_of = 100

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        self._settings = settings
        headers = {"Authorization": f"Bearer {self._config.api_key.get_secret_value()}"}
        self._http = Http(self._config.base_url, self._config.timeout_seconds, headers=headers)
        secret = self._config.webhook_secret.get_secret_value()
        self._verifier = Webhook(secret) if secret else None

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return Resend's id of it.

        Raises:
            InvalidRecipient: the address is malformed.
            ContentRejected: the message is malformed.
            AccountError: the key, the sender's domain or the quota is at fault.
            RateLimited: there are too many requests per second.
            AmbiguousSend: there is no answer; or another request with the same key is under way, or
                had another body, and may have been accepted.
        """
        answer = await self._http.send(
            "POST",
            "/emails",
            json=self._email(parcel),
            headers={"Idempotency-Key": parcel.reference},
        )
        said = body_of(answer)
        if not answer.is_success:
            fault = _fault(answer, said)
            raise fault.coded(f"HTTP {answer.status_code}", said.get("name"))
        if not said.get("id"):
            raise AmbiguousSend(f"HTTP {answer.status_code} without an id")
        return str(said["id"])

    def may_share(self, parcel: Parcel) -> bool:
        """Return whether it has no attachment, since Resend's batches take none."""
        return not parcel.content.attachments

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        """Hand messages over in one call and return Resend's id or error for each.

        Raises:
            RateLimited: there are too many requests per second.
            AccountError: the key, the sender's domain or the quota is at fault.
            AmbiguousSend: there is no answer, even after the call is repeated with the same key.
        """
        return await each_of(parcels, self._email, self._batch)

    async def probe(self) -> None:
        """Ask for the sender's domains. A key that may only send is refused here, but valid."""
        try:
            answer = await self._http.ask("GET", "/domains")
        except AccountError as error:
            if ONLY_SENDS not in str(error):
                raise
            return
        if not answer.is_success:
            raise _fault(answer, body_of(answer))

    async def read(self, hook: Hook) -> Reading:
        """Read one report; none from an event of another type."""
        self._verify(hook)
        report = _report(object_in(hook), hook)
        return Reading((report,) if report else ())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _batch(self, emails: Sequence[dict[str, Any]]) -> Sequence[str | ProviderError]:
        """Make the call; if its answer is lost, repeat it, since Resend sends it once."""
        try:
            return await self._call(emails)
        except AmbiguousSend as lost:
            try:
                return await self._call(emails)
            except ProviderError as error:  # it does not say anything about the first call
                raise AmbiguousSend(f"{lost}; then {error}").coded(error.code) from None

    async def _call(self, emails: Sequence[dict[str, Any]]) -> Sequence[str | ProviderError]:
        body = json.dumps(emails, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"batch/{hashlib.sha256(body).hexdigest()}",
            "x-batch-validation": "permissive",  # a faulty message does not affect the others
        }
        answer = await self._http.send("POST", "/emails/batch", content=body, headers=headers)
        said = body_of(answer)
        if not answer.is_success:
            fault = _fault(answer, said)
            raise fault.coded(f"HTTP {answer.status_code}", said.get("name"))
        return _outcomes(said, len(emails))

    def _email(self, parcel: Parcel) -> dict[str, Any]:
        content = parcel.content
        # the same parcel must give the same body: Resend refuses another one with the same key
        email: dict[str, Any] = {
            "from": from_header(self._settings),
            "to": [ascii_mailbox(parcel.address)],
            "subject": content.subject,
            "html": content.html,
            "text": content.text,
            "headers": content.headers,
            "tags": [{"name": "reference", "value": parcel.reference}],
        }
        if content.attachments:
            email["attachments"] = [
                {"filename": a.name, "content": a.data, "content_type": a.media_type}
                for a in content.attachments
            ]
        return email

    def _verify(self, hook: Hook) -> None:
        """Check that Resend signed the hook, through Svix, less than five minutes ago.

        https://docs.svix.com/receiving/verifying-payloads/how-manual
        """
        if self._verifier is None:
            raise BadSignature("SOJOURN_RESEND_WEBHOOK_SECRET is not set: no webhook is accepted")
        # Standard Webhooks is Svix's scheme with other names
        headers = {
            f"webhook-{word}": hook.headers.get(f"svix-{word}", "")
            for word in ("id", "timestamp", "signature")
        }
        try:
            self._verifier.verify(hook.body, headers, json_parse=False)
        except WebhookVerificationError as error:
            raise BadSignature(
                f"not signed with SOJOURN_RESEND_WEBHOOK_SECRET: {str(error).lower()}"
            ) from None
        except (ValueError, binascii.Error):  # the signature's form is wrong
            raise BadSignature("the signature is not Svix's, or the body is not UTF-8") from None


def _fault(answer: httpx.Response, said: Mapping[str, Any]) -> ProviderError:
    """Return the error that an answer means; Resend's name counts more than the status."""
    name, message = str(said.get("name", "")), str(said.get("message", ""))
    detail = f"{name} {message}".strip()
    if name in _IN_DOUBT:
        # an earlier request with our key may have been accepted
        return AmbiguousSend(detail)
    if name in _ACCOUNT or "api key is invalid" in message.lower() or "`from`" in message:
        return AccountError(detail)
    if answer.status_code in (400, 422) and "`to`" in message:
        return InvalidRecipient(detail)
    return fault_of(answer, detail)


def _outcomes(said: Mapping[str, Any], number: int) -> Sequence[str | ProviderError]:
    """Return the id or the error of each message; the ids are of those without an error, in order.

    Raises:
        AmbiguousSend: there is not exactly one id or error for each message.
    """
    try:
        ids = iter([str(one["id"]) for one in said["data"]])
        errors = {
            one["index"]: _of_message(str(one["message"])) for one in said.get("errors") or ()
        }
        outcomes = [errors.pop(n) if n in errors else next(ids) for n in range(number)]
    except (KeyError, TypeError, StopIteration):
        raise AmbiguousSend(f"no id or error for each of {number} messages") from None
    if errors or next(ids, None) is not None:
        raise AmbiguousSend(f"more ids or errors than {number} messages")
    return outcomes


def _of_message(message: str) -> ProviderError:
    """Return the error of one message in a batch, by its text, since Resend sends no name."""
    if "`from`" in message:
        return AccountError(message)
    return InvalidRecipient(message) if "`to`" in message else ContentRejected(message)


def _report(said: Mapping[str, Any], hook: Hook) -> Report | None:
    event, data = str(said.get("type")), part(said, "data")
    bounce, suppressed = part(data, "bounce"), part(data, "suppressed")
    kind = _KINDS.get(event)
    if event == "email.suppressed":
        complained = suppressed.get("reason") == "previous_complaint"
        kind = Kind.COMPLAINED if complained else Kind.BOUNCED
    if kind is None:
        return None
    hit = part(data, "click") or part(data, "open")
    why = bounce or suppressed or part(data, "failed")
    to = data.get("to")
    first = str(to[0]) if isinstance(to, list) and to else ""
    return Report(
        event_id=hook.headers["svix-id"],
        kind=kind,
        at=moment(said.get("created_at"), hook.received_at),
        channel=Channel.EMAIL,
        reference=_reference(data.get("tags")),
        provider_id=str(data.get("email_id") or ""),
        address=parseaddr(first)[1] or first,
        # Resend never sends again to an address that it suppresses after a bounce; a bounce without
        # a type is permanent
        hard=kind is Kind.BOUNCED and bounce.get("type", "Permanent") == "Permanent",
        detail=str(why.get("message") or why.get("reason") or ""),
        url=str(part(data, "click").get("link") or ""),
        **evidence(kind, agent=hit.get("userAgent"), address=hit.get("ipAddress")),
    )


def _reference(tags: object) -> str:
    """Return our reference in a message's tags: an object in webhooks, a list elsewhere."""
    if isinstance(tags, dict):
        return str(tags.get("reference", ""))
    named = tags if isinstance(tags, list) else []
    return next(
        (
            str(tag.get("value", ""))
            for tag in named
            if isinstance(tag, dict) and tag.get("name") == "reference"
        ),
        "",
    )
