"""What the OpenAPI document says of requests and answers."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from sojourn.domain.events import LONGEST_ID

PRINTABLE = r"^[^\u0000-\u001f\u007f]+$"
MOMENT = (
    r"^(19[89][0-9]|20[0-9]{2}|21[0-8][0-9])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
)
"""ISO 8601 with its zone, a little narrower than what is taken: no pattern knows every month."""
WITHOUT_NUL = r"^[^\u0000]*$"
_MOMENT_EXAMPLE = "2024-01-04T11:45:38.123Z"
_VALUE: Final = {"$ref": "#/components/schemas/Value"}
_FIELDS: Final[dict[str, Any]] = {
    "propertyNames": {"pattern": WITHOUT_NUL},
    "additionalProperties": _VALUE,
}
VALUE: Final[dict[str, Any]] = {
    "description": "Any JSON whose text has no NUL character, 32 levels deep at most.",
    "anyOf": [
        {"type": ["null", "boolean", "number"]},
        {"type": "string", "pattern": WITHOUT_NUL},
        {"type": "array", "items": _VALUE},
        {"type": "object", **_FIELDS},
    ],
}


class ErrorDetail(BaseModel):
    """Where the fault is, and what it is."""

    path: str = Field(examples=["properties.price"])
    reason: str = Field(examples=["input should be a valid decimal"])


class ErrorAnswer(BaseModel):
    """Why a request was not taken. ``code`` and ``message`` say it as the SDKs read it."""

    error: ErrorDetail
    code: str = Field(examples=["invalid"])
    message: str = Field(examples=["properties.price: input should be a valid decimal"])


class Success(BaseModel):
    """Taken: stored, and on its way to whom it concerns."""

    success: bool = Field(examples=[True])


class SentStep(BaseModel):
    """A message that went out before the event was taken in."""

    step: str = Field(examples=["reminder"])
    at: datetime = Field(examples=["2024-01-05T11:45:38Z"])


class RunEffect(BaseModel):
    """What the event did to one run."""

    run: str = Field(examples=["abandoned-cart:c42:cart7"])
    effect: Literal["started", "signalled", "ended"] = Field(examples=["ended"])
    prevented: list[str] = Field(default=[], examples=[["nudge", "offer"]])
    already_sent: list[SentStep] = []
    pending: bool = Field(
        default=False,
        description="The run has the event and has not said yet what it does with it: a message "
        "is still on its way, or no worker runs.",
    )


class TrackAnswer(Success):
    """Taken. Whoever asks with ``wait`` learns what the event did to each run concerned."""

    runs: list[RunEffect] = []


class ItemError(ErrorDetail):
    """An item of a batch that was not taken; the others were."""

    index: int = Field(ge=0, examples=[3])


class BatchAnswer(Success):
    """Taken. Items that will never do are listed; there is no use in sending them again."""

    errors: list[ItemError] = Field(default=[], examples=[[]])


class Health(BaseModel):
    """The process lives."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """Whether calls can be taken; if not, what is missing."""

    status: str = Field(examples=["ready"])
    missing: dict[str, str] = Field(default={}, examples=[{}])


_REFUSALS: Final = {
    400: "A field does not validate; `path` names it.",
    401: "No write key, or none that holds.",
    403: "The write key may not send this.",
    408: "The body came too slowly.",
    413: "Too large.",
    415: "Neither JSON nor gzip of it.",
    429: "Too much at once; try again after `Retry-After` seconds.",
    503: "The store or Temporal is away; try again after `Retry-After` seconds.",
}
_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}


def refusals(*without: int) -> dict[int | str, dict[str, Any]]:
    """The answers to a request that is not taken."""
    return {
        status: {
            "model": ErrorAnswer,
            "description": text,
            **({"headers": _RETRY_AFTER} if status in {429, 503} else {}),
        }
        for status, text in _REFUSALS.items()
        if status not in without
    }


SECURITY: Final[dict[str, Any]] = {
    "writeKey": {
        "type": "http",
        "scheme": "basic",
        "description": "The write key as user name; no password.",
    },
    "writeKeyAsToken": {"type": "http", "scheme": "bearer", "description": "The write key."},
}


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
    return {"type": ["object", "null"], "description": description, **_FIELDS}


_SENT_AT = _moment("When it was sent, by the sender's clock; `timestamp` is set right by it.")
_WRITE_KEY = {
    "type": ["string", "null"],
    "description": "The write key, for senders that cannot set headers.",
}
_COMMON: Final[dict[str, Any]] = {
    "userId": _text("The customer.", example="c42", number=True),
    "anonymousId": _text(
        "Whoever it is before they have said who. Stands in for `userId`.",
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
_PROPERTIES = _object("What more there is to say. Fields of known events must validate.")
_TRAITS = _object("What is known of the customer: email, phone, firstName, locale, ...")
_OWN: Final[dict[str, dict[str, Any]]] = {
    "identify": {"traits": _TRAITS},
    "track": {
        "event": {
            **_text("What happened. An unknown name is kept, and ignored.", example="Page Read"),
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
    """The ``requestBody`` of one call."""
    schema: dict[str, Any] = {
        "type": "object",
        **_FIELDS,
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
            "description": "1: answer with what the event did to each run that it concerns.",
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
    """The ``requestBody`` of a batch."""
    schema = {
        "type": "object",
        **_FIELDS,
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


FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {
                "schema": {
                    "type": "object",
                    "properties": {"List-Unsubscribe": {"type": "string", "const": "One-Click"}},
                    "required": ["List-Unsubscribe"],
                },
                "examples": {"plain": {"value": {"List-Unsubscribe": "One-Click"}}},
            }
            for kind in ("application/x-www-form-urlencoded", "multipart/form-data")
        },
    }
}
"""What a mailbox posts to unsubscribe somebody."""


def damaged_page() -> dict[int | str, dict[str, Any]]:
    """The answer to a link that was not made here, or not wholly."""
    return {
        404: {
            "model": ErrorAnswer,
            "description": "The link is damaged: a page that leads to the shop. JSON, if there "
            "is no such path.",
            "content": {"text/html": {}},
        }
    }
