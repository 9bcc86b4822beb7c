"""`ABTest`: what it takes and refuses, who is in its share, and which variant wins."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn import (
    CLICK,
    EMAIL,
    ABTest,
    Audience,
    Campaign,
    Message,
    at,
    at_local,
    daily,
    days,
    hours,
    trait,
    weekly,
)  # fmt: skip
from sojourn.domain.ab_standing import ABPlan, ABResult, ABStanding, winner_of
from sojourn.domain.campaign import changed
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.events import OrderCompleted

WORDS = {"plain": "message", "warm": "warm-words"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ab(**changes: Any) -> ABTest:
    told = {"variants": WORDS, "share": 0.2, "by": CLICK, "after": hours(4), **changes}
    return ABTest(**told)


def campaign(**changes: Any) -> Campaign:
    told = {
        "to": Audience("pro", trait("plan") == "pro"),
        "message": Message(EMAIL, useful_for=days(2), topic="news"),
        "ab": ab(),
        **changes,
    }
    return Campaign("spring", **told)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variants": {"plain": "message"}}, "two variants at least"),
        ({"variants": {"plain": "message", "Warm": "warm"}}, "'Warm' is not"),
        ({"variants": {"plain": "message", "warm": "message"}}, "have one template"),
        ({"share": 0}, "share= is a part"),
        ({"share": 1.1}, "share= is a part"),
        ({"share": "20 %"}, "share= is a part"),
        ({"by": "click"}, "by= takes CLICK or a class"),
        ({"by": "Order Completed"}, "by= takes CLICK or a class"),
        ({"after": hours(0)}, "after= is some time"),
        ({"after": 4}, "after= is some time"),
    ],
)
def test_a_test_that_makes_no_sense_is_one_clear_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        ab(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ab": {"plain": "message"}}, "ab= takes an ABTest"),
        (
            {"message": Message(EMAIL, useful_for=days(2), topic="news", template="other")},
            "leave template= of its message out",
        ),
        ({"message": Message(EMAIL, useful_for=hours(3), topic="news")}, "a shorter after="),
        ({"when": daily(at="09:00"), "ab": ab(after=days(1))}, "the next one would have begun"),
    ],
)
def test_a_test_that_its_campaign_contradicts_is_one_clear_line(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        campaign(**changes)


def test_a_test_may_be_on_everybody_and_of_a_campaign_that_recurs() -> None:
    assert campaign(ab=ab(share=1)).templates == ("message", "warm-words")
    assert campaign(when=weekly("mon", at="10:00"), ab=ab(after=days(2), by=OrderCompleted))


def test_the_approval_is_of_the_test_and_of_a_campaign_without_one_it_stays() -> None:
    same = campaign().digest()
    others = [
        campaign(ab=None),
        campaign(ab=ab(share=0.3)),
        campaign(ab=ab(by=OrderCompleted)),
        campaign(ab=ab(after=hours(5))),
        campaign(ab=ab(variants=dict(reversed(WORDS.items())))),  # another one wins a tie
    ]
    assert [changed(one.digest(), same) for one in others] == [["code"]] * 5
    assert "ab" not in campaign(ab=None).told()["code"]


def test_the_share_is_drawn_again_by_each_launch_and_each_variant_has_its_part() -> None:
    plan = ABPlan.of(ab())
    everybody = [f"c_{n}" for n in range(5_000)]
    first, second = (
        {one: plan.drawn(f"news@{day}", one) for one in everybody} for day in ("mon", "tue")
    )
    counted = Counter(first.values())
    assert counted[None] == pytest.approx(4_000, abs=150)
    assert counted["plain"] == pytest.approx(500, abs=110)
    both = sum(first[one] is not None and second[one] is not None for one in everybody)
    assert both == pytest.approx(200, abs=70)
    assert first == {one: plan.drawn("news@mon", one) for one in everybody}
    whole = ABPlan.of(ab(share=1))
    assert all(whole.drawn("news", one) for one in everybody)


def result(variant: str, reached: int, sent: int) -> ABResult:
    return ABResult(variant=variant, sent=sent, reached=reached)


@pytest.mark.parametrize(
    ("results", "wins"),
    [
        ([result("plain", 5, 100), result("warm", 6, 100)], "warm"),
        ([result("plain", 5, 50), result("warm", 6, 100)], "plain"),
        ([result("plain", 1, 3), result("warm", 333_333, 1_000_000)], "plain"),
        ([result("plain", 10, 100), result("warm", 1, 10)], "plain"),
        ([result("plain", 0, 0), result("warm", 0, 0)], "plain"),
        ([result("plain", 0, 0), result("warm", 1, 9)], "warm"),
    ],
)
def test_the_greatest_rate_wins_and_of_equal_ones_the_first(
    results: list[ABResult], wins: str
) -> None:
    assert winner_of(results) == wins


def test_where_it_stands_is_said_in_words() -> None:
    told: dict[str, Any] = {"by": "click", "variants": ("plain", "warm"), "after": hours(4)}
    waits = "plain or warm by click, 4:00:00 after the last of the share had it"
    assert str(ABStanding(**told)) == waits
    decides = ABStanding(**told, decides_at=NOON)
    assert str(decides) == "plain or warm by click, at 2026-03-02 12:00 UTC"
    results = (result("plain", 12, 100), result("warm", 20, 101))
    over = ABStanding(**told, decides_at=NOON, winner="warm", results=results)
    assert str(over) == "warm wins by click: plain 12 of 100, warm 20 of 101"
    assert (decides.open_until, over.open_until) == (NOON, None)


def due_after(when: Any, due: datetime) -> datetime:
    plan = CampaignPlan.of(campaign(when=when), "spring", NOON)
    return plan.due_after(due, NOON + hours(4))


@pytest.mark.parametrize("passed", ["now", "tomorrow", "never", "late"])
def test_the_rest_is_due_at_the_later_of_two_moments_but_not_what_was_of_no_use(
    passed: str,
) -> None:
    when = at_local("2026-03-02 10:00", passed=passed)
    decides, long_past = NOON + hours(4), NOON - days(3)
    assert due_after(when, NOON + hours(5)) == NOON + hours(5)
    assert due_after(when, NOON + hours(1)) == decides
    is_void = passed in ("never", "late")
    assert due_after(when, long_past) == (long_past if is_void else decides)
    assert due_after(when, NOON - hours(1)) == (NOON - hours(1) if passed == "never" else decides)
    assert due_after(at(NOON), NOON - timedelta(seconds=1)) == decides
