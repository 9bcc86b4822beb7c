"""Messages: the ledger, what was handed over, and our answers to customers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, UniqueConstraint, text, true
from sqlmodel import Field, SQLModel

from sojourn.domain.states import AnswerState, AttemptState, MessageState
from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
HAS_WORDS = "detail <> ''"
"""Somebody's words, which age (`store.rights.aging`)."""
ACCEPTED = "state = 'accepted'"
"""An attempt by which the provider has the message."""
WAITS = "state = 'waiting'"
"""An answer that has not left."""


class LedgerRow(SQLModel, table=True):
    """A message that was decided on, and its outcome."""

    __tablename__ = "ledger"
    __table_args__ = (
        # none of these columns changes while a message leaves: PostgreSQL then writes no index
        Index("ix_ledger_named", "message_id", postgresql_using="hash"),
        Index("ix_ledger_run", "workflow_id"),
        Index("ix_ledger_counted", "customer_id", "message_class", "decided_at"),
        Index(
            "ix_ledger_counted_as",
            "counted_as",
            sqlite_where=text("counted_as IS NOT NULL"),
            postgresql_where=text("counted_as IS NOT NULL"),
        ),
        Index(
            "ix_ledger_words",
            "decided_at",
            sqlite_where=text(HAS_WORDS),
            postgresql_where=text(HAS_WORDS),
        ),
    )

    id: int | None = columns.number()
    ledger_key: str = Field(unique=True)
    """``{workflow id}/{enrolment}/{cause}/{step}/{channel}``; ``Delivery.message_id`` explains."""
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
    state: MessageState = columns.state(MessageState)
    reason: str | None = None
    detail: str | None = None
    """The words of the provider or the template engine."""
    attempt: int = 0
    due_at: datetime = columns.moment()
    decided_at: datetime = columns.moment()
    """By the journey's clock."""
    held_until: datetime | None = columns.maybe()
    held_for: str | None = None
    """The reasons of its holds, each once, with a space between: ``quiet_hours cap``."""
    caused_by: str | None = None
    """The message id of the event that made the gate skip the message."""
    claimed_at: datetime | None = columns.maybe()
    """By the machine's clock, under the customer's lock."""
    submitted_at: datetime | None = columns.maybe()
    settled_at: datetime | None = columns.maybe()
    provider: str | None = None
    provider_id: str | None = None
    possible_duplicate: bool = False
    twice_at: datetime | None = columns.maybe()
    """When it was proved that the message went out twice."""
    progress: str | None = None
    """The progress of a sent message, by the provider's reports (`domain.reports.Kind`)."""
    progress_at: datetime | None = columns.maybe()
    counted_as: str | None = None
    """The value by which a limit counts it: a limit of its step (`AtMost.key`), or of requests for
    confirmation to one address (`store.opting`)."""
    coupon: str | None = None
    """The pool from which it hands out a code."""
    variant: str | None = None
    """The variant whose words it has, or the customer's in the experiment that the run last asked
    about; None: there are no variants."""
    version: str | None = None
    """A text that identifies the code that decided on it (`Delivery.version`)."""
    would: str | None = None
    """The state that a message in shadow would have; "sent" once it was rendered."""


class UnsentRow(SQLModel, table=True):
    """A message that is neither sent nor skipped. Triggers of the database write these rows."""

    __tablename__ = "unsent"
    __table_args__ = (
        # the order of the operators' list, and every column of their counts
        Index("ix_unsent_state", "state", "ledger_id", "channel"),
        Index("ix_unsent_customer", "customer_id", "state"),
        Index("ix_unsent_workflow", "workflow_id", "state"),
    )

    ledger_id: int = Field(
        sa_column=Column(
            columns.BIG,
            ForeignKey("ledger.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    customer_id: str
    workflow_id: str
    channel: str
    state: str
    """`LedgerRow.state`; ``claimed`` also while it is being handed over."""


class AttemptRow(SQLModel, table=True):
    """One hand-over of a message to a provider, and its end."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_ledger", "ledger_id", "id"),
        Index("ix_attempts_provider_id", "provider_id"),
        # the order of the outbox
        Index(
            "ix_attempts_accepted",
            "settled_at",
            sqlite_where=text(ACCEPTED),
            postgresql_where=text(ACCEPTED),
        ),
        Index(
            "ix_attempts_words",
            "submitted_at",
            sqlite_where=text(HAS_WORDS),
            postgresql_where=text(HAS_WORDS),
        ),
    )

    id: int | None = columns.number()
    ledger_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    attempt: int
    """The value of `LedgerRow.attempt`, the count of claims, at that time."""
    provider: str
    state: AttemptState = columns.state(AttemptState)
    submitted_at: datetime = columns.moment()
    """By the machine's clock, as providers count."""
    journey_at: datetime = columns.moment()
    """The same moment by the journey's clock, on which retries wait."""
    settled_at: datetime | None = columns.maybe()
    settled_by: str | None = None
    """answer, look-up, report, gate (the message's class decided) or an operator's name."""
    provider_id: str | None = None
    error: str | None = None
    """The kind of a provider's error: ``RateLimited``."""
    detail: str | None = None
    """The words of the provider."""
    keyed: bool = Field(
        default=True, sa_column=Column(Boolean, nullable=False, server_default=true())
    )
    """False: it left in a call with others, whose idempotency key is not its alone."""
    language: str | None = None
    """The language that it was written in."""
    mailbox: str | None = None
    """The operator of the mailbox that it went to (`domain.measuring.mailboxes`)."""


class ContentRow(SQLModel, table=True):
    """The full text of a message, as it was handed to the provider."""

    __tablename__ = "contents"
    # in small letters: mail that comes back spells an address as it likes
    __table_args__ = (Index("ix_contents_lowered", text("lower(address)")),)

    ledger_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), primary_key=True)
    )
    address: str
    content: dict[str, Any] = columns.json()


class HandoverRow(SQLModel, table=True):
    """One message that was handed over for one device, in one attempt, and its end."""

    __tablename__ = "handovers"
    __table_args__ = (
        Index("ix_handovers_ledger", "ledger_id", "id"),
        Index("ix_handovers_reference", "reference"),
        Index("ix_handovers_submitted", "submitted_at"),
    )

    id: int | None = columns.number()
    ledger_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    attempt: int
    """As in `AttemptRow`."""
    address: str
    platform: str = ""
    reference: str
    """The message's reference for this device, as the provider knows it."""
    state: AttemptState = columns.state(AttemptState)
    submitted_at: datetime = columns.moment()
    settled_at: datetime | None = columns.maybe()
    provider_id: str | None = None
    error: str | None = None
    detail: str | None = None


class AnswerRow(SQLModel, table=True):
    """Our answer to a customer's STOP, START or HELP: it is sent once and soon, or not at all."""

    __tablename__ = "answers"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index(
            "ix_answers_waiting",
            "at",
            sqlite_where=text(WAITS),
            postgresql_where=text(WAITS),
        ),
        Index("ix_answers_customer", "customer_id"),
        Index("ix_answers_address", "channel", "address"),
    )

    id: int | None = columns.number()
    provider: str
    """The provider that brought the reply."""
    event_id: str
    """The id of the reply's report: a repeated webhook asks for no second answer."""
    channel: str
    address: str
    """The recipient of the answer; emptied after an hour."""
    customer_id: str
    """A customer who has the address; empty if nobody has it; emptied after an hour."""
    meaning: str
    """stop, start or help."""
    language: str
    """The customer's language, or that of the command; empty if neither is known."""
    at: datetime = columns.moment()
    """When the reply arrived."""
    state: AnswerState = columns.state(AnswerState)
    reason: str | None = None
    """Why it was dropped."""
    tried_at: datetime | None = columns.maybe()
    settled_at: datetime | None = columns.maybe()
    carrier: str | None = None
    """The provider that took the answer."""
    provider_id: str | None = None
