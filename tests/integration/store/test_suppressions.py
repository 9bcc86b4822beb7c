"""Suppressed addresses: how they are compared, and how the gate queries them."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from sojourn.domain.customer import Customer, read_identity
from sojourn.domain.messages import Channel
from sojourn.sending.gathering import as_recipient
from sojourn.store import Store, against, cards, consents, refusals, suppressions
from sojourn.store.suppressions import Asked
from sojourn.store.tables import SuppressionRow

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def suppress(store: Store, channel: Channel, address: str, hours: int = 0) -> None:
    async with store.transaction() as session:
        await suppressions.add(
            session,
            channel,
            address,
            because="bounced",
            at=NOON + hours * HOUR,
            source=f"s:{hours}",
        )


async def is_suppressed(store: Store, channel: Channel, address: str) -> bool:
    async with store.reading() as session:
        return bool(await suppressions.suppressed(session, [(channel, address)]))


def number() -> str:
    return f"+39333{uuid4().int % 10**7:07}"


async def test_an_e_mail_address_is_the_same_in_capitals(store: Store, customer_id: str) -> None:
    await suppress(store, Channel.EMAIL, f"Ada.{customer_id}@Shop.EXAMPLE")
    asked = [
        (Channel.EMAIL, f"ada.{customer_id}@shop.example"),
        (Channel.EMAIL, f" ADA.{customer_id}@SHOP.example"),
        (Channel.EMAIL, f"eva.{customer_id}@shop.example"),
    ]
    async with store.reading() as session:
        assert await suppressions.suppressed(session, asked) == set(asked[:2])
        assert await suppressions.suppressed(session, []) == set()


@pytest.mark.parametrize("spelling", ["{}", "whatsapp:+{}", "+{}"])
async def test_a_number_is_the_same_however_it_is_written(store: Store, spelling: str) -> None:
    written = number()
    await suppress(store, Channel.WHATSAPP, spelling.format(written.removeprefix("+")))
    assert await is_suppressed(store, Channel.WHATSAPP, written)


async def test_sms_and_whatsapp_are_suppressed_separately(store: Store) -> None:
    written = number()
    await suppress(store, Channel.WHATSAPP, written)
    assert not await is_suppressed(store, Channel.SMS, written)


async def test_device_tokens_are_compared_exactly(store: Store, customer_id: str) -> None:
    await suppress(store, Channel.PUSH, f"{customer_id}aB")
    assert await is_suppressed(store, Channel.PUSH, f"{customer_id}aB")
    assert not await is_suppressed(store, Channel.PUSH, f"{customer_id}AB")


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
async def test_the_earliest_suppression_is_kept_in_any_order_of_arrival(
    store: Store, customer_id: str, order: tuple[int, ...]
) -> None:
    for hours in order:
        await suppress(store, Channel.EMAIL, f"{customer_id}@shop.example", hours)
    async with store.reading() as session:
        row = await session.get(SuppressionRow, ("email", f"{customer_id}@shop.example"))
    assert row is not None
    assert (row.at, row.source) == (NOON + HOUR, "s:1")


async def test_a_suppression_can_be_lifted(store: Store, customer_id: str) -> None:
    await suppress(store, Channel.EMAIL, f"{customer_id}@shop.example")
    for was in (True, False):
        async with store.transaction() as session:
            address = f"{customer_id}@SHOP.example"
            lifted = suppressions.lift(session, Channel.EMAIL, address, at=NOON, by="anna")
            assert await lifted == was
    assert not await is_suppressed(store, Channel.EMAIL, f"{customer_id}@shop.example")


LIFTED: dict[str, tuple[list[int | str], bool]] = {
    "a report of before the lift": ([0, "lift 2", 1], False),
    "a report of the moment of the lift": ([0, "lift 2", 2], False),
    "a report of after the lift": ([0, "lift 2", 3], True),
    "an older one after a newer one": ([0, "lift 2", 3, 1], True),
    "the same report again": ([1, "lift 2", 1, 1], False),
    "lifted twice": ([0, "lift 2", 3, "lift 4", 3], False),
    "lifted twice, and reported since": ([0, "lift 2", 3, "lift 4", 5], True),
}


@pytest.mark.parametrize("erased", [False, True])
@pytest.mark.parametrize("case", LIFTED)
async def test_a_lifted_suppression_returns_by_a_later_report_alone(
    store: Store, customer_id: str, case: str, *, erased: bool
) -> None:
    told, holds = LIFTED[case]
    address = f"{customer_id}@shop.example"
    for number, what in enumerate(told):
        if isinstance(what, int):
            await suppress(store, Channel.EMAIL, address, what)
            continue
        async with store.transaction() as session:
            at = NOON + int(what.removeprefix("lift ")) * HOUR
            await suppressions.lift(session, Channel.EMAIL, address, at=at, by="anna")
            if erased and number == 1:
                await suppressions.forget(session, address)
    assert await is_suppressed(store, Channel.EMAIL, address) is holds


ADDRESSES = {
    Channel.EMAIL: ("Ada.{}@Shop.EXAMPLE", "ada.{}@shop.example"),
    Channel.SMS: ("+39333{}", "39333{}"),
    Channel.WHATSAPP: ("+39333{}", "whatsapp:+39333{}"),
    Channel.PUSH: ("token:{}", "token:{}"),
}


@pytest.mark.parametrize("channel", list(Channel))
async def test_a_suppression_outlives_the_address(store: Store, channel: Channel) -> None:
    mark = f"{uuid4().int % 10**7:07}"
    written, again = (one.format(mark) for one in ADDRESSES[channel])
    await suppress(store, channel, written)
    async with store.transaction() as session:
        for _ in range(2):  # the second time there is nothing to do
            await suppressions.forget(session, again)
    async with store.reading() as session:
        rows = (await session.exec(select(SuppressionRow))).all()
        assert not [row for row in rows if mark in row.address]
    assert await is_suppressed(store, channel, written)
    assert await is_suppressed(store, channel, again)
    assert not await is_suppressed(store, channel, written + "1")
    # a bounce of the same address, which is known again, makes no second row
    await suppress(store, channel, written, 3)
    async with store.reading() as session:
        found = [row async for row in suppressions.listed(session, Asked(address=written))]
    assert [(row.address.startswith("digest:"), row.at) for row in found] == [(True, NOON)]


async def test_a_forgotten_suppression_keeps_no_words_of_operators(
    store: Store, customer_id: str
) -> None:
    address = f"{customer_id}@shop.example"
    async with store.transaction() as session:
        await suppressions.add(
            session, Channel.EMAIL, address, because="Ada rang us", at=NOON, source="anna"
        )
        await suppressions.forget(session, address)
        (row,) = [row async for row in suppressions.listed(session, Asked(address=address))]
    assert (row.because, row.source) == ("by hand", "by hand")


async def test_a_report_on_somebody_erased_is_kept_as_a_digest(
    store: Store, customer_id: str
) -> None:
    address = f"{customer_id}@shop.example"
    async with store.transaction() as session:
        await suppressions.add(
            session, Channel.EMAIL, address, because="bounced", at=NOON, source="s", hidden=True
        )
        assert await session.get(SuppressionRow, ("email", address)) is None
    assert await is_suppressed(store, Channel.EMAIL, address)


async def test_a_refusal_outlives_the_address(store: Store, customer_id: str) -> None:
    address = f"{customer_id}@shop.example"
    pair = (Channel.EMAIL, address.upper())
    async with store.transaction() as session:
        for topic, hours in (("", 1), ("cart", 2)):
            await refusals.add(session, *pair, topic=topic, at=NOON + hours * HOUR, source="a link")
        await suppressions.forget(session, address)
        await refusals.add(session, *pair, topic="cart", at=NOON, source="an older one")
        await suppressions.forget(session, address)
        found = await refusals.against(session, [pair])
        assert [(row.topic, row.at) for row in found] == [
            ("", NOON + HOUR),
            ("cart", NOON + 2 * HOUR),
        ]
        assert not [row for row in found if customer_id in row.address]
        await refusals.lift(session, *pair, "cart")
        assert [row.topic for row in await refusals.against(session, [pair])] == [""]


async def test_suppressions_are_listed_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "_PAGE", 2)
    mark = uuid4().hex
    for number in range(5):
        await suppress(store, Channel.PUSH, f"{mark}{number}")

    async def found(limit: int | None = None) -> list[str]:
        async with store.reading() as session:
            rows = suppressions.listed(session, Asked(channel=Channel.PUSH), limit=limit)
            return [row.address[-1] async for row in rows if row.address.startswith(mark)]

    assert await found() == ["0", "1", "2", "3", "4"]
    assert len([one async for one in _some(store, 3)]) == 3


async def _some(store: Store, limit: int) -> AsyncIterator[SuppressionRow]:
    async with store.reading() as session:
        async for row in suppressions.listed(session, Asked(channel=Channel.PUSH), limit=limit):
            yield row


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS, Channel.PUSH])
async def test_an_empty_address_cannot_be_suppressed(store: Store, channel: Channel) -> None:
    with pytest.raises(ValueError, match="empty"):
        await suppress(store, channel, "")


async def test_the_gate_learns_which_channels_are_dead(store: Store, customer_id: str) -> None:
    email, phone = f"Ada-{customer_id}@shop.example", number()
    identity = read_identity(
        {"email": email, "phone": phone}, customer_id=customer_id, message_id="i", at=NOON
    )
    async with store.transaction() as session:
        customer = await cards.identify(session, identity)
    assert await _dead(store, customer) == frozenset()
    await suppress(store, Channel.EMAIL, email.lower())
    await suppress(store, Channel.SMS, phone)
    assert await _dead(store, customer) == {Channel.EMAIL, Channel.SMS}


async def _dead(store: Store, customer: Customer) -> frozenset[Channel]:
    pairs = [(channel, one) for channel in Channel for one in customer.addresses(channel)]
    async with store.reading() as session:
        known = await against.addresses(session, pairs)
        # the gate asks by one statement; others ask one after the other
        assert known.dead == await suppressions.suppressed(session, pairs)
        refused = await refusals.against(session, pairs)
        assert [(one.address, one.at) for one in known.refused] == [
            (one.address, one.at) for one in refused
        ]
        said = await consents.current(session, customer.customer_id, now=NOON)
    return as_recipient(customer, said, "UTC", dead=known.dead).suppressed
