"""The registry of topics: what the file may say, and what it means for a message."""

import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.domain.consent import Consents
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.topics import Cadence, Topics, read_topics

EMAIL, SMS = Channel.EMAIL, Channel.SMS
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

FULL = """
[newsletter]
default = "off"
cadence = ["monthly", "weekly"]
name.en = " Newsletter "
name.it = "Bollettino"
about.en = "On Thursdays."

[account]
class = "transactional"
name.en = "Your account"
"""


def read(text: str) -> Topics:
    return read_topics(tomllib.loads(text))


def test_a_topic_has_names_a_class_a_default_and_choices_of_less_often() -> None:
    topics = read(FULL)
    assert list(topics) == ["newsletter", "account"]
    newsletter = topics["newsletter"]
    assert newsletter.name == {"en": "Newsletter", "it": "Bollettino"}
    assert newsletter.cadence == (Cadence.WEEKLY, Cadence.MONTHLY), "the most often first"
    assert [choice.days for choice in Cadence] == [1, 7, 30]
    assert (newsletter.needs_own_yes, newsletter.can_be_refused) == (True, True)
    account = topics["account"]
    assert (account.message_class, account.can_be_refused) == (MessageClass.TRANSACTIONAL, False)
    assert (account.needs_own_yes, account.cadence, account.about) == (False, (), {})


def test_a_topic_is_called_by_its_name_in_the_best_language_it_has() -> None:
    newsletter = read(FULL)["newsletter"]
    assert newsletter.name_in(["pl", "it", "en"]) == "Bollettino"
    assert newsletter.name_in(["de"]) == "newsletter"
    assert newsletter.about_in(["it", "en"]) == "On Thursdays."
    assert newsletter.about_in(["it"]) == ""


def test_words_that_a_declared_language_lacks_are_listed() -> None:
    assert read(FULL).missing(["en", "it"]) == [
        "topics.toml: newsletter.about.it",
        "topics.toml: account.name.it",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[News]\nname.en = "x"', '"News" cannot name a topic: write it like "newsletter"'),
        ('news = "x"', r"news: is not a table: write \[news\], and its name.en below"),
        ("[news]", "news.name: is missing: write name.en = ..."),
        ('[news]\nname = "News"', 'news.name: must be by language: write name.en = "..."'),
        ('[news]\nname.en = " "', "news.name.en: string should have at least 1 character"),
        ('[news]\nname.English = "x"', 'news.name: "English" is not a language: write it like en'),
        ('[news]\nname.en = "x"\ncadense = []', "news.cadense: no such entry: a topic has name"),
        (
            '[news]\nname.en = "x"\ndefault = "yes"',
            "news.default: is 'yes', and must be 'on' or 'off'",
        ),
        (
            '[news]\nname.en = "x"\ncadence = ["yearly"]',
            "news.cadence: is 'yearly', and must be 'daily', 'weekly' or 'monthly'",
        ),
        ('[news]\nname.en = "x"\ncadence = ["daily", "daily"]', "cadence: names a choice twice"),
        ('[news]\nname.en = "x"\nclass = "spam"', "news.class: is 'spam', and must be"),
        (
            '[code]\nname.en = "x"\nclass = "authentication"\ndefault = "off"',
            "code.default: is for promotional topics",
        ),
        (
            '[code]\nname.en = "x"\nclass = "transactional"\ncadence = ["daily"]',
            "code.cadence: is for promotional topics",
        ),
    ],
)
def test_a_fault_of_the_file_is_one_line_that_names_the_entry(text: str, fault: str) -> None:
    with pytest.raises(BadInput, match=fault) as raised:
        read(text)
    assert "\n" not in str(raised.value)


def test_a_topic_that_is_not_listed_is_told_the_nearest_one() -> None:
    topics = read(FULL)
    topics.check("account")
    with pytest.raises(UnknownName, match='no topic "newsleter": did you mean "newsletter"'):
        topics.check("newsleter")
    with pytest.raises(UnknownName, match="choose one of: account, newsletter"):
        topics.check("zzz")
    with pytest.raises(UnknownName, match=r"topics.toml lists none"):
        read("").check("zzz")
    assert not topics.needs_own_yes("an old run's topic")


def test_without_a_file_every_topic_goes_and_consent_to_the_channel_suffices() -> None:
    Topics().check("anything")
    assert not Topics().needs_own_yes("anything")


# ---- what a customer's words mean for a message ---------------------------------------------

PAIR, EVERYWHERE = (EMAIL, "news"), (None, "news")


@pytest.mark.parametrize(
    ("said", "on", "off"),
    [
        ({}, Reason.NO_CONSENT, Reason.NO_CONSENT),
        ({"by_channel": {EMAIL: True}}, None, Reason.NO_CONSENT),
        ({"by_channel": {EMAIL: True}, "agreed": {PAIR}}, None, None),
        ({"by_channel": {EMAIL: True}, "agreed": {EVERYWHERE}}, None, None),
        ({"by_channel": {EMAIL: True}, "agreed": {(SMS, "news")}}, None, Reason.NO_CONSENT),
        ({"by_channel": {EMAIL: True}, "agreed": {(EMAIL, "other")}}, None, Reason.NO_CONSENT),
        # a yes to the topic by this channel is consent; a yes "by any way" opens no channel
        ({"agreed": {PAIR}}, None, None),
        ({"by_channel": {EMAIL: False}, "agreed": {PAIR}}, None, None),
        ({"agreed": {EVERYWHERE}}, Reason.NO_CONSENT, Reason.NO_CONSENT),
        # a no to the topic, also where a yes to it by another word stands
        ({"by_channel": {EMAIL: True}, "refused": {PAIR}}, Reason.OPTED_OUT, Reason.OPTED_OUT),
        (
            {"by_channel": {EMAIL: True}, "agreed": {PAIR}, "refused": {EVERYWHERE}},
            Reason.OPTED_OUT,
            Reason.OPTED_OUT,
        ),
        # a yes that holds no more is no consent, whatever the topic's default
        (
            {"by_channel": {EMAIL: True}, "expired": {PAIR: NOON}},
            Reason.NO_CONSENT,
            Reason.NO_CONSENT,
        ),
        (
            {"by_channel": {EMAIL: True}, "expired": {EVERYWHERE: NOON}},
            Reason.NO_CONSENT,
            Reason.NO_CONSENT,
        ),
    ],
)
def test_a_message_may_go_by_the_customers_words_and_the_topics_default(
    said: dict[str, Any], on: Reason | None, off: Reason | None
) -> None:
    words = Consents(**{"by_channel": {}, **{name: _frozen(of) for name, of in said.items()}})
    assert words.refusal(EMAIL, "news") is on
    assert words.refusal(EMAIL, "news", needs_own_yes=True) is off


def _frozen(said: Any) -> Any:
    return frozenset(said) if isinstance(said, set) else said
