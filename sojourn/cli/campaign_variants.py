"""The A/B test of a campaign, in ``sojourn campaign show``."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.output import show_line, show_list
from sojourn.domain.ab_standing import ABPlan, ABResult, ABStanding
from sojourn.domain.campaign_run import CampaignCounts
from sojourn.store import ab_tests, campaigns


async def results_of(session: AsyncSession, counts: CampaignCounts) -> Sequence[ABResult]:
    """Return the results by which the winner was found, or the present ones until then.

    Args:
        session: any session.
        counts: the counts of the campaign.
    """
    if counts.ab is None or counts.ab.winner:
        return counts.ab.results if counts.ab else ()
    row = await campaigns.get(session, counts.campaign)
    return await ab_tests.results(session, row.id, ABPlan.model_validate(row.plan["ab"]))


def show_variants(test: ABStanding, results: Sequence[ABResult]) -> None:
    """Print where a test stands.

    Args:
        test: its standing.
        results: the results of each variant.
    """
    show_line("")
    show_line(f"A/B: {test}")
    if test.decided_at is not None:
        show_line(f"found {test.decided_at:%Y-%m-%d %H:%M} UTC")
    show_list(
        ("variant", "sent to the share", test.by, "rate"),
        (
            (one.variant, f"{one.sent:,}", f"{one.reached:,}", f"{float(one.rate):.1%}")
            for one in results
        ),
    )
