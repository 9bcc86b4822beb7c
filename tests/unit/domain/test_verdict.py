"""The gate's verdict, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.calendar import zone
from sojourn.domain.caps import Limit, Slot
from sojourn.domain.consent import Consents
from sojourn.domain.facts import Finding
from sojourn.domain.fence import FENCE
from sojourn.domain.holding import hold_until
from sojourn.domain.holdout import HELD_OUT, TREATED, Assigned
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel, Delivery, Heard, MessageClass, Reason, Receipt, Status
from sojourn.domain.policy import Allow, Defer, Recipient, Skip
from sojourn.domain.precedence import Precedence
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.ramp import Allowance
from sojourn.domain.room import Room
from sojourn.domain.rules import NO_RULES, Rules
from sojourn.domain.states import SETTLED, MessageState
from sojourn.domain.verdict import (
    OVERTAKEN,
    Case,
    Circumstances,
    Doubt,
    Entry,
    Late,
    OnceMore,
    OpenAttempt,
    Ruling,
    Verdict,
    judge,
    receipt,
)

SIESTA = Rules.of(QuietHours(time(11), time(13)), spread=timedelta(0))
NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EMAIL, SMS, PUSH = Channel.EMAIL, Channel.SMS, Channel.PUSH
START, LATEST = (NOON - 2 * DAY, 1), (NOON - DAY, 5)


def delivery(**changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "workflow_id": "abandoned-cart:c:k",
        "journey": "abandoned-cart",
        "customer_id": "c",
        "key": "k",
        "key_field": "cart_id",
        "enrolment": "e",
        "n": 1,
        "step": "reminder",
        "template": "reminder",
        "channels": (EMAIL,),
        "message_class": MessageClass.PROMOTIONAL,
        "topic": "cart",
        "due": NOON,
        "useful_until": NOON + DAY,
        "now": NOON,
        "start": START,
        "latest": LATEST,
        "goals": ("Order Completed",),
        "ends": ("Subscription Cancelled",),
        "restarts": ("Product Added",),
        "timezone": "UTC",
    }
    return Delivery(**given | changes)


def recipient(**changes: Any) -> Recipient:
    given: dict[str, Any] = {
        "known": True,
        "erased": False,
        "reachable": frozenset(Channel),
        "consents": Consents(dict.fromkeys(Channel, True)),
        "tz": zone("UTC"),
    }
    return Recipient(**given | changes)


def now(**changes: Any) -> Circumstances:
    return replace(Circumstances(recipient(), paused={}), **changes)


def case(*entries: Entry, of: Delivery | None = None, **changes: Any) -> Case:
    given: dict[str, Any] = {
        "delivery": of or delivery(),
        "now": NOON,
        "timezone": "Europe/Rome",
        "entries": entries,
        "news": [],
        "circumstances": now(),
    }
    return Case(**given | changes)


def entry(state: MessageState, channel: Channel = EMAIL, **changes: Any) -> Entry:
    return replace(Entry(number=7, channel=channel, state=state, attempt=1), **changes)


def handed_over(ago: timedelta = HOUR, provider: str = "postmark") -> OpenAttempt:
    return OpenAttempt(provider, at=NOON - 300 * DAY - ago, journey_at=NOON - ago)


def heard(name: str, at: datetime = NOON, seq: int = 9) -> Heard:
    return Heard(id=f"{name} {at}", name=name, at=at, seq=seq)


def elsewhere(channel: Channel) -> Receipt:
    return Receipt(
        status=Status.DEFERRED,
        reason=Reason.OTHER_CHANNEL,
        channel=channel,
        until=NOON,
        timezone="Europe/Rome",
    )


def skipped(reason: Reason, state: MessageState = MessageState.SKIPPED, **changes: Any) -> Ruling:
    return replace(Ruling(Skip(reason), EMAIL, state), **changes)


CLAIMED = Ruling(Allow(EMAIL), EMAIL, MessageState.CLAIMED)
NUDGE = delivery(channels=(PUSH, SMS))
SMS_LANE = delivery(channels=(PUSH, SMS), channel=SMS)


# ---- settled by the ledger -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "channel"),
    [
        (MessageState.SENT, EMAIL),
        (MessageState.REJECTED, EMAIL),
        (MessageState.UNKNOWN, EMAIL),
        (MessageState.SKIPPED, None),
        (MessageState.EXPIRED, None),
    ],
)
def test_a_settled_message_gives_its_receipt(state: MessageState, channel: Channel | None) -> None:
    settled = entry(state, reason=Reason.REFUSED)
    assert judge(Case(delivery(), NOON, "Europe/Rome", [settled])) == Receipt(
        status=Status(state.value), reason=Reason.REFUSED, channel=channel, timezone="Europe/Rome"
    )


def test_the_receipt_of_a_message_that_an_event_stopped_names_the_event() -> None:
    bought = heard("Order Completed")
    stopped = entry(MessageState.SKIPPED, reason=Reason.GOAL_REACHED)
    assert receipt(stopped, "Europe/Rome", bought) == Receipt(
        status=Status.SKIPPED, reason=Reason.GOAL_REACHED, news=bought, timezone="Europe/Rome"
    )


@pytest.mark.parametrize("reason", OVERTAKEN)
def test_a_message_that_an_event_stopped_is_asked_about_again(reason: Reason) -> None:
    stopped = entry(MessageState.SKIPPED, reason=reason, attempt=0)
    assert judge(case(stopped)) == CLAIMED


@pytest.mark.parametrize("state", sorted(set(MessageState) - set(SETTLED)))
def test_an_open_message_is_judged(state: MessageState) -> None:
    assert judge(case(entry(state))) == CLAIMED


def test_a_new_message_is_claimed() -> None:
    assert judge(case()) == CLAIMED


# ---- in doubt ------------------------------------------------------------------------------


def test_an_open_attempt_is_a_doubt() -> None:
    open_ = case(
        entry(MessageState.SUBMITTING, attempt=3),
        unresolved=[handed_over(2 * HOUR), handed_over(HOUR)],
    )
    assert judge(open_) == Doubt(
        ledger_id=7,
        attempt=3,
        channel=EMAIL,
        provider="postmark",
        since=NOON - 300 * DAY - 2 * HOUR,
        age=HOUR,
        over=HOUR - FENCE,
        useful=True,
        repeated=False,
    )


def test_the_attempt_that_can_still_hand_over_decides_when_nothing_leaves_any_more() -> None:
    told = replace(handed_over(timedelta(seconds=10)), lasted=timedelta(0))
    silent = handed_over(timedelta(seconds=20))
    assert doubt([silent, told]).over == timedelta(seconds=20) - FENCE
    assert doubt([told]).over == timedelta(seconds=10)


def doubt(unresolved: list[OpenAttempt], *, when: datetime = NOON, **changes: Any) -> Doubt:
    open_ = case(entry(MessageState.CLAIMED, **changes), unresolved=unresolved, now=when)
    verdict = judge(open_)
    assert isinstance(verdict, Doubt)
    return verdict


def test_a_doubt_about_two_providers_names_none() -> None:
    assert doubt([handed_over(), handed_over(provider="ses")]).provider == ""


def test_a_doubt_counts_as_repeated_after_a_marked_second_attempt() -> None:
    assert doubt([handed_over(), handed_over()], possible_duplicate=True).repeated
    assert not doubt([handed_over()], possible_duplicate=True).repeated
    assert not doubt([handed_over(), handed_over()]).repeated


def test_a_doubt_is_useful_as_long_as_its_message_is() -> None:
    assert doubt([handed_over()], when=NOON + DAY - timedelta(microseconds=1)).useful
    assert not doubt([handed_over()], when=NOON + DAY).useful


def test_a_doubt_is_settled_on_its_own_channels_queue() -> None:
    out_by_sms = entry(MessageState.SUBMITTING, SMS)
    assert judge(case(out_by_sms, of=NUDGE, unresolved=[handed_over()])) == elsewhere(SMS)


def test_permission_sends_once_more_by_the_same_channel_alone() -> None:
    open_ = case(
        entry(MessageState.SUBMITTING, SMS),
        of=SMS_LANE,
        unresolved=[handed_over()],
        once_more=OnceMore(attempt=1, perhaps_twice=True),
    )
    assert judge(open_) == Ruling(Allow(SMS), SMS, MessageState.CLAIMED, in_doubt=True)


def test_permission_is_not_for_another_attempt() -> None:
    open_ = case(
        entry(MessageState.SUBMITTING, attempt=2),
        unresolved=[handed_over()],
        once_more=OnceMore(attempt=1, perhaps_twice=True),
    )
    assert isinstance(judge(open_), Doubt)


@pytest.mark.parametrize("state", [MessageState.SUBMITTING, MessageState.CLAIMED])
def test_a_message_in_doubt_is_not_called_held(state: MessageState) -> None:
    open_ = case(
        entry(state),
        unresolved=[handed_over()],
        once_more=OnceMore(1, perhaps_twice=False),
        rules=SIESTA,
    )
    held = Defer(NOON + HOUR, Reason.QUIET_HOURS)
    assert judge(open_) == Ruling(held, EMAIL, state, in_doubt=True)


def test_a_message_in_doubt_that_may_not_go_is_unknown() -> None:
    open_ = case(
        entry(MessageState.SUBMITTING),
        unresolved=[handed_over()],
        once_more=OnceMore(1, perhaps_twice=False),
    )
    bought = heard("Order Completed")
    assert judge(replace(open_, news=[bought])) == skipped(
        Reason.GOAL_REACHED, MessageState.UNKNOWN, in_doubt=True, news=bought
    )
    late = judge(replace(open_, now=NOON + 2 * DAY))
    assert late == skipped(Reason.TOO_LATE, MessageState.UNKNOWN, in_doubt=True)


# ---- overtaken by an event -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason", "since"),
    [
        ("Order Completed", Reason.GOAL_REACHED, START),
        ("Subscription Cancelled", Reason.RUN_STOPPED, START),
        ("Product Added", Reason.SUPERSEDED, LATEST),
    ],
)
def test_an_event_overtakes_a_message_from_its_moment_on(
    name: str, reason: Reason, since: tuple[datetime, int]
) -> None:
    at, seq = since
    known, new = heard(name, at, seq), heard(name, at, seq + 1)
    assert judge(case(news=[known])) == CLAIMED
    assert judge(case(news=[known, new], circumstances=None)) == skipped(reason, news=new)


def test_a_goal_outranks_a_stop_and_a_stop_a_restart() -> None:
    added, cancelled = heard("Product Added"), heard("Subscription Cancelled")
    bought = heard("Order Completed", NOON + HOUR)
    assert judge(case(news=[added, cancelled, bought])) == skipped(Reason.GOAL_REACHED, news=bought)
    assert judge(case(news=[added, cancelled])) == skipped(Reason.RUN_STOPPED, news=cancelled)


def test_the_first_of_several_goals_is_the_news() -> None:
    first, second = heard("Order Completed"), heard("Order Completed", NOON + HOUR)
    assert judge(case(news=[first, second])) == skipped(Reason.GOAL_REACHED, news=first)


def test_an_event_that_ends_and_restarts_counts_as_an_end() -> None:
    both = delivery(restarts=("Order Completed",), latest=LATEST)
    old = heard("Order Completed", LATEST[0] - HOUR)
    assert judge(case(of=both, news=[old])) == skipped(Reason.GOAL_REACHED, news=old)


def test_an_event_between_two_channels_begins_an_entry_for_the_next() -> None:
    bought = heard("Order Completed")
    refused = entry(MessageState.REJECTED, PUSH)
    assert judge(case(refused, of=SMS_LANE, news=[bought])) == skipped(
        Reason.GOAL_REACHED, channel=SMS, news=bought
    )


# ---- permitted -----------------------------------------------------------------------------


def test_reasons_are_given_in_the_order_of_the_design() -> None:
    """Begin with every fault, and mend one after another."""
    bought, cancelled = heard("Order Completed"), heard("Subscription Cancelled")
    added = heard("Product Added")
    person = recipient(
        known=False, erased=True, restricted=True, reachable=frozenset(), consents=Consents({})
    )
    failed = Finding(False, "plan")
    everything = case(
        news=[added, cancelled, bought],
        now=NOON + 2 * DAY,
        circumstances=now(
            recipient=person, paused={EMAIL: HOUR}, already_told=True, condition=failed
        ),
        rules=SIESTA,
    )
    living = replace(person, known=True, erased=False)
    reachable = replace(living, restricted=False, reachable=frozenset({EMAIL}))
    agreed = Consents({EMAIL: True}, frozenset({(EMAIL, "cart")}))
    steps: list[tuple[Reason, dict[str, Any]]] = [
        (Reason.GOAL_REACHED, {}),
        (Reason.RUN_STOPPED, {"news": [added, cancelled]}),
        (Reason.SUPERSEDED, {"news": [added]}),
        (Reason.NO_LONGER, {"news": []}),
        (Reason.UNKNOWN_CUSTOMER, {"condition": Finding(None, "plan")}),
        (Reason.ERASED, {"recipient": replace(person, known=True)}),
        (Reason.RESTRICTED, {"recipient": living, "condition": Finding(True, "plan")}),
        (Reason.NO_ADDRESS, {"recipient": replace(reachable, reachable=frozenset())}),
        (Reason.SUPPRESSED, {"recipient": replace(reachable, suppressed=frozenset({EMAIL}))}),
        (Reason.NO_CONSENT, {"recipient": reachable}),
        (Reason.OPTED_OUT, {"recipient": replace(reachable, consents=agreed)}),
        (Reason.TOO_LATE, {"recipient": recipient()}),
        (Reason.QUIET_HOURS, {"now": NOON}),
        (Reason.PAUSED, {"rules": NO_RULES}),
        (Reason.ALREADY_TOLD, {"paused": {}}),
    ]
    given: list[Reason] = []
    for _, change in steps:
        of_now = ("recipient", "paused", "condition")
        around = {key: change.pop(key) for key in of_now if key in change}
        assert everything.circumstances is not None
        circumstances = replace(everything.circumstances, **around)
        everything = replace(everything, circumstances=circumstances, **change)
        verdict = judge(everything)
        assert isinstance(verdict, Ruling)
        assert not isinstance(verdict.decision, Allow)
        given.append(verdict.decision.reason)
    assert given == [reason for reason, _ in steps]


@pytest.mark.parametrize("of", list(MessageClass))
@pytest.mark.parametrize("holds", [False, None])
def test_a_message_leaves_only_if_the_journeys_condition_holds(
    of: MessageClass, *, holds: bool | None
) -> None:
    message = delivery(message_class=of)
    ceased = now(condition=Finding(holds, 'plan: "free", wanted "pro"'))
    verdict = judge(case(of=message, circumstances=ceased))
    assert verdict == Ruling(
        Skip(Reason.NO_LONGER, 'plan: "free", wanted "pro"'), EMAIL, MessageState.SKIPPED
    )
    assert judge(case(of=message, circumstances=now(condition=Finding(True, "plan")))) == CLAIMED


def test_a_message_in_doubt_stays_so_when_the_condition_has_ceased() -> None:
    ceased = now(condition=Finding(False, "plan"))
    once_more = OnceMore(attempt=1, perhaps_twice=True)
    verdict = judge(
        case(
            entry(MessageState.SUBMITTING),
            unresolved=[handed_over()],
            once_more=once_more,
            circumstances=ceased,
        )
    )
    assert isinstance(verdict, Ruling)
    assert (verdict.state, verdict.in_doubt) == (MessageState.UNKNOWN, True)


def test_a_message_that_a_twin_sent_is_skipped() -> None:
    twin = now(already_told=True)
    assert judge(case(circumstances=twin)) == skipped(Reason.ALREADY_TOLD)
    # no other channel or queue sends it either
    push_only = now(recipient=recipient(reachable=frozenset({SMS})), already_told=True)
    assert judge(case(of=NUDGE, circumstances=push_only)) == skipped(
        Reason.ALREADY_TOLD, channel=PUSH
    )


def test_a_late_message_expires_if_it_was_tried_and_is_skipped_if_not() -> None:
    late: dict[str, Any] = {"now": NOON + 2 * DAY}
    tried, untried = entry(MessageState.CLAIMED), entry(MessageState.DEFERRED, attempt=0)
    assert judge(case(tried, **late)) == skipped(Reason.TOO_LATE, MessageState.EXPIRED)
    assert judge(case(untried, **late)) == skipped(Reason.TOO_LATE)
    assert judge(case(**late)) == skipped(Reason.TOO_LATE)


def test_a_tried_message_that_is_refused_by_its_customer_is_skipped() -> None:
    refuses = now(recipient=recipient(consents=Consents({})))
    assert judge(case(entry(MessageState.CLAIMED), circumstances=refuses)) == skipped(
        Reason.NO_CONSENT
    )


def test_a_hold_is_a_deferral_with_its_end() -> None:
    quiet = case(rules=SIESTA)
    assert judge(quiet) == Ruling(
        Defer(NOON + HOUR, Reason.QUIET_HOURS), EMAIL, MessageState.DEFERRED
    )


# ---- several channels ----------------------------------------------------------------------


def test_a_message_goes_to_the_queue_of_its_first_channel_that_can_carry_it() -> None:
    no_push = now(recipient=recipient(reachable=frozenset({SMS})))
    assert judge(case(of=NUDGE, circumstances=no_push)) == elsewhere(SMS)
    assert judge(case(of=SMS_LANE, circumstances=no_push)) == Ruling(
        Allow(SMS), SMS, MessageState.CLAIMED
    )
    assert judge(case(of=SMS_LANE)) == elsewhere(PUSH)


def test_a_channel_that_refused_is_not_tried_again() -> None:
    refused = entry(MessageState.REJECTED, PUSH, reason=Reason.INVALID_ADDRESS)
    assert judge(case(refused, of=NUDGE)) == elsewhere(SMS)
    assert judge(case(refused, of=SMS_LANE)) == Ruling(Allow(SMS), SMS, MessageState.CLAIMED)


def test_the_refusal_of_the_last_channel_is_the_answer() -> None:
    both = (
        entry(MessageState.REJECTED, PUSH, reason=Reason.INVALID_ADDRESS),
        entry(MessageState.REJECTED, SMS, reason=Reason.REFUSED),
    )
    verdict = judge(case(*both, of=NUDGE))
    assert isinstance(verdict, Receipt)
    assert (verdict.status, verdict.reason) == (Status.REJECTED, Reason.REFUSED)
    assert verdict.channel is SMS


def test_a_refusal_is_the_answer_if_no_other_channel_can_be_used() -> None:
    refused = entry(MessageState.REJECTED, PUSH, reason=Reason.INVALID_ADDRESS)
    no_phone = now(recipient=recipient(reachable=frozenset({PUSH})))
    verdict = judge(case(refused, of=NUDGE, circumstances=no_phone))
    assert isinstance(verdict, Receipt)
    assert (verdict.status, verdict.reason) == (Status.REJECTED, Reason.INVALID_ADDRESS)


def test_a_second_channel_may_be_held_although_the_first_refused() -> None:
    refused = entry(MessageState.REJECTED, PUSH, reason=Reason.INVALID_ADDRESS)
    held = judge(case(refused, of=SMS_LANE, rules=SIESTA))
    assert held == Ruling(Defer(NOON + HOUR, Reason.QUIET_HOURS), SMS, MessageState.DEFERRED)


def test_a_case_that_learns_more_knows_the_channels_that_are_left() -> None:
    open_case = case(of=NUDGE)
    assert (open_case.left, open_case.entry) == ((PUSH, SMS), None)
    refused = entry(MessageState.REJECTED, PUSH)
    assert replace(open_case, entries=[refused]).left == (SMS,)
    tried = replace(open_case, entries=[entry(MessageState.CLAIMED, PUSH)])
    assert (tried.left, tried.entry) == ((PUSH, SMS), entry(MessageState.CLAIMED, PUSH))
    assert replace(tried, unresolved=[handed_over()]).left == (PUSH,)
    assert case(of=NUDGE) == open_case


def test_a_channel_without_a_template_is_passed_over() -> None:
    assert judge(case(of=NUDGE, templates={SMS})) == elsewhere(SMS)


def test_a_message_without_any_template_keeps_its_first_channel() -> None:
    assert judge(case(of=NUDGE, templates=set())) == Ruling(Allow(PUSH), PUSH, MessageState.CLAIMED)


def test_an_only_channel_without_a_template_is_left_to_the_render() -> None:
    assert judge(case(templates=set())) == CLAIMED


# ---- paused channels -----------------------------------------------------------------------


def until(paused_for: timedelta, of: Delivery, at: datetime = NOON) -> datetime:
    return hold_until(
        at,
        paused_for=paused_for,
        message_id=of.message_id,
        promotional=of.message_class is MessageClass.PROMOTIONAL,
    )


@pytest.mark.parametrize("message_class", MessageClass)
def test_a_message_waits_for_its_paused_channel(message_class: MessageClass) -> None:
    of = delivery(message_class=message_class)
    paused = judge(case(of=of, circumstances=now(paused={EMAIL: HOUR, SMS: MINUTE})))
    wait = Defer(until(HOUR, of), Reason.PAUSED)
    assert paused == Ruling(wait, EMAIL, MessageState.DEFERRED)


def test_a_wait_for_a_channel_ends_just_after_the_message_is_of_use() -> None:
    end = NOON + DAY
    nearly = judge(case(now=end - MINUTE / 4, circumstances=now(paused={EMAIL: DAY})))
    assert isinstance(nearly, Ruling)
    assert nearly.decision == Defer(end + timedelta(seconds=1), Reason.PAUSED)


def test_a_paused_channel_leaves_the_message_to_the_next() -> None:
    assert judge(case(of=NUDGE, circumstances=now(paused={PUSH: HOUR}))) == elsewhere(SMS)


def test_a_pause_of_another_channel_changes_nothing() -> None:
    assert judge(case(circumstances=now(paused={SMS: HOUR}))) == CLAIMED


def test_a_message_waits_for_the_channel_that_could_carry_it() -> None:
    only_push = now(recipient=recipient(reachable=frozenset({PUSH})), paused={PUSH: HOUR})
    wait = Defer(until(HOUR, NUDGE), Reason.PAUSED)
    assert judge(case(of=NUDGE, circumstances=only_push)) == Ruling(
        wait, PUSH, MessageState.DEFERRED
    )


# ---- what an operator holds back -----------------------------------------------------------


@pytest.mark.parametrize("message_class", MessageClass)
def test_a_message_of_any_class_waits_while_an_operator_holds_it_back(
    message_class: MessageClass,
) -> None:
    of = delivery(message_class=message_class)
    held = judge(case(of=of, held_for=HOUR, circumstances=None))
    wait = Defer(until(HOUR, of), Reason.HELD_BACK)
    assert held == Ruling(wait, EMAIL, MessageState.DEFERRED)


def test_what_is_held_back_is_of_use_as_long_as_ever() -> None:
    end = NOON + DAY
    nearly = judge(case(now=end - MINUTE / 4, held_for=DAY, circumstances=None))
    assert isinstance(nearly, Ruling)
    assert nearly.decision == Defer(end + timedelta(seconds=1), Reason.HELD_BACK)
    assert judge(case(now=end, held_for=DAY, circumstances=None)) == skipped(Reason.TOO_LATE)


def test_messages_that_are_held_back_leave_at_different_moments() -> None:
    moments = set()
    for n in range(50):
        of = delivery(customer_id=f"c{n}", workflow_id=f"abandoned-cart:c{n}:k")
        held = judge(case(of=of, held_for=DAY, circumstances=None))
        assert isinstance(held, Ruling)
        assert isinstance(held.decision, Defer)
        moments.add(held.decision.until)
    assert len(moments) == 50
    assert max(moments) - min(moments) > 5 * MINUTE


def test_an_event_decides_over_a_message_that_is_held_back() -> None:
    bought = heard("Order Completed")
    verdict = judge(case(held_for=HOUR, news=[bought], circumstances=None))
    assert verdict == skipped(Reason.GOAL_REACHED, news=bought)


def test_what_is_held_back_is_judged_no_further() -> None:
    person = now(recipient=recipient(erased=True))
    held = judge(case(held_for=HOUR, circumstances=person))
    assert isinstance(held, Ruling)
    assert isinstance(held.decision, Defer)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suppressed": frozenset({SMS}), "reachable": frozenset({SMS, PUSH})}, None),
        ({"consents": Consents({PUSH: True})}, None),
        ({"consents": Consents(dict.fromkeys(Channel, True), frozenset({(SMS, "cart")}))}, None),
        ({"erased": True}, Reason.ERASED),
        ({"restricted": True}, Reason.RESTRICTED),
    ],
)
def test_an_open_channels_reason_does_not_speak_for_a_paused_one(
    changes: dict[str, Any], reason: Reason | None
) -> None:
    around = now(recipient=recipient(**changes), paused={PUSH: HOUR})
    verdict = judge(case(of=NUDGE, circumstances=around))
    assert isinstance(verdict, Ruling)
    wait = Defer(until(HOUR, NUDGE), Reason.PAUSED)
    assert verdict.decision == (wait if reason is None else Skip(reason))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"reachable": frozenset()}, Reason.NO_ADDRESS), ({"known": False}, Reason.UNKNOWN_CUSTOMER)],
)
def test_a_message_to_somebody_who_is_not_known_yet_waits(
    changes: dict[str, Any], reason: Reason
) -> None:
    around = now(recipient=recipient(**changes), paused={PUSH: HOUR})
    last_look = NOON + DAY - timedelta(minutes=1)
    assert judge(case(of=NUDGE, circumstances=around)) == Ruling(
        Defer(last_look, reason), PUSH, MessageState.DEFERRED
    )
    late = case(of=NUDGE, circumstances=around, now=NOON + DAY - timedelta(seconds=50))
    assert judge(late) == skipped(reason, channel=PUSH)


def test_a_message_that_is_perhaps_out_does_not_wait_for_words() -> None:
    again = case(
        entry(MessageState.SUBMITTING, SMS),
        of=SMS_LANE,
        unresolved=[handed_over()],
        once_more=OnceMore(1, perhaps_twice=True),
        circumstances=now(recipient=recipient(reachable=frozenset())),
    )
    verdict = judge(again)
    assert isinstance(verdict, Ruling)
    assert (verdict.decision, verdict.state) == (Skip(Reason.NO_ADDRESS), MessageState.UNKNOWN)


def test_a_pause_does_not_hide_that_it_is_too_late_or_quiet() -> None:
    paused = now(paused={PUSH: HOUR, SMS: HOUR})
    late = judge(case(of=NUDGE, now=NOON + 2 * DAY, circumstances=paused))
    assert late == skipped(Reason.TOO_LATE, channel=PUSH)
    quiet = case(of=NUDGE, circumstances=paused, rules=SIESTA)
    assert judge(quiet) == Ruling(
        Defer(NOON + HOUR, Reason.QUIET_HOURS), PUSH, MessageState.DEFERRED
    )


def test_a_message_whose_channels_were_changed_under_it_is_settled() -> None:
    rejected = entry(MessageState.REJECTED, PUSH)
    held = entry(MessageState.DEFERRED, SMS)
    verdict = judge(case(rejected, held, of=delivery(channels=(PUSH,), channel=PUSH)))
    assert verdict == skipped(Reason.NO_ADDRESS, channel=SMS)


# ---- any case ------------------------------------------------------------------------------

channels = st.lists(st.sampled_from([PUSH, SMS, EMAIL]), min_size=1, unique=True).map(tuple)
entries = st.lists(
    st.builds(
        Entry,
        number=st.just(1),
        channel=st.sampled_from([PUSH, SMS, EMAIL]),
        state=st.sampled_from(MessageState),
        reason=st.sampled_from([None, *Reason]),
        attempt=st.integers(0, 3),
        possible_duplicate=st.booleans(),
    ),
    max_size=3,
)
refusals = st.frozensets(
    st.tuples(st.sampled_from([None, *Channel]), st.sampled_from(["cart", "newsletter"]))
)


@given(
    channels=channels,
    lane=st.sampled_from([PUSH, SMS, EMAIL]),
    entries=entries,
    open_attempts=st.integers(0, 2),
    agreed=st.dictionaries(st.sampled_from(Channel), st.booleans()),
    refused=refusals,
    bought=st.booleans(),
    paused=st.sets(st.sampled_from(Channel)),
    message_class=st.sampled_from(MessageClass),
)
def test_a_claim_is_never_against_what_is_known(
    *,
    channels: tuple[Channel, ...],
    lane: Channel,
    entries: list[Entry],
    open_attempts: int,
    agreed: dict[Channel, bool],
    refused: frozenset[tuple[Channel | None, str]],
    bought: bool,
    paused: set[Channel],
    message_class: MessageClass,
) -> None:
    of = delivery(channels=channels, channel=lane, message_class=message_class)
    one = case(
        *entries,
        of=of,
        unresolved=[handed_over()] * open_attempts if entries else [],
        news=[heard("Order Completed")] if bought else [],
        circumstances=now(
            recipient=recipient(consents=Consents(agreed, refused)),
            paused=dict.fromkeys(paused, HOUR),
        ),
    )
    verdict: Verdict = judge(one)
    if not (isinstance(verdict, Ruling) and isinstance(verdict.decision, Allow)):
        return
    channel = verdict.channel
    assert channel is lane is verdict.decision.channel
    assert not bought
    assert channel not in paused
    assert not any(
        each.channel is channel and each.state is MessageState.REJECTED for each in entries
    )
    assert not (open_attempts and entries and entries[-1].state is not MessageState.REJECTED)
    if message_class is MessageClass.PROMOTIONAL:
        assert agreed[channel]
        assert not refused & {(channel, "cart"), (None, "cart")}


def test_a_journey_that_is_switched_off_sends_nothing() -> None:
    verdict = judge(case(switched_off=True))
    assert isinstance(verdict, Ruling)
    assert verdict.decision == Skip(Reason.SWITCHED_OFF)


def test_a_goal_ends_a_run_of_a_journey_that_is_switched_off() -> None:
    verdict = judge(case(switched_off=True, news=[heard("Order Completed")]))
    assert isinstance(verdict, Ruling)
    assert verdict.decision == Skip(Reason.GOAL_REACHED)


# ---- the last questions: plans, budgets, control groups, codes ---------------------------------


def ruling_on(of: Delivery | None = None, *entries: Entry, **changes: Any) -> Ruling:
    found = judge(case(*entries, of=of, **changes))
    assert isinstance(found, Ruling)
    return found


PAST = {"due": NOON - 2 * DAY, "useful_until": NOON - HOUR}


def test_a_message_that_only_todays_plan_makes_late_is_asked_about() -> None:
    of = delivery(**PAST, useful_for=DAY)
    assert judge(case(of=of)) == Late()
    assert ruling_on(delivery(**PAST)).decision == Skip(Reason.TOO_LATE)
    other = ruling_on(of, circumstances=now(recipient=recipient(erased=True)))
    assert other.decision == Skip(Reason.ERASED)
    doubted = judge(
        case(
            entry(MessageState.SUBMITTING),
            of=of,
            unresolved=[handed_over()],
            once_more=OnceMore(1, perhaps_twice=False),
        )
    )
    assert isinstance(doubted, Ruling)
    assert doubted.state is MessageState.UNKNOWN


def test_a_receipt_of_a_sent_message_says_when_it_left() -> None:
    sent = receipt(entry(MessageState.SENT, at=NOON), "UTC")
    assert (sent.status, sent.channel, sent.at) == (Status.SENT, EMAIL, NOON)
    skipped = receipt(entry(MessageState.SKIPPED, at=NOON, reason=Reason.NO_CONSENT), "UTC")
    assert (skipped.channel, skipped.at) == (None, None)


@pytest.mark.parametrize(("exact", "counts"), [((), True), (("Order Completed",), False)])
def test_a_goal_that_also_begins_runs_counts_by_its_moment(
    exact: tuple[str, ...], *, counts: bool
) -> None:
    began, _ = START
    slow = heard("Order Completed", began - MINUTE).model_copy(update={"within": 5 * MINUTE})
    found = judge(case(of=delivery(exact=exact), news=[slow]))
    assert isinstance(found, Ruling)
    assert (found.decision == Skip(Reason.GOAL_REACHED)) is counts


def test_a_journey_that_is_off_and_a_campaign_that_was_stopped_are_told_apart() -> None:
    assert ruling_on(switched_off=True).decision == Skip(Reason.SWITCHED_OFF)
    assert ruling_on(called_off=True).decision == Skip(Reason.RUN_STOPPED)


def test_a_condition_that_fails_is_told_in_its_words() -> None:
    finding = Finding(False, "orders: 0 of 1")
    found = ruling_on(circumstances=now(condition=finding)).decision
    assert isinstance(found, Skip)
    assert (found.reason, found.detail) == (Reason.NO_LONGER, "orders: 0 of 1")


@pytest.mark.parametrize(
    ("around", "decision"),
    [
        ({"already_told": True}, Skip(Reason.ALREADY_TOLD)),
        ({"asked_enough": True}, Skip(Reason.ASKED_ENOUGH)),
        ({"no_coupon": "the pool spring is empty"},
         Skip(Reason.NO_COUPON, "the pool spring is empty")),
        ({"assigned": (Assigned("holdout", HELD_OUT, is_new=True),)},
         Skip(Reason.HELD_OUT, "holdout")),
        ({"assigned": (Assigned("holdout", TREATED, is_new=True),)}, Allow(EMAIL)),
    ],
)  # fmt: skip
def test_what_would_leave_may_still_come_to_nothing(
    around: dict[str, Any], decision: Allow | Skip
) -> None:
    found = ruling_on(circumstances=now(**around)).decision
    assert found == decision
    assert getattr(found, "detail", "") == getattr(decision, "detail", "")


def test_a_message_that_may_be_out_is_not_held_out() -> None:
    held_out = now(assigned=(Assigned("holdout", HELD_OUT, is_new=False),))
    found = judge(
        case(
            entry(MessageState.SUBMITTING),
            unresolved=[handed_over()],
            once_more=OnceMore(1, perhaps_twice=False),
            circumstances=held_out,
        )
    )
    assert isinstance(found, Ruling)
    assert found.decision == Allow(EMAIL)


SPENT = Allowance("shop.example", budget=10, used=10, until=NOON + 6 * HOUR)


def test_a_spent_budget_of_the_day_holds_until_the_message_has_its_hour_again() -> None:
    of = delivery(useful_until=NOON + 5 * DAY)
    found = ruling_on(of, circumstances=now(allowance=SPENT))
    assert isinstance(found.decision, Defer)
    assert (found.decision.until, found.decision.reason) == (NOON + DAY, Reason.RAMP)
    assert found.decision.detail == SPENT.told


def test_a_spent_budget_skips_what_is_of_no_use_by_then() -> None:
    of = delivery(useful_until=NOON + 2 * HOUR)
    found = ruling_on(of, circumstances=now(allowance=SPENT))
    assert found.decision == Skip(Reason.TOO_LATE)


def test_a_budget_concerns_e_mails_that_were_not_counted_yet() -> None:
    spent = now(allowance=SPENT)
    by_sms = delivery(channels=(SMS,))
    assert ruling_on(by_sms, circumstances=spent).decision == Allow(SMS)
    claimed = entry(MessageState.CLAIMED, attempt=1)
    assert ruling_on(None, claimed, circumstances=spent).decision == Allow(EMAIL)
    held = entry(MessageState.DEFERRED, attempt=0)
    assert isinstance(ruling_on(None, held, circumstances=spent).decision, Defer)
    left = replace(SPENT, used=9)
    assert ruling_on(circumstances=now(allowance=left)).decision == Allow(EMAIL)


def test_a_message_waits_for_a_yes_to_its_own_topic() -> None:
    young = {"start": (NOON - MINUTE, 1), "latest": (NOON - MINUTE, 1)}
    found = ruling_on(delivery(**young), needs_own_yes=True)
    assert isinstance(found.decision, Defer)
    assert found.decision.reason is Reason.NO_CONSENT
    assert ruling_on(delivery(**young)).decision == Allow(EMAIL)


def test_a_window_of_the_message_and_a_full_cap_hold_it() -> None:
    found = ruling_on(delivery(within="15:00-16:00"))
    assert isinstance(found.decision, Defer)
    assert found.decision.reason is Reason.WINDOW
    own = Slot(NOON, "abandoned-cart", "reminder", EMAIL, "cart", NOON, "own")
    other = replace(own, at=NOON - HOUR, step="nudge", message_id="other")
    room = Room((Limit(1, 1),), (), AtCap.WAIT, Precedence(), own, (other,))
    found = ruling_on(circumstances=now(room=room))
    assert isinstance(found.decision, Defer)
    assert found.decision.reason is Reason.CAP


def test_a_hold_is_spread_by_the_name_of_the_message() -> None:
    rules = Rules.of(QuietHours(time(11), time(13)), spread=10 * MINUTE)
    ends = set()
    for step in ("one", "two", "three", "four", "five"):
        found = ruling_on(delivery(step=step), rules=rules)
        assert isinstance(found.decision, Defer)
        ends.add(found.decision.until)
    assert len(ends) > 1
