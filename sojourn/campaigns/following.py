"""Campaigns that follow others: they go to customers who had a message of another one.

The other one has to be over, for until then its numbers can change. A customer whose message of it
is in doubt comes in once it is proved that they had it, for as long as the message is of use.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign import name_of
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignCounts
from sojourn.domain.errors import BadInput
from sojourn.domain.facts.of_campaigns import followed
from sojourn.store import Store, campaigns, people, recipients
from sojourn.store.facts import one as facts_of_one
from sojourn.store.tables import RecipientRow

PAGE = 500


async def first_ones(session: AsyncSession, plan: CampaignPlan) -> list[CampaignCounts]:
    """Return the numbers of the campaigns that a campaign follows.

    Args:
        session: any session.
        plan: of the campaign that follows.

    Returns:
        The numbers of each, in the order of their ids.

    Raises:
        BadInput: one of them was never launched.
    """
    found: list[CampaignCounts] = []
    for one in followed(plan.fact):
        if await campaigns.find(session, one) is None:
            others = await campaigns.launches(session, name_of(one))
            named = f": say which launch of it, {' or '.join(others)}" if others else ""
            raise BadInput(f"nobody had {one}, which was never launched{named}")
        found.append(await campaigns.counts(session, one))
    return found


def check_over(name: str, firsts: Collection[CampaignCounts]) -> None:
    """Check that the campaigns that one follows are over, so that their numbers are final.

    Args:
        name: of the campaign that follows.
        firsts: the numbers of those that it follows.

    Raises:
        BadInput: one of them is still under way.
    """
    for one in firsts:
        if one.state.is_over and not one.under_way:
            continue
        standing = f"{one.under_way:,} of its messages are being handed over"
        if not one.state.is_over:
            standing = f"it is {one.state}"
        raise BadInput(
            f"{name} follows {one.campaign}, and {standing}: who had it is certain once it is "
            f"over; `sojourn campaign show {one.campaign}` tells"
        )


def told(firsts: Sequence[CampaignCounts]) -> str:
    """Return who had the campaigns that one follows: ``spring: 41,210 had it, 12 in doubt``."""
    return "; ".join(
        f"{one.campaign}: {one.sent:,} had it, {one.unknown:,} in doubt" for one in firsts
    )


async def take_in(
    store: Store, campaign_id: str, plan: CampaignPlan, now: datetime, *, own: frozenset[str]
) -> int:
    """Take in customers who are proved by now to have had the campaign that this one follows.

    Customers who are proved not to have had it are left out, and so is everybody once the message
    is of no use any more. Doing it again changes nothing.

    Args:
        store: open.
        campaign_id: of the campaign that follows; its audience is frozen.
        plan: its plan.
        now: by its clock.
        own: topics that need a yes of their own.

    Returns:
        The number that came in.
    """
    after, added = 0, 0
    while True:
        inside: list[int] = []
        outside: list[int] = []
        async with store.reading() as session:
            page = await recipients.in_doubt(session, campaign_id, after=after, limit=PAGE)
            for row in page:
                assert row.id is not None
                holds = await _holds(session, row, plan, now, own=own)
                if holds:
                    inside.append(row.id)
                elif holds is False or now >= row.due_at + plan.useful_for:
                    outside.append(row.id)
        if not page:
            break
        after = page[-1].id or 0
        async with store.transaction() as session:
            lane = plan.channels[0].value
            number = await recipients.take_in(session, inside, lane, at=now) if inside else 0
            await recipients.decided(session, outside)
            await campaigns.grown(session, campaign_id, by=number)
        added += number
    if added:
        async with store.transaction() as session:
            firsts = await first_ones(session, plan)
            because = f"{added:,} more; {told(firsts)}"
            campaigns.note(session, campaign_id, "take in", by="campaign", because=because)
    return added


async def _holds(
    session: AsyncSession,
    row: RecipientRow,
    plan: CampaignPlan,
    now: datetime,
    *,
    own: frozenset[str],
) -> bool | None:
    person = await people.read(session, row.customer_id)  # ids may have been joined since
    return (await facts_of_one.judged(session, person, plan.fact, now, own=own)).holds
