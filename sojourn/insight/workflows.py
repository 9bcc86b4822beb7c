"""The workflows that are the engine's own: workers serve them beside a project's journeys."""

from sojourn.campaigns import workflows as campaigns
from sojourn.insight.weekly import workflow as weekly
from sojourn.insight.weekly.workflow import WeeklyFiring, WeeklyReport

WORKFLOWS = (*campaigns.WORKFLOWS, WeeklyFiring, WeeklyReport)
NAMES = (*campaigns.NAMES, weekly.FIRING, weekly.WORKFLOW)
