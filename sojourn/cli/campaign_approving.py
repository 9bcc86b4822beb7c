"""``sojourn campaign approve``, and the approvals that a launch finds."""

from sojourn.campaigns import approving
from sojourn.cli.here import Here
from sojourn.cli.output import show_json, show_line
from sojourn.domain.campaign import Campaign
from sojourn.store import Store


async def approve_it(here: Here, campaign: Campaign, by: str, seen: str, *, as_json: bool) -> None:
    """Approve a campaign as it is, and print what was approved.

    Args:
        here: the project and the settings.
        campaign: of the project.
        by: who approves.
        seen: the digest that they looked at; empty: they say nothing of it.
        as_json: for programs.

    Raises:
        BadInput: it is another one than they looked at.
    """
    digest = approving.digest_in(here.project, campaign)
    approving.check_unchanged(campaign, seen or digest, digest)
    async with here.store() as store, store.transaction() as session:
        await approving.approve(session, campaign, digest, by=by)
    if as_json:
        show_json({"campaign": campaign.name, "digest": digest, "by": by})
    else:
        show_line(f"{campaign.name} is approved by {by}, as it is now: {digest}")


async def has_approval(store: Store, campaign: Campaign, digest: str) -> bool:
    """Tell whether anybody has approved a campaign as it is.

    Args:
        store: open.
        campaign: of the project.
        digest: what it is now.

    Returns:
        True if somebody has.
    """
    async with store.reading() as session:
        return any(one.digest == digest for one in await approving.approvals(session, campaign))
