"""Ask a person of the shop to get in touch with a customer."""

from activities.shop import ShopSettings, post
from sojourn import Context, NonPersonal, activity, days


class Ticket(NonPersonal):
    """The work of a person."""

    ticket: str


@activity(deadline=days(2), in_shadow=Ticket(ticket="in-shadow"))
async def open_ticket(context: Context, subject: str) -> Ticket:
    """Open a ticket; without ``SHOP_TICKETS_URL``, keep it for ``sojourn tickets``.

    Args:
        context: of the call.
        subject: one line for the person who takes it.

    Returns:
        The ticket's number, the same however often the call is tried.
    """
    shop = ShopSettings()
    if not shop.tickets_url:
        return Ticket(ticket=await context.keep_ticket(subject))
    said = await post(
        shop.tickets_url,
        {"customer_id": context.customer_id, "subject": subject},
        token=shop.token,
        idempotency_key=context.idempotency_key,
    )
    return Ticket.model_validate(said)
