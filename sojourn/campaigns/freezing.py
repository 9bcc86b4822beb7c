"""Freeze a campaign's audience: the customers in it now get its message, each at their moment."""

from datetime import datetime

from sqlalchemy import Select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.campaigns import deciding, following
from sojourn.domain.calendar import zone
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import UnknownZone
from sojourn.store import Store, campaigns, cards, recipients
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import doubtful, holders

PAGE = 5000


async def freeze(
    store: Store, campaign_id: str, now: datetime, *, own: frozenset[str], default_zone: str
) -> int:
    """Note everybody who is in a campaign's audience now; doing it again changes nothing.

    If it follows another campaign, doing it again takes in customers who have been proved since to
    have had that one.

    Args:
        store: open.
        campaign_id: of a campaign that was launched.
        now: the moment at which its audience's question is asked.
        own: topics that need a yes of their own.
        default_zone: the zone of customers whose own is unknown, an IANA name.

    Returns:
        The number in it.

    Raises:
        BadInput: it was never launched, or what it follows is still under way.
    """
    async with store.transaction() as session:
        row = await campaigns.get(session, campaign_id)
        plan = CampaignPlan.model_validate(row.plan)
        if row.frozen_at is None:
            if row.state.is_over:  # it was stopped before
                return row.size
            firsts = await following.first_ones(session, plan)
            following.check_over(campaign_id, firsts)
            lane, database = plan.channels[0].value, is_postgresql(session)
            asked = holders(plan.fact, now, postgresql=database, own=own)
            size = await _freeze(
                session, campaign_id, plan, asked, now=now, default_zone=default_zone, lane=lane
            )
            if plan.ab is not None and (size or firsts):
                await deciding.draw(session, campaign_id, plan.ab)
            if firsts:  # after the draw: customers who come in later get the winner
                asked = doubtful(plan.fact, now, postgresql=database, own=own)
                lane = recipients.DOUBTFUL
                await _freeze(
                    session, campaign_id, plan, asked, now=now, default_zone=default_zone, lane=lane
                )
                because = following.told(firsts)
                campaigns.note(session, campaign_id, "freeze", by="campaign", because=because)
            if plan.when.is_local:
                await _place(session, campaign_id, plan, now, default_zone)
            await campaigns.frozen(session, campaign_id, at=now, size=size)
            return size
    return row.size + await following.take_in(store, campaign_id, plan, now, own=own)


async def _freeze(
    session: AsyncSession,
    campaign_id: str,
    plan: CampaignPlan,
    asked: Select[tuple[str]],
    *,
    now: datetime,
    default_zone: str,
    lane: str,
) -> int:
    due: dict[str, datetime] = {}
    if plan.when.is_local:
        found = await recipients.zones(session, asked)
        due = {name: due_in(name, plan, now, default_zone) for name in found if name}
    return await recipients.freeze(
        session,
        campaign_id,
        asked,
        lane=lane,
        due=due,
        at=due_in(default_zone, plan, now, default_zone),
    )


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
