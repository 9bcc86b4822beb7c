"""Words of customers in any order, with any clock, sent any number of times: a "no" holds."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.customer import Customer, Identity, read_identity
from sojourn.domain.messages import Channel
from sojourn.store import Store, addresses, cards, consents, people
from sojourn.store.hearing import REPEATS
from tests.support.effort import fewer

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Said:
    """A word on consent: by a call that tells its moment, or by a page, which tells none."""

    granted: bool
    told: int | None
    """Minutes from its arrival; later ones are those of a clock that is ahead."""


def identity(customer_id: str, at: datetime, **changes: Any) -> Identity:
    traits = changes.pop("traits")
    return read_identity(
        traits, customer_id=customer_id, message_id=changes.pop("id", str(uuid4())), at=at,
        **{"received_at": at, **changes},
    )  # fmt: skip


async def hear(store: Store, call: Identity, now: datetime | None = None) -> cards.Identified:
    async with store.transaction() as session:
        return await cards.hear(session, call, now=now or call.received_at)


async def agreed(store: Store, customer_id: str, channel: Channel = Channel.EMAIL) -> bool | None:
    async with store.reading() as session:
        return (await consents.current(session, customer_id)).by_channel.get(channel)


async def say(store: Store, customer_id: str, said: Sequence[Said]) -> None:
    """Say words that arrive a minute after each other."""
    for number, word in enumerate(said):
        arrived = NOON + number * MINUTE
        if word.told is None:
            async with store.transaction() as session:
                person = await people.lock(session, customer_id)
                await consents.record(
                    session, person, Channel.EMAIL,
                    granted=word.granted, received_at=arrived, source="page",
                )  # fmt: skip
            continue
        consent = {"marketingConsent": {"email": word.granted}}
        at = arrived + word.told * MINUTE
        await hear(store, identity(customer_id, at, received_at=arrived, traits=consent))


def stands(said: Sequence[Said]) -> bool | None:
    """Tell what must hold: the last "no", unless a "yes" came after it and is not older."""
    if not said:
        return None
    refusals = [number for number, word in enumerate(said) if not word.granted]
    if not refusals:
        return True
    last = refusals[-1]
    return any(
        word.told is None or number + min(word.told, 0) > last
        for number, word in enumerate(said)
        if number > last
    )


words = st.lists(
    st.builds(Said, st.booleans(), st.one_of(st.none(), st.integers(-12, 12))),
    min_size=1,
    max_size=8,
)


@fewer(1)
@given(said=words)
async def test_a_no_that_arrived_last_holds_whatever_senders_clocks_say(
    store: Store, said: list[Said]
) -> None:
    customer_id = str(uuid4())
    await say(store, customer_id, said)
    assert await agreed(store, customer_id) is stands(said)


calls = st.lists(
    st.tuples(
        st.fixed_dictionaries(
            {},
            optional={
                "email": st.sampled_from(["a@shop.example", "b@shop.example", ""]),
                "firstName": st.sampled_from(["Ada", "Eva"]),
                "plan": st.integers(0, 2),
                "marketingConsent": st.fixed_dictionaries({"email": st.booleans()}),
            },
        ).filter(bool),
        st.integers(-5, 5),
    ),
    min_size=1,
    max_size=6,
)


@fewer(0.5)
@given(said=calls, resent=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4))
async def test_a_call_that_is_sent_again_changes_nothing(
    store: Store,
    said: list[tuple[dict[str, Any], int]],
    resent: list[tuple[int, int]],
) -> None:
    """Without a timestamp, or with a kept ``sentAt``, a retry has another moment."""
    once, often = str(uuid4()), str(uuid4())

    def call(who: str, number: int, arrival: float) -> Identity:
        traits, told = said[number]
        at = NOON + (arrival + told) * MINUTE
        return identity(
            who, at, id=f"{who}-{number}", traits=traits, received_at=NOON + arrival * MINUTE
        )

    for number in range(len(said)):
        await hear(store, call(once, number, number))
        await hear(store, call(often, number, number))
        for which, after in resent:
            if which <= number == after:
                assert (await hear(store, call(often, which, number + 0.5))).repeated
    assert await _card(store, often) == await _card(store, once)
    assert await agreed(store, often) is await agreed(store, once)


async def _card(store: Store, customer_id: str) -> Customer:
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    return replace(found, customer_id="")


async def test_a_resent_yes_does_not_take_a_no_back(store: Store, customer_id: str) -> None:
    yes = {"email": "a@shop.example", "marketingConsent": {"email": True}}
    for minutes, call, traits in (
        (0, "i1", yes),
        (10, "i2", {"email": "b@shop.example", "marketingConsent": {"email": False}}),
        (20, "i1", yes),
    ):
        at = NOON + minutes * MINUTE
        await hear(store, identity(customer_id, at, id=f"{customer_id}{call}", traits=traits))
    assert await agreed(store, customer_id) is False
    assert (await _card(store, customer_id)).email == "b@shop.example"


async def test_another_content_under_a_used_id_is_another_call(
    store: Store, customer_id: str
) -> None:
    for granted in (True, False):
        traits = {"marketingConsent": {"email": granted}}
        heard = await hear(store, identity(customer_id, NOON, id=customer_id, traits=traits))
        assert not heard.repeated
    assert await agreed(store, customer_id) is False


async def _without_id(
    store: Store, customer_id: str, after: timedelta, *, granted: bool
) -> cards.Identified:
    """Hear a call without id and moment, whose id is made of its content."""
    call = identity(
        customer_id, NOON + after, sure=False, id=f"made-{customer_id}-{granted}",
        traits={"marketingConsent": {"email": granted}},
    )  # fmt: skip
    return await hear(store, call)


async def test_an_equal_call_without_id_and_moment_grants_nothing_again(
    store: Store, customer_id: str
) -> None:
    """A retry, or a copy of the whole customer every night, must not turn a no into a yes."""
    await _without_id(store, customer_id, 0 * MINUTE, granted=True)
    await _without_id(store, customer_id, MINUTE, granted=False)
    for nights in range(12):
        again = await _without_id(store, customer_id, timedelta(days=nights, hours=1), granted=True)
        assert again.repeated
    assert await agreed(store, customer_id) is False


async def test_an_equal_call_without_id_and_moment_refuses_again(
    store: Store, customer_id: str
) -> None:
    await _without_id(store, customer_id, 0 * MINUTE, granted=False)
    await hear(
        store,
        identity(customer_id, NOON + MINUTE, traits={"marketingConsent": {"email": True}}),
    )
    assert await agreed(store, customer_id) is True
    await _without_id(store, customer_id, 2 * MINUTE, granted=False)
    assert await agreed(store, customer_id) is False


async def test_an_equal_call_long_after_is_a_new_word(store: Store, customer_id: str) -> None:
    await _without_id(store, customer_id, 0 * MINUTE, granted=True)
    await _without_id(store, customer_id, MINUTE, granted=False)
    assert not (await _without_id(store, customer_id, 2 * REPEATS, granted=True)).repeated
    assert await agreed(store, customer_id) is True


async def test_a_call_dated_ahead_pins_neither_card_nor_consent(
    store: Store, customer_id: str
) -> None:
    ahead = identity(
        customer_id, NOON + timedelta(days=14), received_at=NOON,
        traits={"email": "old@shop.example", "marketingConsent": {"email": True}},
    )  # fmt: skip
    await hear(store, ahead)
    now = identity(
        customer_id, NOON + MINUTE,
        traits={"email": "new@shop.example", "marketingConsent": {"email": False}},
    )  # fmt: skip
    await hear(store, now)
    assert await agreed(store, customer_id) is False
    assert (await _card(store, customer_id)).email == "new@shop.example"


async def test_a_card_that_was_pinned_before_is_free_again(store: Store, customer_id: str) -> None:
    async with store.transaction() as session:
        row = await people.lock(session, customer_id)
        row.email, row.identified_at = "old@shop.example", NOON
        row.said = {"email": [(NOON + timedelta(days=14)).isoformat(), "old"]}
        session.add(row)
    await hear(store, identity(customer_id, NOON, traits={"email": "new@shop.example"}))
    assert (await _card(store, customer_id)).email == "new@shop.example"


# ---- the context -----------------------------------------------------------------------------

ROME = {"locale": "it-IT", "timezone": "Europe/Rome"}


async def test_the_context_tells_locale_and_zone_where_no_trait_does(
    store: Store, customer_id: str
) -> None:
    await hear(store, identity(customer_id, NOON, traits={"firstName": "Ada"}, context=ROME))
    card = await _card(store, customer_id)
    assert (card.locale, card.timezone) == ("it-IT", "Europe/Rome")


async def test_a_trait_outweighs_the_context_before_and_after(store: Store) -> None:
    calls = (
        {"traits": {"locale": "pl-PL", "timezone": "Europe/Warsaw"}},
        {"traits": {"firstName": "Ada"}, "context": ROME},
    )
    for order in itertools.permutations(calls):
        customer_id = str(uuid4())
        for minutes, call in enumerate(order):
            await hear(store, identity(customer_id, NOON + minutes * MINUTE, **call))
        card = await _card(store, customer_id)
        assert (card.locale, card.timezone) == ("pl-PL", "Europe/Warsaw")


async def test_a_trait_that_was_taken_back_leaves_the_field_to_the_context(
    store: Store, customer_id: str
) -> None:
    for minutes, call in enumerate(
        (
            {"traits": {"timezone": "Europe/Warsaw"}},
            {"traits": {"timezone": ""}},
            {"traits": {"firstName": "Ada"}, "context": ROME},
        )
    ):
        await hear(store, identity(customer_id, NOON + minutes * MINUTE, **call))
    assert (await _card(store, customer_id)).timezone == "Europe/Rome"


# ---- phones by the card's country ------------------------------------------------------------


async def test_a_number_is_read_by_the_country_of_the_card(store: Store) -> None:
    for known in ({"locale": "it-IT"}, {"address": {"country": "IT"}}, {"phone": "+39 02 1234567"}):
        customer_id = str(uuid4())
        await hear(store, identity(customer_id, NOON, traits=known))
        heard = await hear(
            store, identity(customer_id, NOON + MINUTE, traits={"phone": "320 1234567"})
        )
        assert heard.customer.phone == "+393201234567", known


async def test_a_number_whose_country_nothing_tells_is_left_out(
    store: Store, customer_id: str
) -> None:
    traits = {"phone": "320 1234567", "marketingConsent": {"sms": False}}
    heard = await hear(store, identity(customer_id, NOON, traits=traits))
    assert [fault.path for fault in heard.faults] == ["traits.phone"]
    assert heard.customer.phone == ""
    assert await agreed(store, customer_id, Channel.SMS) is False


# ---- deletion --------------------------------------------------------------------------------


async def test_a_deleted_person_is_not_reachable_and_stays_so(
    store: Store, customer_id: str
) -> None:
    everything = {
        "email": "a@shop.example",
        "phone": "+393201234567",
        "pushToken": "t",
        "firstName": "Ada",
        "lastName": "Byron",
    }
    await hear(store, identity(customer_id, NOON, traits=everything))
    async with store.transaction() as session:
        await cards.erase(session, customer_id, NOON + MINUTE)
    late = await hear(store, identity(customer_id, NOON + 2 * MINUTE, traits=everything))
    assert late.ended
    card = await _card(store, customer_id)
    assert card.erased
    assert card.reachable == frozenset()
    assert (card.first_name, card.attributes) == ("", {})
    async with store.reading() as session:
        assert await addresses.history(session, customer_id) == []


async def test_a_call_with_an_id_is_the_same_after_a_year(store: Store, customer_id: str) -> None:
    for days, granted in ((0, True), (1, False), (365, True)):
        at = NOON + timedelta(days=days)
        traits = {"marketingConsent": {"email": granted}}
        await hear(store, identity(customer_id, at, id=f"{customer_id}{granted}", traits=traits))
    assert await agreed(store, customer_id) is False
