"""An installation in memory, for a test."""

from datetime import datetime

from sojourn.in_memory.world import World
from sojourn.project import Project
from sojourn.settings import Settings


def world_of(project: Project, settings: Settings, now: datetime) -> World:
    """Return an installation that nobody has been in."""
    return World.of(settings, project, now)
