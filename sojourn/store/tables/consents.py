"""The customers' words on consent, their choices, and addresses that get nothing."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sojourn.store.tables import columns


class ConsentRow(SQLModel, table=True):
    """One statement of consent or refusal. Append-only: the latest word counts."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_customer", "customer_id", "id"),)

    id: int | None = columns.number()
    customer_id: str
    channel: str
    topic: str = ""
    """Empty means promotional messages on this channel, on any topic."""
    granted: bool
    at: datetime = columns.moment()
    """The moment of the statement, as its sender told it, never later than its arrival."""
    source: str
    """The origin: the message id of an identify call, a form, an operator."""
    received_at: datetime | None = columns.maybe()
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
    expires_at: datetime | None = columns.maybe()
    """A consent holds until this moment; None: until it is withdrawn."""
    answers: int | None = Field(default=None, sa_type=columns.BIG)
    """The number of the request, a statement of the purpose ``pending``, that a yes confirms."""


class ChoiceRow(SQLModel, table=True):
    """A choice of the customer beside consent: a break, "less often", language, time zone.

    Append-only: what holds now stands on the customer's card.
    """

    __tablename__ = "choices"
    __table_args__ = (Index("ix_choices_customer", "customer_id", "id"),)

    id: int | None = columns.number()
    customer_id: str
    what: str
    """The kind of choice (`domain.preferences.Kind`)."""
    topic: str = ""
    was: str
    became: str
    at: datetime = columns.moment()
    source: str
    """The link by which the customer came, or another origin."""
    locale: str = ""
    """The language of the page."""
    version: str = ""
    """The version of the page's words."""


class SuppressionRow(SQLModel, table=True):
    """An address that gets no message, no matter which customer has it."""

    __tablename__ = "suppressions"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    """As `domain.addresses.normalised` spells it; of an erased person, its digest
    (`store.digests`)."""
    because: str
    """bounced, complained, gone, or an operator's word."""
    at: datetime = columns.moment()
    source: str
    """The report, answer or operator that the suppression comes from."""
    lifted_at: datetime | None = columns.maybe()
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
    at: datetime = columns.moment()
    """When it arrived."""
    source: str
    """The stop word, report or link that it comes from."""
