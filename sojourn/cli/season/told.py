"""The outcome of a season: each customer's events and messages, in their order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sojourn.domain.calendar import zone
from sojourn.domain.messages import MessageClass
from sojourn.domain.states import MessageState

DAYS_OF_A_WEEK = 7


@dataclass(frozen=True)
class Did:
    """An event of the customer, or a word on consent.

    Args:
        at: the moment.
        name: of the event; empty for a word on consent.
        properties: as they were sent.
    """

    at: datetime
    name: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """A message that was decided on.

    Args:
        at: the moment, by the season's clock.
        workflow_id: of the run.
        journey: of the run.
        step: of it.
        channel: that it was for.
        message_class: of it.
        state: that it came to.
        reason: why it was not sent, or not at once; empty if it was.
        held_until: the moment until which it was held.
        headline: its subject or its first line; empty if nothing was rendered.
        words: all that it says, without its links.
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
        """True if it left."""
        return self.state == MessageState.SENT

    @property
    def promotional(self) -> bool:
        """True if the customer can say no to its kind."""
        return self.message_class == MessageClass.PROMOTIONAL

    @property
    def name(self) -> str:
        """The journey and the step, as they are written in one."""
        return f"{self.journey}/{self.step}"

    @property
    def key(self) -> str:
        """The key of the run: the order, the cart, the invoice that the message is about."""
        return self.workflow_id.split(":", 2)[-1]

    def about(self, did: Did, field: str, key: str = "{}") -> bool:
        """Tell whether it is about the very thing that an event names.

        Args:
            did: the event.
            field: of it, that names the thing.
            key: the run's key, made of that field.

        Returns:
            True if it is.
        """
        return self.key == key.format(did.properties.get(field))


@dataclass(frozen=True)
class Told:
    """One customer's season.

    Args:
        customer_id: the customer.
        first_name: of them.
        temper: how they are, in words.
        timezone: where they lived at the end.
        did: what they and the shop did, oldest first.
        said: the messages, oldest first.
    """

    customer_id: str
    first_name: str
    temper: str
    timezone: str
    did: Sequence[Did]
    said: Sequence[Said]

    def weeks(self, begins: datetime, weeks: int) -> list[Counter[str]]:
        """Count the messages that were sent, week by week, by ``promotional`` and ``needed``."""
        counts: list[Counter[str]] = [Counter() for _ in range(weeks)]
        for one in self.said:
            week = (one.at - begins).days // DAYS_OF_A_WEEK
            if one.sent and week < weeks:
                counts[week]["promotional" if one.promotional else "needed"] += 1
        return counts

    def local(self, at: datetime) -> datetime:
        """Return a moment on the clock where they lived then."""
        lived = self.timezone
        for one in self.did:
            if not one.name and one.at <= at:
                lived = one.properties.get("timezone", lived)
        return at.astimezone(zone(lived))

    def day(self, one: Said) -> str:
        """Return the local day and hour of a message, to be read."""
        return f"{self.local(one.at):%d %b %H:%M}"

    def of(self, *names: str) -> Sequence[Did]:
        """Return the events of these names, oldest first."""
        return [one for one in self.did if one.name and one.name in names]

    def first(self, name: str, after: Did, same: str) -> datetime:
        """Find the first event of a name that came after another one about the same thing.

        Args:
            name: of the event.
            after: the other one.
            same: the field that names the thing.

        Returns:
            Its moment; the end of time if there is none.
        """
        found = (
            one.at
            for one in self.of(name)
            if one.at > after.at and one.properties.get(same) == after.properties.get(same)
        )
        return next(found, datetime.max.replace(tzinfo=after.at.tzinfo))
