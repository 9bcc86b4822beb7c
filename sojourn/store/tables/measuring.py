"""Measurement: counts of messages, what orders are due to, cohorts of experiments."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns


class GoalRow(SQLModel, table=True):
    """A kind of event that tells an order, or takes one back: each new event leaves a mark."""

    __tablename__ = "goals"

    name: str = Field(primary_key=True)
    """The wire name."""
    marked: bool
    """Events that were stored before it was a goal have their marks as well."""


class RollupRow(SQLModel, table=True):
    """The counts of one day's messages of one kind.

    The day is the one on which they were due, so that all counts of a message stand in one row: a
    message of Monday that is clicked on Tuesday counts as a click of Monday.
    """

    __tablename__ = "rollups"
    __table_args__ = (
        UniqueConstraint(
            "day",
            "source",
            "occasion",
            "version",
            "step",
            "variant",
            "channel",
            "language",
            "mailbox",
        ),
        Index("ix_rollups_source", "source", "day"),
    )

    id: int | None = columns.number()
    day: str
    """``2026-12-01``, in the zone of the installation."""
    source: str
    """The journey or the campaign."""
    occasion: str = ""
    """The occurrence of a campaign that has several."""
    version: str = ""
    step: str = ""
    """Empty in the row that counts entries."""
    variant: str = ""
    channel: str = ""
    language: str = ""
    mailbox: str = ""
    entered: int = columns.count()
    due: int = columns.count()
    held: int = columns.count()
    sent: int = columns.count()
    skipped: int = columns.count()
    rejected: int = columns.count()
    expired: int = columns.count()
    unknown: int = columns.count()
    held_out: int = columns.count()
    delivered: int = columns.count()
    bounced: int = columns.count()
    failed: int = columns.count()
    complained: int = columns.count()
    opened: int = columns.count()
    opened_by_machine: int = columns.count()
    clicked: int = columns.count()
    clicked_by_machine: int = columns.count()
    replied: int = columns.count()
    unsubscribed: int = columns.count()
    converted: int = columns.count()


class RollupReasonRow(SQLModel, table=True):
    """The number of messages of a rollup that did not leave, by reason."""

    __tablename__ = "rollup_reasons"

    rollup_id: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    reason: str = Field(primary_key=True)
    n: int = columns.count()


class RollupHoldRow(SQLModel, table=True):
    """The number of messages of a rollup that were held at least once, by reason."""

    __tablename__ = "rollup_holds"

    rollup_id: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    reason: str = Field(primary_key=True)
    n: int = columns.count()


class RollupMoneyRow(SQLModel, table=True):
    """The credit that the messages of a rollup have for orders, by model and currency."""

    __tablename__ = "rollup_money"

    rollup_id: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    model: str = Field(primary_key=True)
    """`domain.measuring.attribution.Model`"""
    currency: str = Field(primary_key=True)
    """Empty where the order says none."""
    orders: int = columns.count(big=True)
    """In millionths: models divide one order among messages."""
    value: int = columns.count(big=True)
    """In millionths of the currency."""


class MeasuredRow(SQLModel, table=True):
    """The present counts of a message, so that a change can subtract its former ones."""

    __tablename__ = "measured"

    ledger_id: int = Field(
        sa_column=Column(
            columns.BIG,
            ForeignKey("ledger.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    rollup_id: int = Field(sa_type=columns.BIG)
    measures: int
    """`domain.measuring.measures.Measure`"""
    reason: str = ""
    holds: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """`LedgerRow.held_for`"""
    money: dict[str, Any] | None = columns.maybe_json()
    """``{"last EUR": [1000000, 59900000]}``: model and currency; orders and value."""


class ConversionRow(SQLModel, table=True):
    """A message that an order may be due to."""

    __tablename__ = "conversions"
    __table_args__ = (
        UniqueConstraint("ledger_id", "occasion"),
        Index("ix_conversions_seq", "seq"),
    )

    id: int | None = columns.number()
    ledger_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    seq: int = Field(sa_type=columns.BIG)
    """The number of the event that tells the order."""
    occasion: str
    """The order or the event that it is about (`domain.measuring.orders`)."""
    name: str
    """The wire name of the event."""
    at: datetime = columns.moment()
    currency: str = ""
    value: int = Field(default=0, sa_type=columns.BIG)
    """In millionths of the currency, less refunds."""
    place: int
    """Its place among the messages that the order may be due to, from 1, by their moments."""
    touches: int
    """The number of these messages."""


class CohortRow(SQLModel, table=True):
    """The number of customers who came into an experiment alike: with one variant, on one day."""

    __tablename__ = "cohorts"
    __table_args__ = (UniqueConstraint("experiment", "variant", "source", "day"),)

    id: int | None = columns.number()
    experiment: str
    variant: str
    source: str
    """The journey or the campaign in which the experiment mattered for the first time."""
    day: str
    """``2026-12-01``, by UTC."""
    customers: int = columns.count()


class CohortMemberRow(SQLModel, table=True):
    """An exposure that counts in a cohort: the first one of its customer in the experiment.

    The row has no foreign key: it stays when the exposure is deleted, until that is counted.
    """

    __tablename__ = "cohort_members"

    exposure_id: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    cohort_id: int = Field(sa_type=columns.BIG)


class CohortOrderRow(SQLModel, table=True):
    """An order of a customer in a cohort, since they came into the experiment."""

    __tablename__ = "cohort_orders"

    exposure_id: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    """`CohortMemberRow.exposure_id`"""
    seq: int = Field(sa_column=Column(columns.BIG, primary_key=True, autoincrement=False))
    """The number of the event that tells the order."""
    at: datetime = columns.moment()
    currency: str = ""
    """Empty where the order says none."""
    value: int = columns.count(big=True)
    """In millionths of the currency, less refunds."""
    age: int = Field(sa_type=columns.BIG)
    """The time since the customer came, in microseconds."""
    months: int
    """The same in whole months of the calendar, by UTC."""
