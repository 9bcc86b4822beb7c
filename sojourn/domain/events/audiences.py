"""Events of audiences that are watched: Sojourn writes them, no service sends them."""

from sojourn.domain.events.base import Event


class AudienceEntered(Event, name="Audience Entered"):
    """The customer came into an audience of the project."""

    audience: str
    """Its name."""


class AudienceLeft(Event, name="Audience Left"):
    """The customer left an audience of the project."""

    audience: str
    """Its name."""
