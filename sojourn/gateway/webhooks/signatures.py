"""Signatures of webhooks, made over the raw body and compared in constant time.

A source may have several secrets while they are rotated: the old one and the new one.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

from sojourn.domain.errors import BadSetting, BadSignature


def secrets_in(setting: str) -> tuple[str, ...]:
    """Return the secrets in a setting, separated by commas.

    The whole setting counts as one as well, since shops make secrets that contain commas.
    """
    parts = (setting, *setting.split(","))
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def check_hmac(secrets: Sequence[str], signature: str | None, body: bytes) -> None:
    """Check a body's HMAC-SHA256 in base64, as shops sign.

    Args:
        secrets: any of them may have signed.
        signature: the value of the request's header; None if it is missing.
        body: the raw body.

    Raises:
        BadSignature: the signature is missing or wrong.
    """
    if not signature:
        raise BadSignature("the signature is missing")
    fits = [hmac.compare_digest(_hmac(secret, body), signature.encode()) for secret in secrets]
    if not any(fits):
        raise BadSignature("the signature is wrong: the secret differs, or the body was changed")


def _hmac(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256))


def standard_webhooks(secrets: Sequence[str]) -> list[Webhook]:
    """Build verifiers for secrets in the form of Standard Webhooks: ``whsec_`` and base64.

    Raises:
        BadSetting: one does not have this form.
    """
    try:
        for secret in secrets:
            base64.b64decode(f"{secret.removeprefix('whsec_')}==", validate=True)
        return [Webhook(secret) for secret in secrets]
    except (ValueError, EmptyWebhookSecretError):  # their text would show the secret
        raise BadSetting("is not a secret of Standard Webhooks: whsec_ and base64") from None


def check_standard(verifiers: Sequence[Webhook], headers: Mapping[str, str], body: bytes) -> None:
    """Check a signature by https://www.standardwebhooks.com/.

    Args:
        verifiers: one of them must accept the signature.
        headers: the request's headers, by lower-case name.
        body: the raw body.

    Raises:
        BadSignature: it is missing or wrong, or was made more than five minutes ago.
    """
    fault = "the signature is missing"
    for verifier in verifiers:
        try:
            verifier.verify(body, dict(headers), json_parse=False)
        except WebhookVerificationError as error:
            fault = f"the signature does not hold: {str(error).lower()}"
        except (ValueError, binascii.Error):  # not even its form is right
            fault = "the signature is no Standard Webhooks signature, or the body is no UTF-8"
        else:
            return
    raise BadSignature(fault)
