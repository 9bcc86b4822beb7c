"""Refusals by address: a stop word or a link speaks for everybody who has the address."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sojourn.domain.customer import read_identity
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.store import Store, cards, consents, refusals, reports

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def number() -> str:
    return f"+39333{uuid4().int % 10**7:07}"


async def identify(store: Store, customer_id: str, minutes: int = 0, **traits: Any) -> None:
    at = NOON + minutes * MINUTE
    call = read_identity(
        traits, customer_id=customer_id, message_id=str(uuid4()), at=at, received_at=at
    )
    async with store.transaction() as session:
        await cards.identify(session, call)


async def has_phone(store: Store, phone: str) -> str:
    """Return a customer who has this number and agreed to messages."""
    customer_id = str(uuid4())
    await identify(
        store, customer_id, phone=phone, marketingConsent={"sms": True, "whatsapp": True}
    )
    return customer_id


async def stop(
    store: Store, phone: str, minutes: int, channel: Channel = Channel.SMS, event_id: str = ""
) -> None:
    """Take a stop word in that is about no message of ours."""
    at = NOON + minutes * MINUTE
    told = Report(
        event_id or str(uuid4()),
        Kind.UNSUBSCRIBED,
        at - MINUTE,
        channel,
        address=phone,
        text="STOP",
    )
    async with store.transaction() as session:
        assert await reports.take(session, "twilio", told, at) is None


async def agrees(store: Store, customer_id: str, channel: Channel = Channel.SMS) -> bool | None:
    async with store.reading() as session:
        return (await consents.current(session, customer_id)).by_channel.get(channel)


async def test_a_stop_word_holds_for_everybody_with_the_number(store: Store) -> None:
    phone = number()
    guest, account = await has_phone(store, phone), await has_phone(store, phone)
    other = await has_phone(store, number())
    await stop(store, phone, 5)
    assert await agrees(store, guest) is await agrees(store, account) is False
    assert await agrees(store, other) is True
    assert await agrees(store, guest, Channel.WHATSAPP) is True, "it said no to texts"


async def test_a_stop_word_holds_for_a_card_that_gets_the_number_later(
    store: Store, customer_id: str
) -> None:
    phone = number()
    await stop(store, phone, 5)
    await identify(store, customer_id, 0, marketingConsent={"sms": True})
    assert await agrees(store, customer_id) is True
    await identify(store, customer_id, 9, phone=phone)
    assert await agrees(store, customer_id) is False


async def test_consent_that_a_person_gives_afterwards_lifts_it_for_that_person(
    store: Store,
) -> None:
    phone = number()
    guest, account = await has_phone(store, phone), await has_phone(store, phone)
    await stop(store, phone, 5)
    await identify(store, account, 4, marketingConsent={"sms": True})  # an older yes, come late
    assert await agrees(store, account) is False
    await identify(store, account, 6, marketingConsent={"sms": True})
    assert await agrees(store, account) is True
    assert await agrees(store, guest) is False


async def test_a_report_that_is_sent_again_is_no_new_refusal(store: Store) -> None:
    phone = number()
    account = await has_phone(store, phone)
    event_id = str(uuid4())
    await stop(store, phone, 5, event_id=event_id)
    await identify(store, account, 6, marketingConsent={"sms": True})
    await stop(store, phone, 7, event_id=event_id)
    assert await agrees(store, account) is True
    await stop(store, phone, 8)
    assert await agrees(store, account) is False


WRITTEN = {
    "Brazil, without the ninth digit": ("+5531987654399", "553187654399"),
    "Brazil, with it": ("+5531987654399", "5531987654399"),
    "Mexico, with 1": ("+525512345699", "5215512345699"),
    "Mexico, without": ("+525512345699", "525512345699"),
    "Argentina, without 9": ("+5491123456799", "541123456799"),
    "Argentina, with it": ("+5491123456799", "5491123456799"),
}


@pytest.mark.parametrize("case", WRITTEN)
async def test_a_number_is_the_same_as_whatsapp_writes_it(store: Store, case: str) -> None:
    phone, written = WRITTEN[case]
    account = await has_phone(store, phone)
    began = 1000 * list(WRITTEN).index(case)  # the cases of a store share these numbers
    await identify(store, account, began, marketingConsent={"whatsapp": True})
    assert await agrees(store, account, Channel.WHATSAPP) is True
    await stop(store, written, began + 1, Channel.WHATSAPP)
    assert await agrees(store, account, Channel.WHATSAPP) is False


async def test_the_newest_refusal_is_kept_in_any_order(store: Store, customer_id: str) -> None:
    address = f"{customer_id}@shop.example"
    await identify(store, customer_id, email=address.upper())
    for minutes in (5, 3):
        async with store.transaction() as session:
            await refusals.add(
                session,
                Channel.EMAIL,
                address,
                topic="cart",
                at=NOON + minutes * MINUTE,
                source="s",
            )
    async with store.reading() as session:
        (row,) = await refusals.against(session, [(Channel.EMAIL, f"<{address}>")])
        assert row.at == NOON + 5 * MINUTE
        stands = await consents.current(session, customer_id)
    assert stands.refused == {(Channel.EMAIL, "cart")}


async def test_an_empty_address_refuses_nothing(store: Store) -> None:
    async with store.transaction() as session:
        await refusals.add(session, Channel.SMS, "", topic="", at=NOON, source="s")
        assert not await refusals.against(session, [(Channel.SMS, "")])
