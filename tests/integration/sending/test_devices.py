"""A push message goes to each device of the customer, and is one message."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from sojourn.channels.provider import Parcel
from sojourn.domain.devices import Device
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    EndpointGone,
    RateLimited,
    TransientError,
)
from sojourn.domain.messages import Channel, MessageClass, Reason, Status
from sojourn.sending.recording import Recorder
from sojourn.store import devices, handovers, people, suppressions
from sojourn.store.tables import DeviceRow, HandoverRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, Carrier, Desk, Killed

PUSH: dict[str, Any] = {"channels": (Channel.PUSH,), "template": "nudge", "step": "nudge"}
NEEDED = {**PUSH, "message_class": MessageClass.TRANSACTIONAL}


class ToDevices(Carrier):
    """A provider that answers for each device by itself."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(idempotent=False)
        self.card, self.phone, self.tablet = (
            f"{name}-of-{customer_id}" for name in ("token", "phone", "tablet")
        )
        self.of: dict[str, BaseException] = {}
        self.tried: list[str] = []

    async def send(self, parcel: Parcel) -> str:
        self.tried.append(parcel.address)
        if error := self.of.get(parcel.address):
            raise error
        self.carried.append(parcel)
        return f"id-{parcel.address}"


@pytest.fixture
async def phones(desk: Desk) -> ToDevices:
    """Let the desk's customer have three devices: one by trait, two by their apps."""
    desk.carrier = carrier = ToDevices(desk.customer_id)
    await desk.identify(pushToken=carrier.card)
    await use(desk, carrier.tablet, "android", hours=-3)
    await use(desk, carrier.phone, "ios", hours=-2)
    return carrier


async def use(desk: Desk, token: str, platform: str = "", *, hours: float = -1) -> None:
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        at = NOON + hours * HOUR
        await devices.hear(session, person, Device(token, platform), at=at, source="call")


async def known(desk: Desk) -> list[DeviceRow]:
    async with desk.store.reading() as session:
        return list(await devices.listed(session, desk.customer_id))


async def told(desk: Desk) -> dict[str, str]:
    """Return the state of the newest row's hand-over by device."""
    async with desk.store.reading() as session:
        number = (await desk.rows())[-1].id
        assert number is not None
        rows: list[HandoverRow] = list(await handovers.last(session, number))
    return {row.address: row.state.value for row in rows}


async def ends(desk: Desk, phones: ToDevices) -> list[str]:
    states = await told(desk)
    return [states[phones.card], states[phones.phone], states[phones.tablet]]


async def test_one_message_goes_to_every_device(desk: Desk, phones: ToDevices) -> None:
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert sorted(phones.tried) == [phones.phone, phones.tablet, phones.card]
    row = await desk.row()
    assert (row.state, row.attempt) == ("sent", 1)
    assert len(await desk.attempts()) == 1
    assert await told(desk) == dict.fromkeys([phones.card, phones.phone, phones.tablet], "accepted")
    # no provider takes the second device's message for a repeated one
    assert len({parcel.reference for parcel in phones.carried}) == 3
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert len(phones.tried) == 3


async def test_a_customer_with_one_device_has_the_message_under_its_own_key(desk: Desk) -> None:
    assert (await desk.send(**PUSH)).status is Status.SENT
    (parcel,) = desk.carrier.carried
    assert parcel.ledger_key == (await desk.row()).ledger_key
    assert list((await told(desk)).values()) == ["accepted"]


async def test_a_dead_device_goes_and_the_others_stay(desk: Desk, phones: ToDevices) -> None:
    phones.of[phones.phone] = EndpointGone("UNREGISTERED phone")
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert await told(desk) == {
        phones.card: "accepted",
        phones.phone: "refused",
        phones.tablet: "accepted",
    }
    gone = {row.token: row.gone_at is not None for row in await known(desk)}
    assert gone == {phones.phone: True, phones.tablet: False}
    async with desk.store.reading() as session:
        pairs = [(Channel.PUSH, token) for token in [phones.card, *gone]]
        assert await suppressions.suppressed(session, pairs) == {(Channel.PUSH, phones.phone)}
    phones.tried.clear()
    await desk.send(**PUSH, n=2)
    assert sorted(phones.tried) == [phones.tablet, phones.card]


async def test_a_message_is_rejected_once_the_last_device_is_gone(
    desk: Desk, phones: ToDevices
) -> None:
    phones.of |= dict.fromkeys(
        [phones.phone, phones.tablet, phones.card], EndpointGone("UNREGISTERED")
    )
    receipt = await desk.send(**PUSH)
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.INVALID_ADDRESS)
    assert all(row.gone_at for row in await known(desk))
    assert (await desk.send(**PUSH, n=2)).reason in (Reason.SUPPRESSED, Reason.NO_ADDRESS)


async def test_a_message_that_one_device_took_is_sent_and_not_retried_on_the_others(
    desk: Desk, phones: ToDevices
) -> None:
    phones.of |= {phones.phone: RateLimited("slow down"), phones.tablet: AmbiguousSend("no answer")}
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert await told(desk) == {
        phones.card: "accepted",
        phones.phone: "released",
        phones.tablet: "ambiguous",
    }
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert sorted(phones.tried) == [phones.phone, phones.tablet, phones.card]


async def test_a_retry_goes_to_no_device_that_refused_the_message(
    desk: Desk, phones: ToDevices
) -> None:
    phones.of |= {
        phones.card: ContentRejected("too large"),
        phones.phone: RateLimited("slow down", retry_after=timedelta(seconds=9)),
        phones.tablet: TransientError("HTTP 503"),
    }
    again = await desk.again(**PUSH)
    assert again.next_retry_delay == timedelta(seconds=9)
    phones.of.clear()
    phones.tried.clear()
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert sorted(phones.tried) == [phones.phone, phones.tablet]
    assert await told(desk) == {
        phones.card: "refused",
        phones.phone: "accepted",
        phones.tablet: "accepted",
    }


async def test_the_refusal_of_our_account_pauses_unless_a_device_took_the_message(
    desk: Desk, phones: ToDevices
) -> None:
    phones.of[phones.phone] = AccountError("THIRD_PARTY_AUTH_ERROR")
    assert (await desk.send(**PUSH)).status is Status.SENT
    assert await desk.pauses() == {}
    phones.of |= dict.fromkeys([phones.card, phones.tablet], AccountError("HTTP 401"))
    assert (await desk.send(**PUSH, n=2)).reason is Reason.PAUSED
    assert list(await desk.pauses()) == [Channel.PUSH]


async def test_a_promotional_message_in_doubt_goes_to_no_device_again(
    desk: Desk, phones: ToDevices
) -> None:
    phones.of |= {
        phones.card: AmbiguousSend("no answer"),
        phones.phone: TransientError("HTTP 503"),
        phones.tablet: EndpointGone("UNREGISTERED"),
    }
    assert (await desk.send(**PUSH)).status is Status.UNKNOWN
    assert len(phones.tried) == 3


async def test_a_needed_message_in_doubt_goes_once_more_to_the_device_that_lacks_it(
    desk: Desk, phones: ToDevices
) -> None:
    phones.of |= {
        phones.card: AmbiguousSend("no answer"),
        phones.phone: TransientError("HTTP 503"),
        phones.tablet: EndpointGone("UNREGISTERED"),
    }
    with pytest.raises(ApplicationError):
        await desk.send(**NEEDED)
    phones.of.clear()
    phones.tried.clear()
    assert (await desk.send(**NEEDED)).status is Status.SENT
    assert phones.tried == [phones.phone]
    assert await told(desk) == {
        phones.card: "ambiguous",
        phones.phone: "accepted",
        phones.tablet: "refused",
    }


async def test_after_a_kill_a_needed_message_goes_once_more_to_all_of_them(
    desk: Desk, phones: ToDevices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "sent", die)
        await desk.die(**NEEDED)
    assert (await desk.send(**NEEDED)).status is Status.SENT
    assert sorted(phones.tried) == [
        phones.phone,
        phones.phone,
        phones.tablet,
        phones.tablet,
        phones.card,
        phones.card,
    ]
    assert (await desk.row()).possible_duplicate
    assert len({parcel.reference for parcel in phones.carried}) == 3  # the same keys again


async def test_a_provider_that_can_be_asked_is_asked_for_each_device(
    desk: Desk, phones: ToDevices, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones.support_lookup()
    phones.of[phones.card] = phones.of[phones.phone] = TransientError("HTTP 503")

    async def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "sent", die)
        await desk.die(**PUSH)
    assert (await desk.send(**PUSH, now=NOON + DAY + HOUR)).status is Status.SENT
    assert sorted(phones.tried) == [phones.phone, phones.tablet, phones.card]


async def test_a_device_belongs_to_whoever_used_it_last(desk: Desk, phones: ToDevices) -> None:
    async with desk.store.transaction() as session:
        other = await people.lock(session, f"{desk.customer_id}-other")
        for token in (phones.card, phones.phone):
            await devices.hear(session, other, Device(token), at=NOON, source="call")
    await use(desk, phones.phone, hours=-1)  # an older word that comes late
    await desk.send(**PUSH)
    assert phones.tried == [phones.tablet]


async def test_the_trait_replaces_the_device_that_it_named_and_no_other(
    desk: Desk, phones: ToDevices
) -> None:
    await desk.identify(1, pushToken="newer")
    await desk.send(**PUSH)
    assert sorted(phones.tried) == sorted(["newer", phones.phone, phones.tablet])
    await desk.identify(2, pushToken="")
    phones.tried.clear()
    await desk.send(**PUSH, n=2)
    assert sorted(phones.tried) == [phones.phone, phones.tablet]


@pytest.mark.parametrize("count", [3, 25])
async def test_a_customer_has_so_many_devices_and_no_more(desk: Desk, count: int) -> None:
    for n in range(count):
        await use(desk, f"{desk.customer_id}-{n}", hours=n)
    tokens = [row.token for row in await known(desk)]
    kept = reversed(range(max(0, count - 20), count))
    assert tokens == [f"{desk.customer_id}-{n}" for n in kept]
