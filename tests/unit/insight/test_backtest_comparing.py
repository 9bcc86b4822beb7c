"""Two versions compared: the counts of each step, and what differs for a customer."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.prices import read_prices
from sojourn.insight.backtesting.comparing import Kind, compare, typical
from sojourn.insight.backtesting.costing import Bill
from sojourn.insight.backtesting.page import Told, page_of
from sojourn.insight.backtesting.side import Line, Side
from sojourn.insight.backtesting.words import (
    change_words,
    cost_words,
    gap_words,
    run_words,
    skipped_words,
)

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
SENT = Line("k", "ada", "cart", "nudge", "email", "sent", "", AT, AT)
HOUR = timedelta(hours=1)


def side(*lines: Line) -> Side:
    return Side(Counter(cart=1), {"cart": Counter(exhausted=1)}, {}, lines)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ([], [SENT], Kind.GAINED),
        ([SENT], [], Kind.LOST),
        ([SENT], [replace(SENT, state="skipped", reason="no_consent")], Kind.LOST),
        ([replace(SENT, state="skipped", reason="cap")], [SENT], Kind.GAINED),
        ([SENT], [replace(SENT, decided=AT - HOUR)], Kind.EARLIER),
        ([SENT], [replace(SENT, decided=AT + HOUR)], Kind.LATER),
        ([SENT], [replace(SENT, channel="sms", decided=AT + HOUR)], Kind.ELSEWHERE),
        ([SENT], [replace(SENT, decided=AT + timedelta(seconds=59))], None),
        ([SENT], [replace(SENT, due=AT - HOUR, held=True)], None),
    ],
)
def test_a_difference_is_what_its_customer_would_notice(
    before: list[Line], after: list[Line], kind: Kind | None
) -> None:
    found = compare(side(*before), side(*after))
    assert [one.kind for one in found.changes] == ([] if kind is None else [kind])
    assert [one.customer_id for one in found.changes] == ([] if kind is None else ["ada"])


def test_counts_tell_due_from_prevented_and_overtaken() -> None:
    lines = [
        SENT,
        replace(SENT, key="2", held=True),
        replace(SENT, key="3", state="skipped", reason="no_consent"),
        replace(SENT, key="4", state="skipped", reason="goal_reached"),
        replace(SENT, key="5", state="skipped", reason="goal_reached", overtaken=True),
    ]
    counts, none = compare(side(*lines), side()).counts["cart", "nudge"]
    assert counts.as_json() == {
        "due": 4,
        "sent": 2,
        "held": 1,
        "prevented": 2,
        "skipped": {"no_consent": 1},
        "channels": {"email": 2},
    }
    assert none.due == 0
    assert skipped_words(counts, none) == "1 → 0 no_consent"


def test_moves_are_told_by_the_middle_one() -> None:
    lines = [replace(SENT, key=str(n), customer_id=f"c{n}") for n in range(3)]
    later = [
        replace(one, decided=AT + by)
        for one, by in zip(lines, (HOUR, 2 * HOUR, 30 * HOUR), strict=True)
    ]
    (changes,) = compare(side(*lines), side(*later)).grouped().values()
    assert typical(changes) == 2 * HOUR
    assert change_words(changes) == "cart/nudge: gets it later by 2 h in the middle (3 customers)"


def test_runs_are_told_with_their_ends_and_refusals() -> None:
    told = Side(Counter(cart=3), {"cart": Counter(exhausted=2, open=1)}, {"cart": Counter(cap=4)})
    assert run_words(told, "cart") == "3 runs (2 exhausted, 1 open, 4 starts refused: cap)"
    assert run_words(told, "other") == "0 runs"


def test_a_side_is_the_same_after_a_file() -> None:
    told = replace(side(SENT, replace(SENT, key="2", held=True)), left_out=("x",), played=7)
    again = Side.of_json(told.as_json())
    assert list(again.lines) == list(told.lines)
    assert (again.entered, again.outcomes, again.left_out, again.played) == (
        told.entered, told.outcomes, told.left_out, told.played,
    )  # fmt: skip


def test_costs_are_told_by_channel_and_currency() -> None:
    prices = read_prices({"sms": {"currency": "EUR", "+39": "0.07", "twilio": TWILIO}})
    bills = [Bill(), Bill()]
    for bill, segments in zip(bills, (1, 2), strict=True):
        bill.add(prices, "+393201234567", "outbox", segments)
        bill.add(prices, "+15550100", "twilio", 1)
        bill.add(prices, "+48500500500", "twilio", 1)
    then, now = (replace(side(SENT), bills={"sms": bill}) for bill in bills)
    assert cost_words(then, Side.of_json(now.as_json())) == [
        "cost: sms 0.07 → 0.14 EUR (+0.07), 2 → 3 segments",
        "cost: sms 0.0083 USD, 2 → 3 segments",
        "cost: sms: of 1 sent, no price is known",
    ]
    assert cost_words(side(), side())[0].startswith("cost: no text message was sent")


TWILIO = {"currency": "USD", "+1": "0.0083"}


def test_gaps_are_told_with_their_numbers() -> None:
    assert gap_words({"open_runs": 1, "erased": 2, "joined": 0}) == [
        "1 run with messages in this time had begun before: it is not played",
        "2 customers were erased since, and are left out",
    ]


def test_the_page_keeps_markup_of_strangers_as_text() -> None:
    evil = replace(SENT, customer_id="<script>alert(1)</script>")
    page = page_of(compare(side(), side(evil)), Told("<b>.jsonl", "main"), samples=3)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;.jsonl" in page
