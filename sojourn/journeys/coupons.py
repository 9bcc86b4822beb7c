"""The coupons that a project's messages hand out, compared with its pools."""

from collections.abc import Iterable

from sojourn.domain.coupons import FILE, Pools
from sojourn.domain.errors import BadProject, UnknownName, place_of
from sojourn.domain.message import Message
from sojourn.journeys.journey import Journey


def check_coupons(journeys: Iterable[type[Journey]], pools: Pools) -> None:
    """Check that every pool that a message takes a code from is one of the project's.

    Args:
        journeys: the classes.
        pools: of the project.

    Raises:
        BadProject: names the message, its pool and the way out.
    """
    for journey in journeys:
        for message in journey.messages:
            check_coupon(f"{place_of(journey)}, {message.step}", message, pools)


def check_coupon(whose: str, message: Message, pools: Pools) -> None:
    """Check that the pool from which one message takes a code is one of the project's.

    Args:
        whose: names the message in an error.
        message: the message.
        pools: of the project.

    Raises:
        BadProject: names the message, its pool and the way out.
    """
    if not message.coupon:
        return
    try:
        pools.named(message.coupon)
    except UnknownName as error:
        way_out = f"write [{message.coupon}] in {FILE}, or name another pool"
        raise BadProject(f"{whose}: {error}; {way_out}") from None
