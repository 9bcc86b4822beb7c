"""Forms of the preference page: what is unticked stays away, and undo brings back what was."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.consent import Consents, Statement
from sojourn.domain.consent_words import standing
from sojourn.domain.customer import Customer
from sojourn.domain.messages import Channel
from sojourn.domain.preferences import (
    Choices,
    choices_of,
    corrections,
    offered_channels,
    statements,
)
from sojourn.domain.topics import Default, Topic
from sojourn.gateway.pages.choosing import Fields, without_all
from sojourn.store.tables import ConsentRow
from tests.support.effort import fewer

TOPICS = (
    Topic("cart", {}),
    Topic("onboarding", {}),
    Topic("newsletter", {}, default=Default.OFF),
)
CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)
PAIRS = [(channel, topic.id) for channel in CHANNELS for topic in TOPICS]
OWN = {topic.id for topic in TOPICS if topic.needs_own_yes}
FIELDS = Fields(TOPICS, (), ("en",), "UTC")
ADA = Customer("ada", email="ada@shop.example", phone="+393201234567")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

MANY = 10
"""The chance of a form that matters is small: these properties need more examples than others."""

on_channels = st.builds(Statement, st.sampled_from(CHANNELS), st.booleans())
on_topics = st.builds(
    Statement,
    st.sampled_from([None, *CHANNELS]),
    st.booleans(),
    st.sampled_from([topic.id for topic in TOPICS]),
)
histories = st.builds(
    list.__add__, st.lists(on_channels, max_size=4), st.lists(on_channels | on_topics, max_size=5)
)


@dataclass
class Record:
    """All that a customer has said, a second apart."""

    rows: list[ConsentRow] = field(default_factory=list)

    def say(self, said: Sequence[Statement]) -> None:
        for word in said:
            self.rows.append(
                ConsentRow(
                    customer_id="ada",
                    channel=word.channel or "",
                    topic=word.topic,
                    granted=word.granted,
                    at=self.now,
                    source="-",
                )
            )

    @property
    def now(self) -> datetime:
        return NOON + timedelta(seconds=len(self.rows))

    @property
    def stands(self) -> Consents:
        return standing(self.rows, self.now)

    @property
    def shown(self) -> Choices:
        return choices_of(ADA, self.stands, TOPICS, self.now)

    def comes(self, channel: Channel, topic: str) -> bool:
        return self.stands.refusal(channel, topic, needs_own_yes=topic in OWN) is None

    def save(self, was: Choices, want: Choices) -> None:
        """Take a form in, as `dispatch.choosing` does."""
        before = self.stands
        channels = offered_channels(ADA, before)
        self.say(statements(was, want, before, channels, TOPICS))
        now = self.stands
        self.say(corrections(was, want, before=before, now=now, channels=channels, topics=TOPICS))


def ticked(shown: Choices) -> set[str]:
    """Return the boxes of a page that are ticked."""
    return {
        *(f"channel.{channel}" for channel in shown.channels),
        *(f"topic.{topic}" for topic in shown.topics),
        *(f"by.{topic}.{channel}" for (channel, topic), on in shown.apart.items() if on),
    }


def boxes(shown: Choices) -> list[str]:
    return [
        *(f"channel.{channel}" for channel in CHANNELS),
        *(f"topic.{topic.id}" for topic in TOPICS),
        *(f"by.{topic}.{channel}" for channel, topic in shown.apart),
    ]


@fewer(MANY)
@given(st.data(), histories)
def test_what_is_unticked_stays_away_and_undo_brings_all_back(
    data: st.DataObject, history: list[Statement]
) -> None:
    record = Record()
    record.say(history)
    was, came = record.shown, {pair: record.comes(*pair) for pair in PAIRS}
    for channel, topic in PAIRS:
        assert was.comes(channel, topic) == came[channel, topic], "the page tells the truth"
    filled = ticked(was) ^ set(
        data.draw(st.lists(st.sampled_from(boxes(was)), unique=True, max_size=3))
    )
    want = FIELDS.wanted(was, dict.fromkeys(filled, "on"), "UTC", NOON)
    record.save(was, want)
    for channel, topic in PAIRS:
        if record.comes(channel, topic):
            away = {f"topic.{topic}", f"by.{topic}.{channel}"} & ticked(was) - filled
            assert not away
            assert f"channel.{channel}" not in ticked(was) - filled
    after = record.shown
    if filled == ticked(was):
        assert len(record.rows) == len(history), "saving without a change says nothing"
    record.save(after, was)
    assert {pair: record.comes(*pair) for pair in PAIRS} == came


@fewer(MANY)
@given(histories)
def test_one_button_stops_all_and_undo_takes_that_back(history: list[Statement]) -> None:
    record = Record()
    record.say(history)
    was, came = record.shown, {pair: record.comes(*pair) for pair in PAIRS}
    record.save(was, without_all(was))
    assert not any(record.comes(*pair) for pair in PAIRS)
    record.save(record.shown, was)
    assert {pair: record.comes(*pair) for pair in PAIRS} == came
