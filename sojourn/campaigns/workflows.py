"""The workflows of campaigns, and their names."""

from sojourn.campaigns import occurrences, workflow
from sojourn.campaigns.occurrences import CampaignOccurrence
from sojourn.campaigns.workflow import CampaignWorkflow

WORKFLOWS = (CampaignWorkflow, CampaignOccurrence)
NAMES = (workflow.WORKFLOW, occurrences.WORKFLOW)
