"""Who sent a webhook: signatures over the raw body, compared in constant time.

A source may have several secrets, the old and the new one, while they are exchanged.
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
    """The secrets in a setting, separated by commas.

    The whole of it is one, too: shops make secrets that have commas in them.
    """
    parts = (setting, *setting.split(","))
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def check_hmac(secrets: Sequence[str], signature: str | None, body: bytes) -> None:
    """See that the body bears its base64 HMAC-SHA256, as shops sign.

    Raises:
        BadSignature: the signature is missing or another one.
    """
    if not signature:
        raise BadSignature("the signature is missing")
    fits = [hmac.compare_digest(_hmac(secret, body), signature.encode()) for secret in secrets]
    if not any(fits):
        raise BadSignature("the signature is wrong: the secret differs, or the body was changed")


def _hmac(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256))


def standard_webhooks(secrets: Sequence[str]) -> list[Webhook]:
    """Verifiers for secrets as Standard Webhooks writes them: ``whsec_`` and base64.

    Raises:
        BadSetting: one is no such secret.
    """
    try:
        for secret in secrets:
            base64.b64decode(f"{secret.removeprefix('whsec_')}==", validate=True)
        return [Webhook(secret) for secret in secrets]
    except (ValueError, EmptyWebhookSecretError):  # the text must not show the secret
        raise BadSetting("is no secret of Standard Webhooks: whsec_ and base64") from None


def check_standard(verifiers: Sequence[Webhook], headers: Mapping[str, str], body: bytes) -> None:
    """See that the body is signed as https://www.standardwebhooks.com/ says.

    Raises:
        BadSignature: it is not, or was more than five minutes ago.
    """
    said = "the signature is missing"
    for verifier in verifiers:
        try:
            verifier.verify(body, dict(headers), json_parse=False)
        except WebhookVerificationError as error:
            said = f"the signature does not hold: {str(error).lower()}"
        except (ValueError, binascii.Error):  # not even its shape is right
            said = "the signature is no Standard Webhooks signature, or the body is no UTF-8"
        else:
            return
    raise BadSignature(said)
