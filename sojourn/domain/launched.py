"""The stand-in, in a campaign's message, for the event that enrols a customer in a journey."""

from sojourn.domain.events import Event


class CampaignLaunched(Event, name="Campaign Launched"):
    """A campaign wrote to the customer. No store keeps it, and no service sends it."""

    campaign: str
    """Its id."""
