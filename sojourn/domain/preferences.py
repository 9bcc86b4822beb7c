"""`Choices`: what a customer gets, as the preference page shows it and as its form changes it.

The page shows what really holds. A topic that is on may be off by one channel, or come by a channel
that is off: such a topic has a box for each channel (`Choices.apart`). A form changes what differs
from the choices that its customer saw, never from those that hold when it arrives: an old form
takes nothing back that it did not show.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sojourn.domain.consent import Consents, Statement
from sojourn.domain.customer import Customer
from sojourn.domain.messages import Channel
from sojourn.domain.topics import Topic

Cell = tuple[Channel, str]
"""A topic by one channel."""


class Kind(StrEnum):
    """A kind of choice beside consent."""

    BREAK = "break"
    OFTEN = "often"
    LOCALE = "locale"
    TIMEZONE = "timezone"


@dataclass(frozen=True)
class Choices:
    """The choices of one customer.

    Args:
        channels: by which promotional messages come.
        topics: that come.
        apart: for each topic that is on, and comes by other channels than these: whether it comes
            by a channel.
        least_days: by topic, the calendar days between two messages; absent: as they come.
        snoozed_until: the end of a break; None: there is none.
        locale: as the card has it; may be empty.
        timezone: as the card has it; may be empty.
    """

    channels: frozenset[Channel] = frozenset()
    topics: frozenset[str] = frozenset()
    apart: Mapping[Cell, bool] = field(default_factory=dict)
    least_days: Mapping[str, int] = field(default_factory=dict)
    snoozed_until: datetime | None = None
    locale: str = ""
    timezone: str = ""

    def comes(self, channel: Channel, topic: str) -> bool:
        """Tell whether messages on a topic come by a channel."""
        own = self.apart.get((channel, topic), channel in self.channels)
        return topic in self.topics and own

    def written(self) -> dict[str, Any]:
        """Return the choices as JSON values; `read_choices` reads them."""
        return {
            "channels": sorted(self.channels),
            "topics": sorted(self.topics),
            "apart": [[*cell, comes] for cell, comes in sorted(self.apart.items())],
            "least_days": dict(self.least_days),
            "until": self.snoozed_until.isoformat() if self.snoozed_until else "",
            "locale": self.locale,
            "timezone": self.timezone,
        }


def read_choices(written: Mapping[str, Any]) -> Choices:
    """Read choices that `Choices.written` has written; nobody else writes them."""
    until = written["until"]
    return Choices(
        channels=frozenset(Channel(one) for one in written["channels"]),
        topics=frozenset(written["topics"]),
        apart={(Channel(channel), topic): comes for channel, topic, comes in written["apart"]},
        least_days=written["least_days"],
        snoozed_until=datetime.fromisoformat(until) if until else None,
        locale=written["locale"],
        timezone=written["timezone"],
    )


@dataclass(frozen=True)
class Form:
    """The basis of a form: it comes back signed.

    Args:
        customer_id: as the link names the customer.
        at: later words were not seen by the person who fills the form in.
        was: the choices that it shows.
        want: the choices that it is to bring about; None: its fields say them.
    """

    customer_id: str
    at: datetime
    was: Choices
    want: Choices | None = None

    def written(self) -> str:
        """Return it as one text."""
        want = self.want.written() if self.want else None
        return json.dumps([self.at.isoformat(), self.was.written(), want])

    @classmethod
    def read(cls, customer_id: str, text: str) -> "Form":
        """Read what `written` has written."""
        at, was, want = json.loads(text)
        return cls(
            customer_id,
            datetime.fromisoformat(at),
            read_choices(was),
            read_choices(want) if want else None,
        )


def offered_channels(customer: Customer, consents: Consents) -> tuple[Channel, ...]:
    """Return the channels that concern a customer: with an address, or with a yes on record."""
    said_yes = {channel for channel, granted in consents.by_channel.items() if granted}
    said_yes |= {channel for channel, _ in consents.agreed if channel is not None}
    return tuple(one for one in Channel if one in customer.reachable or one in said_yes)


def choices_of(
    customer: Customer, consents: Consents, topics: Iterable[Topic], now: datetime
) -> Choices:
    """Return the choices that hold for a customer.

    Args:
        customer: the card.
        consents: the customer's words, and those of the addresses.
        topics: the project's.
        now: a break that has ended by then is none.

    Returns:
        The choices.
    """
    channels = offered_channels(customer, consents)
    by_channel = frozenset(one for one in channels if consents.by_channel.get(one, False))
    on, apart = set(), dict[Cell, bool]()
    for topic in topics:
        if not topic.can_be_refused or not _is_on(topic, consents, channels):
            continue
        on.add(topic.id)
        comes = {one: _permits(consents, one, topic) for one in channels}
        differs = any(comes[one] != (one in by_channel) for one in channels)
        if differs or any((one, topic.id) in _closed(consents) for one in channels):
            apart |= {(one, topic.id): comes[one] for one in channels}
    until = customer.snoozed_until
    return Choices(
        by_channel,
        frozenset(on),
        apart,
        {topic: days for topic, days in customer.least_days.items() if days},
        until if until is not None and until > now else None,
        customer.locale,
        customer.timezone,
    )


def statements(
    was: Choices,
    want: Choices,
    consents: Consents,
    channels: Sequence[Channel],
    topics: Iterable[Topic],
) -> list[Statement]:
    """Return the words on consent that a form amounts to.

    Args:
        was: what the form showed.
        want: what it says.
        consents: what holds now.
        channels: that the form offered.
        topics: the project's.

    Returns:
        The statements, in the order in which they count.
    """
    said = [
        Statement(one, one in want.channels)
        for one in channels
        if (one in want.channels) != (one in was.channels)
    ]
    again: set[Channel] = set()
    for topic in (each.id for each in topics if each.can_be_refused):
        if topic in was.topics and topic not in want.topics:
            said.append(Statement(None, False, topic))
        elif topic in want.topics and topic not in was.topics:
            said.append(Statement(None, True, topic))
            for one in channels:
                if (one, topic) in _closed(consents) and want.apart.get((one, topic), True):
                    said.append(Statement(one, True, topic))
                    if (one, topic) not in want.apart:
                        again |= {one} - want.channels
        elif topic in want.topics:
            for one in channels:
                cell = (one, topic)
                before = was.apart.get(cell, one in was.channels)
                comes = want.apart.get(cell, before)
                if cell in want.apart and comes != before:
                    said.append(Statement(one, comes, topic))
    # A yes to a topic by a channel opens that channel for it. Unless that is what is wanted, as it
    # is where a form is undone, the no to the channel comes after it.
    said += [Statement(one, False) for one in channels if one in again]
    return said


def corrections(
    was: Choices,
    want: Choices,
    *,
    before: Consents,
    now: Consents,
    channels: Sequence[Channel],
    topics: Iterable[Topic],
) -> list[Statement]:
    """Return the words on consent that are still missing to bring about what a form says.

    A word on a channel moves topics that the form leaves as they are: for example, a yes that an
    earlier no to the channel had outweighed counts again after a yes to the channel.

    Args:
        was: what the form showed.
        want: what it says.
        before: what held before its `statements`.
        now: what holds after them.
        channels: that the form offered.
        topics: the project's.

    Returns:
        The statements; none where all is as the form says.
    """
    said = []
    for topic in topics:
        if not topic.can_be_refused:
            continue
        for one in channels:
            comes = want.comes(one, topic.id)
            moved = was.comes(one, topic.id) != comes or _permits(before, one, topic) == comes
            if moved and _permits(now, one, topic) != comes:
                said.append(Statement(one, comes, topic.id))
    return said


def _permits(consents: Consents, channel: Channel, topic: Topic) -> bool:
    return consents.refusal(channel, topic.id, needs_own_yes=topic.needs_own_yes) is None


def _is_on(topic: Topic, consents: Consents, channels: Sequence[Channel]) -> bool:
    """Tell whether anything on a topic may come, by a channel that is or may be on."""
    closed, pairs = _closed(consents), [(one, topic.id) for one in channels]
    if (None, topic.id) in closed or (pairs and closed.issuperset(pairs)):
        return False
    spoken = {(None, topic.id), *pairs}
    return not topic.needs_own_yes or bool(consents.agreed & spoken)


def _closed(consents: Consents) -> frozenset[tuple[Channel | None, str]]:
    return consents.refused | consents.expired.keys()
