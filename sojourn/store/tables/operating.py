"""Operation: harm and warm-up of domains, alerts, pauses and switches."""

from datetime import date, datetime

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from sojourn.domain.alerts.alert import Word
from sojourn.domain.brakes import Harm
from sojourn.domain.ramp import Turn
from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
ON = "ended_at IS NULL"
"""A switch that holds something back now."""
STANDS = "over_at IS NULL"
"""An alert that is not over."""


class HarmRow(SQLModel, table=True):
    """A message that bounced for good, or that its reader complained about."""

    __tablename__ = "harms"
    __table_args__ = (
        UniqueConstraint("ledger_id", "harm"),
        Index("ix_harms_campaign", "campaign", "channel", "harm"),
        Index("ix_harms_at", "at"),
    )

    id: int | None = columns.number()
    ledger_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    harm: Harm = columns.state(Harm)
    campaign: str
    """The id of the message's campaign; empty: a journey sent it."""
    channel: str
    message_class: str
    at: datetime = columns.moment()
    """When it was noted, by the machine's clock."""


class RampRow(SQLModel, table=True):
    """A sending domain, and its step on the ladder of its warm-up."""

    __tablename__ = "ramps"

    domain: str = Field(primary_key=True)
    level: int
    """1 for the first step; one more than the number of steps: no budget any more."""
    is_off: bool = False
    """An operator took it off the ladder."""
    since: datetime = columns.moment()
    """Since when it has its step."""
    changed_by: str = ""
    because: str = ""


class RampDayRow(SQLModel, table=True):
    """A day of a sending domain: the decision about it, and what was sent."""

    __tablename__ = "ramp_days"

    domain: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    """In the installation's zone."""
    level: int
    budget: int | None = None
    """The most promotional e-mails that may leave; None: no limit."""
    used: int = 0
    """Promotional e-mails that were claimed, including those of journeys."""
    turn: Turn = columns.state(Turn)
    because: str = ""
    opened_at: datetime = columns.moment()
    """Since when the day has its level."""


class RampWordRow(SQLModel, table=True):
    """A decision about a sending domain: it climbed, fell, or an operator moved it. Append-only."""

    __tablename__ = "ramp_words"
    __table_args__ = (Index("ix_ramp_words_domain", "domain", "id"),)

    id: int | None = columns.number()
    domain: str
    day: date
    at: datetime = columns.moment()
    turn: Turn = columns.state(Turn)
    level: int
    """The level from then on."""
    by: str
    """``ramp``, or an operator."""
    because: str = ""
    sent: int = 0
    """Promotional e-mails sent since it came to its former step."""
    bounced: int = 0
    complained: int = 0


class AlertRow(SQLModel, table=True):
    """Something that a person should look at: it stands, or is over."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "ix_alerts_stands",
            "name",
            unique=True,
            sqlite_where=text(STANDS),
            postgresql_where=text(STANDS),
        ),
    )

    id: int | None = columns.number()
    name: str
    """``journey-silent:renewal``: its kind, and what it is about."""
    line: str
    """All of it in one line for people, as it was when it began."""
    seen: float
    expected: float
    window: str
    """The time that was looked at, in words."""
    look: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Commands that show more."""
    began_at: datetime = columns.moment()
    over_at: datetime | None = columns.maybe()
    told_at: datetime | None = columns.maybe()
    """When it was given to those who are told; None: it is kept quiet."""


class AlertTellingRow(SQLModel, table=True):
    """A word of an alert, for one of those who are told. Each has a row of its own."""

    __tablename__ = "alert_tellings"
    __table_args__ = (
        UniqueConstraint("alert_id", "sink", "word"),
        Index("ix_alert_tellings_tell", "tell_at"),
    )

    id: int | None = columns.number()
    alert_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False)
    )
    sink: str
    """``log``, ``webhook``, or ``apprise-`` and a digest of the address."""
    word: Word = columns.state(Word)
    tell_at: datetime | None = columns.maybe()
    """When it is to be told; None: it was told, or given up."""
    tries: int = 0
    told_at: datetime | None = columns.maybe()
    fault: str = ""
    """A code: why the last try failed."""


class AlertQuietRow(SQLModel, table=True):
    """An alert that an operator keeps quiet, or all of a kind."""

    __tablename__ = "alert_quiets"

    name: str = Field(primary_key=True)
    until: datetime | None = columns.maybe()
    """None: until somebody says otherwise."""
    because: str
    by: str
    at: datetime = columns.moment()


class AlertLookRow(SQLModel, table=True):
    """The progress of something that is looked at, for all workers together."""

    __tablename__ = "alert_looks"

    name: str = Field(primary_key=True)
    """``judge``, ``event`` or ``journey``."""
    next_at: datetime = columns.moment()
    """When the next look is due."""
    upto: int = columns.count(big=True)
    """The number of the last row that is counted."""
    seen: int = columns.count(big=True)
    """The number of the last row that is to be counted."""
    seen_at: datetime | None = columns.maybe()
    """When that was the newest row."""
    until_at: datetime | None = columns.maybe()
    """The moment until which all is counted; None: it is not, yet."""


class PulseRow(SQLModel, table=True):
    """The number of events of a name that came in an hour, or of runs of a journey that began."""

    __tablename__ = "pulse"

    kind: str = Field(primary_key=True)
    """event or journey."""
    name: str = Field(primary_key=True)
    hour: datetime = Field(sa_column=Column(columns.UtcDateTime(), primary_key=True))
    n: int


class ChannelRow(SQLModel, table=True):
    """A channel that was paused at least once; other channels have no row."""

    __tablename__ = "channels"

    channel: str = Field(primary_key=True)
    paused_at: datetime | None = columns.maybe()
    paused_because: str = ""
    """The operator's words, or the kind and the code of the provider's error."""
    paused_by: str = ""
    """The provider or operator that paused; a probe never ends an operator's pause."""
    resumed_at: datetime | None = columns.maybe()
    probe_at: datetime | None = columns.maybe()
    """When the next probe is due."""


class SwitchRow(SQLModel, table=True):
    """A switch that an operator set. Ended ones stay: they are the history."""

    __tablename__ = "switches"
    __table_args__ = (
        Index(
            "ix_switches_on",
            "scope",
            "name",
            "part",
            unique=True,
            sqlite_where=text(ON),
            postgresql_where=text(ON),
        ),
    )

    id: int | None = columns.number()
    scope: str
    """journey, topic or all."""
    name: str
    """The name of the journey or the topic; empty for all."""
    part: str
    """The work that it holds back: entries or sends."""
    closed: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    """The operator means it for good."""
    since: datetime = columns.moment()
    because: str
    by: str
    ended_at: datetime | None = columns.maybe()
    ended_because: str | None = None
    ended_by: str | None = None
