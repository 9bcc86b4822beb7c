"""Make test runs cheap: SQL is compiled once, and less is handed to threads.

Tests see no difference: the statements are the same.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache
from temporalio.worker import _worker

from sojourn.store import engine as engines

STATEMENTS = 5000
"""As many as there are, of both dialects."""
AT_ONCE = {"cursor", "fetchall", "fetchmany", "fetchone", "close"}
"""Methods of SQLite's driver that never wait: a statement has its lock once it has begun."""


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


def fewer_turns_of_threads() -> None:
    """Let SQLite's driver do directly what never waits, instead of in its thread.

    A statement is still handed to the thread: other tasks run meanwhile, as in production. So is
    everything after a statement that is not finished because its caller stopped waiting.
    """
    connection: Any = aiosqlite.Connection
    to_thread = connection._execute

    async def execute(self: Any, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        under_way = vars(self).setdefault("under_way", set())
        if not under_way and _waits_for_nothing(function):
            return function(*args, **more)
        turn = object()
        under_way.add(turn)

        def over() -> Any:
            try:
                return function(*args, **more)
            finally:
                under_way.discard(turn)

        return await to_thread(self, over)

    connection._execute = execute


def workers_of_one_build() -> None:
    """Give workers their build id, since otherwise the SDK hashes all code of the process."""
    own: Any = _worker
    own._default_build_id = "tests"  # where it keeps the hash


def _waits_for_nothing(function: Any) -> bool:
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    of = sqlite3.Connection if name == "cursor" else sqlite3.Cursor
    return name in AT_ONCE and isinstance(owner, of)


def _kind(self: Dialect) -> int:
    return hash(type(self))


def _same_kind(self: Dialect, other: object) -> bool:
    """Return whether two dialects give the same SQL: both know the same about their server."""
    version = "server_version_info"
    return isinstance(other, type(self)) and getattr(self, version, None) == getattr(
        other, version, None
    )
