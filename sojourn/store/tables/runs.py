"""Runs: what began them, what they ask people, and which variants they drew."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from sojourn.domain.tasks import TaskState
from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
EXPLAINED = "because <> ''"
IS_OPEN = "closed_at IS NULL"
"""A run that was not found closed yet."""


class RunRow(SQLModel, table=True):
    """A run that was started: a hint about where to send events. Temporal knows if it is open."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("workflow_id", "run_id"),
        Index("ix_runs_customer", "customer_id", "closed_at"),
        Index(
            "ix_runs_open",
            "id",
            sqlite_where=text(IS_OPEN),
            postgresql_where=text(IS_OPEN),
        ),
    )

    id: int | None = columns.number()
    workflow_id: str
    run_id: str
    """Temporal's id of the execution that the start met or made."""
    journey: str
    customer_id: str
    key: str = ""
    enrolment: str
    """The message id of the event that started the run."""
    started_at: datetime = columns.moment()
    closed_at: datetime | None = columns.maybe()
    shadow: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    """It began in shadow: nothing that it says leaves."""
    delayed_until: datetime | None = columns.maybe()
    """When the delay of its start is over, by Temporal's clock; None: it had none."""


class EntryRow(SQLModel, table=True):
    """The judgement on an event that could start a run: taken or refused, and why.

    An ordinary start has none: there are rows for journeys with a rule of entry, and for refusals.
    """

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("message_id", "journey"),
        Index("ix_entries_customer", "customer_id", "journey", "at"),
        Index(
            "ix_entries_explained",
            "judged_at",
            sqlite_where=text(EXPLAINED),
            postgresql_where=text(EXPLAINED),
        ),
    )

    id: int | None = columns.number()
    message_id: str
    """The event's."""
    journey: str
    customer_id: str
    key: str = ""
    workflow_id: str
    """The run that the event started, or would have started."""
    taken: bool
    reason: str | None = None
    because: str = ""
    """The explanation, with the values that it was judged by."""
    at: datetime = columns.moment()
    """When the event happened."""
    judged_at: datetime = columns.moment()
    """By the machine's clock."""


class MuteRow(SQLModel, table=True):
    """Somebody looks after a customer, and no promotional message leaves meanwhile.

    The card has the latest end of those that hold (`CustomerRow.in_care_until`).
    """

    __tablename__ = "mutes"
    __table_args__ = (
        UniqueConstraint("message_id", "journey"),
        Index("ix_mutes_customer", "customer_id", "ended_at"),
    )

    id: int | None = columns.number()
    customer_id: str
    message_id: str
    """The event, or the question to a person, that begins it."""
    journey: str
    workflow_id: str
    key: str = ""
    """The run's key."""
    at: datetime = columns.moment()
    until: datetime = columns.moment()
    """Its end, unless something ends it before."""
    ended_at: datetime | None = columns.maybe()
    """When something ended it; None: nothing did."""
    ended_by: str | None = None
    """The message id of the event that ended it."""


class ExposureRow(SQLModel, table=True):
    """A customer reached a point where the variants of an experiment differ, and had this one.

    The oldest row of a person holds. A later one has a variant that was drawn because the former
    one had lost its weight.
    """

    __tablename__ = "exposures"
    __table_args__ = (
        Index("ix_exposures_customer", "customer_id", "experiment"),
        Index("ix_exposures_experiment", "experiment", "id"),
    )

    id: int | None = columns.number()
    experiment: str
    customer_id: str
    variant: str
    at: datetime = columns.moment()
    """When it was first asked for, by the journey's clock."""
    workflow_id: str
    """The run that asked."""


class TaskRow(SQLModel, table=True):
    """A question of a run to a person of the shop."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_customer", "customer_id", "id"),
        Index("ix_tasks_run", "run"),
        Index("ix_tasks_open", "state", "until"),
        Index("ix_tasks_to_tell", "tell_at"),
    )

    id: int | None = columns.number()
    task: str = Field(unique=True)
    """Its name, made of what caused it: run, enrolment, cause, question, occurrence."""
    customer_id: str
    journey: str
    run: str
    """The workflow id of the run that waits."""
    question: str
    """Its name in the journey."""
    text: str
    answers: dict[str, str] = columns.json()
    """The words of each answer, by its name."""
    opened_at: datetime = columns.moment()
    until: datetime = columns.moment()
    """Until when the run waits, by the journey's clock."""
    state: TaskState = columns.state(TaskState)
    answer: str | None = None
    answered_by: str | None = None
    ended_at: datetime | None = columns.maybe(index=True)
    because: str | None = None
    """Why it was closed without an answer (`domain.tasks.WhyClosed`)."""
    to_tell: bool = False
    """A helpdesk is to be told of it."""
    tell_at: datetime | None = columns.maybe()
    """When to tell the helpdesk; None: there is nothing to tell."""
    tries: int = 0
    opened_told_at: datetime | None = columns.maybe()
    ended_told_at: datetime | None = columns.maybe()


class TicketRow(SQLModel, table=True):
    """Work for a person, kept here in a project without a helpdesk."""

    __tablename__ = "tickets"

    id: int | None = columns.number()
    name: str = Field(unique=True)
    """The idempotency key of the call that asked, the same in every attempt."""
    customer_id: str = Field(index=True)
    run: str
    """The workflow id of the run that asked."""
    subject: str
    opened_at: datetime = columns.moment()
    closed_at: datetime | None = columns.maybe(index=True)
    closed_by: str | None = None
