"""Campaigns: their audiences, recipients, tests and articles."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from sojourn.domain.campaign_run import CampaignState
from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
OPEN = "next_at IS NOT NULL"
"""A recipient who is still to be decided on."""
TAKEN = "taken IS NOT NULL"
OPEN_OF_SHARE = "next_at IS NOT NULL AND variant IS NOT NULL"
"""A recipient in the share that variants are tested on, who is still to be decided on."""


class CampaignRow(SQLModel, table=True):
    """A campaign that was launched."""

    __tablename__ = "campaigns"

    id: str = Field(primary_key=True)
    """Its name, with its occasion if it has several: ``newsletter@2026-12-01``."""
    name: str
    digest: str
    """The digest that was approved: of code, words, audience and times (`domain.campaign`)."""
    plan: dict[str, Any] = columns.json()
    """All that its batches need (`domain.campaign_plan`)."""
    state: CampaignState = columns.state(CampaignState)
    launched_at: datetime = columns.moment()
    launched_by: str
    frozen_at: datetime | None = columns.maybe()
    start_seq: int = Field(default=0, sa_type=columns.BIG)
    """The newest event at the freeze: later ones are news."""
    size: int = 0
    changed_at: datetime = columns.moment()
    """Since when it has its state."""
    changed_by: str = ""
    because: str = ""


class CampaignWordRow(SQLModel, table=True):
    """An act on a campaign: who, when, why. Append-only."""

    __tablename__ = "campaign_words"
    __table_args__ = (Index("ix_campaign_words_campaign", "campaign", "id"),)

    id: int | None = columns.number()
    campaign: str
    what: str
    """approve, launch, freeze, wait, take in, decide, pause, resume, stop, finish, test, seed."""
    at: datetime = columns.moment()
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

    id: int | None = columns.number()
    campaign: str
    customer_id: str
    """The id at the freeze, of which the message's name in the ledger is made."""
    timezone: str = ""
    """The time zone at the freeze, an IANA name."""
    due_at: datetime = columns.moment()
    next_at: datetime | None = columns.maybe()
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
    decides_at: datetime | None = columns.maybe()
    """When the winner will be found; None: some of the share are still to get the message."""
    decided_at: datetime | None = columns.maybe()
    winner: str | None = None
    results: list[dict[str, Any]] | None = columns.maybe_json()
    """The counts of each variant at that moment (`domain.ab_standing.ABResult`)."""


class ArticleRow(SQLModel, table=True):
    """An article of a feed that a campaign carries."""

    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("campaign", "language", "article"),
        Index("ix_articles_name", "name", "language", "article"),
    )

    id: int | None = columns.number()
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
    published_at: datetime | None = columns.maybe()


class AudienceRow(SQLModel, table=True):
    """A watched audience: its comings and goings are events. The row is the lock of its looks."""

    __tablename__ = "audiences"

    name: str = Field(primary_key=True)
    fact: str
    """The digest of its fact: a new one starts the watch afresh, and tells nobody."""
    began_at: datetime = columns.moment()
    """When it was first watched with this fact."""
    next_at: datetime = columns.moment()
    """When the next look is due."""
    looked_at: datetime | None = columns.maybe()
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

    id: int | None = columns.number()
    audience: str
    customer_id: str
    inside: bool
    turn: int = 0
    at: datetime = columns.moment()
    """When the change was seen."""
    told_at: datetime | None = columns.maybe()
    """When the event of the change was stored; None: it is still to be."""
