"""`Caps`: how many promotional messages a customer gets, and how far apart.

A cap counts calendar days of the customer. A week is any seven of them in a row, so that the turn
of a week makes no room for two weeks' messages at once. A cap counts `Slot`s: messages that left or
may have left, each from its claim on, and messages that are held for a moment to come.

A full cap holds a message as quiet hours do (`domain.opening.Holder`), so the first moment with
room is looked for together with the windows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, local_day
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel
from sojourn.domain.value_class import value_class
from sojourn.domain.week import second_of

WEEK = 7
_NAMED = 4
"""The most messages that are named: further ones would say nothing new."""
_ONE_SECOND = timedelta(seconds=1)


@value_class
class Slot:
    """A promotional message that caps count.

    Args:
        at: its claim, or the end of its hold, by the journey's clock.
        journey: its journey.
        step: its step.
        channel: its channel.
        topic: its topic.
        due: when it fell due.
        message_id: names it.
        key: the value by which its step is counted (`AtMost.key`).
        held: it has not left yet: it may leave at that moment.
        claimed: it is on its way for the first time, and what becomes of it is not known: its
            template may have nothing to say, its provider may refuse it.
    """

    at: datetime
    journey: str
    step: str
    channel: Channel
    topic: str
    due: datetime
    message_id: str
    key: str = ""
    held: bool = False
    claimed: bool = False

    @property
    def name(self) -> str:
        """The message, as people call it: ``renewal/in-two-days``."""
        return f"{self.journey}/{self.step}"


@dataclass(frozen=True)
class Limit:
    """A number of messages in a number of calendar days in a row.

    Args:
        number: of messages.
        days: of the customer's calendar.
        channel: only messages by this channel; None: by all.
        topic: only messages on this topic; empty: on all.
        step: only this message of this journey.
        by: the field whose value tells messages of the step apart; empty: all count together.
        key: that value.
    """

    number: int
    days: int
    channel: Channel | None = None
    topic: str = ""
    step: tuple[str, str] | None = None
    by: str = ""
    key: str = ""

    def counts(self, slot: Slot) -> bool:
        """Tell whether it counts a message."""
        return (
            self.channel in (None, slot.channel)
            and self.topic in ("", slot.topic)
            and self.step in (None, (slot.journey, slot.step))
            and (not self.by or self.key == slot.key)
        )

    def __str__(self) -> str:
        """``cap of 2 a week by sms``."""
        period = {1: "a day", WEEK: "a week"}.get(self.days, f"in {self.days} days")
        words = f"cap of {self.number} {period}"
        if self.channel:
            words += f" by {self.channel}"
        if self.topic:
            words += f" on {self.topic}, the customer's choice,"
        if self.step:
            words += f" for {'/'.join(self.step)}"
        return words + (f" by {self.by}" if self.by else "")


@dataclass(frozen=True)
class Distance:
    """The least time between two messages.

    Args:
        least: that time.
        written: as the file has it, for people.
        channel: only between messages by this channel; None: by any.
    """

    least: timedelta
    written: str
    channel: Channel | None = None


@dataclass(frozen=True)
class Caps:
    """The table ``[caps]`` of a project's ``policy.toml``.

    Args:
        limits: by days and weeks.
        distances: the least times between two messages.
        at_cap: what a message does at a full cap unless it says so itself.
    """

    limits: tuple[Limit, ...] = ()
    distances: tuple[Distance, ...] = ()
    at_cap: AtCap = AtCap.WAIT
    _known: dict[tuple[Channel, ...], "Concerned"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def that_concern(self, channels: tuple[Channel, ...]) -> "Concerned":
        """Return the limits and distances that concern a message by one of some channels.

        Args:
            channels: of the message. A project's messages have few different ones: what concerns
                these is found once.
        """
        known = self._known.get(channels)
        if known is None:
            meant = (None, *channels)
            known = self._known[channels] = (
                tuple([one for one in self.limits if one.channel in meant]),
                tuple([one for one in self.distances if one.channel in meant]),
            )
        return known


Concerned = tuple[tuple[Limit, ...], tuple[Distance, ...]]

NO_CAPS = Caps()


@value_class
class Full:
    """A limit as a holder of messages: it holds them on days on which it has no room.

    Args:
        limit: the one that is full on some days.
        slots: the messages that it counts.
        tz: the customer's zone.
    """

    limit: Limit
    slots: tuple[Slot, ...]
    tz: ZoneInfo

    def using(self, shown: datetime) -> tuple[Slot, ...]:
        """Return the messages that leave no room at a local moment; none if there is room."""
        return self._using(shown.date())

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        used = self.using(shown)
        return f"the {self.limit} went to {named(used, self.tz)}" if used else ""

    def closes(self, day: date) -> bool:
        """Tell whether there is no room on a local day."""
        return bool(self._using(day))

    def edges(self, day: date) -> Iterable[int]:
        """Yield nothing: a day begins and ends at midnight."""
        return ()

    @cached_property
    def _days(self) -> Sequence[tuple[date, Slot]]:
        found = [(local_day(slot.at, self.tz), slot) for slot in self.slots]
        return sorted(found, key=lambda one: (one[0], one[1].at, one[1].message_id))

    def _using(self, day: date) -> tuple[Slot, ...]:
        """Return as many messages as the limit has, in a row of days that includes this one."""
        number = self.limit.number
        if len(self.slots) < number:
            return ()
        days = self._days
        for first in range(len(days) - number + 1):
            some = days[first : first + number]
            if max(some[-1][0], day) - min(some[0][0], day) < self.limit.days * DAY:
                return tuple(slot for _, slot in some)
        return ()


@value_class
class Near:
    """A distance as a holder of messages: it holds those that would leave too near to another.

    Args:
        distance: the least one.
        slots: the messages between which it counts.
        tz: the customer's zone.
    """

    distance: Distance
    slots: tuple[Slot, ...]
    tz: ZoneInfo

    def using(self, shown: datetime) -> tuple[Slot, ...]:
        """Return the messages that are too near to a local moment."""
        at = shown.astimezone(UTC)
        return tuple(slot for slot in self.slots if abs(at - slot.at) < self.distance.least)

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        used = self.using(shown)
        words = f"the distance of {self.distance.written} from "
        return words + named(used, self.tz) if used else ""

    def closes(self, day: date) -> bool:
        """Return False: it holds for hours, not for days."""
        return False

    def edges(self, day: date) -> Iterable[int]:
        """Yield the seconds of a local day from which a message is too near, or no longer is."""
        for slot in self.slots:
            for edge in (slot.at - self.distance.least, slot.at + self.distance.least):
                shown = _next_second(edge).astimezone(self.tz)
                if shown.date() == day:
                    yield second_of(shown.time())


def named(slots: Sequence[Slot], tz: ZoneInfo) -> str:
    """Name messages for people: ``renewal/in-two-days and abandoned-cart/reminder``.

    Args:
        slots: one at least.
        tz: the zone in which the end of a hold is told.
    """
    words = [
        f"{slot.name} (held until {told(slot.at, tz)})" if slot.held else slot.name
        for slot in slots[:_NAMED]
    ]
    if len(slots) > _NAMED:
        words.append(f"{len(slots) - _NAMED} more")
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def told(moment: datetime, tz: ZoneInfo) -> str:
    """Show a moment on the customer's wall clock: ``Tue 1 Dec 10:04``."""
    shown = moment.astimezone(tz)
    return f"{shown:%a} {shown.day} {shown:%b %H:%M}"


def _next_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + (_ONE_SECOND if moment.microsecond else timedelta(0))
