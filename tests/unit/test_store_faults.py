"""Errors of PostgreSQL by their state: those that pass are "try again", the others are bugs."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sojourn.domain.errors import StoreUnavailable
from sojourn.gateway.http.faults import refusal
from sojourn.store.faults import is_lost, may_pass

AWAY = (
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.ConnectionFailureError,
    asyncpg.PostgresIOError,
)
BUGS = (asyncpg.UndefinedTableError, asyncpg.NotNullViolationError, asyncpg.DataError)


def _wrapped(kind: type[asyncpg.PostgresError]) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, kind("no"))


@pytest.mark.parametrize("kind", AWAY)
def test_a_server_that_cannot_now_is_503(kind: type[asyncpg.PostgresError]) -> None:
    error = _wrapped(kind)
    assert is_lost(error)
    answer = refusal(error)
    assert answer is not None
    assert (answer.status, bool(answer.retry_after)) == (503, True)


@pytest.mark.parametrize("kind", BUGS)
def test_a_statement_that_the_server_refuses_is_a_bug(kind: type[asyncpg.PostgresError]) -> None:
    assert not may_pass(_wrapped(kind))
    assert refusal(_wrapped(kind)) is None


@pytest.mark.parametrize(
    "error", [StoreUnavailable("x"), PoolTimeout(), OSError(), ConnectionRefusedError()]
)
def test_a_server_that_is_not_reached_is_503(error: Exception) -> None:
    assert is_lost(error)
    answer = refusal(error)
    assert answer is not None
    assert answer.status == 503


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_busy_file_may_be_free_later(kind: type[DBAPIError]) -> None:
    error = kind("SELECT 1", {}, Exception("database is locked"))
    assert may_pass(error)
    assert not is_lost(error)
