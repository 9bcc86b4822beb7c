"""A coupon, as templates see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sojourn.domain.coupons import Coupon


@dataclass(frozen=True)
class Shown:
    """A coupon.

    Args:
        code: as the customer types it.
        until: the last moment in which it is good; None: it has no end.
        off: the share that it takes off, 0.15 for 15 %; None: it gives something else.
        gives: what it gives, in words; may be empty.
    """

    code: str
    until: datetime | None
    off: Decimal | None
    gives: str


def as_shown(coupon: Coupon, languages: Sequence[str]) -> Shown:
    """Return a coupon with the words of its pool.

    Args:
        coupon: as the message hands it out.
        languages: best first.

    Returns:
        The coupon as templates see it.
    """
    percent = coupon.pool.percent
    return Shown(
        code=coupon.code,
        until=coupon.until,
        off=None if percent is None else percent / 100,
        gives=coupon.pool.gives_in(languages),
    )
