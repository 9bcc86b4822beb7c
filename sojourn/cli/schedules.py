"""Schedules of campaigns, as the commands set, end and show them."""

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
"""Occurrences that are shown ahead."""


async def schedule(
    here: Here, campaign: Campaign, approve: str | None, by: str, *, as_json: bool
) -> None:
    """Have each occurrence of a campaign launched, as it is approved of now.

    Args:
        here: the project and the settings.
        campaign: of the project.
        approve: the digest; None: ask.
        by: who approves of it.
        as_json: show JSON.

    Raises:
        BadInput: it does not recur, or another digest was approved.
        TemporalUnavailable: no server answers.
    """
    # the schedules' module loads Temporal's client, which other commands do without
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
    """Launch no occurrence any more.

    Args:
        here: the project and the settings.
        campaign: its name.
        why: the operator's words.
        by: who does it.

    Raises:
        BadInput: it is not scheduled.
        TemporalUnavailable: no server answers.
    """
    from sojourn.campaigns import scheduling  # noqa: PLC0415 (see `schedule`)

    check_words(why, by, here.project)
    async with here.sojourn() as sojourn:
        await scheduling.unschedule(sojourn, campaign, by=by, because=why)
    show_line(f"no occurrence of {campaign} is launched any more")


Found = tuple["Scheduled", bool]
"""A schedule, and whether the campaign still is as it was approved."""


async def found(here: Here) -> dict[str, Found | None]:
    """Return the schedules of the project's campaigns that recur; None where nobody can tell."""
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
    """Return a schedule as JSON values; nothing of a campaign that does not recur."""
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
    """Show what was done to a campaign that was not launched by its name, or not yet.

    Of one that recurs, these are its schedule and the occurrences that were refused.

    Args:
        campaign: its name.
        words: what was done to it.
        as_json: show JSON.
    """
    if as_json:
        done = [word.model_dump(exclude={"id", "campaign"}) for word in words]
        show_json({"campaign": campaign, "done": done})
        return
    show_line(f"{campaign} itself was not launched; sojourn campaign list shows what was")
    show_line("")
    list_words(words)


def list_words(words: Sequence[CampaignWordRow]) -> None:
    """List what was done, oldest first."""
    show_list(
        ("at (UTC)", "what", "by", "because"),
        ((word.at, word.what, word.by, word.because) for word in words),
    )
