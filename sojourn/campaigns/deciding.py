"""A/B tests of campaigns: draw the share, set when the winner is found, and find it, once."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.ab_standing import ABPlan, ABStanding, in_words, winner_of
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignState
from sojourn.store import Store, ab_tests, campaigns
from sojourn.store.tables import RecipientRow

PAGE = 5000


async def draw(session: AsyncSession, campaign_id: str, test: ABPlan) -> None:
    """Note which of a frozen audience are in the share, and which variant each gets.

    Args:
        session: the transaction that freezes.
        campaign_id: of the campaign.
        test: its test.
    """
    await ab_tests.begin(session, campaign_id)
    after = 0
    while page := await ab_tests.page(session, campaign_id, after=after, limit=PAGE):
        after = page[-1][0]
        chosen: dict[str, list[int]] = {}
        for number, customer_id in page:
            variant = test.drawn(campaign_id, customer_id)
            if variant is not None:
                chosen.setdefault(variant, []).append(number)
        for variant, numbers in chosen.items():
            await ab_tests.assign(session, variant, numbers)


async def set_moment(store: Store, campaign_id: str, plan: CampaignPlan, now: datetime) -> None:
    """Set when the winner is found, once all of the share had the message; it is set once.

    Args:
        store: open.
        campaign_id: of the campaign.
        plan: its plan.
        now: by the campaign's clock.
    """
    if plan.ab is None:
        return
    async with store.reading() as session:
        row = await ab_tests.find(session, campaign_id)
        if row is None or row.decides_at is not None:
            return
        if await ab_tests.is_share_waiting(session, campaign_id):
            return
    async with store.transaction() as session:
        row = await ab_tests.find(session, campaign_id, hold=True)
        if row is not None and row.decides_at is None:
            row.decides_at = now + plan.ab.after
            session.add(row)


async def decide(store: Store, campaign_id: str, now: datetime) -> None:
    """Find the winner of a campaign's variants, if its moment has come; it is found once.

    Args:
        store: open.
        campaign_id: of the campaign; while it is paused, and once it is stopped, nobody wins.
        now: by the campaign's clock.
    """
    async with store.transaction() as session:
        campaign = await campaigns.hold(session, campaign_id)
        if campaign is None or campaign.state is not CampaignState.RUNNING:
            return
        test = CampaignPlan.model_validate(campaign.plan).ab
        row = await ab_tests.find(session, campaign_id, hold=True)
        if test is None or row is None or row.winner or row.decides_at is None:
            return
        if row.decides_at > now:
            return
        results = await ab_tests.results(session, campaign_id, test)
        row.winner, row.decided_at = winner_of(results), now
        row.results = [one.model_dump() for one in results]
        session.add(row)
        campaigns.note(
            session,
            campaign_id,
            "decide",
            by="campaign",
            because=f"{row.winner} wins by {test.by}: {in_words(results)}",
        )


def variant_and_due(
    one: RecipientRow, plan: CampaignPlan, standing: ABStanding | None
) -> tuple[str, datetime]:
    """Return the variant that a recipient gets, and when it is due to them.

    Args:
        one: of the frozen audience.
        plan: of the campaign.
        standing: of its test; None: it has none.

    Returns:
        In the share, the recipient's own variant and moment. Outside of it, the winner, and the
        later of its moment and the recipient's. An empty name if there are no variants.
    """
    if one.variant is not None:
        return one.variant, one.due_at
    if standing is None or standing.decides_at is None:
        return "", one.due_at
    return standing.winner, plan.due_after(one.due_at, standing.decides_at)
