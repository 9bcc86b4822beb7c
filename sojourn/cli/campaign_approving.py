"""``sojourn campaign approve``, and the approvals that a launch finds."""

from typing import Literal

import typer

from sojourn.campaigns import approving
from sojourn.cli.here import Here
from sojourn.cli.output import show_json, show_line, stderr
from sojourn.domain.campaign import Campaign
from sojourn.domain.errors import BadInput
from sojourn.store import Store


async def approve_it(here: Here, campaign: Campaign, by: str, seen: str, *, as_json: bool) -> None:
    """Approve a campaign as it is, and print what was approved.

    Args:
        here: the project and the settings.
        campaign: a campaign of the project.
        by: who approves.
        seen: the digest that they looked at; empty if they name none.
        as_json: print JSON.

    Raises:
        BadInput: the campaign has changed since they looked at it.
    """
    digest = approving.digest_in(here.project, campaign)
    approving.check_unchanged(campaign, seen or digest, digest)
    async with here.store() as store, store.transaction() as session:
        await approving.approve(session, campaign, digest, by=by)
    if as_json:
        show_json({"campaign": campaign.name, "digest": digest, "by": by})
    else:
        show_line(f"{campaign.name} is approved by {by}, as it is now: {digest}")


def ask(campaign: Campaign, digest: str, deed: Literal["launch", "schedule"]) -> str:
    """Ask for the approval of a campaign as it is.

    Args:
        campaign: a campaign of the project.
        digest: its present digest.
        deed: the act that needs the approval.

    Returns:
        The approved digest.

    Raises:
        BadInput: nobody can be asked, or the answer is no.
    """
    if not stderr.is_terminal:
        raise BadInput(
            f"{campaign.name} wants your approval: look at `sojourn campaign check "
            f"{campaign.name}`, then {deed} it with --approve {digest}"
        )
    stderr.print(
        f"{campaign.name}: to {campaign.to.name}, {campaign.when}; {digest}",
        markup=False,
        highlight=False,
    )
    if not typer.confirm(f"Do you approve, to {deed} it?", err=True):
        raise BadInput(f"you did not approve {campaign.name}: nothing was done")
    return digest


async def has_approval(store: Store, campaign: Campaign, digest: str) -> bool:
    """Tell whether anybody has approved a campaign as it is.

    Args:
        store: the open store.
        campaign: a campaign of the project.
        digest: its present digest.

    Returns:
        True if somebody has.
    """
    async with store.reading() as session:
        return any(one.digest == digest for one in await approving.approvals(session, campaign))
