"""A request for confirmation, as templates see it.

The words that the customer agreed to are not in it: a form that somebody filled with a stranger's
address may have brought them, and a shop does not send what strangers write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sojourn.domain.events import Event, OptInRequested
from sojourn.domain.messages import Channel
from sojourn.domain.opt_ins import LASTS, OptIn
from sojourn.domain.topics import Topics


@dataclass(frozen=True)
class Shown:
    """A request.

    Args:
        channel: of the messages.
        topic: what customers call the topic of the messages; empty: they are on any topic.
        about: what the topic is, in a sentence; may be empty.
        until: from this moment on, the link confirms nothing.
    """

    channel: Channel
    topic: str
    about: str
    until: datetime


def as_shown(opt_in: OptIn, topics: Topics, languages: Sequence[str]) -> Shown:
    """Return a request with the names of its topic.

    Args:
        opt_in: the request.
        topics: the project's.
        languages: best first.

    Returns:
        The request.
    """
    topic = topics.get(opt_in.topic)
    return Shown(
        channel=opt_in.channel,
        topic=topic.name_in(languages) if topic else opt_in.topic,
        about=topic.about_in(languages) if topic else "",
        until=opt_in.until,
    )


def asked_by(start: Event, moves: Sequence[Event]) -> OptIn | None:
    """Return the request that the newest event made, for a preview; None if it made none.

    Args:
        start: the event that began the run.
        moves: the events that have restarted the steps since, oldest first.

    Returns:
        The request.
    """
    newest = [start, *moves][-1]
    if not isinstance(newest, OptInRequested):
        return None
    channel, until = Channel(newest.channel), newest.occurred_at + LASTS
    return OptIn(0, channel, newest.topic, until, newest.wording or "")
