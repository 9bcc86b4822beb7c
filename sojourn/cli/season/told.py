"""The outcome of a season: each customer's events and messages, in their order."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sojourn.domain.calendar import zone
from sojourn.domain.messages import MessageClass
from sojourn.domain.states import MessageState

DAYS_OF_A_WEEK = 7
SAYING = ("subject", "title", "body", "text")
"""The parts of a message that are read."""
_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Did:
    """An event of the customer, or a statement on consent.

    Args:
        at: the moment.
        name: the name of the event; empty for a statement on consent.
        properties: the properties as sent.
    """

    at: datetime
    name: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """A message that was decided on.

    Args:
        at: the moment, by the season's clock.
        workflow_id: the workflow id of the run.
        journey: the journey of the run.
        step: the step.
        channel: the channel for which it was meant.
        message_class: its class.
        state: its state.
        reason: why it was not sent, or not at once; empty if it was.
        held_until: the moment until which it was held.
        headline: its subject or its first line; empty if nothing was rendered.
        words: its whole text, without links.
    """

    at: datetime
    workflow_id: str
    journey: str
    step: str
    channel: str
    message_class: str
    state: str
    reason: str = ""
    held_until: datetime | None = None
    headline: str = ""
    words: str = ""

    @property
    def sent(self) -> bool:
        """True if it was sent."""
        return self.state == MessageState.SENT

    @property
    def promotional(self) -> bool:
        """True if it is promotional."""
        return self.message_class == MessageClass.PROMOTIONAL

    @property
    def name(self) -> str:
        """The journey and the step as one name."""
        return f"{self.journey}/{self.step}"

    @property
    def key(self) -> str:
        """The key of the run: the order, the cart, the invoice that the message is about."""
        return self.workflow_id.split(":", 2)[-1]

    def about(self, did: Did, field: str, key: str = "{}") -> bool:
        """Return whether it has the same subject as an event.

        Args:
            did: the event.
            field: the event's field with the subject.
            key: the pattern of the run's key, filled with that field.

        Returns:
            True if they have the same subject.
        """
        return self.key == key.format(did.properties.get(field))


def said(words: Mapping[str, Any], **of: Any) -> Said:
    """Return a message that was decided on, with what its customer reads.

    Args:
        words: its content by field; empty: nothing was rendered.
        of: the other fields of `Said`.
    """
    headline = words.get("subject") or words.get("title") or words.get("text", "")
    return Said(
        **of,
        headline=str(headline).split("\n", 1)[0],
        words=_LINK.sub("", " ".join(str(words[part]) for part in SAYING if part in words)),
    )


@dataclass(frozen=True)
class Told:
    """One customer's season.

    Args:
        customer_id: the customer.
        first_name: their first name.
        temper: their temper, in words.
        timezone: their time zone at the end.
        did: the events of the customer and the shop, oldest first.
        said: the messages, oldest first.
    """

    customer_id: str
    first_name: str
    temper: str
    timezone: str
    did: Sequence[Did]
    said: Sequence[Said]

    def weeks(self, begins: datetime, weeks: int) -> list[Counter[str]]:
        """Count the sent messages per week, as ``promotional`` and ``needed``."""
        counts: list[Counter[str]] = [Counter() for _ in range(weeks)]
        for one in self.said:
            week = (one.at - begins).days // DAYS_OF_A_WEEK
            if one.sent and week < weeks:
                counts[week]["promotional" if one.promotional else "needed"] += 1
        return counts

    def local(self, at: datetime) -> datetime:
        """Return a moment in the time zone where the customer lived then."""
        lived = self.timezone
        for one in self.did:
            if not one.name and one.at <= at:
                lived = one.properties.get("timezone", lived)
        return at.astimezone(zone(lived))

    def day(self, one: Said) -> str:
        """Return the local day and time of a message, as text."""
        return f"{self.local(one.at):%d %b %H:%M}"

    def of(self, *names: str) -> Sequence[Did]:
        """Return the events of these names, oldest first."""
        return [one for one in self.did if one.name and one.name in names]

    def first(self, name: str, after: Did, same: str) -> datetime:
        """Find the first event of a name after another one with the same subject.

        Args:
            name: the name of the event.
            after: the earlier event.
            same: the field with the subject.

        Returns:
            The moment of the event; the end of time if there is none.
        """
        found = (
            one.at
            for one in self.of(name)
            if one.at > after.at and one.properties.get(same) == after.properties.get(same)
        )
        return next(found, datetime.max.replace(tzinfo=after.at.tzinfo))
