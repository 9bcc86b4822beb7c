"""The parts of a report that are values alone: bars, drawings, days, rates."""

from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.cli.reporting import WIDE as CHARACTERS
from sojourn.cli.reporting import block, sparks
from sojourn.domain.measuring.measures import COLUMNS as MEASURES
from sojourn.domain.statistics import Interval
from sojourn.insight.reporting.drawing import DAYS, ROW, WIDE, bar, columns
from sojourn.insight.reporting.drawing import interval as drawn
from sojourn.insight.reporting.figures import COLUMNS, Counts, Group, Money, together
from sojourn.insight.reporting.languages import LANGUAGES
from sojourn.insight.reporting.rates import compared, judged
from sojourn.insight.reporting.speech import ENGLISH, Speech
from sojourn.insight.reporting.trend import trend
from sojourn.insight.reporting.waterfall import Kind, waterfall

SOME = Group(
    "cart",
    Counts(
        entered=120, due=100, held=8, sent=70, skipped=20, expired=3, unknown=2, delivered=66,
        bounced=3, failed=1, clicked=9, clicked_by_machine=4, converted=5,
    ),
    {"cap": 15, "no_consent": 6},
)  # fmt: skip
LENGTHS = st.integers(0, 10**9)


class Boxes(HTMLParser):
    """The rectangles of a drawing."""

    def __init__(self, drawing: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(drawing)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "rect":
            self.found.append({key: value or "" for key, value in attrs})


def test_a_report_has_all_that_is_counted() -> None:
    assert set(COLUMNS) == {"entered", *MEASURES}


def test_losses_lead_from_one_stage_to_the_next() -> None:
    bars = waterfall(SOME, is_campaign=False)
    assert [(one.label, one.number) for one in bars] == [
        ("entered", 120), ("due", 100), ("held", 8), ("cap", 15), ("no consent", 6),
        ("no reason told", 2), ("perhaps sent", 2), ("under way", 5), ("sent", 70),
        ("bounced", 3), ("failed", 1), ("delivered", 66), ("clicked", 9), ("converted", 5),
    ]  # fmt: skip
    losses = [one for one in bars if one.kind is Kind.LOSS]
    assert [one.start for one in losses] == [85, 79, 77, 75, 70, 67, 66]
    assert [one.share for one in bars if one.label in ("entered", "cap", "clicked")] == [
        "", "15.0 %", "12.9 %",
    ]  # fmt: skip
    assert "machines alone or too: 4" in next(one.about for one in bars if one.label == "clicked")


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["cap", "no_consent"])), max_size=6))
def test_messages_that_are_due_are_sent_or_lost(parts: list[tuple[int, str]]) -> None:
    groups = [
        Group("s", Counts(due=n * 5, sent=n, skipped=n, unknown=n), {reason: n} if n else {})
        for n, reason in parts
    ]
    bars = waterfall(together("all", groups), is_campaign=True)
    of = {one.label: one.number for one in bars}
    assert of.get("perhaps sent", 0) == of["sent"]
    assert of["due"] == of["sent"] + sum(one.number for one in bars if one.kind is Kind.LOSS)


def test_currencies_stay_apart() -> None:
    one = Group("a", money=(Money("EUR", 1_000_000, 5_000_000), Money("PLN", 500_000, 7_000_000)))
    other = Group("b", money=(Money("EUR", 2_000_000, 1_500_000),))
    assert together("all", [one, other]).money == (
        Money("EUR", 3_000_000, 6_500_000),
        Money("PLN", 500_000, 7_000_000),
    )


@given(LENGTHS, LENGTHS, LENGTHS)
def test_bars_stay_in_their_drawing_and_are_seen(number: int, start: int, most: int) -> None:
    (box,) = Boxes(bar(number, start, most, "loss")).found
    x, width = float(box["x"]), float(box["width"])
    assert x >= 0
    assert x + width <= WIDE + 0.2
    assert (width > 0) == (number > 0)
    assert (box["height"], box["class"]) == (str(ROW), "loss")


def test_intervals_and_days_are_drawn_to_scale() -> None:
    axis, extent, point = Boxes(drawn(0.1, 0.2, 0.4, 0.5)).found
    assert (axis["width"], extent["x"], extent["width"]) == ("1000", "200", "600")
    assert point["x"] == "397"
    drawing = Boxes(columns([("pale", [4, 0]), ("stage", [1, 2])], 4))
    days = [box for box in drawing.found if box["class"] != "axis"]
    assert [(box["class"], box["height"]) for box in days] == [
        ("pale", str(DAYS)), ("stage", str(DAYS // 4)), ("stage", str(DAYS // 2)),
    ]  # fmt: skip
    assert {float(box["x"]) for box in days} == {50, 550}
    assert {float(box["y"]) + float(box["height"]) for box in days} == {DAYS}, "they stand"


def test_no_text_enters_a_drawing() -> None:
    with pytest.raises(ValueError, match="not a class"):
        bar(1, 0, 1, 'x"><script>')


def test_a_trend_has_every_day_and_many_days_are_weeks_or_months() -> None:
    days = [Group("2026-11-02", Counts(sent=1)), Group("2026-11-04", Counts(sent=2))]
    unit, row = trend(days, "2026-11-01", "2026-11-05")
    assert unit == "day"
    assert [(one.name[-2:], one.counts.sent) for one in row] == [
        ("01", 0), ("02", 1), ("03", 0), ("04", 2), ("05", 0),
    ]  # fmt: skip
    unit, row = trend(days, "2026-07-01", "2026-11-05")
    assert (unit, row[0].name, row[-1].name, row[-1].counts.sent) == (
        "week", "2026-06-29", "2026-11-02", 3,
    )  # fmt: skip
    unit, row = trend(days, "2024-01-15", "2026-11-05")
    assert (unit, row[0].name, row[-1].counts.sent) == ("month", "2024-01-01", 3)
    assert trend([], "2026-11-01", "2026-11-05") == ("day", [])


def test_variants_are_compared_with_the_first_one() -> None:
    plain = Group("plain", Counts(sent=1000, clicked=50, converted=10))
    warm = Group("warm", Counts(sent=1000, clicked=90, converted=11))
    odd = Group("odd", Counts(sent=1, clicked=2))
    first, second, third = compared((plain, warm, odd))
    assert (first.clicked_more, ENGLISH.told(first.clicked_more)) == (None, "")
    assert (ENGLISH.told(second.clicked_more), ENGLISH.told(second.converted_more)) == (
        "higher",
        "may be chance",
    )
    assert second.clicked
    assert second.clicked.low < 0.09 < second.clicked.high
    assert (third.clicked, third.clicked_more) == (None, None), "no share at all"


def test_mailboxes_are_judged_from_200_messages_on() -> None:
    few = Group("wp", Counts(sent=199, bounced=100))
    bad = Group("onet", Counts(sent=200, bounced=30, complained=9))
    good = Group("gmail", Counts(sent=10_000, bounced=500, complained=10))
    assert [(ENGLISH.box(one), one.is_bad) for one in judged((few, bad, good))] == [
        ("too few to tell", False),
        ("too many bounces and complaints", True),
        ("within the limits", False),
    ]


@given(LENGTHS, LENGTHS, LENGTHS)
def test_blocks_stay_in_their_line_and_are_seen(number: int, start: int, most: int) -> None:
    drawn = block(number, start, most)
    assert len(drawn) <= CHARACTERS
    assert bool(drawn.strip()) == (number > 0 and most > 0)


def test_sparks_show_what_is_not_nothing() -> None:
    assert sparks([0, 1, 1000, 500]) == " ▁█▄"
    assert sparks([0, 0]) == "  "


def test_small_shares_have_one_more_digit() -> None:
    assert [ENGLISH.percent(share) for share in (0, 0.0012, 0.012, 1)] == [
        "0.0 %", "0.12 %", "1.2 %", "100.0 %",
    ]  # fmt: skip


def test_numbers_and_days_are_written_as_readers_of_the_language_do() -> None:
    few = {
        lang: (
            say.number(12_345),
            say.percent(0.0012),
            say.interval(Interval(0.02, 0.129, 0.2)),
            say.interval(Interval(-0.01, 0.021, 0.03), signed=True),
            say.amount(Decimal("12345.5"), "EUR"),
            say.day("2026-11-08"),
            say.group("month", "2026-11-01"),
            say.said_day(date(2026, 11, 8)),
            say.counted(say.words.held, 3),
        )
        for lang in LANGUAGES
        for say in (Speech(lang),)
    }
    assert few == {
        "en": ("12,345", "0.12 %", "12.9 % (2.0 % to 20.0 %)", "+2.10 (-1.00 to +3.00)",
               "12,345.50 EUR", "Nov 8, 2026", "November 2026", "November 8, 2026",
               "3 messages were held at least once."),
        "it": ("12.345", "0,12%", "12,9% (da 2,0% a 20,0%)", "+2,10 (da -1,00 a +3,00)",
               "12.345,50 EUR", "8 nov 2026", "novembre 2026", "domenica 8 novembre 2026",
               "3 messaggi sono stati trattenuti almeno una volta."),
        "pl": ("12\N{NO-BREAK SPACE}345", "0,12%", "12,9% (od 2,0% do 20,0%)",
               "+2,10 (od -1,00 do +3,00)", "12\N{NO-BREAK SPACE}345,50 EUR", "8 lis 2026",
               "listopad 2026", "8 listopada 2026",
               "3 wiadomości zostały wstrzymane co najmniej raz."),
    }  # fmt: skip
