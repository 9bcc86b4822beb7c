"""Have the shop issue a code that takes something off one order."""

from activities.shop import ShopSettings, post
from sojourn import Context, NonPersonal, activity, days


class OfferCode(NonPersonal):
    """A code to enter at the checkout."""

    code: str


@activity(deadline=days(1), in_shadow=OfferCode(code="IN-SHADOW"))
async def issue_code(context: Context, percent: int, order_id: str = "") -> OfferCode:
    """Issue a code for the customer; without ``SHOP_CODES_URL``, derive one.

    Args:
        context: of the call.
        percent: how much the code takes off.
        order_id: the order that the code thanks for; it is then for what goes with that order.

    Returns:
        The same code, however often the call is tried.
    """
    shop = ShopSettings()
    if not shop.codes_url:
        return OfferCode(code=context.derive_code(f"BACK{percent}"))
    about = {"order_id": order_id} if order_id else {"cart_id": context.key} if context.key else {}
    said = await post(
        shop.codes_url,
        {"customer_id": context.customer_id, **about, "percent": percent},
        token=shop.token,
        idempotency_key=context.idempotency_key,
    )
    return OfferCode.model_validate(said)
