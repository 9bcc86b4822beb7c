"""Customers: their cards, addresses, devices and lists."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
HAS_EMAIL = "email <> ''"
HAS_PHONE = "phone <> ''"
HAS_PHONE2 = "phone2 <> ''"


class CustomerRow(SQLModel, table=True):
    """A customer's card. The row is also the customer's lock, so an event alone makes one."""

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_joined", "joined_to"),
        Index(
            "ix_customers_email",
            text("lower(email)"),
            sqlite_where=text(HAS_EMAIL),
            postgresql_where=text(HAS_EMAIL),
        ),
        Index(
            "ix_customers_phone",
            "phone",
            sqlite_where=text(HAS_PHONE),
            postgresql_where=text(HAS_PHONE),
        ),
        Index(
            "ix_customers_phone2",
            "phone2",
            sqlite_where=text(HAS_PHONE2),
            postgresql_where=text(HAS_PHONE2),
        ),
    )

    customer_id: str = Field(primary_key=True)
    joined_to: str | None = None
    """Another customer id of the same person, which holds everything since an alias call."""
    joined_at: datetime | None = columns.maybe()
    """The moment of the alias call."""
    merged: bool = False
    """Other ids were joined to this one."""
    identified_at: datetime | None = columns.maybe()
    erased_at: datetime | None = columns.maybe()
    restricted_at: datetime | None = columns.maybe()
    """Since when the data are kept and nothing is sent (`store.restrictions`)."""
    snoozed_until: datetime | None = columns.maybe()
    """The customer wants no promotional message before this moment (`store.choices`)."""
    in_care_until: datetime | None = columns.maybe()
    """The latest end of the customer's mutes (`store.mutes`), where the gate reads it."""
    in_care_of: str | None = None
    """The journey of that mute."""
    least_days: dict[str, int] | None = columns.maybe_json()
    """By topic: the calendar days that the customer wants between two messages on it."""
    first_name: str = ""
    email: str = ""
    phone: str = ""
    phone2: str = ""
    push_token: str = ""
    locale: str = ""
    timezone: str = ""
    attributes: dict[str, Any] = columns.json()
    said: dict[str, list[str]] = columns.json()
    """The moment and the call that said each field: ``email``, ``traits.plan``."""


class AddressRow(SQLModel, table=True):
    """An address of a customer since a moment. Append-only: the card holds the current one."""

    __tablename__ = "addresses"
    __table_args__ = (Index("ix_addresses_customer", "customer_id", "kind", "id"),)

    id: int | None = columns.number()
    customer_id: str
    kind: str
    """email, phone, phone2 or push_token."""
    value: str
    """Empty means that the address was withdrawn."""
    at: datetime = columns.moment()
    source: str
    """The message id of the identify call that brought the address."""


class DeviceRow(SQLModel, table=True):
    """A device of a customer: an app, or a browser, that takes push messages."""

    __tablename__ = "devices"
    __table_args__ = (Index("ix_devices_customer", "customer_id", "used_at"),)

    id: int | None = columns.number()
    customer_id: str
    token: str = Field(unique=True)
    platform: str = ""
    since: datetime = columns.moment()
    used_at: datetime = columns.moment()
    """The moment of the newest call that named it."""
    gone_at: datetime | None = columns.maybe()
    """When a provider called the token dead, or the app was removed."""
    source: str
    """The message id of that call."""


class IdentifyRow(SQLModel, table=True):
    """An identify call that was heard, so that a repetition changes nothing."""

    __tablename__ = "identify_calls"
    __table_args__ = (
        Index("ix_identify_calls_customer", "customer_id"),
        Index("ix_identify_calls_heard", "heard_at"),
    )

    message_id: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    """SHA-256 of the call's content: another content under a used id is another call."""
    heard_at: datetime = columns.moment()
    customer_id: str | None = None
    """The customer it was about; None in rows from before this column existed."""


class ListedRow(SQLModel, table=True):
    """A customer on a list."""

    __tablename__ = "listed"
    __table_args__ = (
        UniqueConstraint("list", "customer_id"),
        Index("ix_listed_customer", "customer_id"),
    )

    id: int | None = columns.number()
    list: str
    customer_id: str
    at: datetime = columns.moment()
    source: str
    """The file or audience that it comes from, or who put them on."""
