"""A fake of the part of Meta's Graph API that sends WhatsApp messages."""

import hashlib
import hmac
import json
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    RecipientUnsubscribed,
    TemplateRefused,
    TransientError,
    WindowClosed,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import Fake, Happening, Malformed, Order, Refused, SentHook

TOKEN = "EAAG-fake"
APP_SECRET = "app-secret"
VERIFY_TOKEN = "we-know-each-other"
NUMBER_ID = "106540352242922"
KNOWN = {
    "messaging_product", "recipient_type", "to", "recipient", "type", "text", "template",
    "biz_opaque_callback_data",
}  # fmt: skip

CODES: dict[int, tuple[int, type[ProviderError]]] = {
    131026: (400, InvalidRecipient),
    131021: (400, InvalidRecipient),
    131047: (400, WindowClosed),
    131050: (400, RecipientUnsubscribed),
    132000: (400, TemplateRefused),
    132001: (404, TemplateRefused),
    132005: (400, TemplateRefused),
    132007: (400, TemplateRefused),
    132012: (400, TemplateRefused),
    132015: (400, TemplateRefused),
    132016: (400, TemplateRefused),
    131051: (400, ContentRejected),
    131009: (400, ContentRejected),
    131062: (400, ContentRejected),
    100: (400, ContentRejected),
    130429: (429, RateLimited),
    131048: (400, RateLimited),
    131056: (400, RateLimited),
    80007: (400, RateLimited),
    4: (400, RateLimited),
    131016: (503, TransientError),
    131000: (500, TransientError),
    131049: (400, TransientError),
    1: (400, TransientError),
    2: (503, TransientError),
    190: (401, AccountError),
    10: (403, AccountError),
    131031: (403, AccountError),
    131042: (400, AccountError),
    368: (403, AccountError),
}
"""Meta's codes, each with its HTTP status and the error that we must raise."""


class FakeMeta(Fake):
    """Meta, with one sender's number."""

    name = "meta"
    channels = (Channel.WHATSAPP,)
    kinds = {
        Channel.WHATSAPP: (
            Kind.ACCEPTED,
            Kind.DELIVERED,
            Kind.READ,
            Kind.FAILED,
            Kind.BOUNCED,
            Kind.REPLIED,
            Kind.UNSUBSCRIBED,
        )
    }

    def environment(self) -> dict[str, str]:
        """Return the token, the number and the two secrets for webhooks."""
        return {
            "SOJOURN_META_TOKEN": TOKEN,
            "SOJOURN_META_PHONE_NUMBER_ID": NUMBER_ID,
            "SOJOURN_META_APP_SECRET": APP_SECRET,
            "SOJOURN_META_VERIFY_TOKEN": VERIFY_TOKEN,
            "SOJOURN_META_BASE_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return the number's endpoints."""
        return [
            Route(f"/v25.0/{NUMBER_ID}/messages", self.take, methods=["POST"]),
            Route(f"/v25.0/{NUMBER_ID}", self._number),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the access token."""
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    async def order(self, request: Request) -> Order:
        """Check the keys and limits of a message."""
        said = json.loads(await request.body())
        if unknown := said.keys() - KNOWN:
            raise Malformed(error(100, 400, f"Unexpected key {unknown} on param ROOT"))
        if said.get("messaging_product") != "whatsapp":
            raise Malformed(error(100, 400, "The parameter messaging_product is required."))
        to = said.get("to") or said.get("recipient")
        if not isinstance(to, str) or not (to.isdigit() or "recipient" in said):
            raise Malformed(error(131009, 400, "Parameter value is not valid"))
        template = said.get("template")
        if template is not None and template["language"].keys() != {"policy", "code"}:
            raise Malformed(error(132012, 400, "language needs policy and code, and no more"))
        if len(said["biz_opaque_callback_data"]) > 512:
            raise Malformed(error(100, 400, "biz_opaque_callback_data is too long"))
        return Order(
            id=f"wamid.{self.order_id()}",
            reference=said["biz_opaque_callback_data"],
            address=to,
            channel=Channel.WHATSAPP,
            text=_text(said),
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the ids of the message and of the customer."""
        known_by = "user_id" if "recipient" in order.request else "wa_id"
        message = {"id": order.id}
        if order.request["type"] == "template":
            message["message_status"] = "accepted"
        said = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": order.address, known_by: order.address}],
            "messages": [message],
        }
        return JSONResponse(said)

    def refusals(self) -> dict[str, Refused]:
        """Return Meta's codes, each under its number."""
        told = {
            str(code): Refused(partial(error, code, status), fault)
            for code, (status, fault) in CODES.items()
        }
        return told | {
            "unknown-4xx": Refused(partial(error, 135000, 400), ContentRejected),
            "unknown-5xx": Refused(partial(error, 135000, 500), AmbiguousSend),
            "server-error": Refused(partial(error, 1, 500), AmbiguousSend),
        }

    def unauthorized(self) -> Response:
        """Answer with Meta's code for a bad token."""
        return error(190, 401, "Error validating access token")

    def webhook(self, happening: Happening) -> SentHook:
        """Write a status, or a customer's message."""
        order, kind = happening.order, happening.kind
        seconds = str(int(happening.at.timestamp()))
        if kind in (Kind.REPLIED, Kind.UNSUBSCRIBED):
            text = "Stop please" if kind is Kind.UNSUBSCRIBED else "Where is my cup?"
            return inbound(
                {
                    "from": order.address,
                    "id": f"wamid.{happening.id}",
                    "timestamp": seconds,
                    "type": "text",
                    "text": {"body": text},
                }
            )
        status: dict[str, Any] = {
            "id": order.id,
            "status": {Kind.ACCEPTED: "sent", Kind.BOUNCED: "failed"}.get(kind, str(kind)),
            "timestamp": seconds,
            "recipient_id": order.address,
            "biz_opaque_callback_data": order.reference,
        }
        code = {Kind.BOUNCED: 131026, Kind.FAILED: 131049}.get(kind)
        if code is not None:
            status["errors"] = [{"code": code, "title": "Not delivered", "message": "No"}]
        return signed({"statuses": [status]})

    async def _number(self, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        return JSONResponse({"id": NUMBER_ID})


def inbound(message: dict[str, Any]) -> SentHook:
    """Return a customer's message as Meta passes it on."""
    contact = {"profile": {"name": "Anna"}, "wa_id": message.get("from", "")}
    return signed({"contacts": [contact], "messages": [message]})


def signed(*values: dict[str, Any], field: str = "messages") -> SentHook:
    """Return a signed webhook with one change for each value."""
    about = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "16505551111", "phone_number_id": NUMBER_ID},
    }
    changes = [{"field": field, "value": about | value} for value in values]
    said = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}
    return signed_bytes(json.dumps(said).encode())


def signed_bytes(body: bytes) -> SentHook:
    """Sign any body as Meta does."""
    signature = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return SentHook(body, {"X-Hub-Signature-256": f"sha256={signature}"})


def error(code: int, status: int, message: str = "Not sent") -> Response:
    """Return an error in the form of the Graph API.

    Args:
        code: Meta's code.
        status: the HTTP status.
        message: the error in words.

    Returns:
        The answer.
    """
    said = {
        "message": f"(#{code}) {message}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": "More of it."},
        "fbtrace_id": "Az8or2yhqkZfEZ",
    }
    return JSONResponse({"error": said}, status)


def _text(said: dict[str, Any]) -> str:
    if said["type"] == "text":
        return str(said["text"]["body"])
    template = said["template"]
    components = template.get("components", [])
    values = [one["text"] for component in components for one in component["parameters"]]
    return " ".join([template["name"], template["language"]["code"], *values])
