"""The customer's part of the verdict: may this message leave now? Pure, over plain values.

The questions stand in the order in which an answer helps an operator most: an erased customer is
the better news than the missing address that comes of it.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, clock_changes, local_day, moment
from sojourn.domain.consent import Consents
from sojourn.domain.messages import Channel, MessageClass, Reason

AFTER_A_HOLD = timedelta(seconds=5)
"""The least use that a hold leaves: timers fire a little late, and a queue takes a moment."""


def is_useful(now: datetime, useful_until: datetime) -> bool:
    """Tell whether a message is still of use: until that moment, and not at it."""
    return now < useful_until


@dataclass(frozen=True)
class QuietHours:
    """A span of the local day, ``end`` not included; it may pass midnight."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("quiet hours need two different times")

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def until(self, now: datetime, tz: ZoneInfo) -> datetime | None:
        """Return when the quiet span around ``now`` ends, in UTC; None outside of one.

        The clock on the customer's wall decides, whether it has passed an edge or was put over one:
        where 02:00 becomes 03:00, hours until 02:30 end at that moment, and hours from 02:30 begin.
        """
        if not self._has(now, tz):
            return None
        today = local_day(now, tz)
        days = [today + n * DAY for n in range(3)]  # a day that a zone leaves out has no end
        ends = [moment(day, self.end, tz, fold=fold) for day in days for fold in (0, 1)]
        change = clock_changes(now, now + DAY + DAY / 12, tz)
        ends += [change] if change else []
        return next(end for end in sorted(ends) if end > now and not self._has(end, tz))

    def _has(self, now: datetime, tz: ZoneInfo) -> bool:
        """Tell whether the clock in ``tz`` shows a time of the span."""
        shown = now.astimezone(tz).time()
        if self.start < self.end:
            return self.start <= shown < self.end
        return shown >= self.start or shown < self.end


@dataclass(frozen=True)
class Allow:
    """Send the message by this channel."""

    channel: Channel


@dataclass(frozen=True)
class Defer:
    """Do not send it now: ask again at ``until``."""

    until: datetime
    reason: Reason


@dataclass(frozen=True)
class Skip:
    """Do not send it at all."""

    reason: Reason


Decision = Allow | Defer | Skip


@dataclass(frozen=True)
class Recipient:
    """A customer, as far as the decision depends on one.

    Args:
        known: an identify call was seen.
        erased: the person asked to be forgotten.
        reachable: channels that have an address.
        consents: what the customer agreed to and refused.
        tz: where the customer lives.
        suppressed: channels whose address bounced, complained or is gone.
    """

    known: bool
    erased: bool
    reachable: frozenset[Channel]
    consents: Consents
    tz: ZoneInfo
    suppressed: frozenset[Channel] = frozenset()


def decide(
    recipient: Recipient,
    channels: tuple[Channel, ...],
    message_class: MessageClass,
    topic: str,
    *,
    now: datetime,
    useful_until: datetime,
    quiet_hours: QuietHours | None,
    needs_own_yes: bool = False,
) -> Decision:
    """Allow, defer or skip a message of a run that is still on.

    The first channel that is reachable and permitted is used. If there is no such channel, the
    reason is that of the channel that came furthest: a refusal by the customer says more than a
    dead address, and a dead address says more than no address.

    Args:
        recipient: the customer.
        channels: the channels to try, in the message's order.
        message_class: only promotional messages need consent and keep quiet hours.
        topic: the message's.
        now: by the journey's clock.
        useful_until: from this moment on, the message is of no use.
        quiet_hours: None means that no hours are quiet.
        needs_own_yes: the topic needs a yes of its own.

    Returns:
        The decision.
    """
    if not recipient.known:
        return Skip(Reason.UNKNOWN_CUSTOMER)
    if recipient.erased:
        return Skip(Reason.ERASED)
    promotional = message_class is MessageClass.PROMOTIONAL
    channel = _channel(
        recipient, channels, topic if promotional else None, needs_own_yes=needs_own_yes
    )
    if isinstance(channel, Reason):
        return Skip(channel)
    if not is_useful(now, useful_until):
        return Skip(Reason.TOO_LATE)
    if promotional and quiet_hours is not None:
        until = quiet_hours.until(now, recipient.tz)
        if until is not None:
            # a hold that leaves no use would end in "too late" anyway: say so now
            held = is_useful(until + AFTER_A_HOLD, useful_until)
            return Defer(until, Reason.QUIET_HOURS) if held else Skip(Reason.TOO_LATE)
    return Allow(channel)


def _channel(
    recipient: Recipient,
    channels: tuple[Channel, ...],
    topic: str | None,
    *,
    needs_own_yes: bool,
) -> Channel | Reason:
    """Return the first channel that may be used, or why there is none; no topic, no consent."""
    reason = Reason.NO_ADDRESS
    for channel in channels:
        if channel not in recipient.reachable:
            continue
        if channel in recipient.suppressed:
            reason = Reason.SUPPRESSED if reason is Reason.NO_ADDRESS else reason
            continue
        refusal = None
        if topic is not None:
            refusal = recipient.consents.refusal(channel, topic, needs_own_yes=needs_own_yes)
        if refusal is None:
            return channel
        reason = refusal
    return reason
