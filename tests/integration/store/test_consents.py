"""Statements of consent: the latest word counts, from any source."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from sojourn.domain.messages import Channel, Reason
from sojourn.store import (
    Store,
    consents,
    people,
)
from sojourn.store.tables import ConsentRow
from tests.support.rows import HOUR, NOON, identify


async def _agreed(store: Store, customer_id: str) -> bool | None:
    async with store.reading() as session:
        said = await consents.current(session, customer_id)
    return said.by_channel.get(Channel.EMAIL)


def _email(granted: bool) -> dict[str, bool]:
    return {"email": granted}


WORDS = {
    "a refusal after a grant": ([(1, True), (2, False)], False),
    "a grant after a refusal": ([(1, False), (2, True)], True),
    "an older grant that comes late": ([(2, False), (1, True)], False),
    "an older refusal that comes late": ([(2, True), (1, False)], False),
    "a grant that is retried after a refusal": ([(1, True), (2, False), (1, True)], False),
    "a refusal said twice, a late grant between": ([(1, False), (3, False), (2, True)], False),
    "a grant said twice, a late refusal between": ([(1, True), (3, True), (2, False)], False),
    "a grant after a refusal that came late": ([(2, True), (1, False), (3, True)], True),
    "a refusal before a grant of the same moment": ([(1, False), (1, True)], False),
    "a refusal after a grant of the same moment": ([(1, True), (1, False)], False),
    "a refusal between two grants of the same moment": ([(1, True), (1, False), (1, True)], False),
}


@pytest.mark.parametrize("case", WORDS)
async def test_the_latest_word_on_consent_counts(store: Store, customer_id: str, case: str) -> None:
    said, expected = WORDS[case]
    for hours, granted in said:
        await identify(store, customer_id, hours, marketingConsent=_email(granted))
    assert await _agreed(store, customer_id) is expected


async def test_a_refusal_by_form_stands_against_an_identify_of_the_same_moment(
    store: Store, customer_id: str
) -> None:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        for granted in (False, True):
            await consents.record(
                session, person, Channel.EMAIL, granted=granted, at=NOON, source="form"
            )
    assert await _agreed(store, customer_id) is False


async def test_a_repeated_call_leaves_one_statement(store: Store, customer_id: str) -> None:
    for _ in range(3):
        await identify(store, customer_id, 1, marketingConsent=_email(True))
    async with store.reading() as session:
        query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
        assert len(list(await session.exec(query))) == 1


async def _say(store: Store, customer_id: str, *, granted: bool, at: datetime | None) -> datetime:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        return await consents.record(
            session, person, Channel.EMAIL, granted=granted, at=at, source="test"
        )


async def _statements(store: Store, customer_id: str) -> Sequence[ConsentRow]:
    async with store.reading() as session:
        return await consents.statements(session, customer_id)


async def test_no_word_is_later_than_its_arrival(store: Store, customer_id: str) -> None:
    ahead = datetime.now(UTC) + HOUR
    assert await _say(store, customer_id, granted=True, at=ahead) <= datetime.now(UTC)
    await _say(store, customer_id, granted=False, at=None)
    assert await _agreed(store, customer_id) is False
    assert await _say(store, customer_id, granted=True, at=ahead) <= datetime.now(UTC)
    assert await _agreed(store, customer_id) is True


async def test_a_refusal_outweighs_a_row_that_a_clock_ahead_has_left(
    store: Store, customer_id: str
) -> None:
    ahead = datetime.now(UTC) + HOUR
    async with store.transaction() as session:
        session.add(
            ConsentRow(
                customer_id=customer_id, channel="email", granted=True, at=ahead, source="old"
            )
        )
    await _say(store, customer_id, granted=False, at=None)
    assert await _agreed(store, customer_id) is False


async def test_words_of_one_request_are_in_the_order_of_their_clock(
    store: Store, customer_id: str
) -> None:
    """Somebody who was offline says no, then yes; both arrive together."""
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        for minutes, granted in ((0, False), (20, True)):
            await consents.record(
                session,
                person,
                Channel.EMAIL,
                granted=granted,
                at=NOON + minutes * HOUR / 60,
                received_at=NOON + HOUR,
                source=f"{minutes}",
            )
    assert await _agreed(store, customer_id) is True


async def test_a_repeated_refusal_counts_from_its_last_arrival(
    store: Store, customer_id: str
) -> None:
    for hours in (0, 3):
        async with store.transaction() as session:
            await consents.record(
                session,
                await people.lock(session, customer_id),
                Channel.EMAIL,
                granted=False,
                received_at=NOON + hours * HOUR,
                source="a link",
            )
    assert len(await _statements(store, customer_id)) == 1
    await _say(store, customer_id, granted=True, at=NOON + 2 * HOUR)
    assert await _agreed(store, customer_id) is False


async def test_a_word_said_now_is_dated_now(store: Store, customer_id: str) -> None:
    await _say(store, customer_id, granted=True, at=NOON)
    before = datetime.now(UTC)
    assert before <= await _say(store, customer_id, granted=False, at=None) <= datetime.now(UTC)


async def test_a_word_said_now_that_stands_already_is_not_kept_again(
    store: Store, customer_id: str
) -> None:
    await _say(store, customer_id, granted=False, at=NOON)
    assert await _say(store, customer_id, granted=False, at=None) == NOON
    assert len(await _statements(store, customer_id)) == 1


async def test_an_older_word_that_arrives_late_is_kept_and_changes_nothing(
    store: Store, customer_id: str
) -> None:
    await _say(store, customer_id, granted=False, at=NOON + HOUR)
    assert await _say(store, customer_id, granted=False, at=NOON) == NOON
    assert await _say(store, customer_id, granted=True, at=NOON) == NOON
    assert [row.at for row in await _statements(store, customer_id)] == [NOON, NOON, NOON + HOUR]
    assert await _agreed(store, customer_id) is False


async def test_a_word_is_about_its_channel_and_topic_alone(store: Store, customer_id: str) -> None:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        for channel, topic in ((Channel.EMAIL, "cart"), (None, "cart"), (Channel.SMS, "")):
            await consents.record(
                session, person, channel, granted=False, at=NOON, source="test", topic=topic
            )
        assert await consents.last(session, customer_id, Channel.EMAIL, "cart") is not None
        assert await consents.last(session, customer_id, Channel.EMAIL) is None
        assert await consents.last(session, customer_id, Channel.EMAIL, "newsletter") is None
        stands = await consents.current(session, customer_id)
    assert stands.by_channel == {Channel.SMS: False}
    assert stands.refused == {(Channel.EMAIL, "cart"), (None, "cart")}


TOPICS = {
    "a yes to the topic alone": ([("cart", True)], True),
    "a no to the channel before it": ([("", False), ("cart", True)], True),
    "a no to the channel after it": ([("cart", True), ("", False)], False),
    "a yes to the channel after both": ([("cart", True), ("", False), ("", True)], True),
    "a no to the topic": ([("", True), ("cart", True), ("cart", False)], False),
}


@pytest.mark.parametrize("case", TOPICS)
async def test_a_yes_to_a_topic_opens_the_channel_for_it_until_a_later_no(
    store: Store, customer_id: str, case: str
) -> None:
    said, expected = TOPICS[case]
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        for hours, (topic, granted) in enumerate(said):
            at = NOON + hours * HOUR
            await consents.record(
                session, person, Channel.EMAIL, granted=granted, at=at, source="t", topic=topic
            )
        stands = await consents.current(session, customer_id)
    assert (stands.refusal(Channel.EMAIL, "cart") is None) is expected
    assert stands.refusal(Channel.SMS, "cart") is Reason.NO_CONSENT


async def test_a_no_to_a_channel_holds_against_a_yes_to_a_topic_that_a_fast_clock_told(
    store: Store, customer_id: str
) -> None:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        for topic, granted, at in (("cart", True, NOON + HOUR), ("", False, NOON)):
            await consents.record(
                session, person, Channel.EMAIL, granted=granted, at=at, source="t", topic=topic
            )
        stands = await consents.current(session, customer_id)
    assert stands.refusal(Channel.EMAIL, "cart") is Reason.NO_CONSENT
