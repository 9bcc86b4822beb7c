"""Forms that a page's button or a mail provider posts, urlencoded or multipart."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from sojourn.gateway.http.bodies import read_body
from sojourn.gateway.http.faults import Refusal

FORM_LIMIT = 8 << 10
"""The most bytes of a form; a wish is one short field."""
FIELDS = 10
TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


async def read_form(
    request: Request, *, seconds: float, limit: int = FORM_LIMIT, fields: int = FIELDS
) -> dict[str, str]:
    """Read the fields of a form; files are not taken.

    Args:
        request: its body has not been read.
        seconds: time within which the body must arrive.
        limit: the most bytes.
        fields: the most fields.

    Returns:
        The fields, by name.

    Raises:
        Refusal: it is no form, too large, or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise Refusal(415, "Content-Type", f"must be {' or '.join(TYPES)}")
    body = await read_body(request, limit=limit, seconds=seconds)
    if kind == TYPES[0]:
        return _urlencoded(body, fields)

    async def again() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        form = await Request(request.scope, again).form(max_files=0, max_fields=fields)
    except (HTTPException, MultiPartException):
        raise Refusal(400, "body", "is not a form") from None
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


def _urlencoded(body: bytes, fields: int) -> dict[str, str]:
    try:
        found = parse_qsl(
            body.decode(errors="replace"), keep_blank_values=True, max_num_fields=fields
        )
    except ValueError:
        raise Refusal(400, "body", "is not a form") from None
    return dict(found)
