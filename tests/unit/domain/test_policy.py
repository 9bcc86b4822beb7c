from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.calendar import zone
from sojourn.domain.caps import Limit, Slot
from sojourn.domain.consent import Consents
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.opening import Never, held
from sojourn.domain.policy import (
    Allow,
    Decision,
    Defer,
    Recipient,
    Skip,
    decide,
)
from sojourn.domain.precedence import Precedence
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.room import Room
from sojourn.domain.rules import Quiet, Rules
from sojourn.domain.rules_file import read_rules

NIGHT = QuietHours(time(21), time(9))
NOON = datetime(2024, 1, 8, 11, tzinfo=UTC)  # 12:00 in Rome
LATE = datetime(2024, 1, 8, 22, tzinfo=UTC)  # 23:00 in Rome
DAY = timedelta(days=1)
ALL = frozenset(Channel)
zones = st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})).map(zone)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def quiet_until(quiet: QuietHours, now: datetime, tz: ZoneInfo) -> datetime | None:
    """Return when the quiet span around ``now`` ends, in UTC; None outside of one."""
    found = held([Quiet(quiet.week)], now, tz)
    assert not isinstance(found, Never)
    return found.at if found else None


def somebody(**changes: object) -> Recipient:
    defaults: dict[str, object] = {
        "known": True,
        "erased": False,
        "reachable": ALL,
        "consents": Consents(dict.fromkeys(Channel, True)),
        "tz": zone("Europe/Rome"),
    }
    return Recipient(**{**defaults, **changes})  # type: ignore[arg-type]


def ask(
    recipient: Recipient,
    *,
    message_class: MessageClass = MessageClass.PROMOTIONAL,
    now: datetime = NOON,
    useful: timedelta = 2 * DAY,
    channels: tuple[Channel, ...] = (Channel.EMAIL,),
    quiet: QuietHours | None = NIGHT,
) -> Decision:
    return decide(
        recipient,
        channels,
        message_class,
        "cart",
        now=now,
        useful_until=now + useful,
        rules=Rules.of(quiet, spread=timedelta(0)),
    )


def test_a_message_is_allowed_at_noon() -> None:
    assert ask(somebody()) == Allow(Channel.EMAIL)


def test_a_message_is_held_overnight_until_nine_local() -> None:
    assert ask(somebody(), now=LATE) == Defer(
        datetime(2024, 1, 9, 8, tzinfo=UTC), Reason.QUIET_HOURS
    )


@pytest.mark.parametrize("kind", list(MessageClass))
def test_no_message_of_any_class_goes_to_a_restricted_customer(kind: MessageClass) -> None:
    restricted = somebody(restricted=True)
    assert ask(restricted, message_class=kind) == Skip(Reason.RESTRICTED)


@pytest.mark.parametrize("kind", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
def test_a_needed_message_passes_consent_topic_and_quiet_hours(kind: MessageClass) -> None:
    refuses = somebody(consents=Consents({}, frozenset({(None, "cart"), (Channel.EMAIL, "cart")})))
    assert ask(refuses, now=LATE, message_class=kind) == Allow(Channel.EMAIL)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"known": False}, Reason.UNKNOWN_CUSTOMER),
        ({"erased": True}, Reason.ERASED),
        ({"restricted": True}, Reason.RESTRICTED),
        ({"restricted": True, "erased": True}, Reason.ERASED),
        ({"reachable": frozenset()}, Reason.NO_ADDRESS),
        ({"suppressed": ALL}, Reason.SUPPRESSED),
        ({"suppressed": ALL, "consents": Consents({})}, Reason.SUPPRESSED),
        ({"consents": Consents({})}, Reason.NO_CONSENT),
        ({"consents": Consents({Channel.EMAIL: False})}, Reason.NO_CONSENT),
        (
            {"consents": Consents({Channel.EMAIL: True}, frozenset({(Channel.EMAIL, "cart")}))},
            Reason.OPTED_OUT,
        ),
        (
            {"consents": Consents({Channel.EMAIL: True}, frozenset({(None, "cart")}))},
            Reason.OPTED_OUT,
        ),
    ],
)
def test_a_message_is_skipped_for_the_first_reason(
    changes: dict[str, object], reason: Reason
) -> None:
    assert ask(somebody(**changes)) == Skip(reason)


def test_another_topics_refusal_does_not_matter() -> None:
    consents = Consents({Channel.EMAIL: True}, frozenset({(None, "newsletter")}))
    assert ask(somebody(consents=consents)) == Allow(Channel.EMAIL)


def test_a_message_that_is_of_no_use_any_more_is_too_late() -> None:
    assert ask(somebody(), useful=-timedelta(seconds=1)) == Skip(Reason.TOO_LATE)


def test_a_message_is_of_use_until_a_moment_and_not_at_it() -> None:
    assert ask(somebody(), useful=timedelta(microseconds=1)) == Allow(Channel.EMAIL)
    assert ask(somebody(), useful=timedelta(0)) == Skip(Reason.TOO_LATE)


def test_a_hold_that_outlasts_the_use_is_too_late_at_once() -> None:
    assert ask(somebody(), now=LATE, useful=timedelta(hours=3)) == Skip(Reason.TOO_LATE)


@pytest.mark.parametrize("left", [timedelta(0), timedelta(milliseconds=30), timedelta(seconds=5)])
def test_a_hold_that_would_leave_no_use_is_too_late_at_once(left: timedelta) -> None:
    """A timer that fires a moment late must not turn a hold into "too late"."""
    morning = datetime(2024, 1, 9, 8, tzinfo=UTC)
    assert ask(somebody(), now=LATE, useful=morning - LATE + left) == Skip(Reason.TOO_LATE)


def test_a_hold_that_leaves_some_use_is_a_hold() -> None:
    morning = datetime(2024, 1, 9, 8, tzinfo=UTC)
    useful = morning - LATE + timedelta(seconds=6)
    assert ask(somebody(), now=LATE, useful=useful) == Defer(morning, Reason.QUIET_HOURS)


ROME = zone("Europe/Rome")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("quiet", "begins", "ends"),
    [
        (NIGHT, datetime(2024, 1, 8, 20, tzinfo=UTC), datetime(2024, 1, 9, 8, tzinfo=UTC)),
        (
            QuietHours(time(13), time(15, 30)),
            datetime(2024, 1, 8, 12, tzinfo=UTC),
            datetime(2024, 1, 8, 14, 30, tzinfo=UTC),
        ),
        (
            QuietHours(time(21), time(0)),  # the day's end is the next day's beginning
            datetime(2024, 1, 8, 20, tzinfo=UTC),
            datetime(2024, 1, 8, 23, tzinfo=UTC),
        ),
    ],
    ids=["over midnight", "within a day", "until midnight"],
)
def test_quiet_hours_begin_with_their_first_moment_and_end_before_their_last(
    quiet: QuietHours, begins: datetime, ends: datetime
) -> None:
    assert quiet_until(quiet, begins - TICK, ROME) is None
    assert quiet_until(quiet, begins, ROME) == ends
    assert quiet_until(quiet, ends - TICK, ROME) == ends
    assert quiet_until(quiet, ends, ROME) is None


def test_quiet_hours_need_two_different_times() -> None:
    with pytest.raises(ValueError, match="two different times"):
        QuietHours(time(9), time(9))


def test_quiet_hours_are_written_as_a_span() -> None:
    assert str(QuietHours(time(21), time(9, 30))) == "21:00-09:30"


def test_the_first_channel_that_may_be_used_is() -> None:
    order = (Channel.PUSH, Channel.SMS, Channel.EMAIL)
    no_push = somebody(reachable=ALL - {Channel.PUSH})
    assert ask(no_push, channels=order) == Allow(Channel.SMS)
    only_mail = somebody(consents=Consents({Channel.EMAIL: True}))
    assert ask(only_mail, channels=order) == Allow(Channel.EMAIL)


def test_the_reason_is_that_of_the_channel_that_came_furthest() -> None:
    order = (Channel.PUSH, Channel.SMS)
    person = somebody(reachable=frozenset({Channel.SMS}), consents=Consents({}))
    assert ask(person, channels=order) == Skip(Reason.NO_CONSENT)


@pytest.mark.parametrize("kind", MessageClass)
def test_a_dead_address_gets_no_message_of_any_class(kind: MessageClass) -> None:
    assert ask(somebody(suppressed=ALL), message_class=kind) == Skip(Reason.SUPPRESSED)


def test_a_channel_whose_address_is_dead_is_passed_over() -> None:
    person = somebody(suppressed=frozenset({Channel.SMS}))
    assert ask(person, channels=(Channel.SMS, Channel.WHATSAPP)) == Allow(Channel.WHATSAPP)


@pytest.mark.parametrize("order", [(Channel.SMS, Channel.EMAIL), (Channel.EMAIL, Channel.SMS)])
def test_a_dead_address_says_more_than_none_and_less_than_a_refusal(
    order: tuple[Channel, ...],
) -> None:
    dead = frozenset({Channel.SMS})
    without = somebody(suppressed=dead, reachable=dead)
    assert ask(without, channels=order) == Skip(Reason.SUPPRESSED)
    refuses = somebody(suppressed=dead, consents=Consents({Channel.EMAIL: False}))
    assert ask(refuses, channels=order) == Skip(Reason.NO_CONSENT)


@given(moments, zones, st.times(), st.times())
def test_a_hold_ends_outside_quiet_hours_and_in_the_future(
    now: datetime, tz: ZoneInfo, start: time, end: time
) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    if start == end:
        return
    quiet = QuietHours(start, end)
    until = quiet_until(quiet, now, tz)
    if until is not None:
        assert now < until <= now + timedelta(hours=49)
        assert quiet_until(quiet, until, tz) is None


@given(moments, zones)
def test_every_message_is_held_at_night_and_none_by_day(now: datetime, tz: ZoneInfo) -> None:
    night = not time(9) <= now.astimezone(tz).time().replace(fold=0) < time(21)
    assert (quiet_until(NIGHT, now, tz) is not None) == night


SPRING = datetime(2024, 3, 31, 1, tzinfo=UTC)  # in Rome, 02:00 becomes 03:00
AUTUMN = datetime(2024, 10, 27, 1, tzinfo=UTC)  # in Rome, 03:00 becomes 02:00
HALF = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (QuietHours(time(22), time(2, 30)), SPRING - TICK, SPRING),
        (QuietHours(time(22), time(2, 30)), SPRING, None),
        (QuietHours(time(2, 30), time(9)), SPRING - TICK, None),
        (QuietHours(time(2, 30), time(9)), SPRING, SPRING + 6 * timedelta(hours=1)),
        (QuietHours(time(2, 10), time(2, 50)), SPRING, None),
        (QuietHours(time(22), time(2, 30)), AUTUMN - HALF - TICK, AUTUMN - HALF),
        (QuietHours(time(22), time(2, 30)), AUTUMN - HALF, None),
        (QuietHours(time(22), time(2, 30)), AUTUMN, AUTUMN + HALF),
        (QuietHours(time(22), time(2, 30)), AUTUMN + HALF, None),
        (QuietHours(time(2, 30), time(9)), AUTUMN - HALF, AUTUMN),
        (QuietHours(time(2, 30), time(9)), AUTUMN, None),
        (QuietHours(time(2, 30), time(9)), AUTUMN + HALF, AUTUMN + 7 * timedelta(hours=1)),
        (NIGHT, SPRING, datetime(2024, 3, 31, 7, tzinfo=UTC)),
        (NIGHT, AUTUMN, datetime(2024, 10, 27, 8, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_what_the_clock_shows_where_clocks_change(
    quiet: QuietHours, now: datetime, until: datetime | None
) -> None:
    assert quiet_until(quiet, now, ROME) == until


def test_a_night_over_a_day_that_a_zone_left_out_has_an_end() -> None:
    """Samoa went from 29 to 31 December 2011."""
    apia = zone("Pacific/Apia")
    late = datetime(2011, 12, 30, 9, 30, tzinfo=UTC)  # 23:30 on the 29th
    assert quiet_until(NIGHT, late, apia) == datetime(2011, 12, 30, 19, tzinfo=UTC)


topics = st.sampled_from(["cart", "newsletter"])


@given(
    now=moments,
    tz=zones,
    known=st.booleans(),
    erased=st.booleans(),
    reachable=st.frozensets(st.sampled_from(Channel)),
    dead=st.frozensets(st.sampled_from(Channel)),
    agreed=st.dictionaries(st.sampled_from(Channel), st.booleans()),
    refused=st.frozensets(st.tuples(st.sampled_from([None, *Channel]), topics)),
    channels=st.lists(st.sampled_from(Channel), min_size=1, unique=True).map(tuple),
    quiet=st.sampled_from([None, NIGHT]),
)
def test_nothing_is_ever_allowed_against_the_customers_word(
    now: datetime,
    tz: ZoneInfo,
    *,
    known: bool,
    erased: bool,
    reachable: frozenset[Channel],
    dead: frozenset[Channel],
    agreed: dict[Channel, bool],
    refused: frozenset[tuple[Channel | None, str]],
    channels: tuple[Channel, ...],
    quiet: QuietHours | None,
) -> None:
    def usable(channel: Channel) -> bool:
        no = {(channel, "cart"), (None, "cart")} & refused
        return channel in reachable - dead and agreed.get(channel, False) and not no

    person = Recipient(known, erased, reachable, Consents(agreed, refused), tz, dead)
    verdict = ask(person, now=now, channels=channels, quiet=quiet)
    if isinstance(verdict, Allow):
        assert known
        assert not erased
        assert usable(verdict.channel)
        assert quiet is None or quiet_until(quiet, now, tz) is None
        earlier = channels[: channels.index(verdict.channel)]
        assert not any(map(usable, earlier))
    elif isinstance(verdict, Skip) and known and not erased:
        assert not any(map(usable, channels)) or verdict.reason is Reason.TOO_LATE


# ---- the last moment that counts -----------------------------------------------------------


def test_quiet_hours_begin_with_their_first_minute() -> None:
    nine = datetime(2024, 1, 8, 20, tzinfo=UTC)  # 21:00 in Rome
    assert quiet_until(NIGHT, nine, zone("Europe/Rome")) == datetime(2024, 1, 9, 8, tzinfo=UTC)
    assert quiet_until(NIGHT, nine - timedelta(seconds=1), zone("Europe/Rome")) is None


def test_quiet_hours_within_one_day_are_found_by_the_customers_day() -> None:
    small_hours = QuietHours(time(1), time(7))
    five = datetime(2024, 1, 8, 20, tzinfo=UTC)  # 05:00 on the 9th in Tokyo
    assert quiet_until(small_hours, five, zone("Asia/Tokyo")) == datetime(
        2024, 1, 8, 22, tzinfo=UTC
    )


def test_quiet_hours_of_no_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^quiet hours need two different times$"):
        QuietHours(time(9), time(9))


@pytest.mark.parametrize("message_class", MessageClass)
def test_an_address_that_may_not_be_written_to_gets_nothing(message_class: MessageClass) -> None:
    barred = somebody(barred=frozenset({Channel.EMAIL}))
    assert ask(barred, message_class=message_class) == Skip(Reason.ONLY_TO)
    both = (Channel.EMAIL, Channel.SMS)
    assert ask(barred, message_class=message_class, channels=both) == Allow(Channel.SMS)


def test_a_barred_address_says_more_than_none_and_less_than_a_dead_one() -> None:
    both = (Channel.EMAIL, Channel.SMS)
    barred = frozenset({Channel.EMAIL})
    no_phone = somebody(barred=barred, reachable=barred)
    assert ask(no_phone, channels=both) == Skip(Reason.ONLY_TO)
    dead = somebody(barred=barred, suppressed=frozenset({Channel.SMS}))
    assert ask(dead, channels=both) == Skip(Reason.SUPPRESSED)


# ---- the policy's rules, the customer's own wishes, caps ---------------------------------------


def ruled(text: str, recipient: Recipient, **asked: object) -> Decision:
    """Ask by the rules of a policy."""
    given: dict[str, object] = {
        "channels": (Channel.EMAIL,),
        "message_class": MessageClass.PROMOTIONAL,
        "topic": "cart",
        "now": NOON,
        "useful_until": NOON + 5 * DAY,
        "rules": read_rules(f'spread = "0m"\n{text}', None),
    }
    return decide(recipient, **{**given, **asked})  # type: ignore[arg-type]


def in_rome(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 1, day, hour, minute, tzinfo=zone("Europe/Rome")).astimezone(UTC)


def test_a_rule_of_one_channel_holds_no_other() -> None:
    rule = '[[rules]]\nname = "mornings"\nchannels = ["sms"]\nopen = "10:00-11:00"'
    found = ruled(rule, somebody(), channels=(Channel.SMS,))
    assert isinstance(found, Defer)
    assert (found.until, found.reason) == (in_rome(9, 10), Reason.WINDOW)
    assert "mornings" in found.detail
    assert ruled(rule, somebody()) == Allow(Channel.EMAIL)


def test_a_rule_of_a_country_holds_for_those_who_live_there() -> None:
    rule = '[[rules]]\nname = "usa"\ncountries = ["US"]\nopen = "13:00-20:00"'
    found = ruled(rule, somebody(country="US"))
    assert isinstance(found, Defer)
    assert found.until == in_rome(8, 13)
    assert ruled(rule, somebody(country="IT")) == Allow(Channel.EMAIL)


@pytest.mark.parametrize(("region", "is_held"), [("BY", True), ("BE", False)])
def test_holidays_are_those_of_the_region(region: str, *, is_held: bool) -> None:
    rule = '[[rules]]\nname = "holidays"\nclosed = "holidays"'
    corpus_christi = datetime(2024, 5, 30, 10, tzinfo=UTC)
    lives = somebody(country="DE", region=region, tz=zone("Europe/Berlin"))
    found = ruled(rule, lives, now=corpus_christi, useful_until=corpus_christi + 5 * DAY)
    assert isinstance(found, Defer) is is_held


def test_a_window_of_the_message_itself_holds_it() -> None:
    found = ruled("", somebody(), within="15:00-16:00")
    assert isinstance(found, Defer)
    assert (found.until, found.reason) == (in_rome(8, 15), Reason.WINDOW)


def test_a_break_holds_and_says_so_where_it_lasts_too_long() -> None:
    until = in_rome(10, 0)
    found = ruled("", somebody(snoozed_until=until))
    assert isinstance(found, Defer)
    assert (found.until, found.reason) == (until, Reason.SNOOZED)
    found = ruled("", somebody(snoozed_until=until), useful_until=until)
    assert isinstance(found, Skip)
    assert found.reason is Reason.SNOOZED
    assert found.detail


def test_care_holds_and_names_the_journey() -> None:
    until = in_rome(10, 12)
    cared_for = somebody(in_care_until=until, in_care_of="service-recovery")
    found = ruled("", cared_for)
    assert isinstance(found, Defer)
    assert (found.until, found.reason) == (until, Reason.IN_CARE)
    assert "service-recovery" in found.detail
    found = ruled("", cared_for, useful_until=until)
    assert isinstance(found, Skip)
    assert found.reason is Reason.IN_CARE


def test_messages_leave_spread_out_after_a_hold() -> None:
    rules = Rules.of(NIGHT, spread=timedelta(minutes=10))
    ends = set()
    for number in range(20):
        found = ruled("", somebody(), rules=rules, now=LATE, message_id=f"m{number}")
        assert isinstance(found, Defer)
        ends.add(found.until)
    assert len(ends) > 1
    assert max(ends) - min(ends) <= timedelta(minutes=10)


def full(at_cap: AtCap) -> Room:
    """Return the room of a message at 23:30 in Rome, on a day that has had its one message."""
    own = Slot(in_rome(8, 23, 30), "cart", "nudge", Channel.EMAIL, "cart", LATE, "own")
    other = Slot(in_rome(8, 9), "cart", "reminder", Channel.EMAIL, "cart", NOON, "other")
    return Room((Limit(1, 1),), (), at_cap, Precedence(), own, (other,))


def test_a_full_cap_holds_until_the_customers_next_day() -> None:
    found = ruled("", somebody(), now=in_rome(8, 23, 30), room=full(AtCap.WAIT))
    assert isinstance(found, Defer)
    assert (found.until, found.reason) == (in_rome(9, 0), Reason.CAP)
    assert "cart/reminder" in found.detail


def test_a_message_that_gives_way_to_a_cap_is_skipped_with_its_words() -> None:
    found = ruled("", somebody(), now=in_rome(8, 23, 30), room=full(AtCap.GIVE_WAY))
    assert isinstance(found, Skip)
    assert found.reason is Reason.CAP
    assert "cart/reminder" in found.detail


def test_a_hold_that_outlasts_the_use_says_for_which_rule() -> None:
    rule = '[[rules]]\nname = "mornings"\nopen = "10:00-11:00"'
    found = ruled(rule, somebody(), useful_until=NOON + timedelta(hours=2))
    assert isinstance(found, Skip)
    assert found.reason is Reason.TOO_LATE
    assert "mornings" in found.detail


def test_a_topic_that_needs_a_yes_of_its_own_gets_none_from_the_channel() -> None:
    assert ruled("", somebody(), needs_own_yes=True) == Skip(Reason.NO_CONSENT)
    agreed = Consents({Channel.EMAIL: True}, agreed=frozenset({(Channel.EMAIL, "cart")}))
    assert ruled("", somebody(consents=agreed), needs_own_yes=True) == Allow(Channel.EMAIL)


def test_a_refusal_says_more_than_a_barred_address_that_comes_after_it() -> None:
    refuses = somebody(consents=Consents({}), barred=frozenset({Channel.SMS}))
    channels = (Channel.EMAIL, Channel.SMS)
    assert ruled("", refuses, channels=channels) == Skip(Reason.NO_CONSENT)
