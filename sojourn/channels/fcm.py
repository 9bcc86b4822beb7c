"""Push by Firebase Cloud Messaging, HTTP v1.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send,
https://firebase.google.com/docs/cloud-messaging/error-codes
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig
from sojourn.channels.google_oauth import ServiceAccount
from sojourn.channels.http import Http, body_of, fault_of, retry_after
from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadSetting,
    EndpointGone,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    WrongSender,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import reference
from sojourn.settings import Settings

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
LONGEST_COLLAPSE_ID = 64
"""The longest collapse id in bytes that Apple takes; Google takes more."""
QUOTA_WAIT = timedelta(minutes=1)
"""The wait that Google's documentation asks for if there is no Retry-After."""


class Config(ProviderConfig):
    """The settings ``SOJOURN_FCM_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_FCM_")

    credentials: SecretStr
    """The key of a service account, as JSON or as the path of its file."""
    project: str = ""
    """The id of the Firebase project; empty for the service account's project."""
    base_url: str = "https://fcm.googleapis.com"


class Fcm:
    """Firebase, which has no look-up and no webhooks.

    A duplicate replaces the first message on the screen, since both have the same collapse key.
    """

    name = "fcm"
    channels = frozenset({Channel.PUSH})
    abilities = Abilities(
        sandbox="validate_only: Firebase checks a message and does not send it",
        fenced=True,
    )

    def __init__(self, settings: Settings) -> None:
        config = Config.load()
        self._http = Http(config.base_url, config.timeout_seconds)
        self._account = ServiceAccount(
            config.credentials.get_secret_value(), SCOPE, self._http, "SOJOURN_FCM_CREDENTIALS"
        )
        project = config.project or self._account.project
        if not project:
            raise BadSetting("SOJOURN_FCM_PROJECT: not set, and the credentials name none")
        self._path = f"/v1/projects/{project}/messages:send"
        self._proven = False
        """True once Firebase has accepted a message, which shows that our project has devices."""

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return its name, ``projects/.../messages/...``."""
        message = {"message": _message(parcel)}
        headers = await self._authorization()
        answer = await self._http.send("POST", self._path, json=message, headers=headers)
        said = body_of(answer)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._account.forget()
        if not answer.is_success:
            raise _fault(answer, said, proven=self._proven).coded(f"HTTP {answer.status_code}")
        self._proven = True
        match said:
            case {"name": str(name)} if name:
                return name
        raise AmbiguousSend(f"HTTP {answer.status_code} without the message's name")

    async def probe(self) -> None:
        """Let Firebase check a message that reaches no device, with a new access token."""
        self._account.forget()
        message = {"topic": "sojourn", "notification": {"title": "Sojourn"}}
        asked = {"validate_only": True, "message": message}
        headers = await self._authorization()
        answer = await self._http.ask("POST", self._path, json=asked, headers=headers)
        if not answer.is_success:
            raise AccountError(str(_fault(answer, body_of(answer), proven=self._proven)))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self._account.token()}"}


def _message(parcel: Parcel) -> dict[str, Any]:
    content = parcel.content
    notification = {"title": content.title, "body": content.body, "image": content.image}
    data = {"url": content.url, "reference": parcel.reference}
    collapse = _collapse_id(content.collapse_key or parcel.reference)
    message: dict[str, Any] = {
        "token": parcel.address,
        "notification": {name: value for name, value in notification.items() if value},
        "data": {name: value for name, value in data.items() if value},
        "android": {"collapse_key": collapse, "notification": {"tag": collapse}},
        "apns": {"headers": {"apns-collapse-id": collapse}},
    }
    if content.url.startswith("https://"):  # Firebase refuses web links with another scheme
        message["webpush"] = {"fcm_options": {"link": content.url}}
    return message


def _collapse_id(key: str) -> str:
    return key if len(key.encode()) <= LONGEST_COLLAPSE_ID else reference(key)


def _fault(answer: httpx.Response, said: Mapping[str, Any], *, proven: bool) -> ProviderError:
    """Return the error that an answer means. Firebase's code is in Google's details.

    A registration token belongs to one project. SENDER_ID_MISMATCH does not say which of the two
    is wrong: until a message has been accepted, our project may be wrong, for every device.
    https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
    """
    told = said.get("error")
    error = told if isinstance(told, dict) else {}
    code = next(_in_details(error, "errorCode"), error.get("status", ""))
    detail = f"HTTP {answer.status_code}: {code} {error.get('message', '')}".strip()
    match answer.status_code, code:
        case _, "UNREGISTERED":
            return EndpointGone(detail)
        case _, "SENDER_ID_MISMATCH" if proven:
            return WrongSender(detail)
        # a plain 404 means the project, since a dead token would be UNREGISTERED
        case (_, "SENDER_ID_MISMATCH" | "THIRD_PARTY_AUTH_ERROR") | (404, _):
            return AccountError(detail)
        case 400, _ if _of_token(error):
            return InvalidRecipient(detail)
        case 429, _:
            return RateLimited(detail, retry_after=retry_after(answer) or QUOTA_WAIT)
    return fault_of(answer, f"{code} {error.get('message', '')}".strip())


def _of_token(error: Mapping[str, Any]) -> bool:
    """Return whether an invalid argument is the device's token, not the message."""
    violations = [
        one.get("field") if isinstance(one, dict) else None
        for many in _in_details(error, "fieldViolations")
        if isinstance(many, list)
        for one in many
    ]
    unsaid = not violations and "registration token" in str(error.get("message")).lower()
    return unsaid or "message.token" in violations


def _in_details(error: Mapping[str, Any], name: str) -> Iterator[Any]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and name in detail:
            yield detail[name]
