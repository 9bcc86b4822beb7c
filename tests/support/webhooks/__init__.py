"""Webhooks as in the vendors' documentation, adapted to a shop of ours, with signatures."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from sojourn.gateway.webhooks.source import Call

HERE = Path(__file__).parent
SHOPIFY_SECRET = "hush"
WOOCOMMERCE_SECRET = "quiet, please"  # shops make secrets with commas in them
STANDARD_SECRET = f"whsec_{base64.b64encode(b'a secret of 24 bytes, ok').decode()}"


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return found


def signed(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def shopify(topic: str, body: bytes, secret: str = SHOPIFY_SECRET) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": signed(secret, body),
        "x-shopify-shop-domain": "shop.myshopify.com",
        "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "x-shopify-triggered-at": "2026-11-20T09:33:01.123456789Z",
        "x-shopify-api-version": "2026-04",
    }


def woocommerce(topic: str, body: bytes, secret: str = WOOCOMMERCE_SECRET) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-wc-webhook-source": "https://shop.example/",
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-signature": signed(secret, body),
        "x-wc-webhook-id": "3",
        "x-wc-webhook-delivery-id": "36e520ebabc2fa725092ff4a47acedf2",
    }


def standard(
    body: bytes,
    at: datetime | None = None,
    secret: str = STANDARD_SECRET,
    webhook_id: str = "msg_1",
) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }


def told(calls: list[Call]) -> list[str]:
    """Return calls in short form: ``shopify:1 Order Completed``."""
    return [f"{call['userId']} {call.get('event', call['type'])}" for call in calls]
