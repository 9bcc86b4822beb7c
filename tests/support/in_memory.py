"""An installation in memory, for a test."""

from datetime import datetime

from sojourn.in_memory.world import World
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.grounds import Grounds
from sojourn.settings import Settings


def world_of(project: Project, settings: Settings, now: datetime) -> World:
    """Return an installation that nobody has been in."""
    rules = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
    renderer = Renderer(settings, "a test", project.templates, project.languages, project.topics)
    return World(project, Grounds.of(settings, project, rules), renderer, now)
