"""Errors that say that the database is away or cannot work now, so that trying later helps."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sojourn.domain.errors import StoreUnavailable

_CLASSES = frozenset({"08", "53", "57", "58"})
"""PostgreSQL's classes of errors: of the connection, of resources (connections, memory, disk), of
an operator's intervention (shut down, starting up), of the system.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_READ_ONLY = "25006"
"""The server has become a stand-by, or its owner has made it read-only."""


def is_lost(error: BaseException) -> bool:
    """Tell whether an error says that the database is away, for every statement alike."""
    match error:
        case StoreUnavailable() | PoolTimeout() | OSError():
            return True
        case DBAPIError():
            state = getattr(error.orig, "sqlstate", None) or ""
            return error.connection_invalidated or state[:2] in _CLASSES or state == _READ_ONLY
    return False


def may_pass(error: BaseException) -> bool:
    """Tell whether the same statement may succeed later: it was lost, or SQLite's file is busy."""
    return is_lost(error) or isinstance(error, OperationalError | InterfaceError)
