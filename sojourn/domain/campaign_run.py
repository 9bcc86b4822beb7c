"""The words between a campaign's workflow, its activities and its operators."""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from sojourn.domain.ab_standing import ABStanding
from sojourn.domain.messages import Channel
from sojourn.domain.shape import Shape

PREFIX = "campaign:"
"""The beginning of the workflow id of a campaign."""

FREEZE = "freeze-audience"
READ_FEED = "read-feed"
SEND_SLICE = "send-slice"
DECIDE = "decide-winner"
ACT = "act-on-campaign"
FINISH = "finish-campaign"


class CampaignState(StrEnum):
    """The standing of a campaign."""

    LAUNCHED = "launched"
    """Its audience is still to be frozen."""
    RUNNING = "running"
    PAUSED = "paused"
    """Nothing is claimed until it is resumed."""
    STOPPED = "stopped"
    """Nothing is claimed any more."""
    FINISHED = "finished"
    """Everybody in it was decided on."""

    @property
    def is_over(self) -> bool:
        """True if nothing leaves any more."""
        return self in (CampaignState.STOPPED, CampaignState.FINISHED)


class CampaignAct(StrEnum):
    """Something done to a campaign under way."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class CampaignRun(Shape):
    """The argument of a campaign's workflow.

    Args:
        campaign: its id.
        channels: of its message, in order.
        begins: nobody is due before this moment.
        frozen: its audience is frozen.
        known: as `Slice.known`, from the execution before this one.
        feed_until: until when its feed is tried, if it tells of articles; None: it does not.
    """

    campaign: str
    channels: tuple[Channel, ...]
    begins: AwareDatetime
    frozen: bool = False
    known: int = 0
    feed_until: AwareDatetime | None = None


class ReadFeed(Shape):
    """The argument of the activity that reads a campaign's feed.

    Args:
        campaign: its id.
        now: by the workflow's clock.
        until: a feed that cannot be read is tried again until then.
    """

    campaign: str
    now: AwareDatetime
    until: AwareDatetime


class Freeze(Shape):
    """The argument of the activity that freezes a campaign's audience.

    Args:
        campaign: its id.
        now: by the workflow's clock.
    """

    campaign: str
    now: AwareDatetime


class Decide(Shape):
    """The argument of the activity that finds the winner of a campaign's variants.

    Args:
        campaign: its id.
        now: by the workflow's clock.
    """

    campaign: str
    now: AwareDatetime


class CampaignCounts(Shape):
    """The numbers of a campaign.

    Args:
        campaign: its id.
        state: where it stands.
        size: customers in its frozen audience.
        sent: messages that a provider took.
        skipped: customers who get nothing, with a reason for each.
        rejected: refused for good by a provider, or impossible to render.
        unknown: perhaps sent: in doubt.
        under_way: being handed over just now.
        held: wait for the end of a hold, or of their local time.
        waiting: not decided on yet.
        doubtful: come in once it is proved that they had the campaign that it follows.
        because: why it is paused or stopped; else empty.
        ab: where its A/B test stands; None: it has none.
    """

    campaign: str
    state: CampaignState
    size: int = 0
    sent: int = 0
    skipped: int = 0
    rejected: int = 0
    unknown: int = 0
    under_way: int = 0
    held: int = 0
    waiting: int = 0
    doubtful: int = 0
    because: str = ""
    ab: ABStanding | None = None

    @property
    def decides_at(self) -> datetime | None:
        """When the winner of its variants is to be found; None: never, or not known yet."""
        return None if self.ab is None or self.state.is_over else self.ab.open_until

    @property
    def settled(self) -> int:
        """The number of those whose fate is certain; it never falls."""
        return self.sent + self.skipped + self.rejected + self.unknown

    @property
    def unsent(self) -> int:
        """The number of those who got nothing, whatever the reason."""
        return self.size - self.sent - self.unknown - self.under_way

    def __str__(self) -> str:
        """Return one line: ``stopped: 41,210 sent, 58,790 not, 0 in doubt``."""
        told = f"{self.state}: {self.sent:,} sent, {self.unsent:,} not, {self.unknown:,} in doubt"
        return told + (f", {self.under_way:,} being handed over" if self.under_way else "")


class Slice(Shape):
    """The argument of the activity that sends a part of a campaign by one channel.

    Args:
        campaign: its id.
        channel: the channel.
        now: by the workflow's clock.
        known: how many were settled when the last slice ended: a store that knows of fewer has
            forgotten some.
    """

    campaign: str
    channel: Channel
    now: AwareDatetime
    known: int = 0


class Sliced(Shape):
    """The end of a slice.

    Args:
        counts: the campaign's numbers.
        next_at: when somebody is due again on this channel; None: nobody is any more.
        waits: what it waits for, for people; empty: for nothing but that moment.
    """

    counts: CampaignCounts
    next_at: AwareDatetime | None = None
    waits: str = ""


class CampaignDeed(Shape):
    """Something that somebody does to a campaign.

    Args:
        campaign: its id.
        act: what.
        by: who does it.
        because: why, in their words.
    """

    campaign: str
    act: CampaignAct
    by: str = ""
    because: str = ""
