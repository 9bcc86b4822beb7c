"""Campaigns in a customer's story that have no row in the ledger before the customer's turn."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from sojourn.domain.campaign_run import PREFIX, CampaignState
from sojourn.journeys.wording import clock
from sojourn.store.recipients import Membership
from sojourn.store.tables import LedgerRow


class InAudience(BaseModel):
    """A customer in the frozen audience of a campaign, not decided on yet.

    Args:
        at: when the audience was frozen.
        text: the standing in words.
        campaign: the id of the campaign.
        due: when the message is due.
        state: where the campaign stands.
        variant: the variant that is tested on them, or the winner; empty if there is none yet.
    """

    kind: Literal["audience"] = "audience"
    at: datetime
    text: str
    campaign: str
    due: datetime
    state: CampaignState
    variant: str = ""


def campaign_of(workflow_id: str) -> str:
    """Return the campaign of a row of the ledger; empty if it is a run's."""
    return workflow_id.removeprefix(PREFIX) if workflow_id.startswith(PREFIX) else ""


def undecided(
    found: Iterable[Membership], rows: Collection[LedgerRow], tz: str
) -> list[InAudience]:
    """Describe the campaigns that have not decided about a customer yet.

    Args:
        found: the frozen audiences that the customer is in, by any id.
        rows: the customer's rows of the ledger.
        tz: the customer's time zone.

    Returns:
        A line for each. Campaigns that follow others have one even after the decision, which says
        why the customer is in the audience.
    """
    decided = {(row.workflow_id, row.enrolment) for row in rows}
    return [
        InAudience(
            at=one.since,
            text=_inside(one)
            if (PREFIX + one.campaign, one.customer_id) in decided
            else _text(one, tz),
            campaign=one.campaign,
            due=_due(one),
            state=one.state,
            variant=one.variant or (one.ab.winner if one.ab else ""),
        )
        for one in found
        if one.asks or (PREFIX + one.campaign, one.customer_id) not in decided
    ]


def _due(one: Membership) -> datetime:
    """Return when the message is due, but not before the winner is found for those who get it."""
    decides_at = one.ab.decides_at if one.ab is not None and not one.variant else None
    return one.due if decides_at is None else max(one.due, decides_at)


def _text(one: Membership, tz: str) -> str:
    inside = _inside(one)
    if one.doubtful:
        return f"{inside}; that is not certain: it is in doubt what they had"
    because = f": {one.because}" if one.because else ""
    match one.state:
        case CampaignState.STOPPED:
            when = clock(one.changed, tz)
            return f"{inside}; {one.by} stopped the campaign {when}, before their turn{because}"
        case CampaignState.FINISHED:
            return f"{inside}; the campaign ended, and nothing was decided about them"
        case CampaignState.PAUSED:
            return f"{inside}, due {clock(_due(one), tz)}; {one.by} paused the campaign{because}"
    return f"{inside}, due {clock(_due(one), tz)}: not decided on yet"


def _inside(one: Membership) -> str:
    """Name the customer's audience, and why they are in it if the campaign follows others."""
    said = f"in the audience of {one.campaign}{_variant(one)}"
    return f"{'perhaps ' if one.doubtful else ''}{said}{f', who {one.asks}' if one.asks else ''}"


def _variant(one: Membership) -> str:
    """Name the variant of the message that they get."""
    if one.ab is None:
        return ""
    if one.variant:
        return f", in the share that tries {one.variant}"
    return f", gets the winner, {one.ab.winner}" if one.ab.winner else ", gets the winner"
