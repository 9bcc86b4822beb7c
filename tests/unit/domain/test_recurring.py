"""Campaigns that recur: their days, and when the occurrence of a day is due."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from sojourn import EMAIL, Audience, Campaign, Message, daily, hours, monthly, trait, weekly
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.recurring import Recurring, day_at
from sojourn.domain.sending_time import Passed

MONDAY = date(2026, 12, 7)
KIRITIMATI, SAMOA = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")


@pytest.mark.parametrize(
    ("when", "days", "words"),
    [
        (daily(at="09:00"), [4, 5, 6], "each day at 09:00 in each customer's zone"),
        (weekly("mon", at="10:00"), [7, 14, 21], "each Monday at 10:00 in each customer's zone"),
        (weekly("sun", at=time(8, 30)), [6, 13, 20],
         "each Sunday at 08:30 in each customer's zone"),
        (monthly(1, at="10:00"), [1, 1, 1], "on day 1 of each month at 10:00 in each customer's "
                                            "zone"),
    ],
)  # fmt: skip
def test_its_days_and_its_words(when: Recurring, days: list[int], words: str) -> None:
    found = list(islice(when.days(date(2026, 12, 4)), 3))
    assert [one.day for one in found] == days
    assert all(map(when.falls_on, found))
    assert not when.falls_on(date(2026, 12, 3)) or when == daily(at="09:00")
    assert str(when) == words


def test_it_fires_when_its_hour_comes_in_the_first_zone_of_the_world() -> None:
    when = weekly("mon", at="10:00").on(MONDAY)
    fires = datetime(2026, 12, 6, 20, tzinfo=UTC)
    assert when.begins(fires - timedelta(days=1)) == fires
    assert when.due(KIRITIMATI, fires) == fires
    assert when.due(SAMOA, fires) == datetime(2026, 12, 7, 21, tzinfo=UTC)
    assert day_at(fires) == day_at(fires + timedelta(hours=1)) == MONDAY
    early = daily(at="00:00").on(MONDAY)
    assert day_at(early.begins(fires)) == MONDAY


def test_who_is_reached_late_gets_it_for_as_long_as_it_is_of_use() -> None:
    news = Campaign(
        "news", to=Audience("all", trait("a").is_known), when=weekly("mon", at="10:00"),
        message=Message(EMAIL, useful_for=hours(6), topic="news"),
    )  # fmt: skip
    late = datetime(2026, 12, 7, 12, tzinfo=UTC)
    plan = CampaignPlan.of(news, "news@2026-12-07", late, occasion="2026-12-07")
    due = plan.when.due(ZoneInfo("UTC"), late)
    assert plan.when.passed is Passed.LATE
    message = plan.delivery("c", due=due, now=late, lane=Channel.EMAIL, start=(late, 0))
    assert message.useful_until == datetime(2026, 12, 7, 16, tzinfo=UTC)


def test_the_next_occurrence_is_the_next_that_has_begun_nowhere() -> None:
    everybody, message = Audience("all", trait("a").is_known), Message(
        EMAIL, useful_for=hours(6), topic="news"
    )  # fmt: skip
    news = Campaign("news", to=everybody, message=message, when=weekly("mon", at="10:00"))
    fires = datetime(2026, 12, 6, 20, tzinfo=UTC)
    assert news.next_occasion(fires - timedelta(minutes=1)) == "2026-12-07"
    assert news.next_occasion(fires) == "2026-12-14"
    assert Campaign("once", to=everybody, message=message).next_occasion(fires) == ""


@pytest.mark.parametrize("day", ["", "soon", "20261207", "2026-12-08"])
def test_there_is_no_occurrence_on_another_day(day: str) -> None:
    news = Campaign(
        "news", to=Audience("all", trait("a").is_known), when=weekly("mon", at="10:00"),
        message=Message(EMAIL, useful_for=hours(6), topic="news"),
    )  # fmt: skip
    with pytest.raises(BadInput, match=r"each Monday at 10:00 .* campaign schedule news"):
        CampaignPlan.of(news, "news@x", datetime(2026, 12, 7, tzinfo=UTC), occasion=day)


def test_mistakes_are_named_where_they_are_written() -> None:
    with pytest.raises(TypeError, match="the days are mon, tue"):
        weekly("Monday", at="10:00")
    with pytest.raises(TypeError, match="take a day from 1 to 28"):
        monthly(31, at="10:00")
    for wrong in ("25:00", "10 o'clock", "10:00:30", "10:00+01:00"):
        with pytest.raises(TypeError, match=r"in at=\"10:00\""):
            daily(at=wrong)
