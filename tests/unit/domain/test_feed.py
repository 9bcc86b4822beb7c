"""`Feed`: what it takes, and what is new in one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn import EMAIL, Audience, Campaign, Feed, Message, days, hours, trait, weekly
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.errors import BadSetting
from sojourn.domain.feed import Article, Articles

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
URL = "https://blog.example/feed"


def article(name: str, ago: float | None = None) -> Article:
    at = None if ago is None else NOW - timedelta(days=ago)
    return Article(name, f"About {name}", f"https://blog.example/{name}", published_at=at)


def fresh(feed: Feed, *found: Article, had: str = "") -> str:
    return "".join(one.id for one in feed.fresh(found, frozenset(had), NOW))


def test_new_is_what_nobody_was_told_of_and_what_is_not_old() -> None:
    feed = Feed(URL, at_most=2, not_older_than=days(10))
    found = (article("a", 9), article("b", 1), article("c", 11), article("d", 2))
    assert fresh(feed, *found) == "bd"
    assert fresh(feed, *found, had="b") == "da", "what was left over is new another time"
    assert fresh(feed, *found, had="abd") == ""
    assert fresh(Feed(URL, not_older_than=days(12)), *found) == "bdac"


def test_without_dates_the_order_is_the_feeds_and_an_id_counts_once() -> None:
    found = (article("a"), article("b", 3), article("a"), article("c"))
    assert fresh(Feed(URL), *found) == "abc"
    assert fresh(Feed(URL, at_most=1), *found) == "a"


def test_a_language_reads_its_own_feed_even_where_that_has_nothing_new() -> None:
    en, it = (article("e"),), (article("i"),)
    assert Articles({"en": en, "it": it}).of("it") == it
    assert Articles({"en": en, "it": it}).of("it-CH") == it
    assert Articles({"en": en, "it": ()}).of("it") == ()
    assert Articles({"en": en, "it": it}).of("pl") == en
    assert Articles({"": en}).of("pl") == en
    assert Articles().of("en") == ()
    assert not Articles({"en": ()})


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"url": ""}, "takes an address"),
        ({"url": {}}, "takes an address"),
        ({"url": {"": URL}}, "names languages"),
        ({"url": "ftp://blog.example"}, "begins with https://"),
        ({"url": "https://blog .example"}, "is not an address"),
        ({"url": "shop_feed"}, "name of an environment variable"),
        ({"url": {"en": URL, "it": "file:///etc/passwd"}}, "begins with https://"),
        ({"url": URL, "at_most": 0}, "1 to 20"),
        ({"url": URL, "at_most": 21}, "1 to 20"),
        ({"url": URL, "at_most": 2.5}, "1 to 20"),
        ({"url": URL, "not_older_than": 30}, "days"),
        ({"url": URL, "not_older_than": days(0)}, "days"),
    ],
)
def test_what_makes_no_sense_is_refused(told: dict[str, Any], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Feed(**told)


def test_an_address_in_the_environment_is_read_there_or_named_as_missing() -> None:
    feed = Feed({"en": "SHOP_FEED", "it": URL})
    assert feed.addresses({"SHOP_FEED": f" {URL}/en "}) == {"en": f"{URL}/en", "it": URL}
    with pytest.raises(BadSetting, match="SHOP_FEED is not set"):
        feed.addresses({"SHOP_FEED": " "})
    with pytest.raises(BadSetting, match="SHOP_FEED is an address that begins with https") as bad:
        feed.addresses({"SHOP_FEED": "gopher://user:hush@blog.example"})
    assert "hush" not in str(bad.value)


def campaign(**changes: Any) -> Campaign:
    told: dict[str, Any] = {
        "to": Audience("all", trait("plan") == "pro"),
        "message": Message(EMAIL, useful_for=hours(30), topic="news"),
        "when": weekly("thu", at="10:00"),
        **changes,
    }
    return Campaign("news", **told)


def test_the_plan_keeps_the_feed_and_no_history_has_its_articles() -> None:
    feed = Feed({"en": URL, "it": "SHOP_FEED"}, at_most=3, not_older_than=days(7))
    plan = CampaignPlan.of(campaign(articles=feed), "news@2026-03-05", NOW, occasion="2026-03-05")
    assert CampaignPlan.model_validate(plan.model_dump(mode="json")).feed == feed
    assert plan.feed_until == plan.when.begins(NOW) + hours(30)
    told = plan.telling_of(Articles({"en": (article("secret"),)}))
    assert told.model.articles
    assert "secret" not in told.model_dump_json()
    former = campaign()
    assert CampaignPlan.of(former, "news", NOW, occasion="2026-03-05").feed_until is None


def test_an_approval_is_of_the_feed_and_one_without_it_stays_what_it_was() -> None:
    former, feeds = campaign(), [Feed(URL), Feed(URL, at_most=4), Feed("SHOP_FEED")]
    digests = {one.digest() for one in (former, *(campaign(articles=each) for each in feeds))}
    assert len(digests) == 4
    assert "articles" not in former.told()["code"]
    with pytest.raises(TypeError, match="articles= takes a feed"):
        campaign(articles=URL)
