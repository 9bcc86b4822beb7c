"""Echoes of messages: reports of providers, opens and clicks, answers to questions."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns
from sojourn.store.tables.messages import HAS_WORDS

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
HELD_HITS = "tell_at IS NOT NULL"
"""A click that is still to be told."""


class ReportRow(SQLModel, table=True):
    """A provider's report on a message; each of its events has one row."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("ix_reports_ledger", "ledger_id", "id"),
        Index(
            "ix_reports_words",
            "received_at",
            sqlite_where=text(HAS_WORDS),
            postgresql_where=text(HAS_WORDS),
        ),
    )

    id: int | None = columns.number()
    provider: str
    event_id: str
    ledger_id: int | None = Field(
        default=None,
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=True),
    )
    """None means a message that is not ours."""
    kind: str
    at: datetime = columns.moment()
    received_at: datetime = columns.moment()
    detail: str = ""
    machine: str | None = None
    """Why a machine is thought to be behind it; None: a person, as far as can be told."""


class HitRow(SQLModel, table=True):
    """The evidence that came with an open or a click.

    The verdict stands in the report (`ReportRow.machine`), and is final once the row here is
    deleted.
    """

    __tablename__ = "hits"
    __table_args__ = (
        Index("ix_hits_ledger", "ledger_id"),
        Index("ix_hits_received", "received_at"),
        Index(
            "ix_hits_held",
            "tell_at",
            sqlite_where=text(HELD_HITS),
            postgresql_where=text(HELD_HITS),
        ),
    )

    report_id: int = Field(
        sa_column=Column(
            columns.BIG,
            ForeignKey("reports.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    ledger_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    kind: str
    at: datetime = columns.moment()
    received_at: datetime = columns.moment()
    agent: str | None = None
    """The User-Agent; empty: there was none; None: it is not known."""
    network: str = ""
    """The block of the address (`domain.measuring.hits.block_of`)."""
    link: str = ""
    """The digest of where the link leads."""
    url: str = ""
    """The address that it leads to, until the click is told."""
    said: str | None = None
    """The reason that came with it to think that a machine was behind it."""
    tell_at: datetime | None = columns.maybe()
    """When the click is to be told; None: it was, or never is."""


class SurveyAnswerRow(SQLModel, table=True):
    """An answer of a customer to the question of a message: a score, and a comment on it."""

    __tablename__ = "survey_answers"
    __table_args__ = (
        UniqueConstraint("survey", "customer_id"),
        Index("ix_survey_answers_customer", "customer_id"),
    )

    id: int | None = columns.number()
    survey: str
    """The campaign that asked, by its id."""
    customer_id: str
    score: int
    answered_at: datetime = columns.moment()
    comment: str = ""
    commented_at: datetime | None = columns.maybe()
