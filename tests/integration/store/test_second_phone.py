"""A second phone number on the card: kept, joined, exported, erased, and found by replies."""

import json
from uuid import uuid4

from sojourn.domain.messages import Channel
from sojourn.store import (
    Store,
    addresses,
    answers,
    cards,
    joining,
    kin,
    people,
    refusals,
    suppressions,
)
from sojourn.store.rights import person
from sojourn.store.tables import AddressRow
from tests.integration.store.test_erasing import erase, everything
from tests.integration.store.test_export import export
from tests.support.rows import NOON, identify

BRAZIL = "+5511991234567", "+551191234567"


def numbers() -> tuple[str, str]:
    first, second = (f"+3933{uuid4().int % 10**8:08}" for _ in range(2))
    return first, second


async def found(store: Store, customer_id: str) -> tuple[str, str]:
    async with store.reading() as session:
        card = await cards.find(session, customer_id)
    assert card is not None
    return card.phone, card.phone2


async def history(store: Store, customer_id: str) -> list[tuple[str, str]]:
    async with store.reading() as session:
        rows: list[AddressRow] = await addresses.history(session, customer_id)
    return [(row.kind, row.value) for row in rows]


async def test_the_latest_word_on_each_number_holds(store: Store, customer_id: str) -> None:
    first, second = numbers()
    await identify(store, customer_id, 2, phones=[first, second])
    await identify(store, customer_id, 1, phone2="+393330000000")
    assert await found(store, customer_id) == (first, second)
    await identify(store, customer_id, 3, phone2="")
    assert await found(store, customer_id) == (first, "")
    assert await history(store, customer_id) == [
        ("phone2", "+393330000000"),
        ("phone", first),
        ("phone2", second),
        ("phone2", ""),
    ]


async def test_a_number_without_a_country_is_read_by_that_of_the_card(
    store: Store, customer_id: str
) -> None:
    first, second = numbers()
    await identify(store, customer_id, 0, phone=first)
    await identify(store, customer_id, 1, phone2=second.removeprefix("+39"))
    assert await found(store, customer_id) == (first, second)


async def test_a_call_tells_the_first_number_although_the_second_has_no_country(
    store: Store, customer_id: str
) -> None:
    first, second = numbers()
    dialled = second.removeprefix("+39")
    await identify(store, customer_id, 0, phone2=dialled, plan="pro")
    assert await found(store, customer_id) == ("", "")
    await identify(store, customer_id, 1, phone=first, phone2=dialled)
    assert await found(store, customer_id) == (first, second)


async def test_an_alias_joins_the_numbers_field_by_field(store: Store, customer_id: str) -> None:
    (first, second), (late, _), anonymous = numbers(), numbers(), f"anon-{customer_id}"
    await identify(store, anonymous, 0, phone=first, phone2=second)
    await identify(store, customer_id, 1, phone=late)
    async with store.transaction() as session:
        await joining.join(session, anonymous, customer_id, at=NOON)
    assert await found(store, customer_id) == (late, second)
    assert ("phone", first) in await history(store, customer_id)


async def test_the_second_number_finds_its_customer(store: Store, customer_id: str) -> None:
    _, second = numbers()
    await identify(store, customer_id, 0, phone="+393330000001", phone2=second)
    async with store.reading() as session:
        for written in (second, f"whatsapp:{second}"):
            row = await answers.holder(session, Channel.WHATSAPP, written)
            assert row is not None
            assert row.customer_id == customer_id
    other = f"{customer_id}-other"
    await identify(store, other, 0, phone=second)
    async with store.reading() as session:
        assert await kin.of(session, *await people.find(session, customer_id)) == [other]
        assert await kin.of(session, *await people.find(session, other)) == [customer_id]


async def test_an_export_and_an_erasure_know_both_numbers_in_every_spelling(
    store: Store, customer_id: str
) -> None:
    first, second = numbers()
    await identify(store, customer_id, 0, phone=first, phone2=BRAZIL[0])
    await identify(store, customer_id, 1, phone2=second)
    async with store.transaction() as session:
        one = await person.person_of(session, customer_id)
        for number in (first, second, *BRAZIL):
            assert {(Channel.SMS, number), (Channel.WHATSAPP, number)} <= one.addresses
        await suppressions.add(
            session, Channel.SMS, second, because="bounced", at=NOON, source=customer_id
        )
        await refusals.add(session, Channel.WHATSAPP, second, topic="", at=NOON, source=customer_id)
    told = json.dumps(await export(store, customer_id))
    assert all(number in told for number in (first, second, BRAZIL[0]))
    await erase(store, customer_id)
    left = await everything(store, but=("erasures",))
    assert second not in left
    assert first not in left
    async with store.reading() as session:
        asked = [(Channel.SMS, second)]
        assert await suppressions.suppressed(session, asked) == set(asked)
        assert len(await refusals.against(session, [(Channel.WHATSAPP, second)])) == 1
