"""When promotional messages may leave, and at which moment after a hold."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sojourn.domain.calendar import zone
from sojourn.domain.consent import Consents
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.opening import LONGEST, Never, Opening, held
from sojourn.domain.policy import Allow, Defer, Recipient, Skip, decide
from sojourn.domain.rules import AFTER_A_HOLD, Closed, Hold, Quiet, Rule, Rules, Window
from sojourn.domain.rules_file import read_rules
from sojourn.domain.snooze import Snooze
from sojourn.domain.week import DAYS, Week, read_week

ROME = zone("Europe/Rome")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE = read_week("mon-fri 09:00-18:00, sat 10:00-14:00")
NIGHT = read_week("21:00-09:00")


def rome(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=ROME).astimezone(UTC)  # type: ignore[arg-type,misc]


def opens(now: datetime, *holders: Quiet | Window | Closed, tz: ZoneInfo = ROME) -> datetime | None:
    found = held(holders, now, tz)
    assert not isinstance(found, Never)
    return found.at if found else None


def hold(
    rules: Rules,
    now: datetime,
    *,
    country: str = "",
    region: str = "",
    message: str = "m",
    useful: timedelta = 30 * DAY,
    within: str = "",
    tz: ZoneInfo = ROME,
) -> Hold | None:
    holders = rules.holders(Channel.EMAIL, country, region, within)
    return rules.hold(holders, now, tz, message_id=message, useful_until=now + useful)


# ---- the end of a hold ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (rome(2027, 3, 5, 17, 59), None),  # a Friday
        (rome(2027, 3, 5, 18), rome(2027, 3, 6, 10)),
        (rome(2027, 3, 6, 14), rome(2027, 3, 8, 9)),
        (rome(2027, 3, 7, 12), rome(2027, 3, 8, 9)),
    ],
)
def test_a_window_opens_on_the_next_of_its_days(now: datetime, until: datetime | None) -> None:
    assert opens(now, Window(OFFICE)) == until


def test_each_place_and_channel_has_its_own_holders_however_often_it_asks() -> None:
    abroad = Rule("abroad", countries=frozenset({"US"}), windows=(Window(OFFICE),))
    texts = Rule("texts", channels=frozenset({Channel.SMS}), windows=(Closed(own=True),))
    rules = Rules(quiet=NIGHT, rules=(abroad, texts))
    for _ in range(2):
        assert rules.holders(Channel.EMAIL) == (Quiet(NIGHT),)
        assert rules.holders(Channel.EMAIL, "US") == (Quiet(NIGHT), Window(OFFICE))
        bavarian = Closed(places=(("DE", "BY"),))
        assert rules.holders(Channel.SMS, "DE", "BY") == (Quiet(NIGHT), bavarian)
        assert len(rules.holders(Channel.EMAIL, within="10:00-12:00")) == 2
    for number in range(2000):
        rules.holders(Channel.EMAIL, "IT", f"region {number}")
    assert len(rules._known) <= 1024
    assert replace(rules, quiet=None).holders(Channel.EMAIL) == ()


def test_a_message_waits_until_all_rules_let_it_go() -> None:
    saturday = rome(2027, 3, 6, 22)
    closed = Closed(weekdays=frozenset({6}))
    assert opens(saturday, Quiet(NIGHT)) == rome(2027, 3, 7, 9)
    assert opens(saturday, Quiet(NIGHT), closed) == rome(2027, 3, 8, 9)
    assert opens(saturday, Quiet(NIGHT), closed, Window(read_week("tue 08:00-12:00"))) == rome(
        2027, 3, 9, 9
    )


def test_a_closed_day_ends_at_midnight() -> None:
    assert opens(rome(2027, 3, 7, 12), Closed(weekdays=frozenset({6}))) == rome(2027, 3, 8)


def test_days_of_the_year_and_dates_are_closed() -> None:
    closed = Closed(days=frozenset({(12, 24)}), dates=frozenset({date(2027, 12, 25)}))
    assert opens(rome(2027, 12, 24, 3), closed) == rome(2027, 12, 26)
    assert opens(rome(2028, 12, 24, 3), closed) == rome(2028, 12, 25)
    assert opens(rome(2027, 12, 26), closed) is None


def test_public_holidays_are_those_of_the_country_and_its_region() -> None:
    rules = read_rules('[[rules]]\nname = "r"\nclosed = "holidays"\n', None)
    epiphany = rome(2027, 1, 6, 12)
    assert hold(rules, epiphany, country="IT") == Hold(
        hold(rules, epiphany, country="IT").until,  # type: ignore[union-attr]
        Reason.WINDOW,
        "r: not on Epiphany (IT)",
    )
    assert hold(rules, epiphany, country="DE") is None
    assert hold(rules, epiphany, country="DE", region="BY") is not None
    assert hold(rules, epiphany, country="DE", region="nowhere") is None
    assert hold(rules, epiphany) is None
    assert hold(rules, epiphany, country="XX") is None


def test_a_hold_goes_over_holidays_and_the_weekend() -> None:
    text = '[[rules]]\nname = "r"\nopen = "mon-fri 09:00-18:00"\nclosed = "holidays"\n'
    rules = read_rules(text + 'countries = "IT"\n', None)
    found = hold(rules, rome(2026, 12, 24, 19), country="IT", message="m")
    assert found is not None
    assert found.until is not None
    assert found.until.astimezone(ROME).date() == date(2026, 12, 28)  # a Monday
    assert found.detail.split("; ")[0] == "r: only mon-fri 09:00-18:00"
    assert "(IT)" in found.detail


def test_the_reason_is_quiet_hours_if_nothing_else_holds() -> None:
    rules = read_rules('quiet_hours = "21:00-09:00"\n[[rules]]\nname = "s"\nclosed = "sun"', None)
    night = hold(rules, rome(2027, 3, 2, 23))
    assert night is not None
    assert (night.reason, night.detail) == (Reason.QUIET_HOURS, "quiet hours 21:00-09:00")
    weekend = hold(rules, rome(2027, 3, 6, 23))
    assert weekend is not None
    assert weekend.reason is Reason.WINDOW
    assert weekend.detail == "quiet hours 21:00-09:00; s: not on sun"


def test_the_messages_own_window_holds_as_well() -> None:
    found = hold(Rules(spread=timedelta(0)), rome(2027, 3, 6, 12), within="mon-fri 09:00-18:00")
    assert found == Hold(
        rome(2027, 3, 8, 9), Reason.WINDOW, "the message: only mon-fri 09:00-18:00"
    )


# ---- clocks that change, and days that there are not --------------------------------------


def test_a_window_in_the_hour_that_is_left_out_opens_a_day_later() -> None:
    window = Window(read_week("02:15-02:45"))
    assert opens(rome(2024, 3, 31, 0), window) == rome(2024, 4, 1, 2, 15)


def test_a_window_in_the_hour_that_is_shown_twice_opens_twice() -> None:
    window = Window(read_week("02:15-02:45"))
    first = datetime(2024, 10, 27, 0, 15, tzinfo=UTC)
    assert opens(rome(2024, 10, 27, 0), window) == first
    assert opens(first + 40 * MINUTE, window) == first + HOUR


def test_the_clock_may_be_put_into_a_window() -> None:
    assert opens(rome(2024, 3, 31, 1, 59), Window(read_week("02:30-04:00"))) == datetime(
        2024, 3, 31, 1, tzinfo=UTC
    )


def test_a_closed_day_that_is_shown_twice_at_its_end_is_closed_twice() -> None:
    azores = zone("Atlantic/Azores")  # on 27 October 2024, 01:00 became 00:00
    monday = Closed(weekdays=frozenset({5}))
    assert opens(datetime(2024, 10, 26, 12, tzinfo=UTC), monday, tz=azores) == datetime(
        2024, 10, 27, 0, tzinfo=UTC
    )
    havana = zone("America/Havana")  # on 3 November 2024, 01:00 became 00:00
    assert opens(
        datetime(2024, 11, 3, 4, 30, tzinfo=UTC), Window(read_week("sun 00:40-00:50")), tz=havana
    ) == datetime(2024, 11, 3, 4, 40, tzinfo=UTC)
    assert opens(
        datetime(2024, 11, 3, 4, 50, tzinfo=UTC), Window(read_week("sun 00:40-00:50")), tz=havana
    ) == datetime(2024, 11, 3, 5, 40, tzinfo=UTC)


class TestClocksThatGoBackOverMidnight:
    """In St. John's, on Sunday, 7 November 2010, 00:01 became 23:01 on Saturday."""

    ST_JOHNS = zone("America/St_Johns")

    def opens(self, hour: int, minute: int, *holders: Window | Closed) -> datetime | None:
        return opens(
            datetime(2010, 11, 7, hour, minute, 30, tzinfo=UTC), *holders, tz=self.ST_JOHNS
        )

    def test_saturdays_last_hour_comes_again(self) -> None:
        late = Window(read_week("sat 23:30-23:40"))
        again = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
        assert self.opens(2, 15, late) == again  # 23:45 on Saturday
        assert self.opens(2, 30, late) == again  # 00:00 on Sunday

    def test_sunday_begins_twice(self) -> None:
        closed = Closed(weekdays=frozenset({5}))
        assert self.opens(2, 15, closed) == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
        assert self.opens(2, 31, closed) == datetime(2010, 11, 7, 3, 30, tzinfo=UTC)

    def test_what_comes_first_by_the_world_comes_first(self) -> None:
        both = Window(read_week("sat 23:30-23:40, sun 00:00-00:01"))
        assert self.opens(2, 15, both) == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)


def test_a_day_that_a_zone_leaves_out_opens_nothing() -> None:
    apia = zone("Pacific/Apia")  # after Thursday, 29 December 2011, came Saturday
    friday = Window(read_week("fri 10:00-12:00"))
    thursday = datetime(2011, 12, 29, 22, tzinfo=UTC)
    assert opens(thursday, friday, tz=apia) == datetime(2012, 1, 5, 20, tzinfo=UTC)
    saturday = Window(read_week("sat 00:00-24:00"))
    assert opens(thursday, saturday, tz=apia) == datetime(2011, 12, 30, 10, tzinfo=UTC)


# ---- the moment after a hold ---------------------------------------------------------------

MORNING = rome(2027, 3, 3, 9)
EVENING = rome(2027, 3, 2, 22)


def moments(rules: Rules, *, useful: timedelta = 30 * DAY, number: int = 600) -> list[datetime]:
    found = [hold(rules, EVENING, message=f"m{n}", useful=useful) for n in range(number)]
    return [one.until for one in found if one is not None and one.until is not None]


def test_what_a_hold_leaves_is_spread_evenly_over_ten_minutes() -> None:
    offsets = [(each - MORNING) / MINUTE for each in moments(Rules(NIGHT))]
    assert all(0 <= each < 10 for each in offsets)
    for minute in range(10):
        assert 35 <= sum(minute <= each < minute + 1 for each in offsets) <= 90


def test_a_message_has_the_same_moment_whenever_it_is_asked_for() -> None:
    rules = Rules(NIGHT)
    first = hold(rules, EVENING)
    assert first == hold(rules, EVENING + 3 * HOUR) == hold(rules, MORNING - MINUTE)
    assert hold(rules, EVENING + DAY) != first
    assert hold(rules, EVENING, message="another") != first


def test_a_message_is_spread_alike_if_its_hold_ends_a_moment_later() -> None:
    def offset(opening: datetime) -> timedelta:
        found = Rules().hold(
            (Snooze(opening, ROME),), EVENING, ROME, message_id="m", useful_until=EVENING + 30 * DAY
        )
        assert found is not None
        assert found.until is not None
        return found.until - opening

    later = offset(MORNING + timedelta(milliseconds=13))  # a hold ends on a whole second
    assert abs(offset(MORNING) - later) < timedelta(seconds=1)
    assert offset(MORNING) == offset(MORNING + DAY)


def test_nothing_is_spread_out_of_its_use() -> None:
    useful = MORNING - EVENING + 2 * MINUTE
    found = moments(Rules(NIGHT), useful=useful)
    assert len(set(found)) > 50
    assert max(found) < EVENING + useful - AFTER_A_HOLD


def test_nothing_is_spread_out_of_a_short_window() -> None:
    rules = Rules(NIGHT, (Rule("r", windows=(Window(read_week("09:00-09:03")),)),))
    found = moments(rules)
    assert len(set(found)) > 100
    assert max(found) < MORNING + 3 * MINUTE - AFTER_A_HOLD


def test_without_a_spread_all_leave_when_the_hold_ends() -> None:
    assert set(moments(Rules(NIGHT, spread=timedelta(0)))) == {MORNING}


def test_a_message_that_is_asked_about_within_the_spread_may_leave() -> None:
    assert hold(Rules(NIGHT), MORNING) is None


# ---- every policy, zone and clock ------------------------------------------------------------

seconds = st.integers(0, 24 * 4 - 1).map(lambda quarter: quarter * 15 * 60)
spans = st.tuples(st.integers(0, 6), seconds, seconds).filter(lambda span: span[1] != span[2])
weeks = st.lists(spans, min_size=1, max_size=6).map(lambda found: Week.of("a week", found))
daily = st.tuples(seconds, seconds).map(
    lambda span: Week.of("each day", [(day, *span) for day in range(7)])
)
closed_days = st.builds(
    Closed,
    weekdays=st.frozensets(st.integers(0, 6), max_size=5),
    days=st.frozensets(st.tuples(st.integers(1, 12), st.integers(1, 28)), max_size=9),
    places=st.lists(
        st.sampled_from([("IT", ""), ("DE", "BY"), ("US", ""), ("PL", ""), ("JP", "")]), max_size=1
    ).map(tuple),
    own=st.booleans(),
    name=st.just("closed"),
)
rules_ = st.builds(
    Rules,
    quiet=st.none() | daily,
    rules=st.lists(
        st.builds(
            Rule,
            name=st.just("rule"),
            channels=st.frozensets(st.sampled_from(Channel), max_size=2),
            countries=st.frozensets(st.sampled_from(["IT", "US", ""]), max_size=2),
            quiet=st.none() | weeks,
            windows=st.lists(st.builds(Window, weeks | daily) | closed_days, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    spread=st.sampled_from([timedelta(0), 10 * MINUTE, HOUR, 6 * HOUR]),
)
zones = st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})).map(zone)
clocks = st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
SPRING = datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)


@pytest.mark.property
@example(  # a day that there is not
    rules=Rules(NIGHT), now=datetime(2011, 12, 30, 9, 59, tzinfo=UTC), tz=zone("Pacific/Apia"),
    country="", channel=Channel.EMAIL, kind=MessageClass.PROMOTIONAL, useful=DAY, message="m",
)  # fmt: skip
@example(
    rules=Rules(read_week("22:00-02:30")), now=SPRING, tz=ROME, country="IT",
    channel=Channel.EMAIL, kind=MessageClass.PROMOTIONAL, useful=DAY, message="m",
)  # fmt: skip
@given(
    rules=rules_,
    now=clocks,
    tz=zones,
    country=st.sampled_from(["IT", "US", "DE", ""]),
    channel=st.sampled_from(Channel),
    kind=st.sampled_from(MessageClass),
    useful=st.timedeltas(timedelta(seconds=1), 400 * DAY),
    message=st.text(max_size=5),
)
def test_nothing_promotional_leaves_against_a_rule_and_nothing_else_is_held(
    *,
    rules: Rules,
    now: datetime,
    tz: ZoneInfo,
    country: str,
    channel: Channel,
    kind: MessageClass,
    useful: timedelta,
    message: str,
) -> None:
    person = Recipient(
        known=True,
        erased=False,
        reachable=frozenset({channel}),
        consents=Consents({channel: True}),
        tz=tz,
        country=country,
    )
    until = now + useful
    asked: dict[str, object] = {
        "useful_until": until, "rules": rules, "message_id": message,
    }  # fmt: skip

    def ask(moment: datetime) -> object:
        return decide(person, (channel,), kind, "cart", now=moment, **asked)  # type: ignore[arg-type]

    verdict = ask(now)
    if kind is not MessageClass.PROMOTIONAL:
        assert verdict == Allow(channel)
        return
    if isinstance(verdict, Allow):
        assert not forbidden(rules, channel, country, now, tz)
        return
    assert forbidden(rules, channel, country, now, tz)
    if isinstance(verdict, Skip):
        assert verdict.reason is Reason.TOO_LATE
        return
    assert isinstance(verdict, Defer)
    assert verdict.detail
    assert now < verdict.until < until
    assert not forbidden(rules, channel, country, verdict.until, tz)
    assert ask(verdict.until) == Allow(channel)
    assert verdict.until + AFTER_A_HOLD <= until


@given(rules=rules_, now=clocks, tz=zones, country=st.sampled_from(["IT", "US", "DE", ""]))
def test_a_hold_ends_at_the_first_moment_at_which_nothing_forbids_it(
    rules: Rules, now: datetime, tz: ZoneInfo, country: str
) -> None:
    """Against a walk through the quarters of the hours, in which every edge of these rules lies."""
    assume(now.astimezone(tz).utcoffset() is not None)
    found = held(rules.holders(Channel.SMS, country), now, tz, look_on=HOUR)
    if not isinstance(found, Opening):
        return
    assert found.at - now <= timedelta(days=LONGEST + 1)
    quarter = timedelta(minutes=15)
    walk = now
    while walk < found.at and walk < now + 3 * DAY:
        assert forbidden(rules, Channel.SMS, country, walk, tz)
        walk += quarter
    assert not forbidden(rules, Channel.SMS, country, found.at, tz)
    walk = found.at
    while walk < found.until:
        assert not forbidden(rules, Channel.SMS, country, walk, tz)
        walk += MINUTE


def forbidden(rules: Rules, channel: Channel, country: str, when: datetime, tz: ZoneInfo) -> bool:
    """Tell by the words of the page whether a rule holds a promotional message at a moment."""
    shown = when.astimezone(tz)
    mine = [
        rule
        for rule in rules.rules
        if (not rule.channels or channel in rule.channels)
        and (not rule.countries or country in rule.countries)
    ]
    quiet = [rule.quiet for rule in mine if rule.quiet is not None]
    if not quiet and rules.quiet is not None:
        quiet = [rules.quiet]
    if any(_in(week, shown) for week in quiet):
        return True
    for rule in mine:
        for window in rule.windows:
            if isinstance(window, Window):
                if not _in(window.week, shown):
                    return True
            elif _is_closed(window, shown.date(), country):
                return True
    return False


def _in(week: Week, shown: datetime) -> bool:
    at = (shown.hour * 60 + shown.minute) * 60 + shown.second
    return any(first <= at < last for first, last in week.spans[shown.weekday()])


def _is_closed(closed: Closed, day: date, country: str) -> bool:
    from holidays import country_holidays

    places = [*closed.places, *([(country, "")] if closed.own and country else [])]
    return (
        day.weekday() in closed.weekdays
        or (day.month, day.day) in closed.days
        or any(day in country_holidays(of, subdiv=part or None) for of, part in places)
    )


def test_what_never_opens_is_too_late_and_says_why() -> None:
    rules = Rules(rules=(Rule("r", windows=(Closed(weekdays=frozenset(range(7)), name="r"),)),))
    found = hold(rules, EVENING)
    assert found is not None
    assert found.until is None
    assert found.detail.startswith(f"not within a year: r: not on {DAYS[1]}; r: not on {DAYS[2]}")


def test_an_open_moment_is_not_held() -> None:
    assert opens(rome(2027, 3, 2, 12), Quiet(NIGHT), Window(OFFICE)) is None
    assert held([], rome(2027, 3, 2, 12), ROME) is None
