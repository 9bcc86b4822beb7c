"""Signed posts by Standard Webhooks: one id for all attempts, and a moment for each."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import SecretStr
from standardwebhooks import Webhook

from sojourn.channels.http import retry_after, trusted
from sojourn.domain.endpoints import fault_of
from sojourn.domain.errors import BadSetting, CallFailed

LARGEST = 256_000
"""Bytes of an answer that are read."""


def signing(name: str, secret: str) -> Webhook:
    """Return the signer that signs with a secret.

    Args:
        name: of the variable that has it, for the error: its words must not quote the secret.
        secret: ``whsec_`` and base64.

    Returns:
        The library's signer.

    Raises:
        BadSetting: it is not such a secret.
    """
    try:
        return Webhook(secret)
    except Exception:  # its words may quote the secret
        raise BadSetting(f"{name} is not a secret like whsec_ and base64") from None


def signers_of(setting: str, url: str, secret: SecretStr) -> list[Webhook]:
    """Return what signs posts to an address that a setting names.

    Args:
        setting: its name; ``_SECRET`` follows it in that of the secret.
        url: the address.
        secret: one, or several separated by commas while one is exchanged.

    Returns:
        A signer for each secret.

    Raises:
        BadSetting: the address or the secret cannot be used; the text quotes neither.
    """
    if fault := fault_of(url):
        raise BadSetting(f"{setting} {fault}")
    name = f"{setting}_SECRET"
    secrets = [one.strip() for one in secret.get_secret_value().split(",") if one.strip()]
    if not secrets:
        raise BadSetting(
            f"{name} is not set, and {setting} cannot be signed: make one by "
            "`echo whsec_$(openssl rand -base64 32)`"
        )
    return [signing(name, one) for one in secrets]


def headers_of(signers: Sequence[Webhook], name: str, body: str) -> dict[str, str]:
    """Return the headers of one attempt.

    The moment is the machine's: the service compares it with its clock.

    Args:
        signers: each adds its signature: of two, the receiver needs to know one.
        name: the id, the same in every attempt.
        body: as it leaves.

    Returns:
        The headers.
    """
    at = datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Sojourn",
        "Idempotency-Key": name,
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signer.sign(name, at, body) for signer in signers),
    }


async def post(
    url: str, body: str, headers: dict[str, str], within: timedelta
) -> tuple[int, bytes, timedelta | None]:
    """Post once; redirects are not followed.

    Args:
        url: of the service.
        body: as it was signed.
        headers: as `headers_of` makes them.
        within: how long it may take.

    Returns:
        The answer's status, its body if that is a success, and how long it asks us to wait.

    Raises:
        httpx.HTTPError: there is no answer.
        TimeoutError: there is none in time.
        CallFailed: the body is too large.
    """
    seconds = within.total_seconds()
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(verify=trusted(), follow_redirects=False, timeout=seconds) as http,
        http.stream("POST", url, content=body.encode(), headers=headers) as answer,
    ):
        said = b""
        if answer.is_success:
            async for part in answer.aiter_bytes():
                said += part
                if len(said) > LARGEST:
                    raise CallFailed("BadAnswer", f"it is larger than {LARGEST} bytes")
        return answer.status_code, said, retry_after(answer)
