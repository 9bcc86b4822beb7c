"""The customer's part of the verdict: may this message leave now? Pure, over plain values.

The questions stand in the order in which an answer helps an operator most: "erased" says more than
the missing address that follows from it.
"""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from zoneinfo import ZoneInfo

from sojourn.domain.consent import Consents
from sojourn.domain.in_care import InCare
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.opening import Holder
from sojourn.domain.room import Room, Search
from sojourn.domain.rules import AFTER_A_HOLD, UNKNOWN, Hold, Rules
from sojourn.domain.snooze import Snooze
from sojourn.domain.value_class import value_class


def is_useful(now: datetime, useful_until: datetime) -> bool:
    """Tell whether a message is still of use: until that moment, and not at it."""
    return now < useful_until


@value_class
class Allow:
    """Send the message by this channel."""

    channel: Channel


@value_class
class Defer:
    """Do not send it now: ask again at ``until``.

    Args:
        until: by the journey's clock.
        reason: why.
        detail: which rule holds it, in words; decisions that differ in it alone are the same.
    """

    until: datetime
    reason: Reason
    detail: str = field(default="", compare=False)


@value_class
class Skip:
    """Do not send it at all.

    Args:
        reason: why.
        detail: as `Defer` has it: the rule whose hold leaves no use.
    """

    reason: Reason
    detail: str = field(default="", compare=False)


Decision = Allow | Defer | Skip


@value_class
class Recipient:
    """The parts of a customer that the decision depends on.

    Args:
        known: an identify call was seen.
        erased: the person asked to be forgotten.
        reachable: channels that have an address.
        consents: what the customer agreed to and refused.
        tz: where the customer lives.
        suppressed: channels whose address bounced, complained or is gone.
        country: where the customer lives (ISO 3166); empty if nothing tells.
        region: the part of the country (ISO 3166-2 without the country).
        barred: channels whose address this installation may not write to.
        restricted: the person's data are kept, and not used.
        snoozed_until: the customer wants no promotional message before this moment.
        in_care_until: somebody looks after the customer until this moment at the latest.
        in_care_of: the journey that does.
    """

    known: bool
    erased: bool
    reachable: frozenset[Channel]
    consents: Consents
    tz: ZoneInfo
    suppressed: frozenset[Channel] = frozenset()
    country: str = UNKNOWN
    region: str = ""
    barred: frozenset[Channel] = frozenset()
    restricted: bool = False
    snoozed_until: datetime | None = None
    in_care_until: datetime | None = None
    in_care_of: str = ""


def decide(
    recipient: Recipient,
    channels: tuple[Channel, ...],
    message_class: MessageClass,
    topic: str,
    *,
    now: datetime,
    useful_until: datetime,
    rules: Rules,
    message_id: str = "",
    within: str = "",
    needs_own_yes: bool = False,
    room: Room | None = None,
) -> Decision:
    """Allow, defer or skip a message of a run that is still on.

    The first channel that is reachable and permitted is used. If there is no such channel, the
    reason is that of the channel that came furthest: a refusal by the customer says more than a
    dead address, and a dead address says more than no address.

    Args:
        recipient: the customer.
        channels: the channels to try, in the message's order.
        message_class: only promotional messages need consent and keep to the policy's hours.
        topic: the message's.
        now: by the journey's clock.
        useful_until: from this moment on, the message is of no use.
        rules: of the project's policy.
        message_id: names the message; messages leave spread out by it after a hold.
        within: the message's own window, as its journey writes it.
        needs_own_yes: the topic needs a yes of its own.
        room: what caps leave to the message; None: no cap concerns it.

    Returns:
        The decision.
    """
    if (nobody := _nobody(recipient)) is not None:
        return Skip(nobody)
    promotional = message_class is MessageClass.PROMOTIONAL
    channel = _channel(
        recipient, channels, topic if promotional else None, needs_own_yes=needs_own_yes
    )
    if isinstance(channel, Reason):
        return Skip(channel)
    if not is_useful(now, useful_until):
        return Skip(Reason.TOO_LATE)
    if not promotional:
        return Allow(channel)
    windows = rules.holders(channel, recipient.country, recipient.region, within)
    if recipient.snoozed_until is not None:
        windows = (*windows, Snooze(recipient.snoozed_until, recipient.tz))
    if recipient.in_care_until is not None:
        care = InCare(recipient.in_care_until, recipient.tz, recipient.in_care_of)
        windows = (*windows, care)
    if not windows and room is None:
        return Allow(channel)

    def search(caps: Sequence[Holder]) -> Hold | None:
        return rules.hold(
            (*windows, *caps), now, recipient.tz, message_id=message_id, useful_until=useful_until
        )

    return _held(room, search, channel, recipient.tz, useful_until) or Allow(channel)


def _nobody(recipient: Recipient) -> Reason | None:
    """Return why no message of any class may go to this person; None if one may."""
    if not recipient.known:
        return Reason.UNKNOWN_CUSTOMER
    if recipient.erased:
        return Reason.ERASED
    return Reason.RESTRICTED if recipient.restricted else None


def _held(
    room: Room | None, search: Search, channel: Channel, tz: ZoneInfo, useful_until: datetime
) -> Defer | Skip | None:
    """Hold a promotional message over the policy's windows, and until caps leave it room."""
    hold = search(())
    held = _until(hold, useful_until)
    if room is None or isinstance(held, Skip):
        return held
    capped = room.judge(channel, tz, useful_until, search, hold)
    if capped is None:
        return held
    if capped.until is None:
        return Skip(capped.reason, capped.detail)
    return Defer(capped.until, capped.reason, capped.detail)


def _until(hold: Hold | None, useful_until: datetime) -> Defer | Skip | None:
    """Defer a message over a hold; skip one that would be too late after it, and say so now.

    Where the customer's own break, or care, is among the causes, that reason says more.
    """
    if hold is None:
        return None
    if hold.until is None or not is_useful(hold.until + AFTER_A_HOLD, useful_until):
        says_more = hold.reason in (Reason.SNOOZED, Reason.IN_CARE)
        return Skip(hold.reason if says_more else Reason.TOO_LATE, hold.detail)
    return Defer(hold.until, hold.reason, hold.detail)


def _channel(
    recipient: Recipient,
    channels: tuple[Channel, ...],
    topic: str | None,
    *,
    needs_own_yes: bool,
) -> Channel | Reason:
    """Return the first usable channel, or why there is none; without a topic, consent is moot."""
    reason = Reason.NO_ADDRESS
    for channel in channels:
        if channel not in recipient.reachable:
            continue
        if channel in recipient.barred:
            reason = Reason.ONLY_TO if reason is Reason.NO_ADDRESS else reason
            continue
        if channel in recipient.suppressed:
            before = (Reason.NO_ADDRESS, Reason.ONLY_TO)
            reason = Reason.SUPPRESSED if reason in before else reason
            continue
        refusal = None
        if topic is not None:
            refusal = recipient.consents.refusal(channel, topic, needs_own_yes=needs_own_yes)
        if refusal is None:
            return channel
        reason = refusal
    return reason
