"""Events: stored, still to be told, set aside; and who may send them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, String, false
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns


class EventRow(SQLModel, table=True):
    """A customer event, stored before any run hears it. ``seq`` is its order of arrival."""

    __tablename__ = "events"
    __table_args__ = (
        # none of these columns changes when a run is told: PostgreSQL then writes no index
        Index("ix_events_customer", "customer_id", "name", "occurred_at"),
    )

    seq: int | None = columns.number()
    message_id: str = Field(unique=True)
    customer_id: str
    sent_as: str | None = None
    """The id that the event was stored under, if an alias call has moved it since. Runs that the
    event started, or is about to start, have that id."""
    copy_of: str | None = None
    """The message id of the original, if this is a copy for runs of the person's other id."""
    name: str
    occurred_at: datetime = columns.moment()
    received_at: datetime = columns.moment()
    routed_at: datetime | None = columns.maybe()
    aside_at: datetime | None = columns.maybe()
    """When it was set aside because no run could be told of it; the quarantine has it."""
    properties: dict[str, Any] = columns.json()
    """The properties that were understood, under the names of the event's fields."""
    as_sent: dict[str, Any] | None = columns.maybe_json()
    """Name and properties as they were sent, if these differ: nothing that was sent is lost."""


class ToRouteRow(SQLModel, table=True):
    """An event that no run was told of yet. Triggers of the database write these rows.

    They are few, and go when the event's ``routed_at`` or ``aside_at`` is set.
    """

    __tablename__ = "to_route"
    __table_args__ = (Index("ix_to_route_customer", "customer_id", "seq"),)

    seq: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    """The event's."""
    customer_id: str
    """The event's: an alias call moves both."""


class QuarantineRow(SQLModel, table=True):
    """A call of a known event that does not validate, kept until an operator mends it."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_open", "settled_at", "id"),)

    id: int | None = columns.number()
    digest: str = Field(unique=True)
    """SHA-256 of the call: a sender's retries share a row."""
    call: dict[str, Any] = columns.json()
    """The tracking call as it was sent, or as an operator mended it."""
    name: str
    path: str
    """The field at fault."""
    reason: str
    source: str
    """The sender: a write key's id, or a webhook's name."""
    received_at: datetime = columns.moment()
    mended_at: datetime | None = columns.maybe()
    """The moment since which the call validates; path and reason still name the first fault."""
    settled_at: datetime | None = columns.maybe()
    outcome: str | None = None
    """redriven or dropped."""


class SecretRow(SQLModel, table=True):
    """An event with a secret that is to be forgotten."""

    __tablename__ = "secrets"
    __table_args__ = (Index("ix_secrets_customer", "customer_id"),)

    message_id: str = Field(primary_key=True)
    """The event's."""
    customer_id: str
    until: datetime = columns.moment(index=True)
    """When to forget it, by the machine's clock."""


class RequestRow(SQLModel, table=True):
    """A subject that a request is counted by, if a journey's start has limits."""

    __tablename__ = "requests"
    __table_args__ = (
        Index("ix_requests_digest", "digest", "journey", "at"),
        Index("ix_requests_customer", "customer_id", "journey", "at"),
    )

    id: int | None = columns.number()
    message_id: str
    """The event's."""
    customer_id: str
    journey: str
    subject: str
    """Customer, address or network (`domain.abuse`)."""
    digest: str = ""
    """The hash of the address or the network; empty for the customer."""
    at: datetime = columns.moment()
    """The moment of the request, by the journeys' clock."""
    until: datetime = columns.moment(index=True)
    """From this moment of the machine's clock on, it no longer counts."""


class WriteKeyRow(SQLModel, table=True):
    """A key that may send events. Only its digest is kept."""

    __tablename__ = "write_keys"

    id: str = Field(primary_key=True)
    """The public name of the key, in logs and lists."""
    digest: str = Field(unique=True)
    """SHA-256 of the key, which is random enough to need no salt."""
    name: str
    events: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    """The event names that it may send; None means all."""
    rate: int | None = None
    """The most calls a second, over all processes; None means no limit of its own."""
    kind: str = Field(
        default="server", sa_column=Column(String, nullable=False, server_default="server")
    )
    """server or browser: everybody can read a browser's key (`store.keys.Kind`)."""
    may_wait: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    """Its calls may ask what an event did to the customer's runs."""
    created_at: datetime = columns.moment()
    revoked_at: datetime | None = columns.maybe()
