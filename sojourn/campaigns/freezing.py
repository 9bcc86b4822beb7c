"""Freeze a campaign's audience: who is in it now gets its message, each at their moment."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.campaigns import deciding
from sojourn.domain.calendar import zone
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import UnknownZone
from sojourn.store import Store, campaigns, cards, recipients
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders

PAGE = 5000


async def freeze(
    store: Store, campaign_id: str, now: datetime, *, own: frozenset[str], default_zone: str
) -> int:
    """Note everybody who is in a campaign's audience now; doing it again changes nothing.

    Args:
        store: open.
        campaign_id: of a campaign that was launched.
        now: the moment at which its audience's question is asked.
        own: topics that need a yes of their own.
        default_zone: of customers whose own zone nothing tells, an IANA name.

    Returns:
        How many are in it.

    Raises:
        BadInput: it was never launched.
    """
    async with store.transaction() as session:
        row = await campaigns.get(session, campaign_id)
        if row.frozen_at is not None:
            return row.size
        plan = CampaignPlan.model_validate(row.plan)
        asked = holders(plan.fact, now, postgresql=is_postgresql(session), own=own)
        due: dict[str, datetime] = {}
        if plan.when.is_local:
            found = await recipients.zones(session, asked)
            due = {name: due_in(name, plan, now, default_zone) for name in found if name}
        size = await recipients.freeze(
            session,
            campaign_id,
            asked,
            lane=plan.channels[0].value,
            due=due,
            at=due_in(default_zone, plan, now, default_zone),
        )
        if plan.when.is_local:
            await _place(session, campaign_id, plan, now, default_zone)
        if plan.ab is not None and size:
            await deciding.draw(session, campaign_id, plan.ab)
        await campaigns.frozen(session, campaign_id, at=now, size=size)
    return size


def due_in(name: str, plan: CampaignPlan, now: datetime, default_zone: str) -> datetime:
    """Return when a campaign's message is due in a zone.

    Args:
        name: of the zone, as a card has it; one that nobody knows counts as the default.
        plan: of the campaign.
        now: the moment of the freeze.
        default_zone: an IANA name.

    Returns:
        The moment.
    """
    try:
        return plan.when.due(zone(name), now)
    except UnknownZone:  # a card may be older than the check of zones
        return plan.when.due(zone(default_zone), now)


async def _place(
    session: AsyncSession,
    campaign_id: str,
    plan: CampaignPlan,
    now: datetime,
    default_zone: str,
) -> None:
    """Find the zones of those whose cards tell none, as the gate does: by phone and language."""
    after = 0
    while True:
        page = await recipients.without_zone(session, campaign_id, after=after, limit=PAGE)
        if not page:
            return
        after = page[-1][0]
        by_zone: dict[str, list[int]] = {}
        for number, card in page:
            by_zone.setdefault(home_zone(cards.card(card), default_zone), []).append(number)
        for name, numbers in by_zone.items():
            await recipients.live_in(session, numbers, name, due_in(name, plan, now, default_zone))
