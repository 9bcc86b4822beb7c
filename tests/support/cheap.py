"""Make test runs cheap: SQL is compiled once.

Tests see no difference: the statements are the same.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache
from temporalio.worker import _worker

from sojourn.store import engine as engines

STATEMENTS = 5000
"""As many as there are, of both dialects."""


def statements_compiled_once() -> None:
    """Let all stores of the process share the SQL of their statements.

    A test opens its own stores, and each would compile every statement again. SQLAlchemy caches
    statements by dialect object, of which every engine has one: here, dialects of a kind are equal.
    """
    compiled: Any = LRUCache(STATEMENTS)
    dialects: tuple[Any, ...] = (PGDialect_asyncpg, SQLiteDialect_aiosqlite)
    for dialect in dialects:
        dialect.__hash__, dialect.__eq__ = _kind, _same_kind
    own: Any = engines
    make: Callable[..., AsyncEngine] = own._engine

    def sharing(*arguments: Any) -> AsyncEngine:
        made = make(*arguments)
        made.sync_engine._compiled_cache = compiled
        return made

    own._engine = sharing


def workers_of_one_build() -> None:
    """Give workers their build id, since otherwise the SDK hashes all code of the process."""
    own: Any = _worker
    own._default_build_id = "tests"  # where it keeps the hash


def _kind(self: Dialect) -> int:
    return hash(type(self))


def _same_kind(self: Dialect, other: object) -> bool:
    """Return whether two dialects give the same SQL: both know the same about their server."""
    version = "server_version_info"
    return isinstance(other, type(self)) and getattr(self, version, None) == getattr(
        other, version, None
    )
