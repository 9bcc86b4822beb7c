"""The kinds of columns that tables have."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Integer, String, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite keeps no zone, so it stores UTC and returns UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC; refuse a naive one, whose meaning would be lost."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its zone, UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class State(TypeDecorator[StrEnum]):
    """A state, stored as its word."""

    impl = String
    cache_ok = True

    def __init__(self, states: type[StrEnum]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the plain word for the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member of the enumeration."""
        return None if value is None else self.states(value)


# SQLite numbers rows by itself only if the type is spelt INTEGER
BIG = BigInteger().with_variant(Integer, "sqlite")


def number() -> Any:
    """Return a column that numbers its rows."""
    return Field(default=None, sa_column=Column(BIG, primary_key=True))


def moment(*, index: bool = False) -> Any:
    """Return a column of a moment."""
    return Field(sa_column=Column(UtcDateTime(), nullable=False, index=index))


def maybe(*, index: bool = False) -> Any:
    """Return a column of a moment, if there is one."""
    return Field(default=None, sa_column=Column(UtcDateTime(), nullable=True, index=index))


def state(states: type[StrEnum]) -> Any:
    """Return a column of a state.

    Args:
        states: those that there are.
    """
    return Field(sa_column=Column(State(states), nullable=False))


def count(*, big: bool = False) -> Any:
    """Return a column of a count, zero at first."""
    kind = BIG if big else Integer()
    return Field(default=0, sa_column=Column(kind, nullable=False, server_default=text("0")))


def json() -> Any:
    """Return a column of JSON values, empty at first."""
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def maybe_json() -> Any:
    """Return a column of JSON values, if there are any."""
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
