"""Request bodies: read within their limits, inflated, parsed."""

import asyncio
import zlib
from typing import Any

from starlette.requests import Request

from sojourn.domain import strict_json
from sojourn.domain.errors import BadEvent
from sojourn.gateway.http.faults import Refusal

MEMBERS = 16
"""The most parts of one gzip: beginning a part costs the same, however short it is."""
_TYPES = {"", "application/json", "text/plain", "application/x-www-form-urlencoded"}
"""Types under which JSON comes. analytics.js sends text/plain, for which browsers need no
preflight; some senders name no type; curl, and RudderStack's SDK for Node when it packs a body,
send a form's.
"""
_CHARSETS = {"", "utf-8", "utf8", "us-ascii"}
_GZIP = {"gzip", "x-gzip"}


async def read_json(request: Request, *, limit: int, seconds: float) -> dict[str, Any]:
    """Read the JSON object in a request's body.

    Args:
        request: its body has not been read.
        limit: the most bytes of the inflated body.
        seconds: time within which the body must arrive.

    Returns:
        The object.

    Raises:
        Refusal: the body is too large, too slow, or of a type that is not taken.
        BadEvent: it is not a JSON object, or one that two parsers would read differently.
    """
    _check_type(request.headers.get("content-type", ""))
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", *_GZIP}:
        raise Refusal(415, "Content-Encoding", "must be gzip, or left out")
    body = await read_body(request, limit=limit, seconds=seconds)
    plain = inflate(body, limit) if encoding in _GZIP else body
    value = strict_json.read_json(plain, unique=True, constants=True)
    if not isinstance(value, dict):
        raise BadEvent("body", "must be a JSON object")
    return value


def _check_type(header: str) -> None:
    kind, *parameters = header.lower().split(";")
    if kind.strip() not in _TYPES:
        raise Refusal(415, "Content-Type", "must be application/json")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in _CHARSETS:
            raise Refusal(415, "Content-Type", "must be UTF-8")


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """Read a request's body as it arrives, up to the limit.

    Args:
        request: its body has not been read.
        limit: the most bytes.
        seconds: time within which the body must arrive.

    Returns:
        The body, byte for byte.

    Raises:
        Refusal: it is too large, or too slow.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise Refusal(408, "body", f"did not arrive within {seconds:g} s") from None
    return bytes(body)


def inflate(body: bytes, limit: int) -> bytes:
    """Inflate a gzipped body, up to ``limit`` bytes.

    Raises:
        Refusal: it is larger than that.
        BadEvent: it is no gzip.
    """
    plain = bytearray()
    for _ in range(MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            plain += member.decompress(body, limit + 1 - len(plain))
        except zlib.error:
            raise BadEvent("body", "is not gzip") from None
        if len(plain) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise BadEvent("body", "is cut off: its gzip has no end")
        if not member.unused_data:
            return bytes(plain)
        body = member.unused_data  # a gzip may consist of several parts in a row
    raise BadEvent("body", f"is a gzip of more than {MEMBERS} parts")


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "body", f"is larger than {limit >> 10} KB")
