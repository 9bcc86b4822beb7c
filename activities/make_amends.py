"""Ask the shop whether it makes amends to a customer, and by which code."""

from activities.shop import ShopSettings, post
from sojourn import Context, NonPersonal, activity, days


class Amends(NonPersonal):
    """A code that takes so many per cent off one order; an empty one: the shop makes no amends."""

    code: str = ""
    percent: int = 0


@activity(deadline=days(1))
async def make_amends(context: Context, case_id: str) -> Amends:
    """Have the shop decide; without ``SHOP_AMENDS_URL``, by ``SHOP_AMENDS_PERCENT`` alone.

    Args:
        context: of the call.
        case_id: the case that the code makes up for.

    Returns:
        The same answer, however often the call is tried.
    """
    shop = ShopSettings()
    if not shop.amends_url:
        percent = shop.amends_percent
        code = context.derive_code(f"SORRY{percent}") if percent else ""
        return Amends(code=code, percent=percent)
    said = await post(
        shop.amends_url,
        {"customer_id": context.customer_id, "case_id": case_id},
        token=shop.token,
        idempotency_key=context.idempotency_key,
    )
    return Amends.model_validate(said)
