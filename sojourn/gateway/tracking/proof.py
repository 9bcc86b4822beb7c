"""Proof that a browser's call comes from the user it names: the shop's own server signed the id.

This is the usual identity verification: the server that logged the user in gives the page an HMAC
of the user id, or a JSON Web Token, made with a secret that the page never sees.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

HASH = "userHash"
TOKEN = "userToken"  # noqa: S105 (the name of a field)
_LONGEST = 4000


class Proofs:
    """Verifies signed user ids.

    Args:
        secrets: any of them may have signed; without any nothing is ever proved.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def holds(self, call: Mapping[str, Any]) -> bool:
        """Tell whether a call proves that it comes from the user in its ``userId``.

        Args:
            call: the call as it was sent. ``context.userHash`` is the HMAC-SHA256 of the user id in
                hex, ``context.userToken`` a JSON Web Token (HS256) whose ``sub`` is the user id.
        """
        user, context = call.get("userId"), call.get("context")
        if not user or isinstance(user, bool) or not isinstance(context, Mapping):
            return False
        given, token = context.get(HASH), context.get(TOKEN)
        return any(
            (isinstance(given, str) and _signs(secret, str(user), given))
            or (isinstance(token, str) and _names(secret, str(user), token))
            for secret in self._secrets
        )


def user_hash(secret: str, user_id: str) -> str:
    """Return the HMAC that proves a user id, as a shop's server computes it."""
    return hmac.new(secret.encode(), user_id.encode(errors="replace"), hashlib.sha256).hexdigest()


def _signs(secret: str, user_id: str, given: str) -> bool:
    return hmac.compare_digest(
        user_hash(secret, user_id).encode(), given.strip().lower().encode(errors="replace")
    )


def _names(secret: str, user_id: str, token: str) -> bool:
    if len(token) > _LONGEST:
        return False
    try:
        said = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_aud": False})
    except jwt.InvalidTokenError:
        return False
    return str(said.get("sub", "")) == user_id
