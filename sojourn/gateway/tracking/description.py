"""The part of the OpenAPI document that describes the tracking API."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from sojourn.domain.events import LONGEST_ID
from sojourn.gateway.http.description import FIELDS, ErrorDetail, Success

PRINTABLE = r"^[^\u0000-\u001f\u007f]+$"
MOMENT = (
    r"^(19[89][0-9]|20[0-9]{2}|21[0-8][0-9])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
)
"""ISO 8601 with its zone. It is a little narrower than the reader: no pattern knows every month."""
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
    """A part of a taken call that was left out, is missing, or that nobody knows."""


class CallAnswer(Success):
    """Taken."""

    notes: list[CallNote] = Field(
        default=[],
        examples=[[{"path": "traits.phone", "reason": "left out: is no phone number"}]],
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


def _text(description: str, *, example: str, number: bool = False) -> dict[str, Any]:
    return {
        "type": ["string", "integer", "null"] if number else ["string", "null"],
        "minLength": 1,
        "maxLength": LONGEST_ID,
        "pattern": PRINTABLE,
        "description": description,
        "examples": [example],
    }


def _moment(description: str) -> dict[str, Any]:
    return {
        "type": ["string", "null"],
        "pattern": MOMENT,
        "description": description,
        "examples": [_MOMENT_EXAMPLE],
    }


def _object(description: str) -> dict[str, Any]:
    return {"type": ["object", "null"], "description": description, **FIELDS}


_SENT_AT = _moment("When it was sent, by the sender's clock, which it serves to set right.")
_WRITE_KEY = {
    "type": ["string", "null"],
    "description": "The write key, for senders that cannot set headers.",
}
_COMMON: Final[dict[str, Any]] = {
    "userId": _text("The customer.", example="c42", number=True),
    "anonymousId": _text(
        "A visitor who is not known yet. It stands in for `userId`.",
        example="a7f0c6a2-4f0e-4a5e-9d43-1b9d7c8f2e11",
        number=True,
    ),
    "messageId": _text(
        "Unique: the same id twice is the same call twice.",
        example="5b0b5c1e-7a3c-4a34-8b52-8f6f7d6e9a01",
        number=True,
    ),
    "timestamp": _moment("When it happened."),
    "originalTimestamp": _moment("When it happened, by the sender's clock."),
    "sentAt": _SENT_AT,
    "context": _object("Not read."),
    "integrations": _object("Not read."),
    "writeKey": _WRITE_KEY,
}
_PROPERTIES = _object("The fields of the event. Those of known events must validate.")
_TRAITS = _object("Facts about the customer: email, phone, firstName, locale, ...")
_OWN: Final[dict[str, dict[str, Any]]] = {
    "identify": {"traits": _TRAITS},
    "track": {
        "event": {
            **_text(
                "The name of the event. An unknown one is stored, and ignored.", example="Page Read"
            ),
            "type": "string",
        },
        "properties": _PROPERTIES,
    },
    "page": {"properties": _PROPERTIES},
    "screen": {"properties": _PROPERTIES},
    "group": {"traits": _TRAITS},
    "alias": {
        "previousId": {
            **_text("The id that is given up.", example="a7f0c6a2", number=True),
            "type": ["string", "integer"],
        }
    },
}
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
    schema: dict[str, Any] = {
        "type": "object",
        **FIELDS,
        "properties": {**_OWN[kind], **_COMMON},
        "required": {"track": ["event"], "alias": ["previousId", "userId"]}.get(kind, []),
    }
    if kind == "alias":
        user = {**_COMMON["userId"], "type": ["string", "integer"]}
        schema["properties"] = {**_OWN[kind], **_COMMON, "userId": user}
    else:
        either = [_given("userId"), _given("anonymousId")]
        schema["anyOf"] = either
    return _body(schema, EXAMPLES[kind])


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
        **FIELDS,
        "properties": {
            "batch": {
                "type": "array",
                "description": "Calls, each with its `type`. Each stands for itself: one that does "
                "not validate is listed in the answer, and the others are taken.",
                "items": {},
            },
            "sentAt": _SENT_AT,
            "context": _object("Not read."),
            "integrations": _object("Not read."),
            "writeKey": _WRITE_KEY,
        },
        "required": ["batch"],
    }
    items = [{"type": kind, **EXAMPLES[kind]} for kind in ("identify", "track")]
    return _body(schema, {"batch": items, "sentAt": _MOMENT_EXAMPLE})


def _given(field: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"type": ["string", "integer"]}}}


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": schema, "examples": {"plain": {"value": example}}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
