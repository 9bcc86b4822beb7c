"""The shop's own systems: where they are, and how to post to them."""

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

TIMEOUT_SECONDS = 10


class ShopSettings(BaseSettings):
    """Settings of the project, read from ``SHOP_*`` environment variables.

    An address that is empty is a system that the shop does not have: the activity then does
    without it.
    """

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True, env_ignore_empty=True)

    codes_url: str = ""
    """Takes ``{"customer_id": ..., "cart_id": ..., "percent": 10}`` (or an ``order_id``: the code
    is for what goes with it) and answers ``{"code": "BACK10-7KQ2M8"}``."""
    tickets_url: str = ""
    """Takes ``{"customer_id": ..., "subject": ...}`` and answers ``{"ticket": "4711"}``."""
    owners: str = ""
    """Ids of those who look after customers: ``anna,jan``. Templates have their names."""
    amends_url: str = ""
    """Takes ``{"customer_id": ..., "case_id": ...}`` and answers ``{"code": "SORRY-7KQ2M8",
    "percent": 10}``."""
    amends_percent: int = 10
    """The worth of a code without an ``amends_url``."""
    token: SecretStr = SecretStr("")
    """Stands in the ``Authorization`` header of each request."""


async def post(
    url: str, body: Mapping[str, Any], *, token: SecretStr, idempotency_key: str
) -> dict[str, Any]:
    """Post JSON to one of the shop's systems.

    Args:
        url: the system's address.
        body: the JSON object to send.
        token: the shop's secret.
        idempotency_key: the same in every attempt, so that the system acts once.

    Returns:
        The JSON object of the answer.

    Raises:
        httpx.HTTPError: no answer, or one that is not a success; worth another try.
    """
    headers = {"Idempotency-Key": idempotency_key}
    if secret := token.get_secret_value():
        headers["Authorization"] = f"Bearer {secret}"
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
        answer = await http.post(url, json=dict(body), headers=headers)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said
