"""The parts of the OpenAPI document that all routes share."""

from typing import Any, Final

from pydantic import BaseModel, Field

from sojourn.domain.storable import LONGEST_NUMBER

WITHOUT_NUL = r"^[^\u0000]*$"
_VALUE: Final = {"$ref": "#/components/schemas/Value"}
FIELDS: Final[dict[str, Any]] = {
    "propertyNames": {"pattern": WITHOUT_NUL},
    "additionalProperties": _VALUE,
}
"""An object that may have any fields."""
VALUE: Final[dict[str, Any]] = {
    "description": "Any JSON whose text has no NUL character, 32 levels deep at most.",
    "anyOf": [
        {"type": ["null", "boolean"]},
        {
            "type": "number",
            "exclusiveMinimum": -(10**LONGEST_NUMBER),
            "exclusiveMaximum": 10**LONGEST_NUMBER,
        },
        {"type": "string", "pattern": WITHOUT_NUL},
        {"type": "array", "items": _VALUE},
        {"type": "object", **FIELDS},
    ],
}
"""The schema that the document calls ``Value``."""


class ErrorDetail(BaseModel):
    """A fault: its place, and its reason."""

    path: str = Field(examples=["properties.price"])
    reason: str = Field(examples=["input should be a valid decimal"])


class ErrorAnswer(BaseModel):
    """Why a request was not taken. ``code`` and ``message`` repeat it for the SDKs."""

    error: ErrorDetail
    code: str = Field(examples=["invalid"])
    message: str = Field(examples=["properties.price: input should be a valid decimal"])


class Success(BaseModel):
    """Taken: stored, and on its way to the runs that it concerns."""

    success: bool = Field(examples=[True])


class Health(BaseModel):
    """The process lives."""

    status: str = Field(examples=["ok"])


_REFUSALS: Final = {
    400: "A field does not validate; `path` names it.",
    401: "The write key is missing, unknown or revoked.",
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
    """Describe the answers to a refused request, without some statuses."""
    return {
        status: {
            "model": ErrorAnswer,
            "description": text,
            **({"headers": _RETRY_AFTER} if status in {429, 503} else {}),
        }
        for status, text in _REFUSALS.items()
        if status not in without
    }
