"""Set, end and show the schedules of campaigns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sojourn.cli.by_hand import check_words
from sojourn.cli.campaign_approving import ask
from sojourn.cli.here import Here
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.domain.campaign import Campaign
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.recurring import Recurring
from sojourn.store.tables import CampaignWordRow

if TYPE_CHECKING:
    from sojourn.campaigns.scheduling import Scheduled

NEXT = 3
"""The number of coming occurrences to show."""


async def schedule(
    here: Here, campaign: Campaign, approve: str | None, by: str, *, as_json: bool
) -> None:
    """Schedule a campaign, as it is approved now, so that each occurrence is launched.

    Args:
        here: the project and the settings.
        campaign: a campaign of the project.
        approve: the approved digest; None to ask.
        by: the name of the person who approves it.
        as_json: print JSON.

    Raises:
        BadInput: the campaign does not recur, or another digest was approved.
        TemporalUnavailable: no server answers.
    """
    # the module loads Temporal's client, which other commands do not need
    from sojourn.campaigns import launching, scheduling  # noqa: PLC0415

    async with here.sojourn() as sojourn:
        digest = launching.digest_of(sojourn, campaign)
        approved = approve if approve is not None else ask(campaign, digest, "schedule")
        set_ = await scheduling.schedule(sojourn, campaign, by=by, approved=approved)
    if as_json:
        show_json({"campaign": campaign.name, "digest": digest, **told((set_, True))})
    else:
        show({campaign.name: (set_, True)})


async def unschedule(here: Here, campaign: str, why: str, by: str) -> None:
    """Stop launching the occurrences of a campaign.

    Args:
        here: the project and the settings.
        campaign: the name of the campaign.
        why: the operator's words.
        by: the operator's name.

    Raises:
        BadInput: the campaign is not scheduled.
        TemporalUnavailable: no server answers.
    """
    from sojourn.campaigns import scheduling  # noqa: PLC0415 (see `schedule`)

    check_words(why, by, here.project)
    async with here.sojourn() as sojourn:
        await scheduling.unschedule(sojourn, campaign, by=by, because=why)
    show_line(f"no occurrence of {campaign} is launched any more")


Found = tuple["Scheduled", bool]
"""A schedule, and whether the campaign is unchanged since its approval."""


async def found(here: Here) -> dict[str, Found | None]:
    """Return the schedules of the project's recurring campaigns; None without an answer."""
    recurring = [one for one in here.project.campaigns.values() if isinstance(one.when, Recurring)]
    if not recurring:
        return {}
    from sojourn.campaigns import launching, scheduling  # noqa: PLC0415 (see `schedule`)

    try:
        async with here.sojourn() as sojourn:
            return {
                one.name: (
                    at := await scheduling.scheduled(sojourn, one.name),
                    at.approved == launching.digest_of(sojourn, one),
                )
                for one in recurring
            }
    except TemporalUnavailable:
        return dict.fromkeys(one.name for one in recurring)


def told(one: Found | None) -> dict[str, Any]:
    """Return a schedule as JSON values; empty for a campaign that does not recur."""
    if one is None:
        return {}
    set_, holds = one
    return {
        "next": set_.days[:NEXT],
        "approved": set_.approved,
        "approval_holds": holds,
        "is_paused": set_.is_paused,
    }


def show(schedules: Mapping[str, Found | None]) -> None:
    """Show the next occurrences of campaigns."""
    if schedules:
        show_line("")
        show_list(("recurs", "next", ""), ((name, *_words(one)) for name, one in schedules.items()))


def _words(one: Found | None) -> tuple[str, str]:
    if one is None:
        return "", "Temporal does not answer, and has the schedule"
    set_, holds = one
    if not set_.approved:
        return "", "not scheduled"
    if set_.is_paused:
        return "", "paused in Temporal"
    days = ", ".join(map(str, set_.days[:NEXT]))
    return (
        days,
        "" if holds else "not sent: it has changed since it was approved; schedule it again",
    )


def show_words(campaign: str, words: Sequence[CampaignWordRow], *, as_json: bool) -> None:
    """Show what was done to a campaign that has not been launched under its name.

    For a recurring campaign, these are its schedule and the refused occurrences.

    Args:
        campaign: the name of the campaign.
        words: the records of what was done.
        as_json: print JSON.
    """
    if as_json:
        done = [word.model_dump(exclude={"id", "campaign"}) for word in words]
        show_json({"campaign": campaign, "done": done})
        return
    show_line(f"{campaign} itself was not launched; sojourn campaign list shows what was")
    show_line("")
    list_words(words)


def list_words(words: Sequence[CampaignWordRow]) -> None:
    """List the records of what was done, oldest first."""
    show_list(
        ("at (UTC)", "what", "by", "because"),
        ((word.at, word.what, word.by, word.because) for word in words),
    )
