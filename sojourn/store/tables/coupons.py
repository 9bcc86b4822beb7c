"""Coupons: their codes, orders that named one, and the stock of pools."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from sojourn.domain.states import CouponState
from sojourn.store.tables import columns

# A query must repeat these words exactly to use the partial index: SQLite compares the text.
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

    id: int | None = columns.number()
    pool: str
    code: str
    """The code as it is handed out."""
    compared: str = Field(unique=True)
    """The code as it is looked up, however it is typed (`domain.coupon_codes.comparable`)."""
    state: CouponState = columns.state(CouponState)
    added_at: datetime = columns.moment()
    source: str
    """The operator who brought it, and the file."""
    message_id: str | None = None
    """The message that has it (`LedgerRow.message_id`), the same in every attempt."""
    customer_id: str | None = None
    """The customer whose message it is."""
    reserved_at: datetime | None = columns.maybe()
    expires_at: datetime | None = columns.maybe()
    """Until then the code is good for its customer; None: it has no end."""
    used_at: datetime | None = columns.maybe()
    """When the first order with it happened."""


class CouponUseRow(SQLModel, table=True):
    """An order that named a code. The first one uses it; others are noted as well."""

    __tablename__ = "coupon_uses"
    __table_args__ = (
        UniqueConstraint("coupon_id", "order_id"),
        Index("ix_coupon_uses_customer", "customer_id"),
    )

    id: int | None = columns.number()
    coupon_id: int = Field(
        sa_column=Column(columns.BIG, ForeignKey("coupons.id", ondelete="CASCADE"), nullable=False)
    )
    customer_id: str
    """The customer who ordered."""
    message_id: str
    """The event's."""
    order_id: str
    """As the shop writes it; the event's id if the event has none."""
    at: datetime = columns.moment()
    """When it was ordered."""


class CouponPoolRow(SQLModel, table=True):
    """When low and empty stock of a pool were last logged; the first log creates the row."""

    __tablename__ = "coupon_pools"

    name: str = Field(primary_key=True)
    low_at: datetime | None = columns.maybe()
    """When it was last logged that few codes are left."""
    empty_at: datetime | None = columns.maybe()
    """When it was last logged that a message was skipped for want of a code."""
