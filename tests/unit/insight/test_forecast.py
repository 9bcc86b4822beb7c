"""A forecast sums up the messages of runs that were led on."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sojourn.domain.messages import Channel
from sojourn.insight.backtesting.costing import Bill
from sojourn.insight.backtesting.side import Line
from sojourn.insight.leading.forecast import (
    Load,
    Money,
    as_json,
    forecast,
    money_words,
    share_words,
)
from sojourn.insight.leading.leading import Led
from sojourn.insight.leading.page import page_of
from sojourn.settings import Settings

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROME = ZoneInfo("Europe/Rome")


def line(number: int, at: datetime, **other: Any) -> Line:
    values = {"channel": "email", "state": "sent", "reason": "", **other}
    return Line(
        f"run{number}/e/c/hello",
        f"c{number}",
        "basket",
        "hello",
        values["channel"],
        values["state"],
        values["reason"],
        at,
        at,
        held=values.get("held", False),
    )


LED = Led(
    NOON,
    NOON + timedelta(days=3),
    [
        line(1, NOON + HOUR, held=True),
        line(2, NOON + HOUR),
        line(3, NOON + HOUR, channel="sms"),
        line(4, NOON + 35 * HOUR),  # it is 23:00 by UTC, and past the change of clocks in Rome
        line(5, NOON + HOUR, state="skipped", reason="cap"),
        line(6, NOON + HOUR, state="expired"),
    ],
    {f"run{n}/e/c/hello": f"run{n}" for n in range(7)},
    {f"run{n}": "basket" for n in range(1, 7)},
    {"run7": "it differs"},
    {"basket": {"exhausted": 5, "open": 1}},
    ("double-opt-in",),
    {"sms": Bill(1, 2, {"EUR": Decimal("0.15")})},
)


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings(home=tmp_path, email_provider="postmark", **given)


def test_messages_are_counted_by_the_shops_own_clock(tmp_path: Path) -> None:
    found = forecast(LED, settings(tmp_path), ROME)
    assert (found.runs, found.messages, found.held) == (7, 4, 1)
    assert found.days() == {
        date(2026, 3, 27): Counter(email=2, sms=1),
        date(2026, 3, 28): Counter(),
        date(2026, 3, 29): Counter(email=1),
        date(2026, 3, 30): Counter(),
    }
    hours = found.by_hour_of_day()
    assert {hour: number for hour, number in enumerate(hours) if number} == {14: 3, 0: 1}
    assert found.by(1) == {"email": 3, "sms": 1}
    assert found.skipped == {"cap": 1, "expired": 1}
    assert as_json(found)["broken"] == [{"run": "run7", "reason": "it differs"}]


def test_the_busiest_hour_is_held_against_the_limit_and_the_queue_before_it(
    tmp_path: Path,
) -> None:
    many = Led(NOON, NOON + HOUR, [line(n, NOON + HOUR) for n in range(1000)])
    (load,) = forecast(many, settings(tmp_path, email_limit=0.5), UTC).loads
    assert (load.most, load.provider, load.busiest) == (1000, "postmark", NOON + HOUR)
    assert load.share == 1000 / 1800
    assert load.waits == timedelta(seconds=999 * 2)
    assert share_words(load) == "56 %, the last waits 33 min"
    (free,) = forecast(many, settings(tmp_path), UTC).loads
    assert (free.share, free.waits) == (None, timedelta(0))
    assert share_words(free) == "no limit is set"
    assert share_words(Load(Channel.SMS, "twilio", 1, NOON, 36, 1, HOUR / 60)) == (
        "1 %, the last waits 1 min"
    )


def test_money_is_told_by_currency_and_what_has_no_price_as_such() -> None:
    both = {"USD": Decimal("0.5"), "EUR": Decimal("1.255")}
    assert money_words(Money(both, 2, 1)) == (
        "1.26 EUR and 0.50 USD for 1 text; 2 texts have no price in prices.toml"
    )
    assert money_words(Money({}, 1, 0)) == "money unknown: prices.toml names no price for 1 text"
    assert money_words(Money({}, 0, 0)) == "no texts, so nothing to pay for by prices.toml"


def test_the_page_shows_the_same_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(forecast(LED, settings(tmp_path), ROME))
    assert "Fri 27 Mar" in page
    assert "0.15 EUR for 1 text" in page
    assert "1 runs break" not in page
    assert "1 cap, 1 expired" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    empty = page_of(forecast(Led(NOON, NOON + HOUR), settings(tmp_path), UTC))
    assert "No texts, so nothing to pay for by prices.toml." in empty


def test_what_was_led_on_is_the_same_after_a_file() -> None:
    assert Led.of_json(LED.as_json()).as_json() == LED.as_json()
