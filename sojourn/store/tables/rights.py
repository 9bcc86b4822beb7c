"""The rights of a person: restrictions, erasures, and what proves them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, text
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
UNSCRUBBED = "scrubbed_at IS NULL"
"""An erasure whose data may still be in the database's files."""


class RestrictionRow(SQLModel, table=True):
    """A time during which a customer's data are kept, but not used."""

    __tablename__ = "restrictions"
    __table_args__ = (Index("ix_restrictions_customer", "customer_id", "id"),)

    id: int | None = columns.number()
    customer_id: str
    at: datetime = columns.moment()
    why: str
    by: str
    lifted_at: datetime | None = columns.maybe()
    lifted_why: str | None = None
    lifted_by: str | None = None


class ErasureRow(SQLModel, table=True):
    """The proof that a person was erased and, until the erasure is finished, what is left to do."""

    __tablename__ = "erasures"
    __table_args__ = (
        Index(
            "ix_erasures_unfinished",
            "id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index("ix_erasures_customer", "customer"),
        Index(
            "ix_erasures_unscrubbed",
            "id",
            sqlite_where=text(UNSCRUBBED),
            postgresql_where=text(UNSCRUBBED),
        ),
    )

    id: int | None = columns.number()
    customer: str
    """The keyed hash of the customer's id (`store.tombstones`)."""
    asked_at: datetime = columns.moment()
    why: str
    by: str
    finished_at: datetime | None = columns.maybe()
    counts: dict[str, int] = columns.json()
    """Rows that were deleted, emptied or hashed, by table, and ``histories`` in Temporal."""
    todo: dict[str, Any] | None = columns.maybe_json()
    """The ids, addresses and runs that are still to be searched for; None once it is finished."""
    dropped: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    """Calls of the erased person that came later and were not kept."""
    tries: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    fault: str | None = None
    """Why the last attempt did not finish."""
    scrubbed_at: datetime | None = columns.maybe()
    """When the erased data were gone from the database's files; None: not yet."""
    scrub_after: datetime | None = columns.maybe()
    """When to try again, since the files were in use."""


class ErasedAddressRow(SQLModel, table=True):
    """An address of an erased person, as its digest: later records of it are kept hashed."""

    __tablename__ = "erased_addresses"

    digest: str = Field(primary_key=True)
    """The digest of channel and address, as `store.digests` makes it."""
    at: datetime = columns.moment()


class SaltRow(SQLModel, table=True):
    """The key of the hashes that stand for erased ids and addresses."""

    __tablename__ = "salts"

    name: str = Field(primary_key=True)
    salt: str
