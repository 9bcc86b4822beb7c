"""The answer to a request that is not taken: a status, and JSON that says why."""

import random
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse
from temporalio.service import RPCError

from sojourn.domain.errors import BadEvent, Unavailable
from sojourn.store.faults import may_pass

RETRY_AWAY = 2
"""The least seconds after which to try again when the store or Temporal is away."""
RETRY_BUSY = 1
"""The least seconds after which to try again when there is too much at once."""
SPREAD = 8
"""An answer may name up to this many times as long, so that senders do not come back all at
once."""

CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal",
    501: "not_implemented",
    503: "unavailable",
}


@dataclass
class Refusal(Exception):
    """A request that is not taken.

    Args:
        status: the HTTP status.
        path: the field, or the part of the request, at fault.
        reason: what is wrong with it.
        retry_after: seconds after which to try again.
    """

    status: int
    path: str
    reason: str
    retry_after: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    def answer(self) -> JSONResponse:
        """Return the refusal as HTTP.

        ``code`` and ``message`` repeat it: the SDKs of Segment and RudderStack look for them, and
        RudderStack's takes a 4xx without them for a broken connection and tries again.
        """
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="write key"'
        if self.status == 408:
            headers["Connection"] = "close"  # nobody reads the rest of the body
        return JSONResponse(
            {
                "error": {"path": self.path, "reason": self.reason},
                "code": CODES[self.status],
                "message": str(self),
            },
            self.status,
            headers,
        )


class Forbidden(BadEvent):
    """A call that its sender's key does not cover."""


def busy(reason: str, *, retry_after: int | None = None) -> Refusal:
    """Return the refusal of a request for lack of capacity.

    Args:
        reason: why.
        retry_after: seconds after which to try again; None: soon, as the load of others decides.
    """
    if retry_after is None:
        return Refusal(429, "request", reason, spread(RETRY_BUSY, SPREAD * RETRY_BUSY))
    return Refusal(429, "request", reason, spread(retry_after, 2 * retry_after))


def away(reason: str) -> Refusal:
    """Return the refusal of a request that needs an absent server; it may be sent again whole."""
    return Refusal(503, "request", reason, spread(RETRY_AWAY, 3 * RETRY_AWAY))


def spread(least: int, most: int) -> int:
    """Return a random number of seconds, so that senders refused together come back one by one."""
    return random.randint(least, most)  # noqa: S311 (nobody gains by guessing it)


AWAY = (Unavailable, RPCError, DBAPIError, PoolTimeout, OSError)
"""Errors of a store or a Temporal that does not answer."""


def refusal(error: Exception) -> Refusal | None:
    """Return the refusal that answers an error; None if the error is a bug of ours."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, BadEvent):
        status = 403 if isinstance(error, Forbidden) else 400
        return Refusal(status, error.path, error.reason)
    reason = _away(error)
    return None if reason is None else away(reason)


def _away(error: Exception) -> str | None:
    """Name the server that does not answer; None if the error does not mean that."""
    match error:
        case Unavailable():
            return str(error)
        case RPCError():
            return f"Temporal failed ({error.status.name.lower()})"
        case DBAPIError() if not may_pass(error):
            return None  # the store answers, and would reject the same statement again
        case DBAPIError() | PoolTimeout() | OSError():
            return "the store does not answer"
    return None


async def answer(request: Request, error: Exception) -> JSONResponse:
    """Answer an error that `refusal` knows; raise any other one again."""
    known = refusal(error)
    if known is None:
        raise error
    return known.answer()


async def failed(request: Request, error: Exception) -> JSONResponse:
    """Answer a bug of ours; the log has its traceback."""
    return Refusal(500, "request", "failed on our side").answer()
