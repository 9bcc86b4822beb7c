"""Evidence of consent: wording, proof and address; the end of a yes; what is measured; records."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col

from sojourn.domain import facts
from sojourn.domain.consent import Consents, Evidence, Purpose
from sojourn.domain.facts.judging import agrees
from sojourn.domain.messages import Channel, Reason
from sojourn.store import Store, cards, consents, people
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts import all as everybody
from sojourn.store.tables import ConsentRow, CustomerRow
from tests.support.effort import fewer
from tests.support.rows import HOUR, NOON, identify

EMAIL = Channel.EMAIL
DAY = timedelta(days=1)
FULL = Evidence(
    address="ada@shop.example",
    wording="Yes, send me offers by e-mail.",
    wording_version="2026-11",
    locale="en",
    proof="form 7, 192.0.2.7",
    expires_at=NOON + 10 * DAY,
)


async def say(
    store: Store, customer_id: str, channel: Channel | None = EMAIL, **word: Any
) -> datetime:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        given: dict[str, Any] = {"granted": True, "source": "form", "at": NOON, **word}
        return await consents.record(session, person, channel, **given)


async def rows(store: Store, customer_id: str) -> Sequence[ConsentRow]:
    async with store.reading() as session:
        return await consents.statements(session, customer_id)


async def stands(store: Store, customer_id: str, now: datetime = NOON) -> Consents:
    async with store.reading() as session:
        return await consents.current(session, customer_id, now=now)


async def test_a_statement_keeps_its_circumstances(store: Store, customer_id: str) -> None:
    for _ in range(2):  # the same statement again is no new one
        await say(store, customer_id, evidence=FULL)
    (row,) = await rows(store, customer_id)
    kept = Evidence(**{one.name: getattr(row, one.name) for one in fields(FULL)})
    assert kept == FULL
    assert row.purpose is None


async def test_a_statement_without_an_address_has_that_of_the_card(
    store: Store, customer_id: str
) -> None:
    await identify(store, customer_id, 0, email="ada@shop.example", phone="+393331234567")
    for channel in (EMAIL, Channel.SMS, Channel.PUSH):
        await say(store, customer_id, channel)
    await say(store, customer_id, None, topic="cart", granted=False)
    found = {row.channel: row.address for row in await rows(store, customer_id)}
    assert found == {"email": "ada@shop.example", "sms": "+393331234567", "push": None, "": None}


async def test_other_words_or_another_end_make_another_statement(
    store: Store, customer_id: str
) -> None:
    await say(store, customer_id, evidence=FULL)
    await say(store, customer_id, evidence=replace(FULL, wording_version="2026-12"), at=None)
    await say(store, customer_id, evidence=replace(FULL, expires_at=NOON + 99 * DAY), at=None)
    await say(store, customer_id, at=None)
    await say(store, customer_id, at=None)
    found = await rows(store, customer_id)
    assert [row.wording_version for row in found] == ["2026-11", "2026-12", "2026-11", None]
    assert found[-1].expires_at is None, "a yes that was said now, without an end, is the last word"


async def test_a_yes_holds_until_its_end_and_not_at_it(store: Store, customer_id: str) -> None:
    end = NOON + 10 * DAY
    await say(store, customer_id, evidence=FULL)
    before = await stands(store, customer_id, end - timedelta(microseconds=1))
    assert before.refusal(EMAIL, "cart") is None
    after = await stands(store, customer_id, end)
    assert (after.by_channel, after.expired) == ({EMAIL: False}, {(EMAIL, ""): end})
    assert after.refusal(EMAIL, "cart") is Reason.NO_CONSENT
    await say(store, customer_id, at=end)
    assert (await stands(store, customer_id, end)).refusal(EMAIL, "cart") is None


async def test_a_yes_to_a_topic_that_ran_out_is_no_consent_to_it(
    store: Store, customer_id: str
) -> None:
    await say(store, customer_id)
    await say(store, customer_id, topic="news", evidence=FULL)
    after = await stands(store, customer_id, NOON + 11 * DAY)
    assert after.refusal(EMAIL, "news") is Reason.NO_CONSENT
    assert after.refusal(EMAIL, "cart") is None


async def test_of_two_yeses_of_one_moment_the_one_that_ends_first_counts(
    store: Store, customer_id: str
) -> None:
    for evidence in (FULL, Evidence(), replace(FULL, expires_at=NOON + 20 * DAY)):
        await say(store, customer_id, evidence=evidence)
    assert (await stands(store, customer_id, NOON + 11 * DAY)).by_channel == {EMAIL: False}


async def test_to_be_measured_is_a_word_of_its_own(store: Store, customer_id: str) -> None:
    assert (await stands(store, customer_id)).opens is None
    await say(store, customer_id)
    assert (await stands(store, customer_id)).opens is None
    await say(store, customer_id, None, purpose=Purpose.OPENS, evidence=FULL)
    now = await stands(store, customer_id)
    assert (now.opens, now.by_channel, now.agreed) == (True, {EMAIL: True}, frozenset())
    assert (await stands(store, customer_id, NOON + 11 * DAY)).opens is False
    await say(store, customer_id, None, purpose=Purpose.OPENS, granted=False, at=NOON + HOUR)
    now = await stands(store, customer_id)
    assert (now.opens, now.by_channel, now.refused) == (False, {EMAIL: True}, frozenset())
    async with store.reading() as session:
        row = await consents.last(session, customer_id, None, purpose=Purpose.OPENS)
        assert await consents.last(session, customer_id, None, topic="opens") is None
    assert row is not None
    assert (row.channel, row.topic, row.purpose) == ("", "opens", "opens")


async def test_an_erased_person_leaves_the_words_and_no_address(
    store: Store, customer_id: str
) -> None:
    await identify(store, customer_id, 0, email="ada@shop.example")
    await say(store, customer_id, evidence=FULL)
    async with store.transaction() as session:
        await cards.erase(session, customer_id, NOON)
    (row,) = await rows(store, customer_id)
    assert (row.address, row.proof, row.wording) == (None, None, FULL.wording)


# ---- records of the past -------------------------------------------------------------------


async def test_a_remembered_no_counts_from_its_own_moment(store: Store, customer_id: str) -> None:
    """The customer said no in another tool, and yes to us since."""
    await say(store, customer_id, at=NOON + HOUR)
    await say(store, customer_id, granted=False, remembered=True)
    assert (await stands(store, customer_id)).by_channel == {EMAIL: True}
    await say(store, customer_id, granted=False, remembered=True, at=NOON + 2 * HOUR)
    assert (await stands(store, customer_id)).by_channel == {EMAIL: False}


async def test_a_remembered_no_takes_nothing_from_the_same_no_that_was_heard(
    store: Store, customer_id: str
) -> None:
    await say(store, customer_id, granted=False, received_at=NOON + 2 * HOUR)
    await say(store, customer_id, granted=False, remembered=True)
    await say(store, customer_id, at=NOON + HOUR)
    assert len(await rows(store, customer_id)) == 2
    assert (await stands(store, customer_id)).by_channel == {EMAIL: False}


async def test_a_remembered_yes_of_the_moment_of_a_no_is_no_yes(
    store: Store, customer_id: str
) -> None:
    await say(store, customer_id, granted=False, remembered=True)
    await say(store, customer_id, granted=True, remembered=True)
    assert (await stands(store, customer_id)).by_channel == {EMAIL: False}


remembered = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=7)


@fewer(1)
@given(said=remembered, order=st.randoms(use_true_random=False))
async def test_the_last_word_of_a_record_counts_in_any_order_and_however_often(
    store: Store, said: list[tuple[bool, int]], order: Any
) -> None:
    customer_id = str(uuid4())
    shuffled = [*said, *said[:2]]
    order.shuffle(shuffled)
    for granted, hours in shuffled:
        await say(store, customer_id, granted=granted, at=NOON + hours * HOUR, remembered=True)
    last = max(hours for _, hours in said)
    holds = (False, last) not in said
    assert (await stands(store, customer_id)).by_channel == {EMAIL: holds}
    assert len(await rows(store, customer_id)) == len(set(said))


# ---- facts about consent ---------------------------------------------------------------------

spoken = st.lists(
    st.tuples(
        st.sampled_from(["", "offers"]),
        st.booleans(),
        st.integers(-3, 0),
        st.sampled_from([None, None, -2, -1, 0, 1]),
    ),
    min_size=1,
    max_size=4,
)


@fewer(1)
@given(said=spoken)
async def test_sql_knows_which_yes_has_ended(
    store: Store, said: list[tuple[str, bool, int, int | None]]
) -> None:
    customer_id = str(uuid4())
    await identify(store, customer_id, 0, email=f"{customer_id}@shop.example")
    for topic, granted, day, end in said:
        ends = NOON + end * DAY if granted and end is not None else None
        await say(
            store, customer_id, granted=granted, at=NOON + day * DAY, topic=topic,
            evidence=Evidence(expires_at=ends), remembered=True,
        )  # fmt: skip
    words = await stands(store, customer_id)
    async with store.reading() as session:
        for topic in ("", "offers"):
            fact = facts.consents(EMAIL, topic)
            found = {}
            for holds, asked in ((True, fact), (False, ~fact)):
                query = everybody.holders(asked, NOON, postgresql=is_postgresql(session))
                connection = await session.connection()
                mine = query.where(col(CustomerRow.customer_id) == customer_id)
                if (await connection.execute(mine)).first():
                    found[topic] = holds
            assert found.get(topic) is agrees(words, EMAIL, topic)
