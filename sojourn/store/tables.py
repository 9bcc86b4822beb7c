"""The tables. The migrations in `store/migrations` create them; a test compares the two."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from sojourn.domain.alerts.alert import Word
from sojourn.domain.brakes import Harm
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.ramp import Turn
from sojourn.domain.states import AnswerState, AttemptState, CouponState, MessageState
from sojourn.domain.tasks import TaskState


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite keeps no zone, so it stores UTC and returns UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC; refuse a naive one, whose meaning would be lost."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its zone, UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class State(TypeDecorator[StrEnum]):
    """A state, stored as its word."""

    impl = String
    cache_ok = True

    def __init__(self, states: type[StrEnum]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the plain word for the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member of the enumeration."""
        return None if value is None else self.states(value)


# SQLite numbers rows by itself only if the type is spelt INTEGER
_BIG = BigInteger().with_variant(Integer, "sqlite")


def _number() -> Any:
    return Field(default=None, sa_column=Column(_BIG, primary_key=True))


def _moment(*, index: bool = False) -> Any:
    return Field(sa_column=Column(UtcDateTime(), nullable=False, index=index))


def _maybe(*, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime(), nullable=True, index=index))


def _state(states: type[StrEnum]) -> Any:
    return Field(sa_column=Column(State(states), nullable=False))


def _count(*, big: bool = False) -> Any:
    kind = _BIG if big else Integer()
    return Field(default=0, sa_column=Column(kind, nullable=False, server_default=text("0")))


def _json() -> Any:
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def _maybe_json() -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


# A query must repeat these words exactly to use the partial index: SQLite compares the text.
HAS_EMAIL = "email <> ''"
HAS_PHONE = "phone <> ''"
HAS_PHONE2 = "phone2 <> ''"
OPEN = "next_at IS NOT NULL"
"""A recipient who is still to be decided on."""
TAKEN = "taken IS NOT NULL"
OPEN_OF_SHARE = "next_at IS NOT NULL AND variant IS NOT NULL"
"""A recipient in the share that variants are tested on, who is still to be decided on."""
ON = "ended_at IS NULL"
"""A switch that holds something back now."""
WAITS = "state = 'waiting'"
"""An answer that has not left."""
# somebody's words, which age (`store.rights.aging`)
HAS_WORDS = "detail <> ''"
HELD_HITS = "tell_at IS NOT NULL"
"""A click that is still to be told."""
STANDS = "over_at IS NULL"
"""An alert that is not over."""
EXPLAINED = "because <> ''"
IS_OPEN = "closed_at IS NULL"
"""A run that was not found closed yet."""
UNSCRUBBED = "scrubbed_at IS NULL"
"""An erasure whose data may still be in the database's files."""


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
    joined_at: datetime | None = _maybe()
    """The moment of the alias call."""
    merged: bool = False
    """Other ids were joined to this one."""
    identified_at: datetime | None = _maybe()
    erased_at: datetime | None = _maybe()
    restricted_at: datetime | None = _maybe()
    """Since when the data are kept and nothing is sent (`store.restrictions`)."""
    snoozed_until: datetime | None = _maybe()
    """The customer wants no promotional message before this moment (`store.choices`)."""
    in_care_until: datetime | None = _maybe()
    """The latest end of the customer's mutes (`store.mutes`), where the gate reads it."""
    in_care_of: str | None = None
    """The journey of that mute."""
    least_days: dict[str, int] | None = _maybe_json()
    """By topic: the calendar days that the customer wants between two messages on it."""
    first_name: str = ""
    email: str = ""
    phone: str = ""
    phone2: str = ""
    push_token: str = ""
    locale: str = ""
    timezone: str = ""
    attributes: dict[str, Any] = _json()
    said: dict[str, list[str]] = _json()
    """The moment and the call that said each field: ``email``, ``traits.plan``."""


class ConsentRow(SQLModel, table=True):
    """One statement of consent or refusal. Append-only: the latest word counts."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_customer", "customer_id", "id"),)

    id: int | None = _number()
    customer_id: str
    channel: str
    topic: str = ""
    """Empty means promotional messages on this channel, on any topic."""
    granted: bool
    at: datetime = _moment()
    """The moment of the statement, as its sender told it, never later than its arrival."""
    source: str
    """The origin: the message id of an identify call, a form, an operator."""
    received_at: datetime | None = _maybe()
    """The newest arrival of the statement. A refusal counts from it; None: from ``at``."""
    purpose: str | None = None
    """The use that it is about (`domain.consent.Purpose`); None: messages. A row of ``opens`` has
    that name as its topic, and a ``pending`` row is not granted, so that code which does not know
    purposes reads no consent."""
    address: str | None = None
    """The address that the statement is about."""
    wording: str | None = None
    """The exact text that the customer agreed to."""
    wording_version: str | None = None
    locale: str | None = None
    """The language of that text."""
    proof: str | None = None
    """The place where the statement can be proved."""
    expires_at: datetime | None = _maybe()
    """A consent holds until this moment; None: until it is withdrawn."""
    answers: int | None = Field(default=None, sa_type=_BIG)
    """The number of the request, a statement of the purpose ``pending``, that a yes confirms."""


class ChoiceRow(SQLModel, table=True):
    """A choice of the customer beside consent: a break, "less often", language, time zone.

    Append-only: what holds now stands on the customer's card.
    """

    __tablename__ = "choices"
    __table_args__ = (Index("ix_choices_customer", "customer_id", "id"),)

    id: int | None = _number()
    customer_id: str
    what: str
    """The kind of choice (`domain.preferences.Kind`)."""
    topic: str = ""
    was: str
    became: str
    at: datetime = _moment()
    source: str
    """The link by which the customer came, or another origin."""
    locale: str = ""
    """The language of the page."""
    version: str = ""
    """The version of the page's words."""


class ListedRow(SQLModel, table=True):
    """A customer on a list."""

    __tablename__ = "listed"
    __table_args__ = (
        UniqueConstraint("list", "customer_id"),
        Index("ix_listed_customer", "customer_id"),
    )

    id: int | None = _number()
    list: str
    customer_id: str
    at: datetime = _moment()
    source: str
    """The file or audience that it comes from, or who put them on."""


class CampaignRow(SQLModel, table=True):
    """A campaign that was launched."""

    __tablename__ = "campaigns"

    id: str = Field(primary_key=True)
    """Its name, with its occasion if it has several: ``newsletter@2026-12-01``."""
    name: str
    digest: str
    """The digest that was approved: of code, words, audience and times (`domain.campaign`)."""
    plan: dict[str, Any] = _json()
    """All that its batches need (`domain.campaign_plan`)."""
    state: CampaignState = _state(CampaignState)
    launched_at: datetime = _moment()
    launched_by: str
    frozen_at: datetime | None = _maybe()
    start_seq: int = Field(default=0, sa_type=_BIG)
    """The newest event at the freeze: later ones are news."""
    size: int = 0
    changed_at: datetime = _moment()
    """Since when it has its state."""
    changed_by: str = ""
    because: str = ""


class CampaignWordRow(SQLModel, table=True):
    """An act on a campaign: who, when, why. Append-only."""

    __tablename__ = "campaign_words"
    __table_args__ = (Index("ix_campaign_words_campaign", "campaign", "id"),)

    id: int | None = _number()
    campaign: str
    what: str
    """approve, launch, freeze, wait, take in, decide, pause, resume, stop, finish, test, seed."""
    at: datetime = _moment()
    by: str
    because: str = ""
    digest: str = ""


class RecipientRow(SQLModel, table=True):
    """A customer in the frozen audience of a campaign."""

    __tablename__ = "recipients"
    __table_args__ = (
        UniqueConstraint("campaign", "customer_id"),
        Index(
            "ix_recipients_due",
            "campaign",
            "lane",
            "next_at",
            "id",
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        Index(
            "ix_recipients_share",
            "campaign",
            "lane",
            "next_at",
            "id",
            sqlite_where=text(OPEN_OF_SHARE),
            postgresql_where=text(OPEN_OF_SHARE),
        ),
        Index(
            "ix_recipients_taken",
            "campaign",
            "taken",
            unique=True,
            sqlite_where=text(TAKEN),
            postgresql_where=text(TAKEN),
        ),
        Index("ix_recipients_customer", "customer_id"),
    )

    id: int | None = _number()
    campaign: str
    customer_id: str
    """The id at the freeze, of which the message's name in the ledger is made."""
    timezone: str = ""
    """The time zone at the freeze, an IANA name."""
    due_at: datetime = _moment()
    next_at: datetime | None = _maybe()
    """When to ask the gate; None: decided on."""
    lane: str
    """The channel on whose queue it is; empty: the customer is in doubt, and may join later."""
    taken: str | None = None
    """The digest of the address that its message went to: the campaign sends no other there."""
    variant: str | None = None
    """The variant that is tested on the customer; None: no test, or they get the winner."""


class ABTestRow(SQLModel, table=True):
    """The A/B test of a campaign: when the winner is found, and by which counts."""

    __tablename__ = "ab_tests"

    campaign: str = Field(primary_key=True)
    decides_at: datetime | None = _maybe()
    """When the winner will be found; None: some of the share are still to get the message."""
    decided_at: datetime | None = _maybe()
    winner: str | None = None
    results: list[dict[str, Any]] | None = _maybe_json()
    """The counts of each variant at that moment (`domain.ab_standing.ABResult`)."""


class ArticleRow(SQLModel, table=True):
    """An article of a feed that a campaign carries."""

    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("campaign", "language", "article"),
        Index("ix_articles_name", "name", "language", "article"),
    )

    id: int | None = _number()
    campaign: str
    """The campaign's id, with the day of the occurrence."""
    name: str
    """The campaign's name: no other occurrence carries the article again."""
    language: str = ""
    """The feed's language; empty: the feed is for all."""
    article: str
    """The article's id, as the feed names it."""
    title: str
    url: str
    text: str = ""
    image_url: str = ""
    published_at: datetime | None = _maybe()


class SurveyAnswerRow(SQLModel, table=True):
    """An answer of a customer to the question of a message: a score, and a comment on it."""

    __tablename__ = "survey_answers"
    __table_args__ = (
        UniqueConstraint("survey", "customer_id"),
        Index("ix_survey_answers_customer", "customer_id"),
    )

    id: int | None = _number()
    survey: str
    """The campaign that asked, by its id."""
    customer_id: str
    score: int
    answered_at: datetime = _moment()
    comment: str = ""
    commented_at: datetime | None = _maybe()


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

    id: int | None = _number()
    experiment: str
    customer_id: str
    variant: str
    at: datetime = _moment()
    """When it was first asked for, by the journey's clock."""
    workflow_id: str
    """The run that asked."""


class AudienceRow(SQLModel, table=True):
    """A watched audience: its comings and goings are events. The row is the lock of its looks."""

    __tablename__ = "audiences"

    name: str = Field(primary_key=True)
    fact: str
    """The digest of its fact: a new one starts the watch afresh, and tells nobody."""
    began_at: datetime = _moment()
    """When it was first watched with this fact."""
    next_at: datetime = _moment()
    """When the next look is due."""
    looked_at: datetime | None = _maybe()
    """When it was last looked at; None: its members are still being noted."""
    took_ms: int = 0
    size: int = 0


class MemberRow(SQLModel, table=True):
    """A customer who is in a watched audience, or was. ``turn`` counts the changes."""

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("audience", "customer_id"),
        Index("ix_members_customer", "customer_id"),
        Index(
            "ix_members_untold",
            "audience",
            "id",
            sqlite_where=text("told_at IS NULL"),
            postgresql_where=text("told_at IS NULL"),
        ),
    )

    id: int | None = _number()
    audience: str
    customer_id: str
    inside: bool
    turn: int = 0
    at: datetime = _moment()
    """When the change was seen."""
    told_at: datetime | None = _maybe()
    """When the event of the change was stored; None: it is still to be."""


class MuteRow(SQLModel, table=True):
    """Somebody looks after a customer, and no promotional message leaves meanwhile.

    The card has the latest end of those that hold (`CustomerRow.in_care_until`).
    """

    __tablename__ = "mutes"
    __table_args__ = (
        UniqueConstraint("message_id", "journey"),
        Index("ix_mutes_customer", "customer_id", "ended_at"),
    )

    id: int | None = _number()
    customer_id: str
    message_id: str
    """The event, or the question to a person, that begins it."""
    journey: str
    workflow_id: str
    key: str = ""
    """The run's key."""
    at: datetime = _moment()
    until: datetime = _moment()
    """Its end, unless something ends it before."""
    ended_at: datetime | None = _maybe()
    """When something ended it; None: nothing did."""
    ended_by: str | None = None
    """The message id of the event that ended it."""


class EventRow(SQLModel, table=True):
    """A customer event, stored before any run hears it. ``seq`` is its order of arrival."""

    __tablename__ = "events"
    __table_args__ = (
        # none of these columns changes when a run is told: PostgreSQL then writes no index
        Index("ix_events_customer", "customer_id", "name", "occurred_at"),
    )

    seq: int | None = _number()
    message_id: str = Field(unique=True)
    customer_id: str
    sent_as: str | None = None
    """The id that the event was stored under, if an alias call has moved it since. Runs that the
    event started, or is about to start, have that id."""
    copy_of: str | None = None
    """The message id of the original, if this is a copy for runs of the person's other id."""
    name: str
    occurred_at: datetime = _moment()
    received_at: datetime = _moment()
    routed_at: datetime | None = _maybe()
    aside_at: datetime | None = _maybe()
    """When it was set aside because no run could be told of it; the quarantine has it."""
    properties: dict[str, Any] = _json()
    """The properties that were understood, under the names of the event's fields."""
    as_sent: dict[str, Any] | None = _maybe_json()
    """Name and properties as they were sent, if these differ: nothing that was sent is lost."""


class ToRouteRow(SQLModel, table=True):
    """An event that no run was told of yet. Triggers of the database write these rows.

    They are few, and go when the event's ``routed_at`` or ``aside_at`` is set.
    """

    __tablename__ = "to_route"
    __table_args__ = (Index("ix_to_route_customer", "customer_id", "seq"),)

    seq: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    """The event's."""
    customer_id: str
    """The event's: an alias call moves both."""


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

    id: int | None = _number()
    workflow_id: str
    run_id: str
    """Temporal's id of the execution that the start met or made."""
    journey: str
    customer_id: str
    key: str = ""
    enrolment: str
    """The message id of the event that started the run."""
    started_at: datetime = _moment()
    closed_at: datetime | None = _maybe()
    shadow: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    """It began in shadow: nothing that it says leaves."""
    delayed_until: datetime | None = _maybe()
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

    id: int | None = _number()
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
    at: datetime = _moment()
    """When the event happened."""
    judged_at: datetime = _moment()
    """By the machine's clock."""


class RequestRow(SQLModel, table=True):
    """A subject that a request is counted by, if a journey's start has limits."""

    __tablename__ = "requests"
    __table_args__ = (
        Index("ix_requests_digest", "digest", "journey", "at"),
        Index("ix_requests_customer", "customer_id", "journey", "at"),
    )

    id: int | None = _number()
    message_id: str
    """The event's."""
    customer_id: str
    journey: str
    subject: str
    """Customer, address or network (`domain.abuse`)."""
    digest: str = ""
    """The hash of the address or the network; empty for the customer."""
    at: datetime = _moment()
    """The moment of the request, by the journeys' clock."""
    until: datetime = _moment(index=True)
    """From this moment of the machine's clock on, it no longer counts."""


class SecretRow(SQLModel, table=True):
    """An event with a secret that is to be forgotten."""

    __tablename__ = "secrets"
    __table_args__ = (Index("ix_secrets_customer", "customer_id"),)

    message_id: str = Field(primary_key=True)
    """The event's."""
    customer_id: str
    until: datetime = _moment(index=True)
    """When to forget it, by the machine's clock."""


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

    id: int | None = _number()
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
    state: MessageState = _state(MessageState)
    reason: str | None = None
    detail: str | None = None
    """The words of the provider or the template engine."""
    attempt: int = 0
    due_at: datetime = _moment()
    decided_at: datetime = _moment()
    """By the journey's clock."""
    held_until: datetime | None = _maybe()
    held_for: str | None = None
    """The reasons of its holds, each once, with a space between: ``quiet_hours cap``."""
    caused_by: str | None = None
    """The message id of the event that made the gate skip the message."""
    claimed_at: datetime | None = _maybe()
    """By the machine's clock, under the customer's lock."""
    submitted_at: datetime | None = _maybe()
    settled_at: datetime | None = _maybe()
    provider: str | None = None
    provider_id: str | None = None
    possible_duplicate: bool = False
    twice_at: datetime | None = _maybe()
    """When it was proved that the message went out twice."""
    progress: str | None = None
    """The progress of a sent message, by the provider's reports (`domain.reports.Kind`)."""
    progress_at: datetime | None = _maybe()
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
            _BIG, ForeignKey("ledger.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        )
    )
    customer_id: str
    workflow_id: str
    channel: str
    state: str
    """`LedgerRow.state`; ``claimed`` also while it is being handed over."""


IS_FREE = "state = 'free'"
"""A code that the next message may have."""


class CouponRow(SQLModel, table=True):
    """A code of a pool, and who has it."""

    __tablename__ = "coupons"
    __table_args__ = (
        Index(
            "ix_coupons_free",
            "pool",
            "id",
            sqlite_where=text(IS_FREE),
            postgresql_where=text(IS_FREE),
        ),
        Index("ix_coupons_message", "message_id", "pool", unique=True),
        Index("ix_coupons_customer", "customer_id"),
    )

    id: int | None = _number()
    pool: str
    code: str
    """The code as it is handed out."""
    compared: str = Field(unique=True)
    """The code as it is looked up, however it is typed (`domain.coupon_codes.comparable`)."""
    state: CouponState = _state(CouponState)
    added_at: datetime = _moment()
    source: str
    """The operator who brought it, and the file."""
    message_id: str | None = None
    """The message that has it (`LedgerRow.message_id`), the same in every attempt."""
    customer_id: str | None = None
    """The customer whose message it is."""
    reserved_at: datetime | None = _maybe()
    expires_at: datetime | None = _maybe()
    """Until then the code is good for its customer; None: it has no end."""
    used_at: datetime | None = _maybe()
    """When the first order with it happened."""


class CouponUseRow(SQLModel, table=True):
    """An order that named a code. The first one uses it; others are noted as well."""

    __tablename__ = "coupon_uses"
    __table_args__ = (
        UniqueConstraint("coupon_id", "order_id"),
        Index("ix_coupon_uses_customer", "customer_id"),
    )

    id: int | None = _number()
    coupon_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("coupons.id", ondelete="CASCADE"), nullable=False)
    )
    customer_id: str
    """The customer who ordered."""
    message_id: str
    """The event's."""
    order_id: str
    """As the shop writes it; the event's id if the event has none."""
    at: datetime = _moment()
    """When it was ordered."""


class CouponPoolRow(SQLModel, table=True):
    """When low and empty stock of a pool were last logged; the first log creates the row."""

    __tablename__ = "coupon_pools"

    name: str = Field(primary_key=True)
    low_at: datetime | None = _maybe()
    """When it was last logged that few codes are left."""
    empty_at: datetime | None = _maybe()
    """When it was last logged that a message was skipped for want of a code."""


ACCEPTED = "state = 'accepted'"
"""An attempt by which the provider has the message."""


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

    id: int | None = _number()
    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    attempt: int
    """The value of `LedgerRow.attempt`, the count of claims, at that time."""
    provider: str
    state: AttemptState = _state(AttemptState)
    submitted_at: datetime = _moment()
    """By the machine's clock, as providers count."""
    journey_at: datetime = _moment()
    """The same moment by the journey's clock, on which retries wait."""
    settled_at: datetime | None = _maybe()
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

    id: int | None = _number()
    provider: str
    event_id: str
    ledger_id: int | None = Field(
        default=None,
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=True),
    )
    """None means a message that is not ours."""
    kind: str
    at: datetime = _moment()
    received_at: datetime = _moment()
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
            _BIG,
            ForeignKey("reports.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    kind: str
    at: datetime = _moment()
    received_at: datetime = _moment()
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
    tell_at: datetime | None = _maybe()
    """When the click is to be told; None: it was, or never is."""


class MarkRow(SQLModel, table=True):
    """A row that has changed since it was measured. Triggers of the database write the marks.

    Each change has its own mark: a mark shared by several changes could be deleted by a pass that
    has not seen the latest of them.
    """

    __tablename__ = "marks"

    id: int | None = _number()
    kind: str
    """message, event or run; with ``_changed``, a kind of `ChangeRow` that is not measured."""
    ref: int = Field(sa_type=_BIG)
    """The number of the row in the table of its kind."""


class ChangeRow(SQLModel, table=True):
    """The newest change of something that others follow: a message, a report, an event, ...

    Numbers are given by one transaction at a time (`store.changes`), so that a lower one never
    comes after a higher one was read.
    """

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_seq", "seq"), Index("ix_changes_news", "news"))

    kind: str = Field(primary_key=True)
    """`store.changes.Kind`."""
    ref: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    """The number of the row in the table of its kind, which may be gone."""
    seq: int = Field(sa_type=_BIG)
    """The number of its newest change."""
    state: str
    """At that change, where its kind has states; else empty."""
    news: int = Field(sa_type=_BIG)
    """The number of the change that brought it into that state."""


class ChangeFeedRow(SQLModel, table=True):
    """The last number that a change was given. One row, once somebody follows them."""

    __tablename__ = "change_feed"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    token: str
    """Tells these numbers from those of another database."""
    seq: int = Field(sa_type=_BIG)
    """The last number that was given."""
    cursors: dict[str, int] = _json()
    """By kind: the newest row of its table that has a change."""


class HookRow(SQLModel, table=True):
    """An address that is told what happens (`domain.hooks`)."""

    __tablename__ = "hooks"

    name: str = Field(primary_key=True)
    seq: int = Field(sa_type=_BIG)
    """The last news that has a call (`ChangeRow.news`)."""
    failures: int = 0
    """The times that the breaker opened since a post was taken."""
    open_until: datetime | None = _maybe()
    """The breaker is open: nothing is posted before this moment."""
    leased_until: datetime | None = _maybe()
    """A worker posts to it until then."""
    given_up: int = 0
    """Calls that were refused for days, and are told no more."""
    fault: str | None = None
    """The reason why the last post failed."""


class HookCallRow(SQLModel, table=True):
    """A piece of news that an address is still to be told. It goes once it is told."""

    __tablename__ = "hook_calls"
    __table_args__ = (
        Index("ix_hook_calls_order", "hook", "customer_id", "id"),
        Index("ix_hook_calls_customer", "customer_id"),
    )

    id: int | None = _number()
    hook: str
    seq: int = Field(sa_type=_BIG)
    """`ChangeRow.news`."""
    customer_id: str
    """The customer whose later news waits for it."""
    name: str
    """The webhook-id, the same in every attempt."""
    body: dict[str, Any] = _json()
    tries: int = 0
    next_at: datetime | None = _maybe()
    """When it is posted again; None: at once."""


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

    id: int | None = _number()
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
    entered: int = _count()
    due: int = _count()
    held: int = _count()
    sent: int = _count()
    skipped: int = _count()
    rejected: int = _count()
    expired: int = _count()
    unknown: int = _count()
    held_out: int = _count()
    delivered: int = _count()
    bounced: int = _count()
    failed: int = _count()
    complained: int = _count()
    opened: int = _count()
    opened_by_machine: int = _count()
    clicked: int = _count()
    clicked_by_machine: int = _count()
    replied: int = _count()
    unsubscribed: int = _count()
    converted: int = _count()


class RollupReasonRow(SQLModel, table=True):
    """The number of messages of a rollup that did not leave, by reason."""

    __tablename__ = "rollup_reasons"

    rollup_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    reason: str = Field(primary_key=True)
    n: int = _count()


class RollupHoldRow(SQLModel, table=True):
    """The number of messages of a rollup that were held at least once, by reason."""

    __tablename__ = "rollup_holds"

    rollup_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    reason: str = Field(primary_key=True)
    n: int = _count()


class RollupMoneyRow(SQLModel, table=True):
    """The credit that the messages of a rollup have for orders, by model and currency."""

    __tablename__ = "rollup_money"

    rollup_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    model: str = Field(primary_key=True)
    """`domain.measuring.attribution.Model`"""
    currency: str = Field(primary_key=True)
    """Empty where the order says none."""
    orders: int = _count(big=True)
    """In millionths: models divide one order among messages."""
    value: int = _count(big=True)
    """In millionths of the currency."""


class MeasuredRow(SQLModel, table=True):
    """The present counts of a message, so that a change can subtract its former ones."""

    __tablename__ = "measured"

    ledger_id: int = Field(
        sa_column=Column(
            _BIG,
            ForeignKey("ledger.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    rollup_id: int = Field(sa_type=_BIG)
    measures: int
    """`domain.measuring.measures.Measure`"""
    reason: str = ""
    holds: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """`LedgerRow.held_for`"""
    money: dict[str, Any] | None = _maybe_json()
    """``{"last EUR": [1000000, 59900000]}``: model and currency; orders and value."""


class ConversionRow(SQLModel, table=True):
    """A message that an order may be due to."""

    __tablename__ = "conversions"
    __table_args__ = (
        UniqueConstraint("ledger_id", "occasion"),
        Index("ix_conversions_seq", "seq"),
    )

    id: int | None = _number()
    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    seq: int = Field(sa_type=_BIG)
    """The number of the event that tells the order."""
    occasion: str
    """The order or the event that it is about (`domain.measuring.orders`)."""
    name: str
    """The wire name of the event."""
    at: datetime = _moment()
    currency: str = ""
    value: int = Field(default=0, sa_type=_BIG)
    """In millionths of the currency, less refunds."""
    place: int
    """Its place among the messages that the order may be due to, from 1, by their moments."""
    touches: int
    """The number of these messages."""


class CohortRow(SQLModel, table=True):
    """The number of customers who came into an experiment alike: with one variant, on one day."""

    __tablename__ = "cohorts"
    __table_args__ = (UniqueConstraint("experiment", "variant", "source", "day"),)

    id: int | None = _number()
    experiment: str
    variant: str
    source: str
    """The journey or the campaign in which the experiment mattered for the first time."""
    day: str
    """``2026-12-01``, by UTC."""
    customers: int = _count()


class CohortMemberRow(SQLModel, table=True):
    """An exposure that counts in a cohort: the first one of its customer in the experiment.

    The row has no foreign key: it stays when the exposure is deleted, until that is counted.
    """

    __tablename__ = "cohort_members"

    exposure_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    cohort_id: int = Field(sa_type=_BIG)


class CohortOrderRow(SQLModel, table=True):
    """An order of a customer in a cohort, since they came into the experiment."""

    __tablename__ = "cohort_orders"

    exposure_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    """`CohortMemberRow.exposure_id`"""
    seq: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    """The number of the event that tells the order."""
    at: datetime = _moment()
    currency: str = ""
    """Empty where the order says none."""
    value: int = _count(big=True)
    """In millionths of the currency, less refunds."""
    age: int = Field(sa_type=_BIG)
    """The time since the customer came, in microseconds."""
    months: int
    """The same in whole months of the calendar, by UTC."""


class HarmRow(SQLModel, table=True):
    """A message that bounced for good, or that its reader complained about."""

    __tablename__ = "harms"
    __table_args__ = (
        UniqueConstraint("ledger_id", "harm"),
        Index("ix_harms_campaign", "campaign", "channel", "harm"),
        Index("ix_harms_at", "at"),
    )

    id: int | None = _number()
    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    harm: Harm = _state(Harm)
    campaign: str
    """The id of the message's campaign; empty: a journey sent it."""
    channel: str
    message_class: str
    at: datetime = _moment()
    """When it was noted, by the machine's clock."""


class RampRow(SQLModel, table=True):
    """A sending domain, and its step on the ladder of its warm-up."""

    __tablename__ = "ramps"

    domain: str = Field(primary_key=True)
    level: int
    """1 for the first step; one more than the number of steps: no budget any more."""
    is_off: bool = False
    """An operator took it off the ladder."""
    since: datetime = _moment()
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
    turn: Turn = _state(Turn)
    because: str = ""
    opened_at: datetime = _moment()
    """Since when the day has its level."""


class RampWordRow(SQLModel, table=True):
    """A decision about a sending domain: it climbed, fell, or an operator moved it. Append-only."""

    __tablename__ = "ramp_words"
    __table_args__ = (Index("ix_ramp_words_domain", "domain", "id"),)

    id: int | None = _number()
    domain: str
    day: date
    at: datetime = _moment()
    turn: Turn = _state(Turn)
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

    id: int | None = _number()
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
    began_at: datetime = _moment()
    over_at: datetime | None = _maybe()
    told_at: datetime | None = _maybe()
    """When it was given to those who are told; None: it is kept quiet."""


class AlertTellingRow(SQLModel, table=True):
    """A word of an alert, for one of those who are told. Each has a row of its own."""

    __tablename__ = "alert_tellings"
    __table_args__ = (
        UniqueConstraint("alert_id", "sink", "word"),
        Index("ix_alert_tellings_tell", "tell_at"),
    )

    id: int | None = _number()
    alert_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False)
    )
    sink: str
    """``log``, ``webhook``, or ``apprise-`` and a digest of the address."""
    word: Word = _state(Word)
    tell_at: datetime | None = _maybe()
    """When it is to be told; None: it was told, or given up."""
    tries: int = 0
    told_at: datetime | None = _maybe()
    fault: str = ""
    """A code: why the last try failed."""


class AlertQuietRow(SQLModel, table=True):
    """An alert that an operator keeps quiet, or all of a kind."""

    __tablename__ = "alert_quiets"

    name: str = Field(primary_key=True)
    until: datetime | None = _maybe()
    """None: until somebody says otherwise."""
    because: str
    by: str
    at: datetime = _moment()


class AlertLookRow(SQLModel, table=True):
    """The progress of something that is looked at, for all workers together."""

    __tablename__ = "alert_looks"

    name: str = Field(primary_key=True)
    """``judge``, ``event`` or ``journey``."""
    next_at: datetime = _moment()
    """When the next look is due."""
    upto: int = _count(big=True)
    """The number of the last row that is counted."""
    seen: int = _count(big=True)
    """The number of the last row that is to be counted."""
    seen_at: datetime | None = _maybe()
    """When that was the newest row."""
    until_at: datetime | None = _maybe()
    """The moment until which all is counted; None: it is not, yet."""


class PulseRow(SQLModel, table=True):
    """The number of events of a name that came in an hour, or of runs of a journey that began."""

    __tablename__ = "pulse"

    kind: str = Field(primary_key=True)
    """event or journey."""
    name: str = Field(primary_key=True)
    hour: datetime = Field(sa_column=Column(UtcDateTime(), primary_key=True))
    n: int


class SuppressionRow(SQLModel, table=True):
    """An address that gets no message, no matter which customer has it."""

    __tablename__ = "suppressions"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    """As `domain.addresses.normalised` spells it; of an erased person, its digest
    (`store.digests`)."""
    because: str
    """bounced, complained, gone, or an operator's word."""
    at: datetime = _moment()
    source: str
    """The report, answer or operator that the suppression comes from."""
    lifted_at: datetime | None = _maybe()
    """When an operator lifted it: no earlier report brings it back. None: it holds."""
    lifted_by: str | None = None
    lifted_because: str | None = None


class RefusalRow(SQLModel, table=True):
    """The newest refusal that came from an address. It holds for everybody who has the address."""

    __tablename__ = "refusals"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    """As `domain.addresses.normalised` spells it; of an erased person, its digest
    (`store.digests`)."""
    topic: str = Field(primary_key=True)
    """Empty means promotional messages on any topic."""
    at: datetime = _moment()
    """When it arrived."""
    source: str
    """The stop word, report or link that it comes from."""


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
    heard_at: datetime = _moment()
    customer_id: str | None = None
    """The customer it was about; None in rows from before this column existed."""


class ChannelRow(SQLModel, table=True):
    """A channel that was paused at least once; other channels have no row."""

    __tablename__ = "channels"

    channel: str = Field(primary_key=True)
    paused_at: datetime | None = _maybe()
    paused_because: str = ""
    """The operator's words, or the kind and the code of the provider's error."""
    paused_by: str = ""
    """The provider or operator that paused; a probe never ends an operator's pause."""
    resumed_at: datetime | None = _maybe()
    probe_at: datetime | None = _maybe()
    """When the next probe is due."""


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

    id: int | None = _number()
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
    at: datetime = _moment()
    """When the reply arrived."""
    state: AnswerState = _state(AnswerState)
    reason: str | None = None
    """Why it was dropped."""
    tried_at: datetime | None = _maybe()
    settled_at: datetime | None = _maybe()
    carrier: str | None = None
    """The provider that took the answer."""
    provider_id: str | None = None


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

    id: int | None = _number()
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
    since: datetime = _moment()
    because: str
    by: str
    ended_at: datetime | None = _maybe()
    ended_because: str | None = None
    ended_by: str | None = None


class ContentRow(SQLModel, table=True):
    """The full text of a message, as it was handed to the provider."""

    __tablename__ = "contents"
    # in small letters: mail that comes back spells an address as it likes
    __table_args__ = (Index("ix_contents_lowered", text("lower(address)")),)

    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), primary_key=True)
    )
    address: str
    content: dict[str, Any] = _json()


class AddressRow(SQLModel, table=True):
    """An address of a customer since a moment. Append-only: the card holds the current one."""

    __tablename__ = "addresses"
    __table_args__ = (Index("ix_addresses_customer", "customer_id", "kind", "id"),)

    id: int | None = _number()
    customer_id: str
    kind: str
    """email, phone, phone2 or push_token."""
    value: str
    """Empty means that the address was withdrawn."""
    at: datetime = _moment()
    source: str
    """The message id of the identify call that brought the address."""


class DeviceRow(SQLModel, table=True):
    """A device of a customer: an app, or a browser, that takes push messages."""

    __tablename__ = "devices"
    __table_args__ = (Index("ix_devices_customer", "customer_id", "used_at"),)

    id: int | None = _number()
    customer_id: str
    token: str = Field(unique=True)
    platform: str = ""
    since: datetime = _moment()
    used_at: datetime = _moment()
    """The moment of the newest call that named it."""
    gone_at: datetime | None = _maybe()
    """When a provider called the token dead, or the app was removed."""
    source: str
    """The message id of that call."""


class HandoverRow(SQLModel, table=True):
    """One message that was handed over for one device, in one attempt, and its end."""

    __tablename__ = "handovers"
    __table_args__ = (
        Index("ix_handovers_ledger", "ledger_id", "id"),
        Index("ix_handovers_reference", "reference"),
        Index("ix_handovers_submitted", "submitted_at"),
    )

    id: int | None = _number()
    ledger_id: int = Field(
        sa_column=Column(_BIG, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False)
    )
    attempt: int
    """As in `AttemptRow`."""
    address: str
    platform: str = ""
    reference: str
    """The message's reference for this device, as the provider knows it."""
    state: AttemptState = _state(AttemptState)
    submitted_at: datetime = _moment()
    settled_at: datetime | None = _maybe()
    provider_id: str | None = None
    error: str | None = None
    detail: str | None = None


class QuarantineRow(SQLModel, table=True):
    """A call of a known event that does not validate, kept until an operator mends it."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_open", "settled_at", "id"),)

    id: int | None = _number()
    digest: str = Field(unique=True)
    """SHA-256 of the call: a sender's retries share a row."""
    call: dict[str, Any] = _json()
    """The tracking call as it was sent, or as an operator mended it."""
    name: str
    path: str
    """The field at fault."""
    reason: str
    source: str
    """The sender: a write key's id, or a webhook's name."""
    received_at: datetime = _moment()
    mended_at: datetime | None = _maybe()
    """The moment since which the call validates; path and reason still name the first fault."""
    settled_at: datetime | None = _maybe()
    outcome: str | None = None
    """redriven or dropped."""


class TicketRow(SQLModel, table=True):
    """Work for a person, kept here in a project without a helpdesk."""

    __tablename__ = "tickets"

    id: int | None = _number()
    name: str = Field(unique=True)
    """The idempotency key of the call that asked, the same in every attempt."""
    customer_id: str = Field(index=True)
    run: str
    """The workflow id of the run that asked."""
    subject: str
    opened_at: datetime = _moment()
    closed_at: datetime | None = _maybe(index=True)
    closed_by: str | None = None


class TaskRow(SQLModel, table=True):
    """A question of a run to a person of the shop."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_customer", "customer_id", "id"),
        Index("ix_tasks_run", "run"),
        Index("ix_tasks_open", "state", "until"),
        Index("ix_tasks_to_tell", "tell_at"),
    )

    id: int | None = _number()
    task: str = Field(unique=True)
    """Its name, made of what caused it: run, enrolment, cause, question, occurrence."""
    customer_id: str
    journey: str
    run: str
    """The workflow id of the run that waits."""
    question: str
    """Its name in the journey."""
    text: str
    answers: dict[str, str] = _json()
    """The words of each answer, by its name."""
    opened_at: datetime = _moment()
    until: datetime = _moment()
    """Until when the run waits, by the journey's clock."""
    state: TaskState = _state(TaskState)
    answer: str | None = None
    answered_by: str | None = None
    ended_at: datetime | None = _maybe(index=True)
    because: str | None = None
    """Why it was closed without an answer (`domain.tasks.WhyClosed`)."""
    to_tell: bool = False
    """A helpdesk is to be told of it."""
    tell_at: datetime | None = _maybe()
    """When to tell the helpdesk; None: there is nothing to tell."""
    tries: int = 0
    opened_told_at: datetime | None = _maybe()
    ended_told_at: datetime | None = _maybe()


class RestrictionRow(SQLModel, table=True):
    """A time during which a customer's data are kept, but not used."""

    __tablename__ = "restrictions"
    __table_args__ = (Index("ix_restrictions_customer", "customer_id", "id"),)

    id: int | None = _number()
    customer_id: str
    at: datetime = _moment()
    why: str
    by: str
    lifted_at: datetime | None = _maybe()
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

    id: int | None = _number()
    customer: str
    """The keyed hash of the customer's id (`store.tombstones`)."""
    asked_at: datetime = _moment()
    why: str
    by: str
    finished_at: datetime | None = _maybe()
    counts: dict[str, int] = _json()
    """Rows that were deleted, emptied or hashed, by table, and ``histories`` in Temporal."""
    todo: dict[str, Any] | None = _maybe_json()
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
    scrubbed_at: datetime | None = _maybe()
    """When the erased data were gone from the database's files; None: not yet."""
    scrub_after: datetime | None = _maybe()
    """When to try again, since the files were in use."""


class ErasedAddressRow(SQLModel, table=True):
    """An address of an erased person, as its digest: later records of it are kept hashed."""

    __tablename__ = "erased_addresses"

    digest: str = Field(primary_key=True)
    """The digest of channel and address, as `store.digests` makes it."""
    at: datetime = _moment()


class SaltRow(SQLModel, table=True):
    """The key of the hashes that stand for erased ids and addresses."""

    __tablename__ = "salts"

    name: str = Field(primary_key=True)
    salt: str


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
    created_at: datetime = _moment()
    revoked_at: datetime | None = _maybe()


class SchemaVersionRow(SQLModel, table=True):
    """The newest migration that has run (`store.migrating`)."""

    __tablename__ = "schema_version"

    version_num: str = Field(sa_column=Column(String(32), primary_key=True))
