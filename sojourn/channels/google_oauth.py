"""Access tokens of a Google service account.

google-auth signs the assertion; its own transport would block the event loop, so the request uses
ours. https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import asyncio
import time
from pathlib import Path

from google.auth import crypt, jwt
from pydantic import BaseModel, Field, ValidationError

from sojourn.channels.http import Http, body_of
from sojourn.domain.errors import AccountError, BadSetting, TransientError

LIFETIME_SECONDS = 3600
"""Google's limit."""
EARLY_SECONDS = 300
"""The last part of a token's life, which is not used so that no request outlives its token."""
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class _Key(BaseModel):
    """The used fields of a key file."""

    client_email: str = Field(min_length=1)
    private_key: str
    private_key_id: str | None = None
    project_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)


class ServiceAccount:
    """A service account with its current token, which is renewed in time.

    Args:
        given: the key as JSON, or the path of its file.
        scope: the OAuth scope of the tokens.
        http: the client that requests tokens.
        variable: the setting with the key, named in errors.

    Raises:
        BadSetting: there is no such file, or it does not contain a service account's key.
    """

    def __init__(self, given: str, scope: str, http: Http, variable: str) -> None:
        self._key = _read(given, variable)
        try:
            self._signer = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]
                self._key.private_key, self._key.private_key_id
            )
        except (ValueError, TypeError):
            raise BadSetting(f"{variable}: its private_key is not an RSA key") from None
        self._scope = scope
        self._http = http
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until = 0.0

    @property
    def project(self) -> str:
        """The id of the account's project; empty if the key does not name it."""
        return self._key.project_id

    async def token(self) -> str:
        """Return a token that is valid for some minutes.

        Concurrent callers share one request.

        Raises:
            TransientError: Google does not answer, or has an internal error.
            AccountError: Google refuses the key.
        """
        async with self._lock:
            if time.monotonic() >= self._good_until:
                self._token, lasts = await self._ask()
                self._good_until = time.monotonic() + lasts - EARLY_SECONDS
            return self._token

    def forget(self) -> None:
        """Drop a refused token, so that the next call requests another."""
        self._good_until = 0.0

    async def _ask(self) -> tuple[str, float]:
        asked = {"grant_type": GRANT, "assertion": self._assertion()}
        answer = await self._http.ask("POST", self._key.token_uri, data=asked)
        said = body_of(answer)
        if not answer.is_success:
            # RFC 6749, 5.2: invalid_grant, invalid_client, ...
            reason = f"{said.get('error', '')} {said.get('error_description', '')}".strip()
            raise AccountError(f"HTTP {answer.status_code}: no access token: {reason}")
        match said:
            case {"access_token": str(token), "expires_in": int(lasts)} if token:
                return token, lasts
        raise TransientError("the answer holds no access token")

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._key.client_email,
            "scope": self._scope,
            "aud": self._key.token_uri,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }
        signed: bytes = jwt.encode(self._signer, claims)  # type: ignore[no-untyped-call]
        return signed.decode()


def _read(given: str, variable: str) -> _Key:
    text = given.strip()
    if not text.startswith("{"):
        try:
            text = Path(text).read_text()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise BadSetting(
                f"{variable} is neither JSON nor a file that can be read: {reason}"
            ) from None
    try:
        return _Key.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"{variable} is not the key of a service account: {place or 'JSON'}: {first['msg']}"
        ) from None
