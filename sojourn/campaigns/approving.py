"""Approvals of campaigns: of what they say, in code, words, audience and times.

An approval is bound to a digest: after any change it no longer holds.
"""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign import Campaign, changed
from sojourn.domain.errors import BadInput
from sojourn.project import Project
from sojourn.rendering.folders import Folders
from sojourn.settings import Approval
from sojourn.store import campaigns
from sojourn.store.tables import CampaignWordRow

APPROVE = "approve"


def digest_in(project: Project, campaign: Campaign) -> str:
    """Return a text that changes with the campaign's code, words, audience or times.

    Args:
        project: has its words, and the layout around them.
        campaign: of the project.
    """
    return campaign.digest(Folders(project.templates).contents(campaign.name))


def check_unchanged(campaign: Campaign, approved: str, digest: str) -> None:
    """Check that a campaign is what was approved.

    Args:
        campaign: of the project.
        approved: the digest that was approved.
        digest: what it is now.

    Raises:
        BadInput: it has changed; the line says in what.
    """
    if approved != digest:
        raise BadInput(
            f"{campaign.name} has changed since {approved} was approved "
            f"({', '.join(changed(approved, digest))}): it is {digest} now; "
            f"look at `sojourn campaign check {campaign.name}` again"
        )


async def approve(session: AsyncSession, campaign: Campaign, digest: str, *, by: str) -> None:
    """Note that somebody approves a campaign as it is.

    Args:
        session: a writing transaction.
        campaign: of the project.
        digest: what it is now.
        by: who approves.
    """
    campaigns.note(session, campaign.name, APPROVE, by=by, digest=digest)


async def approvals(session: AsyncSession, campaign: Campaign) -> Sequence[CampaignWordRow]:
    """Return the approvals of a campaign, oldest first."""
    words = await campaigns.words(session, campaign.name)
    return [one for one in words if one.what == APPROVE]


async def check_approved(
    session: AsyncSession, campaign: Campaign, digest: str, *, by: str, asks: Approval
) -> None:
    """Check that a campaign has the approval that this installation asks for.

    Args:
        session: any session.
        campaign: of the project.
        digest: what it is now.
        by: who launches it.
        asks: whose approval counts.

    Raises:
        BadInput: somebody other than the launcher has to approve it, as it is now.
    """
    if asks is Approval.OWN:
        return
    others = [one for one in await approvals(session, campaign) if _name(one.by) != _name(by)]
    if any(one.digest == digest for one in others):
        return
    how = f"`sojourn campaign approve {campaign.name} --by NAME`"
    if not others:
        raise BadInput(f"{campaign.name} wants the approval of somebody else than {by}: {how}")
    last = others[-1]
    kinds = ", ".join(changed(last.digest, digest))
    raise BadInput(
        f"{campaign.name} has changed ({kinds}) since {last.by} approved it "
        f"{last.at:%Y-%m-%d %H:%M} UTC: {how}"
    )


def _name(by: str) -> str:
    return by.strip().casefold()
