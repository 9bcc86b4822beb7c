"""Suppressed addresses: how they are compared, and how the gate queries them."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sojourn.domain.customer import Customer, read_identity
from sojourn.domain.messages import Channel
from sojourn.sending.gathering import recipient
from sojourn.store import Store, cards, suppressions
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
            assert await suppressions.lift(session, Channel.EMAIL, address) == was
    assert not await is_suppressed(store, Channel.EMAIL, f"{customer_id}@shop.example")


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
    async with store.reading() as session:
        return (await recipient(session, customer, "UTC")).suppressed
