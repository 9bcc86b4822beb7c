"""Specimens: messages as a customer would get them; nothing of them is kept."""

import secrets
from datetime import datetime

from sojourn.domain.coupons import Pools
from sojourn.domain.customer import Customer
from sojourn.domain.messages import Channel, Delivery
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending import couponing
from sojourn.sending.drafting import Claim, launched
from sojourn.settings import Settings


def renderer_of(project: Project, settings: Settings) -> Renderer:
    """Make a renderer whose links open nothing: no installation has the key that signs them."""
    return Renderer.of(settings, secrets.token_hex(), project)


def specimen(
    delivery: Delivery,
    customer: Customer,
    channel: Channel,
    *,
    address: str,
    timezone: str,
    pools: Pools,
    now: datetime,
) -> Claim:
    """Return a draft of a campaign's message, which the ledger does not know.

    Args:
        delivery: the message.
        customer: the person it addresses.
        channel: by which it goes.
        address: where it goes; empty: nowhere.
        timezone: the customer's, an IANA name.
        pools: of the project: a code is made up.
        now: the moment.

    Returns:
        The draft.
    """
    return Claim(
        ledger_id=0,
        attempt=0,
        channel=channel,
        address=address,
        customer=customer,
        timezone=timezone,
        start=launched(delivery),
        moves=(),
        history=(),
        decided_at=now,
        coupon=couponing.made_up(delivery, pools, now, timezone),
    )
