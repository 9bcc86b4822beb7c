"""`Ladder`: a sending domain climbs after calm days that it used, and falls after harm."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.brakes import Tally
from sojourn.domain.ramp import Allowance, Ladder, Tenure, Turn, day_of, next_turn

LADDER = Ladder(steps=(200, 500, 1_000))
CALM = Tally(200, 2, 0)
NUMBERS = st.integers(0, 300_000)


@st.composite
def tenures(draw: st.DrawFn) -> Tenure:
    left = draw(NUMBERS)
    harm = st.integers(0, left)
    return Tenure(
        level=draw(st.integers(1, 10)),
        tally=Tally(left, draw(harm), draw(harm)),
        fullest=draw(st.integers(0, left)),
        idle=draw(st.integers(0, 400)),
    )


@pytest.mark.parametrize(
    ("tenure", "level", "turn", "because"),
    [
        (Tenure(1, CALM, 200, 0), 2, Turn.CLIMBS, "its fullest day had 200 of 200"),
        (Tenure(1, CALM, 160, 0), 2, Turn.CLIMBS, "its fullest day had 160 of 200"),
        (Tenure(1, CALM, 159, 0), 1, Turn.STAYS,
         "its fullest day had 159 of 200, and it climbs at 160"),
        (Tenure(2, Tally(500, 25, 0), 500, 0), 2, Turn.STAYS,
         "5 % of 500 messages bounced, over 2.5 %"),
        (Tenure(2, Tally(500, 50, 0), 500, 0), 1, Turn.FALLS,
         "10 % of 500 messages bounced, over 5 %"),
        (Tenure(3, Tally(1_000, 0, 5), 1_000, 0), 2, Turn.FALLS,
         "0.5 % of 1,000 messages were complained about, over 0.1 %"),
        (Tenure(1, Tally(200, 100, 0), 200, 0), 1, Turn.STAYS,
         "50 % of 200 messages bounced, over 5 %"),
        (Tenure(1, Tally(20, 3, 0), 200, 0), 1, Turn.STAYS,
         "15 % of 20 messages bounced, over 2.5 %"),
        (Tenure(3, Tally(1_000, 0, 0), 1_000, 0), 4, Turn.CLIMBS,
         "its fullest day had 1,000 of 1,000"),
        (Tenure(4, Tally(9_000, 0, 0), 9_000, 0), 4, Turn.STAYS, "it has no budget any more"),
        (Tenure(4, Tally(9_000, 900, 0), 9_000, 0), 3, Turn.FALLS,
         "10 % of 9,000 messages bounced, over 5 %"),
        (Tenure(3, CALM, 200, 29), 3, Turn.STAYS,
         "its fullest day had 200 of 1,000, and it climbs at 800"),
        (Tenure(3, CALM, 200, 65), 1, Turn.FALLS, "nothing has left for 65 days"),
    ],
)  # fmt: skip
def test_the_rules_of_a_day(tenure: Tenure, level: int, turn: Turn, because: str) -> None:
    move = LADDER.move(tenure)
    assert (move.level, move.turn, move.because) == (level, turn, because)


@given(tenures())
def test_it_climbs_one_step_and_never_out_of_its_ladder(tenure: Tenure) -> None:
    ladder = Ladder()
    move = ladder.move(tenure)
    assert 1 <= move.level <= ladder.top
    assert move.level <= tenure.level + 1
    assert (move.turn is Turn.CLIMBS) == (move.level > tenure.level)
    assert (move.turn is Turn.FALLS) == (move.level < tenure.level)
    if tenure.idle < 30:
        assert move.level >= tenure.level - 1


@given(tenures(), st.integers(0, 1_000), st.integers(0, 1_000))
def test_more_harm_never_lifts_it_higher(tenure: Tenure, bounced: int, complained: int) -> None:
    tally = tenure.tally
    worse = Tally(
        tally.left,
        min(tally.bounced + bounced, tally.left),
        min(tally.complained + complained, tally.left),
    )
    after = Ladder().move(Tenure(tenure.level, worse, tenure.fullest, tenure.idle))
    assert after.level <= Ladder().move(tenure).level


@given(tenures())
def test_who_climbs_has_used_the_day_and_done_little_harm(tenure: Tenure) -> None:
    ladder = Ladder()
    if ladder.move(tenure).turn is Turn.CLIMBS:
        budget = ladder.budget(tenure.level)
        assert budget is not None
        assert tenure.fullest >= 0.8 * budget
        assert tenure.idle < 30


def test_a_day_ends_at_midnight_of_the_zone() -> None:
    now = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    day, until = day_of(now, "Europe/Rome")
    assert (str(day), until.astimezone(UTC).isoformat()) == (
        "2026-11-30",
        "2026-11-30T23:00:00+00:00",
    )
    assert str(day_of(now, "America/New_York")[0]) == "2026-11-29"


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    st.integers(1, 3_000),
    st.integers(1, 6_000),
)
def test_the_next_turn_is_at_the_same_hour_if_it_is_of_use_then(
    due: datetime, minutes: int, useful: int
) -> None:
    morning = due + timedelta(minutes=minutes)
    useful_until = due + timedelta(minutes=useful)
    turn = next_turn(due, morning, useful_until)
    if turn is None:
        assert useful_until - morning < timedelta(days=1)
        return
    assert morning <= turn < useful_until
    assert turn - morning < timedelta(days=1)
    before = -(turn - due) % timedelta(days=1)
    assert before in (timedelta(0), timedelta(hours=1)) or turn == morning


def test_what_is_of_use_for_a_day_has_its_turn_in_its_last_hour() -> None:
    due = datetime(2026, 11, 29, 10, tzinfo=UTC)
    morning = datetime(2026, 11, 30, tzinfo=UTC)
    day = timedelta(days=1)
    assert next_turn(due, morning, due + 2 * day) == due + day
    assert next_turn(due, morning, due + day) == due + day - timedelta(hours=1)
    assert next_turn(due, morning, due + timedelta(hours=2)) is None


def test_an_allowance_says_what_is_waited_for() -> None:
    spent = Allowance("shop.example", 2_000, 2_000, datetime(2026, 12, 1, tzinfo=UTC))
    assert spent.waits == "waits for tomorrow's budget of shop.example: 2,000 of 2,000"
    assert spent.is_spent
    over = Allowance("shop.example", 2_000, 2_100, datetime(2026, 12, 1, tzinfo=UTC))
    assert over.left == 0
    assert not Allowance("shop.example", None, 9, datetime(2026, 12, 1, tzinfo=UTC)).is_spent
