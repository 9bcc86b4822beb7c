"""Request bodies: read within their limits, inflated, parsed."""

import asyncio
import zlib
from typing import Any

from starlette.requests import Request

from sojourn.domain.errors import BadEvent
from sojourn.domain.strict_json import read_json as read_strict_json
from sojourn.gateway.http.faults import Refusal

CALL_LIMIT = 32 << 10
"""Bytes of a call, as in Segment's specification."""
BATCH_LIMIT = 500 << 10

MEMBERS = 16
_TYPES = {"", "application/json", "text/plain", "application/x-www-form-urlencoded"}
"""What JSON comes as. analytics.js sends text/plain, for which browsers ask no leave; some senders
name no type; curl, and RudderStack's SDK for Node when it packs a body, leave it at a form's.
"""
_CHARSETS = {"", "utf-8", "utf8", "us-ascii"}
_GZIP = {"gzip", "x-gzip"}


async def read_json(request: Request, *, limit: int, seconds: float) -> dict[str, Any]:
    """The object in a request's body.

    Args:
        request: whose body has not been read.
        limit: bytes, inflated.
        seconds: how long the body may take to arrive.

    Raises:
        Refusal: too large, too slow, or of a type that is not taken.
        BadEvent: it is no JSON object.
    """
    _check_type(request.headers.get("content-type", ""))
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", *_GZIP}:
        raise Refusal(415, "Content-Encoding", "must be gzip, or none")
    body = await read_body(request, limit=limit, seconds=seconds)
    return parse(inflate(body, limit) if encoding in _GZIP else body)


def _check_type(header: str) -> None:
    kind, *parameters = header.lower().split(";")
    if kind.strip() not in _TYPES:
        raise Refusal(415, "Content-Type", "must be application/json")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in _CHARSETS:
            raise Refusal(415, "Content-Type", "must be UTF-8")


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """A request's body as it comes; no more of it is read than may be.

    Raises:
        Refusal: too large, or too slow.
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
    """A gzipped body; no more of it is inflated than may be.

    Raises:
        Refusal: it is larger than ``limit``.
        BadEvent: it is no gzip.
    """
    plain = bytearray()
    for _ in range(MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            plain += member.decompress(body, limit + 1 - len(plain))
        except zlib.error:
            raise BadEvent("body", "is no gzip") from None
        if len(plain) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise BadEvent("body", "is cut off: its gzip has no end")
        if not member.unused_data:
            return bytes(plain)
        body = member.unused_data  # a gzip may be several, one after the other
    raise BadEvent("body", f"is a gzip of more than {MEMBERS} parts")


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "body", f"is larger than {limit >> 10} KB")


def parse(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadEvent: it is no such object, or one that two readers would read differently.
    """
    value = read_strict_json(body, unique=True)
    if not isinstance(value, dict):
        raise BadEvent("body", "must be a JSON object")
    return value
