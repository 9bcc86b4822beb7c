"""Launch campaigns, and act on those that are under way."""

from datetime import timedelta

from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from sojourn.campaigns import following
from sojourn.campaigns.approving import check_approved, check_unchanged, digest_in
from sojourn.campaigns.workflow import WORKFLOW, CampaignWorkflow
from sojourn.dispatch import Sojourn
from sojourn.domain.campaign import OCCASION, Campaign
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import (
    PREFIX,
    CampaignAct,
    CampaignCounts,
    CampaignDeed,
    CampaignRun,
)
from sojourn.domain.errors import TemporalUnavailable
from sojourn.store import campaigns, switches

ANSWER_TIMEOUT = timedelta(seconds=90)
"""A stop waits for what is being handed over."""


def id_of(campaign: Campaign, occasion: str = "") -> str:
    """Return the id of a campaign: its name, and the occasion if it has several."""
    return campaign.name + (OCCASION + occasion if occasion else "")


def digest_of(sojourn: Sojourn, campaign: Campaign) -> str:
    """Return a text that changes with the campaign's code, words, audience or times."""
    return digest_in(sojourn.project, campaign)


async def launch(
    sojourn: Sojourn, campaign: Campaign, *, by: str, approved: str, occasion: str = ""
) -> tuple[CampaignCounts, bool]:
    """Launch a campaign; launched twice, it is one campaign.

    Args:
        sojourn: connected.
        campaign: of the project.
        by: who launches it.
        approved: the digest that was approved (`digest_of`).
        occasion: tells launches apart; for a campaign that recurs, the day: ``2026-12-07``.

    Returns:
        Its numbers; and False if it was launched before.

    Raises:
        BadInput: something has changed since it was approved, somebody else has to approve it, or
            a campaign that it follows is not over.
        TemporalUnavailable: it is noted, and not begun: launch it again.
    """
    digest = digest_of(sojourn, campaign)
    check_unchanged(campaign, approved, digest)
    async with sojourn.store.reading() as session:
        asks = sojourn.settings.campaign_approval
        await check_approved(session, campaign, digest, by=by, asks=asks)
    if campaign.articles is not None:
        campaign.articles.addresses()  # an unset one is reported now, not when it is to be read
    campaign_id = id_of(campaign, occasion)
    now = sojourn.now()
    plan = CampaignPlan.of(campaign, campaign_id, now, occasion=occasion)
    async with sojourn.store.reading() as session:
        firsts = await following.first_ones(session, plan)
    if plan.when.begins(now) <= now:  # else this is checked when the audience is frozen
        following.check_over(campaign_id, firsts)
    async with sojourn.store.transaction() as session:
        row, new = await campaigns.launch(
            session,
            campaign_id,
            name=campaign.name,
            digest=digest,
            plan=plan.model_dump(mode="json"),
            by=by,
        )
    if not row.state.is_over:
        await begin(sojourn, campaign_id, CampaignPlan.model_validate(row.plan))
    async with sojourn.store.reading() as session:
        return await campaigns.counts(session, campaign_id), new


async def begin(sojourn: Sojourn, campaign_id: str, plan: CampaignPlan) -> None:
    """Start the workflow of a campaign that is noted; one that runs already goes on.

    Args:
        sojourn: connected.
        campaign_id: its id.
        plan: as it was noted.

    Raises:
        TemporalUnavailable: no server answers.
    """
    try:
        await sojourn.client.start_workflow(
            WORKFLOW,
            CampaignRun(
                campaign=campaign_id,
                channels=plan.channels,
                begins=plan.when.begins(plan.model.now),
                feed_until=plan.feed_until,
            ),
            id=PREFIX + campaign_id,
            task_queue=sojourn.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"{plan.model.journey}: to {plan.audience}, {plan.when}",
        )
    except WorkflowAlreadyStartedError:
        return
    except (RPCError, RuntimeError) as error:
        raise TemporalUnavailable(
            f"{campaign_id} is noted, and Temporal did not begin it "
            f"({type(error).__name__}): launch it again"
        ) from None


async def act(
    sojourn: Sojourn, campaign_id: str, deed: CampaignAct, *, by: str, because: str
) -> CampaignCounts:
    """Pause, resume or stop a campaign, and return its numbers.

    It holds at once, whether or not Temporal answers: the word is stored first, as the workflow's
    own update does. The workflow is told after that, and answers once nothing is being handed over.

    Args:
        sojourn: connected.
        campaign_id: its id.
        deed: what to do.
        by: who does it.
        because: why.

    Returns:
        The numbers.

    Raises:
        BadInput: no such campaign was launched.
    """
    told = CampaignDeed(campaign=campaign_id, act=deed, by=by, because=because)
    async with sojourn.store.transaction() as session:
        await campaigns.act(session, told)
    await switches.settle(sojourn.store)
    handle: WorkflowHandle[CampaignWorkflow, CampaignCounts] = sojourn.client.get_workflow_handle(
        PREFIX + campaign_id
    )
    try:
        counts: CampaignCounts = await handle.execute_update(
            deed.value, told, result_type=CampaignCounts, rpc_timeout=ANSWER_TIMEOUT
        )
    except RPCError as error:
        if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE):
            raise
    except (WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, RuntimeError):
        pass  # the word is stored, and holds; the numbers below are those of now
    else:
        return counts
    async with sojourn.store.reading() as session:
        return await campaigns.counts(session, campaign_id)
