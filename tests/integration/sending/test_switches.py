"""Operators' switches and `SOJOURN_ONLY_TO` at the gate, on the real database."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import col

from sojourn.domain.messages import Channel, MessageClass, Reason, Receipt, Status
from sojourn.domain.only_to import OnlyTo, read_only_to
from sojourn.domain.rules import NO_RULES
from sojourn.domain.switches import Part, Scope
from sojourn.domain.verdict import OnceMore
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.store import Store, against, switches
from sojourn.store.tables import SwitchRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, Desk, Killed

OWN = "own-topic"


@pytest.fixture(autouse=True)
async def nothing_stays(store: Store) -> AsyncIterator[None]:
    yield
    async with store.transaction() as session:  # tests share the store
        await session.exec(delete(SwitchRow).where(col(SwitchRow.name) == OWN))


async def pause(store: Store, scope: Scope = Scope.TOPIC, *, part: Part = Part.SENDS) -> None:
    async with store.transaction() as session:
        await switches.begin(
            session, scope, OWN, [part], closed=False, because="wrong price", by="anna"
        )


async def resume(store: Store, scope: Scope = Scope.TOPIC) -> None:
    async with store.transaction() as session:
        assert await switches.end(session, scope, OWN, list(Part), because="ok", by="anna")


@pytest.mark.parametrize("message_class", MessageClass)
async def test_a_message_waits_until_its_topic_is_resumed(
    desk: Desk, message_class: MessageClass
) -> None:
    await pause(desk.store)
    held = await desk.send(topic=OWN, message_class=message_class)
    assert (held.status, held.reason) == (Status.DEFERRED, Reason.HELD_BACK)
    assert held.until is not None
    row = await desk.row()
    assert (row.state, row.reason, row.held_until) == ("deferred", "held_back", held.until)
    await resume(desk.store)
    sent = await desk.send(topic=OWN, message_class=message_class, now=held.until)
    assert sent.status is Status.SENT
    assert len(desk.carrier.carried) == 1


async def test_a_journeys_switch_holds_back_its_messages_alone(desk: Desk) -> None:
    await pause(desk.store, Scope.JOURNEY)
    assert (await desk.send(journey=OWN)).reason is Reason.HELD_BACK
    assert (await desk.send(n=2, step="other")).status is Status.SENT


async def test_a_switch_of_entries_holds_back_no_message(desk: Desk) -> None:
    await pause(desk.store, part=Part.ENTRIES)
    assert (await desk.send(topic=OWN)).status is Status.SENT


async def test_a_purchase_settles_a_message_that_is_held_back(desk: Desk) -> None:
    await pause(desk.store)
    held = await desk.send(topic=OWN)
    assert held.until is not None
    await desk.buy()
    assert (await desk.send(topic=OWN, now=held.until)).reason is Reason.GOAL_REACHED


async def test_what_is_of_no_more_use_is_not_held_back(desk: Desk) -> None:
    await pause(desk.store)
    assert (await desk.send(topic=OWN, now=NOON + 2 * DAY)).reason is Reason.TOO_LATE


async def test_a_message_in_doubt_is_not_handed_over_again_while_it_is_held_back(
    desk: Desk,
) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die(topic=OWN)
    await pause(desk.store)
    given = desk.delivery(topic=OWN)
    answer = await desk.gate.pass_or_refuse(given, NOON + DAY + HOUR, once_more=OnceMore(1, True))
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.HELD_BACK
    assert (await desk.row()).state == "submitting"


async def test_an_answer_to_an_operator_waits_for_a_claim_that_has_read_already(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    if desk.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's writing transactions follow one another")
    reads, goes_on = asyncio.Event(), asyncio.Event()
    addresses = against.addresses

    async def slowly(*given: Any) -> Any:
        reads.set()
        await goes_on.wait()
        return await addresses(*given)

    monkeypatch.setattr(against, "addresses", slowly)
    given = desk.delivery(topic=OWN)
    claiming = asyncio.create_task(desk.gate.pass_or_refuse(given, NOON + DAY))
    await reads.wait()
    await pause(desk.store)
    assert not await switches.settle(desk.store, patience_ms=100)
    goes_on.set()
    assert isinstance(await claiming, Claim), "it had read before the pause"
    assert await switches.settle(desk.store)
    assert (await desk.send(n=2, step="other", topic=OWN)).reason is Reason.HELD_BACK


# ---- an installation that may not write to everybody ---------------------------------------


def gate(desk: Desk, only_to: str) -> Gate:
    given = read_only_to(only_to)
    assert isinstance(given, OnlyTo)
    return Gate(desk.store, Grounds(lambda: NO_RULES, "UTC", only_to=given))


async def ask(desk: Desk, only_to: str, **changes: object) -> Claim | Receipt:
    answer = await gate(desk, only_to).pass_or_refuse(desk.delivery(**changes), NOON + DAY)
    assert isinstance(answer, Claim | Receipt)
    return answer


@pytest.mark.parametrize("message_class", MessageClass)
async def test_an_installation_writes_only_to_whom_it_may(
    desk: Desk, message_class: MessageClass
) -> None:
    answer = await ask(desk, "@team.test", message_class=message_class)
    assert isinstance(answer, Receipt)
    assert (answer.status, answer.reason) == (Status.SKIPPED, Reason.ONLY_TO)
    row = await desk.row()
    assert (row.state, row.reason) == ("skipped", "only_to")
    assert isinstance(await ask(desk, "@shop.example", n=2, message_class=message_class), Claim)


async def test_a_message_takes_the_channel_whose_address_may_be_written_to(desk: Desk) -> None:
    channels = (Channel.EMAIL, Channel.SMS)
    answer = await ask(desk, "+39*", channels=channels, channel=Channel.SMS, template="nudge")
    assert isinstance(answer, Claim)
    assert answer.channel is Channel.SMS


async def test_a_message_in_doubt_goes_to_no_address_that_may_not_be_written_to(
    desk: Desk,
) -> None:
    """It would go to the address of the first time, which is another than the card's by now."""
    desk.carrier.answers.append(Killed())
    await desk.die()
    await desk.identify(1, email="ada@team.test")
    once_more = OnceMore(1, perhaps_twice=True)
    answer = await gate(desk, "@team.test").pass_or_refuse(
        desk.delivery(), NOON + DAY + HOUR, once_more=once_more
    )
    assert isinstance(answer, Receipt)
    assert (answer.status, answer.reason) == (Status.UNKNOWN, Reason.ONLY_TO)
    again = await Gate(desk.store, Grounds(lambda: NO_RULES, "UTC")).pass_or_refuse(
        desk.delivery(n=2, step="other"), NOON + DAY + HOUR
    )
    assert isinstance(again, Claim)
