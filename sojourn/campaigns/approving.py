"""Approvals of campaigns: of what they say, in code, words, audience and times."""

from sojourn.domain.campaign import Campaign
from sojourn.project import Project
from sojourn.rendering.folders import Folders


def digest_in(project: Project, campaign: Campaign) -> str:
    """Return a text that changes with the campaign's code, words, audience or times.

    Args:
        project: has its words, and the layout around them.
        campaign: of the project.
    """
    return campaign.digest(Folders(project.templates).contents(campaign.name))
