"""Name the person of the shop who looks after a customer."""

import hashlib

from activities.shop import ShopSettings
from sojourn import Context, NonPersonal, activity, minutes


class Owner(NonPersonal):
    """The one who looks after a customer, by the id that templates have a name for."""

    owner: str


@activity(deadline=minutes(5), effects=False)
async def assign_owner(context: Context) -> Owner:
    """Choose one of ``SHOP_OWNERS``: always the same one for a customer, whatever it is about.

    Args:
        context: of the call.

    Returns:
        The owner; an empty id if the shop names nobody.
    """
    owners = [one.strip() for one in ShopSettings().owners.split(",") if one.strip()]
    if not owners:
        return Owner(owner="")
    digest = hashlib.sha256(context.customer_id.encode()).digest()
    return Owner(owner=owners[int.from_bytes(digest[:8], "big") % len(owners)])
