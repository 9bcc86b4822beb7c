"""The tables. Alembic's history in `store/migrations` makes them; a test compares the two."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from sojourn.domain.states import AttemptState, MessageState


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite keeps no zone, so UTC goes in and UTC comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive moment; nobody could say later what it meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class State(TypeDecorator[StrEnum]):
    """A state, kept as its word."""

    impl = String
    cache_ok = True

    def __init__(self, states: type[StrEnum]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Give the database the plain word."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Give the member back."""
        return None if value is None else self.states(value)


# SQLite numbers rows by itself only where the type is INTEGER to the letter
_BIG = BigInteger().with_variant(Integer, "sqlite")


def _number() -> Any:
    return Field(default=None, sa_column=Column(_BIG, primary_key=True))


def _moment(*, index: bool = False) -> Any:
    return Field(sa_column=Column(UtcDateTime(), nullable=False, index=index))


def _maybe(*, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime(), nullable=True, index=index))


def _state(states: type[StrEnum]) -> Any:
    return Field(sa_column=Column(State(states), nullable=False))


def _json() -> Any:
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class CustomerRow(SQLModel, table=True):
    """A customer's card. The row is also the customer's lock, so an event alone makes one."""

    __tablename__ = "customers"
    __table_args__ = (Index("ix_customers_joined", "joined_to"),)

    customer_id: str = Field(primary_key=True)
    joined_to: str | None = None
    """Another customer id of the same person, which holds everything since an alias call."""
    joined_at: datetime | None = _maybe()
    """When that was said."""
    merged: bool = False
    """Other ids were joined to this one."""
    identified_at: datetime | None = _maybe()
    erased_at: datetime | None = _maybe()
    first_name: str = ""
    email: str = ""
    phone: str = ""
    push_token: str = ""
    locale: str = ""
    timezone: str = ""
    attributes: dict[str, Any] = _json()
    said: dict[str, list[str]] = _json()
    """When each field was said, and by which call: ``email``, ``traits.plan``."""


class ConsentRow(SQLModel, table=True):
    """One statement of consent or refusal. Append-only: the latest word counts."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_customer", "customer_id", "id"),)

    id: int | None = _number()
    customer_id: str
    channel: str
    topic: str = ""
    """Empty: promotional messages on this channel, whatever the topic."""
    granted: bool
    at: datetime = _moment()
    source: str
    """What recorded it: the message id of an identify call, a form, an operator."""


class EventRow(SQLModel, table=True):
    """A customer event, kept before anybody acts on it. ``seq`` is its order of arrival."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_customer", "customer_id", "name", "occurred_at"),
        Index(
            "ix_events_unrouted",
            "customer_id",
            "seq",
            sqlite_where=text("routed_at IS NULL"),
            postgresql_where=text("routed_at IS NULL"),
        ),
    )

    seq: int | None = _number()
    message_id: str = Field(unique=True)
    customer_id: str
    sent_as: str | None = None
    """The id it was stored under, if an alias call has moved it since: runs that it started, or is
    about to start, bear that id."""
    name: str
    occurred_at: datetime = _moment()
    received_at: datetime = _moment()
    routed_at: datetime | None = _maybe()
    properties: dict[str, Any] = _json()


class RunRow(SQLModel, table=True):
    """A run that was started, as a hint where to send events; Temporal knows whether it is open."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("workflow_id", "run_id"),
        Index("ix_runs_customer", "customer_id", "closed_at"),
    )

    id: int | None = _number()
    workflow_id: str
    run_id: str
    """Temporal's id of the execution that the start met or made."""
    journey: str
    customer_id: str
    key: str = ""
    enrolment: str
    """The message id of the event that started it."""
    started_at: datetime = _moment()
    closed_at: datetime | None = _maybe()


# What a query must say, to the letter, to find the index of these rows: SQLite compares the words.
UNSENT = "state NOT IN ('sent', 'skipped')"
SENT = "state = 'sent'"


class LedgerRow(SQLModel, table=True):
    """A message that was decided on, and what became of it."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ix_ledger_message", "message_id"),
        Index("ix_ledger_workflow", "workflow_id", "state"),
        Index("ix_ledger_customer", "customer_id", "state"),
        Index("ix_ledger_provider_id", "provider_id"),
        # in the order of the operators' list, with all that is counted
        Index(
            "ix_ledger_unsent",
            "state",
            "id",
            "channel",
            sqlite_where=text(UNSENT),
            postgresql_where=text(UNSENT),
        ),
        Index(
            "ix_ledger_sent",
            "settled_at",
            "channel",
            sqlite_where=text(SENT),
            postgresql_where=text(SENT),
        ),
    )

    id: int | None = _number()
    ledger_key: str = Field(unique=True)
    """``{workflow id}/{enrolment}/{n}-{step}/{channel}``."""
    reference: str = Field(unique=True)
    """The ledger key as providers know it (`domain.reports.reference`)."""
    message_id: str
    """The ledger key without its channel."""
    workflow_id: str
    enrolment: str
    journey: str
    customer_id: str
    n: int
    step: str
    template: str
    channel: str
    message_class: str
    topic: str
    state: MessageState = _state(MessageState)
    reason: str | None = None
    detail: str | None = None
    """What a provider or a template said."""
    attempt: int = 0
    due_at: datetime = _moment()
    decided_at: datetime = _moment()
    """By the journey's clock."""
    held_until: datetime | None = _maybe()
    caused_by: str | None = None
    """The event that made the gate say no."""
    claimed_at: datetime | None = _maybe()
    """By the machine's clock, under the customer's lock."""
    submitted_at: datetime | None = _maybe()
    settled_at: datetime | None = _maybe()
    provider: str | None = None
    provider_id: str | None = None
    possible_duplicate: bool = False
    progress: str | None = None
    """How far a sent message has come, by the provider's reports (`domain.reports.Kind`)."""
    progress_at: datetime | None = _maybe()


class AttemptRow(SQLModel, table=True):
    """One time that a message was handed to a provider, and how that ended."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_ledger", "ledger_id", "id"),
        Index("ix_attempts_provider_id", "provider_id"),
    )

    id: int | None = _number()
    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    attempt: int
    """The ledger's count of claims; `LedgerRow.attempt` at that time."""
    provider: str
    state: AttemptState = _state(AttemptState)
    submitted_at: datetime = _moment()
    """By the machine's clock, as providers count."""
    journey_at: datetime = _moment()
    """The same moment by the journey's clock, by which retries wait."""
    settled_at: datetime | None = _maybe()
    settled_by: str | None = None
    """answer, look-up, report, gate (the message's class decided) or an operator's name."""
    provider_id: str | None = None
    error: str | None = None
    """The kind of a provider's error: ``RateLimited``."""
    detail: str | None = None
    """What the provider said."""


class ReportRow(SQLModel, table=True):
    """What a provider told of a message, once for each of its events."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("ix_reports_ledger", "ledger_id", "id"),
    )

    id: int | None = _number()
    provider: str
    event_id: str
    ledger_id: int | None = Field(
        default=None,
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=True),
    )
    """None: of a message that is not ours."""
    kind: str
    at: datetime = _moment()
    received_at: datetime = _moment()
    detail: str = ""


class SuppressionRow(SQLModel, table=True):
    """An address to which nothing is sent, whoever has it."""

    __tablename__ = "suppressions"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    because: str
    """bounced, complained, gone, or an operator's word."""
    at: datetime = _moment()
    source: str
    """Which report or answer said so."""


class ChannelRow(SQLModel, table=True):
    """A channel that was paused; one that never was has no row."""

    __tablename__ = "channels"

    channel: str = Field(primary_key=True)
    paused_at: datetime | None = _maybe()
    paused_because: str = ""
    """What the provider or the operator said."""
    paused_by: str = ""
    """A provider's name: a probe that succeeds resumes it. An operator's: only an operator does."""
    resumed_at: datetime | None = _maybe()
    probe_at: datetime | None = _maybe()
    """When the next probe is due."""


class ContentRow(SQLModel, table=True):
    """The full text of a message, as it was handed to the provider."""

    __tablename__ = "contents"
    __table_args__ = (Index("ix_contents_address", "address"),)

    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), primary_key=True)
    )
    address: str
    content: dict[str, Any] = _json()


class AddressRow(SQLModel, table=True):
    """An address a customer had, and from when. Append-only: the card holds the current one."""

    __tablename__ = "addresses"
    __table_args__ = (Index("ix_addresses_customer", "customer_id", "kind", "id"),)

    id: int | None = _number()
    customer_id: str
    kind: str
    """email, phone or push_token."""
    value: str
    """Empty: the address was withdrawn."""
    at: datetime = _moment()
    source: str
    """The message id of the identify call that said so."""


class QuarantineRow(SQLModel, table=True):
    """A call that names a known event and does not validate: kept until somebody mends it."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_open", "settled_at", "id"),)

    id: int | None = _number()
    digest: str = Field(unique=True)
    """SHA-256 of the call: a sender's retries are one row."""
    call: dict[str, Any] = _json()
    """The tracking call as it was sent, or as somebody mended it."""
    name: str
    path: str
    """The field at fault."""
    reason: str
    source: str
    """Who sent it: a write key's id, or a webhook's name."""
    received_at: datetime = _moment()
    mended_at: datetime | None = _maybe()
    """Since when the call validates; path and reason still say what was wrong with it."""
    settled_at: datetime | None = _maybe()
    outcome: str | None = None
    """redriven or dropped."""


class TicketRow(SQLModel, table=True):
    """Work for a person, kept here where no helpdesk is told of it."""

    __tablename__ = "tickets"

    id: int | None = _number()
    name: str = Field(unique=True)
    """What asked for it, the same in every attempt."""
    customer_id: str = Field(index=True)
    run: str
    """The workflow id of the run that asked."""
    subject: str
    opened_at: datetime = _moment()
    closed_at: datetime | None = _maybe()
    closed_by: str | None = None


class WriteKeyRow(SQLModel, table=True):
    """A key that may send events. Only its digest is kept."""

    __tablename__ = "write_keys"

    id: str = Field(primary_key=True)
    """Public: names the key in logs and lists."""
    digest: str = Field(unique=True)
    """SHA-256 of the key, which is random enough to need no salt."""
    name: str
    events: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    """Event names it may send; None: all."""
    rate: int | None = None
    """Calls a second, over all processes together; None: no limit of its own."""
    created_at: datetime = _moment()
    revoked_at: datetime | None = _maybe()
