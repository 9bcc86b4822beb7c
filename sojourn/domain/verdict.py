"""The gate's verdict on one message: pure, from plain values to a decision.

Three questions, in this order; the first answer counts:

1. `settled`: does the ledger already say what became of the message, or is it in doubt?
2. `overtaken`: has an event ended or restarted the run since the run last heard of one?
3. `permitted`: may it leave now, by which channel? `domain.policy` knows the customer's part.

A message that names several channels has an entry in the ledger for each that it took. Refused for
good by one channel, it goes on to the next. Possibly out by one channel, it takes no other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

from sojourn.domain.events import JourneyStopped
from sojourn.domain.facts import Finding
from sojourn.domain.fence import FENCE
from sojourn.domain.holding import hold_until
from sojourn.domain.holdout import HELD_OUT, Assigned
from sojourn.domain.introduction import wait_for_words
from sojourn.domain.messages import Channel, Delivery, Heard, MessageClass, Reason, Receipt, Status
from sojourn.domain.opt_ins import OptIn
from sojourn.domain.ordering import counts_for
from sojourn.domain.policy import (
    Allow,
    Decision,
    Defer,
    Recipient,
    Skip,
    decide,
    is_useful,
)
from sojourn.domain.ramp import Allowance, next_turn
from sojourn.domain.room import Room
from sojourn.domain.rules import NO_RULES, Rules
from sojourn.domain.states import SETTLED, MessageState
from sojourn.domain.text import LONGEST_NOTE
from sojourn.domain.value_class import value_class

OVERTAKEN = (Reason.GOAL_REACHED, Reason.RUN_STOPPED, Reason.SUPERSEDED)
"""Reasons that an event gave, most telling first.

They do not settle a message: a retry whose answer was lost, or a run for which the event changes
nothing, asks again, and the gate returns the event again.
"""
OF_A_CHANNEL = (
    Reason.NO_ADDRESS,
    Reason.ONLY_TO,
    Reason.SUPPRESSED,
    Reason.NO_CONSENT,
    Reason.OPTED_OUT,
)
"""Reasons that speak of a channel, not of the message."""
_ONE_SECOND = timedelta(seconds=1)
_TOOK = (MessageState.SENT, MessageState.REJECTED, MessageState.UNKNOWN)
_STATUS: Mapping[MessageState, Status] = MappingProxyType(
    {MessageState(status.value): status for status in Status}
)


@value_class
class Entry:
    """A message's entry in the ledger for one channel.

    Args:
        number: the row's number.
        channel: the channel it took.
        state: what became of it.
        reason: why, if there is a reason.
        at: when it was decided on, by the journey's clock.
        attempt: how often it was claimed.
        possible_duplicate: it may have been delivered twice.
    """

    number: int
    channel: Channel
    state: MessageState
    reason: Reason | None = None
    at: datetime | None = None
    attempt: int = 0
    possible_duplicate: bool = False

    @property
    def is_final(self) -> bool:
        """True if nothing that happens now changes the message's fate on this channel."""
        return self.state in SETTLED and self.reason not in OVERTAKEN


@dataclass(frozen=True)
class OpenAttempt:
    """An attempt whose end nobody knows: the message may be out by it.

    Args:
        provider: the provider that may have the message.
        at: when it was handed over, by the machine's clock.
        journey_at: the same moment by the journey's clock.
        lasted: the time from then within which it may still have handed the message over: its
            call's, if it told its end, else the whole fence.
        keyed: its provider knows the message by a key of its own, if it has such keys.
    """

    provider: str
    at: datetime
    journey_at: datetime
    lasted: timedelta = FENCE
    keyed: bool = True

    @property
    def over_at(self) -> datetime:
        """The moment from which on nothing leaves by this attempt, by the journey's clock."""
        return self.journey_at + self.lasted


@dataclass(frozen=True)
class OnceMore:
    """Permission to hand over a message in doubt once more.

    Args:
        attempt: the entry's, when this was decided; the permission is for no later one.
        perhaps_twice: the message may be delivered twice.
    """

    attempt: int
    perhaps_twice: bool


@value_class
class Circumstances:
    """The state of the customer and the channels now.

    Args:
        recipient: the customer.
        paused: for each paused channel, how long it has been paused.
        already_told: another run of the same person has sent this step, or is about to; or another
            enrolment of the run, for the same event.
        room: what caps leave to the message; None: no cap concerns it.
        condition: the finding on the journey's ``stays_if``; None: it has none.
        opt_in: the request for confirmation that began the run's steps; None: none did.
        counted_as: the value under which requests to the address are counted; empty: none are.
        asked_enough: the address was asked to confirm as often as a day allows.
        no_coupon: why there is no code for a message that hands one out; empty: nothing is missing,
            or nobody has looked, since a claim finds out when it reserves the code.
        allowance: what may still leave today from the domain of e-mails; None: it does not count.
        assigned: the sides that the customer is on where some are held out.
    """

    recipient: Recipient
    paused: Mapping[Channel, timedelta]
    already_told: bool = False
    room: Room | None = None
    condition: Finding | None = None
    opt_in: OptIn | None = None
    counted_as: str = ""
    asked_enough: bool = False
    no_coupon: str = ""
    allowance: Allowance | None = None
    assigned: tuple[Assigned, ...] = ()

    @property
    def held_out(self) -> str:
        """The experiment in which the customer is held out; empty: none."""
        if not self.assigned:
            return ""
        return next((one.experiment for one in self.assigned if one.variant == HELD_OUT), "")


@value_class
class Case:
    """All that the verdict on one message depends on.

    Args:
        delivery: the message.
        now: by the journey's clock.
        timezone: the customer's.
        entries: the message's entries in the ledger, oldest first.
        unresolved: open attempts of the last entry, oldest first.
        once_more: permission to hand over what is in doubt.
        templates: the channels that have a template for the message.
        rules: of the project's policy.
        switched_off: the project has switched the journey off.
        needs_own_yes: the message's topic needs a yes of its own.
        held_for: how long an operator has held the message back; None: nobody does.
        called_off: its campaign was stopped.
        news: events that may have overtaken the run since its start, oldest first; None means that
            nobody has looked.
        circumstances: None means that nobody has looked.
    """

    delivery: Delivery
    now: datetime
    timezone: str
    entries: Sequence[Entry] = ()
    unresolved: Sequence[OpenAttempt] = ()
    once_more: OnceMore | None = None
    templates: Collection[Channel] = tuple(Channel)
    rules: Rules = NO_RULES
    switched_off: bool = False
    needs_own_yes: bool = False
    held_for: timedelta | None = None
    called_off: bool = False
    news: Sequence[Heard] | None = None
    circumstances: Circumstances | None = None
    left: tuple[Channel, ...] = field(init=False, repr=False, compare=False)
    """The channels that may still be tried, in the message's order."""
    entry: Entry | None = field(init=False, repr=False, compare=False)
    """The entry that the decision continues; None means that it begins one."""

    def __post_init__(self) -> None:
        """Find the entry that goes on, and the channels that are left."""
        left, entry = self._not_refused(), None
        if self.entries:
            last = self.entries[-1]
            if last.state is not MessageState.REJECTED or not left:
                entry = last
                if self.unresolved:
                    left = (last.channel,)  # another channel would make a second message of it
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "entry", entry)

    def _not_refused(self) -> tuple[Channel, ...]:
        left = wanted = self.delivery.channels
        if self.entries:
            refused = {each.channel for each in self.entries if each.state is MessageState.REJECTED}
            left = tuple([channel for channel in wanted if channel not in refused])
        if len(wanted) == 1:
            return left  # the missing template of an only channel is an error that the render names
        return tuple([channel for channel in left if channel in self.templates]) or left[:1]


@dataclass(frozen=True)
class Doubt:
    """A verdict: nobody knows whether the message left. Find out, then ask the gate again.

    Args:
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        channel: the channel by which the message may be out.
        provider: the provider that may have it; empty if it is one of several.
        since: when it was first handed over, by the machine's clock.
        age: how long ago it was last handed over, by the journey's clock.
        over: for how long no attempt can have handed it over any more, by the journey's clock;
            below zero while an attempt may still live.
        useful: it is still worth sending.
        repeated: it may have been delivered twice already.
        keyed: each time it was handed over under a key of its own, if the provider has such keys.
    """

    ledger_id: int
    attempt: int
    channel: Channel
    provider: str
    since: datetime
    age: timedelta
    over: timedelta
    useful: bool
    repeated: bool
    keyed: bool = True


@dataclass(frozen=True)
class Late:
    """A verdict: too late by today's plan. Find out when the wait really ended, then ask again."""


@value_class
class Ruling:
    """A verdict that the ledger notes.

    Args:
        decision: allow, defer or skip.
        channel: the channel of the entry.
        state: the entry's state from now on.
        in_doubt: an earlier attempt may have sent the message.
        news: the event that made the gate skip the message.
    """

    decision: Decision
    channel: Channel
    state: MessageState
    in_doubt: bool = False
    news: Heard | None = None


Verdict = Receipt | Doubt | Late | Ruling
"""A receipt is given as it is, without a change of the ledger."""


def judge(case: Case) -> Verdict:
    """Decide on a message.

    Args:
        case: everything about the message; news and circumstances may be missing only where an
            earlier question is answered without them.

    Returns:
        The verdict.
    """
    verdict = settled(case) or overtaken(case) or permitted(case)
    return Late() if _may_have_waited_longer(case, verdict) else verdict


def _may_have_waited_longer(case: Case, verdict: Verdict) -> bool:
    """Tell whether a message is too late only because its wait began by a longer plan.

    A delay that was made shorter while the run slept leaves it asleep until the former moment. By
    today's plan the message then falls due in the past.
    """
    if case.delivery.useful_for is None or not isinstance(verdict, Ruling):
        return False
    decision = verdict.decision
    is_late = isinstance(decision, Skip) and decision.reason is Reason.TOO_LATE
    return is_late and not verdict.in_doubt


def receipt(entry: Entry, timezone: str, news: Heard | None = None) -> Receipt:
    """Return the receipt that a settled entry amounts to.

    Args:
        entry: in a settled state.
        timezone: the customer's.
        news: the event that decided.

    Returns:
        The receipt.
    """
    return Receipt.made(
        status=_STATUS[entry.state],
        reason=entry.reason,
        channel=entry.channel if entry.state in _TOOK else None,
        news=news,
        timezone=timezone,
        at=entry.at if entry.state is MessageState.SENT else None,
    )


def settled(case: Case) -> Receipt | Doubt | None:
    """Answer from the ledger alone; None means that the message is open."""
    entry = case.entry
    if entry is None:
        return None
    if entry.is_final:
        return receipt(entry, case.timezone)
    if not case.unresolved or _may_go_once_more(case, entry):
        return None
    if entry.channel is not case.delivery.lane:
        return _elsewhere(case, entry.channel)
    first, last = case.unresolved[0], case.unresolved[-1]
    (provider, *others) = {attempt.provider for attempt in case.unresolved}
    return Doubt(
        ledger_id=entry.number,
        attempt=entry.attempt,
        channel=entry.channel,
        provider="" if others else provider,
        since=first.at,
        age=case.now - last.journey_at,
        over=case.now - max(attempt.over_at for attempt in case.unresolved),
        useful=is_useful(case.now, case.delivery.useful_until),
        repeated=entry.possible_duplicate and len(case.unresolved) > 1,
        keyed=all(attempt.keyed for attempt in case.unresolved),
    )


def overtaken(case: Case) -> Ruling | None:
    """Answer from the events that are stored; None means that the run is still on."""
    assert case.news is not None, "nobody has looked for news"
    if not case.news:
        return None
    watched = watch(case.delivery)
    for reason in OVERTAKEN:
        for event in case.news:
            if watched[event.name] is reason and _overtakes(event, reason, case.delivery):
                return _ruling(case, Skip(reason), event)
    return None


def watch(delivery: Delivery) -> Mapping[str, Reason]:
    """Return the events that may overtake a message, and why, by wire name."""
    return _watched(delivery.restarts, delivery.ends, delivery.goals)


@lru_cache(maxsize=256)
def _watched(
    restarts: tuple[str, ...], ends: tuple[str, ...], goals: tuple[str, ...]
) -> Mapping[str, Reason]:
    return MappingProxyType(
        {
            **dict.fromkeys(restarts, Reason.SUPERSEDED),
            **dict.fromkeys((*ends, JourneyStopped.event_name), Reason.RUN_STOPPED),
            **dict.fromkeys(goals, Reason.GOAL_REACHED),
        }
    )


def _overtakes(event: Heard, why: Reason, delivery: Delivery) -> bool:
    if why is Reason.SUPERSEDED:
        return event.order > delivery.latest
    within = timedelta(0) if event.name in delivery.exact else event.within
    return counts_for(event.order, delivery.start, within=within)


def permitted(case: Case) -> Receipt | Ruling:
    """Answer for a message of a run that is still on.

    A message that an operator holds back is not judged further: any other fault of it may be the
    reason for holding it back.
    """
    if case.switched_off or case.called_off:
        off = Reason.SWITCHED_OFF if case.switched_off else Reason.RUN_STOPPED
        return _ruling(case, Skip(off))
    if case.held_for is not None:
        return _ruling(case, _hold_back(case, case.held_for))
    assert case.circumstances is not None, "nobody has looked at the circumstances"
    condition = case.circumstances.condition
    if condition is not None and not _qualifies(condition, case.circumstances.recipient):
        return _ruling(case, Skip(Reason.NO_LONGER, condition.because[:LONGEST_NOTE]))
    decision = _by_an_open_channel(case, case.circumstances)
    if isinstance(decision, Allow):
        if (why_not := _comes_to_nothing(case.circumstances)) is not None:
            decision = why_not
        elif decision.channel is not case.delivery.lane:
            return _elsewhere(case, decision.channel)
        else:
            decision = _within_budget(case, decision, case.circumstances.allowance)
            decision = _held_out(case, decision, case.circumstances.held_out)
    if isinstance(decision, Skip):
        if case.entry is None and case.entries:
            # no channel is left after one that refused: its refusal is the news
            return receipt(case.entries[-1], case.timezone)
        # a campaign's customers have said their words; a journey may begin before its customer does
        if not case.unresolved and not case.delivery.campaign:
            decision = _wait_for_words(case, case.circumstances.recipient, decision)
    return _ruling(case, decision)


def _comes_to_nothing(around: Circumstances) -> Skip | None:
    """Return why a message that may leave does not; None if nothing keeps it.

    Enough of its kind may have left, or there is no code for it to hand out.
    """
    if around.already_told:
        return Skip(Reason.ALREADY_TOLD)
    if around.asked_enough:
        return Skip(Reason.ASKED_ENOUGH)
    return Skip(Reason.NO_COUPON, around.no_coupon) if around.no_coupon else None


def _within_budget(case: Case, allow: Allow, allowance: Allowance | None) -> Decision:
    """Let an e-mail wait for its hour of another day if today's budget is used up.

    One that was claimed before is counted already.
    """
    was_claimed = case.entry is not None and case.entry.attempt > 0
    if allowance is None or allow.channel is not Channel.EMAIL or was_claimed:
        return allow
    if not allowance.is_spent:
        return allow
    until = next_turn(case.delivery.due, allowance.until, case.delivery.useful_until)
    if until is None:
        return Skip(Reason.TOO_LATE)
    return Defer(until, Reason.RAMP, allowance.told)


def _held_out(case: Case, decision: Decision, group: str) -> Decision:
    """Skip a message that would leave to somebody in a control group.

    It is the last question, so that customers who are held out are judged like all others. A
    message that may be out is no longer held out.
    """
    leaves = isinstance(decision, Allow) and group and not case.unresolved
    return Skip(Reason.HELD_OUT, group) if leaves else decision


def _qualifies(condition: Finding, recipient: Recipient) -> bool:
    """Tell whether the journey's condition lets a message pass: only if it holds.

    Nothing is known of a customer who is erased, or not identified yet. Their message does not
    leave either, and the reason for that says more.
    """
    nobody = recipient.erased or not recipient.known
    return bool(condition.holds) or (condition.holds is None and nobody)


def _wait_for_words(case: Case, recipient: Recipient, skip: Skip) -> Decision:
    started, _ = case.delivery.start
    until = wait_for_words(
        skip.reason,
        recipient,
        case.left,
        now=case.now,
        started=started,
        useful_until=case.delivery.useful_until,
        needs_own_yes=case.delivery.topic if case.needs_own_yes else "",
    )
    return skip if until is None else Defer(until, skip.reason)


def _by_an_open_channel(case: Case, now: Circumstances) -> Decision:
    """Decide, and let the message wait where only paused channels could take it."""
    unpaused = case.left
    if now.paused:
        unpaused = tuple(channel for channel in case.left if channel not in now.paused)
    if unpaused:
        decision = _decide(case, now, unpaused)
        # a reason of the open channels says nothing of the paused ones
        if not (isinstance(decision, Skip) and decision.reason in OF_A_CHANNEL):
            return decision
    decision = _decide(case, now, case.left)
    if isinstance(decision, Allow):
        return _wait_for_end(case, now.paused[decision.channel], Reason.PAUSED)
    return decision


def _decide(case: Case, now: Circumstances, channels: tuple[Channel, ...]) -> Decision:
    named = case.delivery.message_id if now.room is None else now.room.own.message_id
    return decide(
        now.recipient,
        channels,
        case.delivery.message_class,
        case.delivery.topic,
        now=case.now,
        useful_until=case.delivery.useful_until,
        rules=case.rules,
        message_id=named,
        within=case.delivery.within,
        needs_own_yes=case.needs_own_yes,
        room=now.room,
    )


def _hold_back(case: Case, held_for: timedelta) -> Decision:
    if not is_useful(case.now, case.delivery.useful_until):
        return Skip(Reason.TOO_LATE)
    return _wait_for_end(case, held_for, Reason.HELD_BACK)


def _wait_for_end(case: Case, paused_for: timedelta, reason: Reason) -> Defer:
    """Wait for the end of a pause, and no longer than the message is of use."""
    delivery = case.delivery
    until = hold_until(
        case.now,
        paused_for=paused_for,
        message_id=delivery.message_id,
        promotional=delivery.message_class is MessageClass.PROMOTIONAL,
    )
    # a message asked about just after it ceases to be of use ends as "too late"
    last = delivery.useful_until + _ONE_SECOND
    return Defer(min(until, max(last, case.now)), reason)


def _may_go_once_more(case: Case, entry: Entry) -> bool:
    return case.once_more is not None and case.once_more.attempt == entry.attempt


def _elsewhere(case: Case, channel: Channel) -> Receipt:
    """Ask again on the other channel's queue, whose limits are that channel's."""
    return Receipt(
        status=Status.DEFERRED,
        reason=Reason.OTHER_CHANNEL,
        channel=channel,
        until=case.now,
        timezone=case.timezone,
    )


def _ruling(case: Case, decision: Decision, news: Heard | None = None) -> Ruling:
    in_doubt = bool(case.entry and case.unresolved)
    if isinstance(decision, Allow):
        channel = decision.channel
    elif case.left:
        channel = case.left[0]
    else:  # every channel refused it, and its entry is of a channel that the message had before
        assert case.entry is not None
        channel = case.entry.channel
    return Ruling(decision, channel, _state_after(case, decision, in_doubt), in_doubt, news)


def _state_after(case: Case, decision: Decision, in_doubt: bool) -> MessageState:
    match decision:
        case Allow():
            return MessageState.CLAIMED
        case Defer():
            # a message that may be out is not held: a goal must not turn it into "skipped"
            return case.entry.state if case.entry and in_doubt else MessageState.DEFERRED
        case Skip(reason):
            if in_doubt:
                return MessageState.UNKNOWN  # an earlier attempt may have sent it
            tried = case.entry is not None and case.entry.attempt > 0
            return (
                MessageState.EXPIRED
                if tried and reason is Reason.TOO_LATE
                else MessageState.SKIPPED
            )
