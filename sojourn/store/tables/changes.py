"""Changes that others follow, and the addresses that are told of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns


class MarkRow(SQLModel, table=True):
    """A row that has changed since it was measured. Triggers of the database write the marks.

    Each change has its own mark: a mark shared by several changes could be deleted by a pass that
    has not seen the latest of them.
    """

    __tablename__ = "marks"

    id: int | None = columns.number()
    kind: str
    """message, event or run; with ``_changed``, a kind of `ChangeRow` that is not measured."""
    ref: int = Field(sa_type=columns.BIG)
    """The number of the row in the table of its kind."""


class ChangeRow(SQLModel, table=True):
    """The newest change of something that others follow: a message, a report, an event, ...

    Numbers are given by one transaction at a time (`store.changes`), so that a lower one never
    comes after a higher one was read.
    """

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_seq", "seq"), Index("ix_changes_news", "news"))

    kind: str = Field(primary_key=True)
    """`store.changes.Kind`."""
    ref: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    """The number of the row in the table of its kind, which may be gone."""
    seq: int = Field(sa_type=columns.BIG)
    """The number of its newest change."""
    state: str
    """At that change, where its kind has states; else empty."""
    news: int = Field(sa_type=columns.BIG)
    """The number of the change that brought it into that state."""


class ChangeFeedRow(SQLModel, table=True):
    """The last number that a change was given. One row, once somebody follows them."""

    __tablename__ = "change_feed"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    token: str
    """Tells these numbers from those of another database."""
    seq: int = Field(sa_type=columns.BIG)
    """The last number that was given."""
    cursors: dict[str, int] = columns.json()
    """By kind: the newest row of its table that has a change."""


class HookRow(SQLModel, table=True):
    """An address that is told what happens (`domain.hooks`)."""

    __tablename__ = "hooks"

    name: str = Field(primary_key=True)
    seq: int = Field(sa_type=columns.BIG)
    """The last news that has a call (`ChangeRow.news`)."""
    failures: int = 0
    """The times that the breaker opened since a post was taken."""
    open_until: datetime | None = columns.maybe()
    """The breaker is open: nothing is posted before this moment."""
    leased_until: datetime | None = columns.maybe()
    """A worker posts to it until then."""
    given_up: int = 0
    """Calls that were refused for days, and are told no more."""
    fault: str | None = None
    """The reason why the last post failed."""


class HookCallRow(SQLModel, table=True):
    """A piece of news that an address is still to be told. It goes once it is told."""

    __tablename__ = "hook_calls"
    __table_args__ = (
        Index("ix_hook_calls_order", "hook", "customer_id", "id"),
        Index("ix_hook_calls_customer", "customer_id"),
    )

    id: int | None = columns.number()
    hook: str
    seq: int = Field(sa_type=columns.BIG)
    """`ChangeRow.news`."""
    customer_id: str
    """The customer whose later news waits for it."""
    name: str
    """The webhook-id, the same in every attempt."""
    body: dict[str, Any] = columns.json()
    tries: int = 0
    next_at: datetime | None = columns.maybe()
    """When it is posted again; None: at once."""
