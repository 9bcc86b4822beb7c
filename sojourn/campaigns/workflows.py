"""The workflows that are the engine's own: workers serve them beside a project's journeys."""

from sojourn.campaigns import occurrences, workflow
from sojourn.campaigns.occurrences import CampaignOccurrence
from sojourn.campaigns.workflow import CampaignWorkflow

WORKFLOWS = (CampaignWorkflow, CampaignOccurrence)
NAMES = (workflow.WORKFLOW, occurrences.WORKFLOW)
