"""Have the shop make amends to a customer, by a code."""

from activities.shop import ShopSettings, post
from sojourn import Context, NonPersonal, activity, days


class Amends(NonPersonal):
    """A code that takes so many per cent off one order."""

    code: str
    percent: int


@activity(deadline=days(1), in_shadow=Amends(code="IN-SHADOW", percent=10))
async def make_amends(context: Context, case_id: str) -> Amends:
    """Issue a code; without ``SHOP_AMENDS_URL``, derive one of ``SHOP_AMENDS_PERCENT``.

    Args:
        context: of the call.
        case_id: the case that the code makes up for.

    Returns:
        The same code, however often the call is tried.
    """
    shop = ShopSettings()
    if not shop.amends_url:
        percent = shop.amends_percent
        return Amends(code=context.derive_code(f"SORRY{percent}"), percent=percent)
    said = await post(
        shop.amends_url,
        {"customer_id": context.customer_id, "case_id": case_id},
        token=shop.token,
        idempotency_key=context.idempotency_key,
    )
    return Amends.model_validate(said)
