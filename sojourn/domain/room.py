"""`Room`: what the caps leave to one message, and what becomes of it where they leave none.

If several messages want one slot, the one that the policy names first goes first, then the one that
fell due first. A message that is held counts for the others as if it had left at the end of
its hold. A message that comes after it waits, or gives way. One that is claimed counts, too, but
may yet leave its slot free: nobody who may wait is skipped for it before that is known.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, local_day, moment
from sojourn.domain.caps import Distance, Full, Limit, Near, Slot, told
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason
from sojourn.domain.opening import MIDNIGHT, Holder
from sojourn.domain.precedence import Precedence
from sojourn.domain.rules import AFTER_A_HOLD, Hold, Rules
from sojourn.domain.value_class import value_class

LATE = timedelta(minutes=10)
"""A held message that has not asked again this long after the end of its hold no longer keeps a
slot: its run is over, or nobody works on it. One that has been claimed for as long counts as
sent: nobody works on it any more, and it may have left."""
AFTER_ANOTHER = timedelta(minutes=1)
"""A message that gives way asks again this long after the other one was to leave; if that one has
not asked by then, after twice the time, and so on until the other keeps no slot."""

Search = Callable[[Sequence[Holder]], Hold | None]
"""Finds the hold of a message by the policy's windows and by these holders."""


@value_class
class Capped:
    """The caps leave a message no room.

    Args:
        reason: `Reason.GAVE_WAY` if there would be room without messages that are held and go
            first, else `Reason.CAP`.
        until: when to ask again; None: the message is skipped.
        detail: the caps and the messages that have used them up, in words.
    """

    reason: Reason
    until: datetime | None
    detail: str


@value_class
class Room:
    """The caps that concern one message, and the messages that it may collide with.

    Args:
        limits: that concern it, by whatever channel it leaves.
        distances: likewise.
        at_cap: what it does where there is no room.
        precedence: of the policy.
        own: the message itself, as if it left now.
        slots: the customer's other messages; no hold among them ended `LATE` ago.
    """

    limits: tuple[Limit, ...]
    distances: tuple[Distance, ...]
    at_cap: AtCap
    precedence: Precedence
    own: Slot
    slots: tuple[Slot, ...] = ()

    @classmethod
    def of(
        cls,
        delivery: Delivery,
        rules: Rules,
        now: datetime,
        *,
        slots: Iterable[Slot] = (),
        least_days: int = 0,
    ) -> "Room | None":
        """Gather the caps that concern a message.

        Args:
            delivery: the message.
            rules: of the project's policy.
            now: by the journey's clock.
            slots: the customer's other messages.
            least_days: calendar days that the customer wants between two messages on the topic;
                zero: the customer has not chosen.

        Returns:
            The room; None if no cap concerns the message.
        """
        if delivery.message_class is not MessageClass.PROMOTIONAL:
            return None
        limits, distances = rules.caps.that_concern(tuple(delivery.channels))
        if delivery.at_most is not None:
            step = (delivery.journey, delivery.step)
            own_limit = Limit(
                delivery.at_most.number,
                delivery.at_most.days,
                step=step,
                by=delivery.at_most.key,
                key=delivery.counted_as,
            )
            limits = (*limits, own_limit)
        if least_days:
            limits = (*limits, Limit(1, least_days, topic=delivery.topic))
        if not limits and not distances:
            return None
        own = Slot(
            now,
            delivery.journey,
            delivery.step,
            delivery.lane,
            delivery.topic,
            delivery.due,
            delivery.message_id,
            delivery.counted_as,
        )
        at_cap = delivery.at_cap or rules.caps.at_cap
        return cls(limits, distances, at_cap, rules.precedence, own, tuple(slots))

    def among(self, slots: Sequence[Slot]) -> "Room":
        """Return the room that other messages of the customer leave.

        Args:
            slots: the other messages.
        """
        if not slots and not self.slots:
            return self
        return Room(
            self.limits, self.distances, self.at_cap, self.precedence, self.own, tuple(slots)
        )

    def since(self, tz: ZoneInfo) -> datetime:
        """Return the moment from which on messages may count.

        Args:
            tz: the customer's zone.
        """
        at = self.own.at
        longest = max([limit.days for limit in self.limits], default=1)
        first = moment(local_day(at, tz) - (longest - 1) * DAY, MIDNIGHT, tz)
        if not self.distances:
            return first
        return min(first, at - max([one.least for one in self.distances]))

    def judge(
        self,
        channel: Channel,
        tz: ZoneInfo,
        useful_until: datetime,
        search: Search,
        windows: Hold | None,
    ) -> Capped | None:
        """Tell what the caps make of the message.

        Args:
            channel: by which it is about to leave.
            tz: the customer's zone.
            useful_until: from this moment on, the message is of no use.
            search: for the first moment at which windows and caps let it leave.
            windows: the hold by the windows alone.

        Returns:
            None if there is room when the windows alone let it leave.
        """
        if not self.slots:
            return None
        if windows is not None and windows.until is None:
            return None
        leaves = windows.until if windows is not None and windows.until else self.own.at
        if self._has_room(leaves):
            return None
        shown = leaves.astimezone(tz)
        slots = [slot for slot in self.slots if not slot.held or self._goes_first(slot)]
        caps = self._caps(channel, tz, slots)
        full = [cap for cap in caps if cap.using(shown)]
        if not full:
            return None
        there = [slot for slot in slots if not slot.held]
        gives_way = not any(cap.using(shown) for cap in self._caps(channel, tz, there))
        free = search(caps)
        assert free is not None, "a cap is full"
        words = [cap.holds(shown) for cap in full]
        if free.until is not None:
            words.append(f"free again {told(free.until, tz)}")
        if more := self._with_one_more(full, caps, useful_until, tz, search):
            words.append(more)
        reason, until = Reason.GAVE_WAY if gives_way else Reason.CAP, free.until
        if self.at_cap is AtCap.GIVE_WAY:
            until = None
        elif gives_way:
            using = {slot.message_id for cap in full for slot in cap.using(shown)}
            decided = self._decided(s for s in self.slots if s.held and s.message_id in using)
            until = min(until or decided, decided)
        elif not _is_of_use(until, useful_until):
            until = self._in_doubt(slots, channel, tz, useful_until, search)
        of_use = _is_of_use(until, useful_until)
        return Capped(reason, until if of_use else None, "; ".join(words))

    def _in_doubt(
        self,
        slots: Sequence[Slot],
        channel: Channel,
        tz: ZoneInfo,
        useful_until: datetime,
        search: Search,
    ) -> datetime | None:
        """Return when to look again at claimed messages without which there would be room."""
        sure = [slot for slot in slots if not self._may_yet_fail(slot)]
        if len(sure) == len(slots):
            return None
        hoped = search(self._caps(channel, tz, sure))
        if hoped is not None and not _is_of_use(hoped.until, useful_until):
            return None
        return self._decided(slot for slot in slots if self._may_yet_fail(slot))

    def _has_room(self, leaves: datetime) -> bool:
        """Tell whether no cap can be full, whatever it counts: most messages have room.

        Args:
            leaves: when the message would leave.
        """
        own = self.own.at
        return self._are_apart(
            [abs(leaves - (max(slot.at, own) if slot.held else slot.at)) for slot in self.slots]
        )

    def has_room_after(self, left: Iterable[datetime]) -> bool:
        """Tell whether messages that have left can fill no cap, whenever this one leaves.

        As time goes by they only get further away.

        Args:
            left: when they did.
        """
        own = self.own.at
        return self._are_apart([own - one for one in left])

    def _are_apart(self, apart: Sequence[timedelta]) -> bool:
        """Tell whether other messages are so far away that no cap can be full.

        Args:
            apart: how far each is away.
        """
        for limit in self.limits:
            if limit.number <= len(apart):
                # whatever a zone's clocks do, what is further away is in no row of these days
                far = (limit.days + 2) * DAY
                if limit.number <= len([one for one in apart if one < far]):
                    return False
        nearest = min(apart)
        return not any(nearest < one.least for one in self.distances)

    def _decided(self, others: Iterable[Slot]) -> datetime:
        """Return when to look at what became of the first of some messages."""
        return min(_decided(slot.at, self.own.at) for slot in others)

    def _may_yet_fail(self, slot: Slot) -> bool:
        return slot.claimed and self.own.at - slot.at < LATE

    def _caps(self, channel: Channel, tz: ZoneInfo, slots: Sequence[Slot]) -> list[Full | Near]:
        own = self.own if self.own.channel is channel else replace(self.own, channel=channel)
        slots = [replace(slot, at=max(slot.at, own.at)) if slot.held else slot for slot in slots]
        found: list[Full | Near] = [
            Full(limit, tuple([slot for slot in slots if limit.counts(slot)]), tz)
            for limit in self.limits
            if limit.counts(own)
        ]
        for one in self.distances:
            if one.channel is None:
                found.append(Near(one, tuple(slots), tz))
            elif one.channel == channel:
                found.append(Near(one, tuple([s for s in slots if s.channel == channel]), tz))
        return found

    def _goes_first(self, other: Slot) -> bool:
        return self._place(other) < self._place(self.own)

    def _place(self, slot: Slot) -> tuple[int, datetime, str]:
        return self.precedence.rank(slot.journey, slot.step), slot.due, slot.message_id

    def _with_one_more(
        self,
        full: Sequence[Full | Near],
        caps: Sequence[Full | Near],
        useful_until: datetime,
        tz: ZoneInfo,
        search: Search,
    ) -> str:
        """Tell what a cap that is greater by one would have changed."""
        cap = full[0]
        if len(full) > 1 or not isinstance(cap, Full):
            return ""
        greater = replace(cap, limit=replace(cap.limit, number=cap.limit.number + 1))
        hold = search([greater if one is cap else one for one in caps])
        if hold is None:
            return f"with {greater.limit.number} it would have left at once"
        if hold.until is None or hold.until >= useful_until:
            return ""
        return f"with {greater.limit.number} it would have left {told(hold.until, tz)}"


def _is_of_use(until: datetime | None, useful_until: datetime) -> bool:
    """Tell whether a message that leaves after a hold, if that ever ends, is still of use."""
    return until is not None and until + AFTER_A_HOLD < useful_until


def _decided(leaves: datetime, now: datetime) -> datetime:
    """Return when to look at what became of another message: it may be skipped, its slot free.

    The run of a held one asks at the end of its hold. The later the other message is, the further
    apart the looks.
    """
    late = now - leaves
    if late < timedelta(0):
        return leaves + AFTER_ANOTHER
    return min(now + max(late, AFTER_ANOTHER), leaves + LATE + AFTER_ANOTHER)
