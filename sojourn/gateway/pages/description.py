"""The part of the OpenAPI document that describes the links in messages."""

from typing import Any, Final

from sojourn.gateway.http.description import ErrorAnswer

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
"""The form that a mail provider posts to unsubscribe a customer."""


def damaged_page() -> dict[int | str, dict[str, Any]]:
    """Describe the answer to a link that was not made here, or was cut off."""
    return {
        404: {
            "model": ErrorAnswer,
            "description": "The link is damaged: a page that leads to the shop. JSON, if there "
            "is no such path.",
            "content": {"text/html": {}},
        }
    }


CHOICES: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "form": {"type": "string", "description": "As the page has it."},
                        "do": {"type": "string", "enum": ["save", "stop", "undo"]},
                    },
                    "required": ["form"],
                    "additionalProperties": {"type": "string"},
                },
            }
            for kind in ("application/x-www-form-urlencoded", "multipart/form-data")
        },
    }
}
"""The form of the preference page."""
