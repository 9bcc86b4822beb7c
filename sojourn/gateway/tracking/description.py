"""The part of the OpenAPI document that describes the tracking API."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from sojourn.gateway.http.description import ErrorDetail, Success
from sojourn.gateway.tracking.call_schemas import SENT_AT, WRITE_KEY, call_schema

_MOMENT_EXAMPLE = "2024-01-04T11:45:38.123Z"

SECURITY: Final[dict[str, Any]] = {
    "writeKey": {
        "type": "http",
        "scheme": "basic",
        "description": "The write key as user name; no password.",
    },
    "writeKeyAsToken": {"type": "http", "scheme": "bearer", "description": "The write key."},
}
"""The ways to send a write key."""


class SentStep(BaseModel):
    """A message that went out before the event was taken in."""

    step: str = Field(examples=["reminder"])
    at: datetime = Field(examples=["2024-01-05T11:45:38Z"])


class RunEffect(BaseModel):
    """The effect of the event on one run."""

    run: str = Field(examples=["abandoned-cart:c42:cart7"])
    effect: Literal["started", "signalled", "ended"] = Field(examples=["ended"])
    prevented: list[str] = Field(default=[], examples=[["nudge", "offer"]])
    already_sent: list[SentStep] = []
    pending: bool = Field(
        default=False,
        description="The run has the event and has not told its effect yet: a message is still on "
        "its way, or no worker runs.",
    )


class CallNote(ErrorDetail):
    """A part of a taken call that was left out, is missing, or is unknown."""


class CallAnswer(Success):
    """Taken."""

    notes: list[CallNote] = Field(
        default=[],
        examples=[[{"path": "traits.phone", "reason": "left out: is not a phone number"}]],
    )


class TrackAnswer(Success):
    """Taken. A request with ``wait`` is told the effect of the event on each run concerned."""

    runs: list[RunEffect] = Field(default=[])
    notes: list[CallNote] = Field(
        default=[],
        examples=[[{"path": "properties.total", "reason": "left out: input should be a number"}]],
    )


class ItemError(ErrorDetail):
    """An item of a batch that was not taken; the others were."""

    index: int = Field(ge=0, examples=[3])


class ItemNote(CallNote):
    """A note on an item of a batch."""

    index: int = Field(ge=0, examples=[3])


class BatchAnswer(Success):
    """Taken. Items that can never be taken are listed; do not send them again."""

    errors: list[ItemError] = Field(default=[], examples=[[]])
    notes: list[ItemNote] = Field(default=[], examples=[[]])


EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "identify": {
        "userId": "c42",
        "traits": {"email": "ada@example.com", "firstName": "Ada", "timezone": "Europe/Rome"},
        "messageId": "m-1",
        "timestamp": _MOMENT_EXAMPLE,
    },
    "track": {
        "userId": "c42",
        "event": "Product Added",
        "properties": {"cart_id": "cart7", "product_id": "p1", "price": 59.9, "currency": "EUR"},
        "messageId": "m-2",
        "timestamp": _MOMENT_EXAMPLE,
    },
    "page": {"userId": "c42", "properties": {"path": "/pricing"}},
    "screen": {"userId": "c42", "properties": {"name": "Basket"}},
    "group": {"userId": "c42", "traits": {"name": "Example Ltd"}},
    "alias": {"previousId": "a7f0c6a2", "userId": "c42", "messageId": "m-3"},
}


def request_of(kind: str) -> dict[str, Any]:
    """Return the ``requestBody`` of one call."""
    return _body(call_schema(kind), EXAMPLES[kind])


WAIT: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "wait",
            "in": "query",
            "required": False,
            "description": "1: answer with the effect of the event on each run that it concerns.",
            "schema": {"type": "string", "enum": ["0", "1"]},
            "example": "1",
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": "`wait`: the same.",
            "schema": {"type": "string"},
            "example": "wait",
        },
    ]
}


def request_of_batch() -> dict[str, Any]:
    """Return the ``requestBody`` of a batch."""
    schema = {
        "type": "object",
        "properties": {
            "batch": {
                "type": "array",
                "description": "Calls, each with its `type`. Each stands for itself: one that does "
                "not validate is listed in the answer, and the others are taken.",
                "items": {},
            },
            "sentAt": SENT_AT,
            "writeKey": WRITE_KEY,
        },
        "required": ["batch"],
    }
    items = [{"type": kind, **EXAMPLES[kind]} for kind in ("identify", "track")]
    return _body(schema, {"batch": items, "sentAt": _MOMENT_EXAMPLE})


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": schema, "examples": {"plain": {"value": example}}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
