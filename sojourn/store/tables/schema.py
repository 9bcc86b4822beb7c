"""The schema itself: its version, and indexes that no query needs any more."""

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

RETIRED_INDEXES = (
    "ix_contents_address",
    "ix_events_unrouted",
    "ix_ledger_message",
    "ix_ledger_workflow",
    "ix_ledger_customer",
    "ix_ledger_provider_id",
    "ix_ledger_unsent",
    "ix_ledger_sent",
)
"""Indexes that no query needs any more; `sojourn migrate` drops them once the others are built.

The former release works without them, more slowly.
"""


class SchemaVersionRow(SQLModel, table=True):
    """The newest migration that has run (`store.migrating`)."""

    __tablename__ = "schema_version"

    version_num: str = Field(sa_column=Column(String(32), primary_key=True))
