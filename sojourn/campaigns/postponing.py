"""Postpone a campaign's due messages, once the budget of the sending domain's day is used up."""

from datetime import datetime

from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.ramp import Allowance, next_turn
from sojourn.store import Store, ab_tests, recipients
from sojourn.store.tables import CampaignRow


async def postpone(
    store: Store, row: CampaignRow, channel: Channel, allowance: Allowance, now: datetime
) -> None:
    """Postpone messages that are due to their hour of the next day, or to the end of their use.

    So the gate is not asked about all of them in vain. A message that may be out, or is of no use
    any more, is not postponed: the gate decides on it.

    Args:
        store: open.
        row: of the campaign.
        channel: that is served.
        allowance: of the day; it is used up.
        now: by the campaign's clock.
    """
    plan = CampaignPlan.model_validate(row.plan)
    async with store.reading() as session:
        test = await ab_tests.standing(session, row.id, row.plan)
        found = await recipients.moments(
            session,
            row.id,
            channel.value,
            now=now,
            share_only=test is not None and not test.winner,
        )
    later: dict[bool, dict[datetime, datetime]] = {True: {}, False: {}}
    held: dict[datetime, datetime] = {}
    for due_at, tried in found:
        due = due_at
        if not tried and test is not None and test.decides_at is not None:
            due = plan.due_after(due_at, test.decides_at)
        ends = due + plan.useful_for
        if ends > now:
            turn = next_turn(due, allowance.until, ends) or ends
            later[tried][due_at] = held[due] = turn
    # one after the other: a claim holds its row of the ledger before that of its recipient
    for tried, moments in later.items():
        if moments:
            async with store.transaction() as session:
                await recipients.postpone(
                    session, row.id, channel.value, moments, now=now, tried=tried
                )
    if held:
        async with store.transaction() as session:
            await recipients.hold_longer(
                session,
                row.id,
                channel.value,
                held,
                reason=Reason.RAMP,
                detail=allowance.told,
                now=now,
            )
