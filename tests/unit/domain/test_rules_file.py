"""``policy.toml``: what it may say, and one clear line for each fault."""

from datetime import date, time, timedelta

import pytest

from sojourn.domain.errors import BadPolicy
from sojourn.domain.messages import Channel
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import SPREAD, UNKNOWN, Closed, Quiet, Rules, Window
from sojourn.domain.rules_file import read_rules
from sojourn.domain.week import read_week
from tests.support.markdown import ROOT, blocks

NIGHT = QuietHours(time(21), time(9))
PAGE = ROOT / "docs" / "policy.md"


def read(text: str, quiet_hours: QuietHours | None = None) -> Rules:
    return read_rules(text, quiet_hours)


def test_an_empty_file_leaves_the_setting_in_force() -> None:
    rules = read("", NIGHT)
    assert rules.holders(Channel.EMAIL) == (Quiet(NIGHT.week),)
    assert rules.spread == SPREAD == timedelta(minutes=10)
    assert read("").holders(Channel.EMAIL) == ()


@pytest.mark.parametrize("off", ["off", " OFF "])
def test_quiet_hours_of_the_file_outrank_the_setting(off: str) -> None:
    assert read(f'quiet_hours = "{off}"', NIGHT).holders(Channel.EMAIL) == ()
    other = read('quiet_hours = "22:00-07:00"', NIGHT)
    assert other.holders(Channel.EMAIL) == (Quiet(read_week("22:00-07:00")),)


def test_a_rule_concerns_its_channels_and_countries() -> None:
    rules = read(
        '[[rules]]\nname = "us"\nchannels = ["sms"]\ncountries = ["US", "unknown"]\n'
        'open = "08:00-21:00"\n'
    )
    window = (Window(read_week("08:00-21:00"), "us"),)
    assert rules.holders(Channel.SMS, "US") == window
    assert rules.holders(Channel.SMS, UNKNOWN) == window
    assert rules.holders(Channel.SMS, "IT") == ()
    assert rules.holders(Channel.EMAIL, "US") == ()


def test_a_rules_quiet_hours_take_the_place_of_the_general_ones() -> None:
    text = (
        'quiet_hours = "21:00-09:00"\n[[rules]]\nname = "late"\ncountries = "ES"\n'
        'quiet_hours = "22:00-10:00"\n[[rules]]\nname = "never"\ncountries = "PT"\n'
        'quiet_hours = "off"\n'
    )
    rules = read(text)
    assert rules.holders(Channel.EMAIL, "ES") == (Quiet(read_week("22:00-10:00"), "late"),)
    assert rules.holders(Channel.EMAIL, "PT") == ()
    assert rules.holders(Channel.EMAIL, "IT") == (Quiet(read_week("21:00-09:00")),)


def test_all_rules_that_concern_a_message_hold_it() -> None:
    rules = read(
        '[[rules]]\nname = "a"\nclosed = "sun"\n[[rules]]\nname = "b"\nopen = "09:00-18:00"\n',
        NIGHT,
    )
    assert rules.holders(Channel.EMAIL) == (
        Quiet(NIGHT.week),
        Closed(weekdays=frozenset({6}), name="a"),
        Window(read_week("09:00-18:00"), "b"),
    )


def test_closed_days_are_weekdays_days_dates_and_holidays() -> None:
    rules = read(
        '[[rules]]\nname = "c"\nclosed = ["sat-sun, 12-24", "2027-01-07", "holidays DE-BY"]\n'
        '[[rules]]\nname = "own"\nclosed = "holidays"\n'
    )
    first, own = rules.holders(Channel.EMAIL, "IT", "RM")
    assert first == Closed(
        frozenset({5, 6}),
        frozenset({(12, 24)}),
        frozenset({date(2027, 1, 7)}),
        (("DE", "BY"),),
        name="c",
    )
    assert own == Closed(places=(("IT", "RM"),), name="own")


@pytest.mark.parametrize(
    ("written", "spread"),
    [("90s", timedelta(seconds=90)), ("1h", timedelta(hours=1)), ("off", timedelta(0))],
)
def test_the_spread_is_a_span(written: str, spread: timedelta) -> None:
    assert read(f'spread = "{written}"').spread == spread


RULE = '[[rules]]\nname = "r"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("quiet_hours", "expected '=' after a key", id="no toml"),
        ('quiethours = "off"', 'no such name "quiethours": did you mean "quiet_hours"?'),
        ("zone = 1", 'no such name "zone": choose one of: quiet_hours, spread, rules'),
        ("quiet_hours = 21", 'quiet_hours: write it as text: "21:00-09:00"'),
        ('quiet_hours = "21-9"', 'quiet_hours cannot read "21-9"'),
        ('spread = "ten"', 'spread: write it as "10m"'),
        ("spread = 10", 'spread: write it as "10m"'),
        ('spread = "7h"', "spread: is more than 6 hours"),
        ("rules = 1", "rules: write each as [[rules]]"),
        ("[rules]\nname = 'a'", "rules: write each as [[rules]]"),
        ('[[rules]]\nopen = "09:00-18:00"', "rule 1 has no name"),
        (RULE, 'rule "r": says nothing: add quiet_hours, open or closed'),
        (RULE + 'closed = "sun"\n' + RULE + 'closed = "sat"', 'two are called "r"'),
        (RULE + 'opens = "09:00-18:00"', 'rule "r": no such name "opens": did you mean "open"?'),
        (RULE + 'open = "09:00"', 'rule "r": open cannot read "09:00"'),
        (RULE + 'open = "lun 09:00-18:00"', 'rule "r": open has no weekday "lun"'),
        (RULE + 'channels = "fax"\nclosed = "sun"', 'rule "r": channels: no such channel "fax"'),
        (RULE + 'countries = ["UK"]\nclosed = "sun"', 'rule "r": countries: no such country "UK"'),
        (RULE + 'countries = ["it"]\nclosed = "sun"', 'countries: no such country "it"'),
        (RULE + "countries = [1]\nclosed = 'sun'", "countries: write a text, or texts"),
        (RULE + 'closed = "sunday"', 'rule "r": closed has no weekday "sunday"'),
        (RULE + 'closed = "13-01"', 'rule "r": closed has no such day: "13-01"'),
        (RULE + 'closed = "2027-02-30"', 'closed has no such day: "2027-02-30"'),
        (RULE + 'closed = "holidays XX"', 'closed knows no holidays of "XX"'),
        (RULE + 'closed = "holidays DE-QQ"', 'closed knows no region "QQ" of DE: it has BB, BE'),
        (
            RULE + 'class = "transactional"\nclosed = "sun"',
            'rule "r": class: transactional messages are never held: leave the rule out',
        ),
        (RULE + 'class = "bulk"\nclosed = "sun"', 'rule "r": class: no such class "bulk"'),
        ("precedence = []", "precedence: write it as a table"),
    ],
)
def test_a_fault_is_one_line_that_names_the_place(text: str, said: str) -> None:
    with pytest.raises(BadPolicy) as raised:
        read(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            RULE + 'closed = "mon-sun"',
            'nothing could ever leave by email: closed days of "r": take one back',
            id="closed on every weekday",
        ),
        pytest.param(
            'quiet_hours = "18:00-09:00"\n' + RULE + 'open = "mon-fri 20:00-22:00"',
            'by email: quiet hours 18:00-09:00, open mon-fri 20:00-22:00 only of "r"',
            id="quiet hours cover the window",
        ),
        pytest.param(
            RULE
            + 'channels = "sms"\ncountries = "FR"\nopen = "sun 10:00-12:00"\n'
            + '[[rules]]\nname = "rest"\nclosed = "sun"',
            'nothing could ever leave by sms in FR: open sun 10:00-12:00 only of "r", closed days',
            id="of one channel and country alone",
        ),
        pytest.param(
            'quiet_hours = "00:00-24:00"', "quiet hours 00:00-24:00", id="quiet all day long"
        ),
    ],
)
def test_rules_that_leave_no_hour_open_contradict_themselves(text: str, said: str) -> None:
    with pytest.raises(BadPolicy) as raised:
        read(text)
    assert said in str(raised.value)


def test_the_setting_may_contradict_the_file() -> None:
    with pytest.raises(BadPolicy, match="nothing could ever leave"):
        read(RULE + 'open = "22:00-23:00"', NIGHT)


def test_the_files_that_ship_can_be_read() -> None:
    for file in (ROOT / "policy.toml", ROOT / "sojourn" / "scaffold" / "project" / "policy.toml"):
        rules = read(file.read_text(), NIGHT)
        assert [rule.name for rule in rules.rules] == ["united-states"]
        suggested = file.read_text().replace("# [[", "[[").replace("# name", "name")
        suggested = suggested.replace("# channels", "channels").replace("# closed", "closed")
        assert len(read(suggested.replace("# quiet_hours", "quiet_hours"), NIGHT).rules) == 4


def test_the_examples_of_the_page_can_be_read() -> None:
    examples = [block.code for block in blocks(PAGE) if block.language == "toml"]
    assert examples
    for example in examples:
        read(example, NIGHT)
