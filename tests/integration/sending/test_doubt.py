"""Messages in doubt: looked up, reported, repeated or left unknown."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    EndpointGone,
    TransientError,
)
from sojourn.domain.messages import Channel, MessageClass, Reason, Status
from sojourn.domain.states import MessageState
from sojourn.store import settling
from tests.support.desk import DAY, MINUTE, NUDGE, Carrier, Desk, Killed, killing


async def test_a_message_in_doubt_is_looked_up_after_a_while(desk: Desk) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    again = await desk.again()
    assert again.next_retry_delay == MINUTE
    early = await desk.again(waited=MINUTE / 2)
    assert early.next_retry_delay == MINUTE / 2
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.provider_id, row.possible_duplicate) == ("sent", "found-1", False)
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.settled_by) == ("accepted", "look-up")
    assert len(desk.carrier.carried) == 1


@pytest.mark.parametrize("message_class", list(MessageClass))
async def test_a_message_that_the_provider_does_not_have_is_sent(
    desk: Desk, message_class: MessageClass
) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again(message_class=message_class)
    desk.carrier.carried.clear()  # the message never arrived there
    sent = await desk.send(waited=MINUTE, message_class=message_class)
    assert sent.status is Status.SENT
    assert not (await desk.row()).possible_duplicate
    assert [(a.state, a.settled_by) for a in await desk.attempts()] == [
        ("released", "look-up"),
        ("accepted", "answer"),
    ]


async def test_a_look_up_outranks_a_purchase_that_came_since(desk: Desk) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(Killed())
    await desk.die()
    await desk.buy()
    assert (await desk.send(waited=MINUTE)).status is Status.SENT  # the message did go out


async def test_a_look_up_that_fails_is_made_again_until_the_message_is_of_no_use(
    desk: Desk,
) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again()
    desk.carrier.found = TransientError("search is down")
    await desk.again(waited=MINUTE)
    assert (await desk.row()).state == "submitting"
    assert (await desk.send(waited=DAY + MINUTE)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1


async def test_a_provider_that_reports_gets_time_to_report(desk: Desk) -> None:
    desk.carrier.support_webhooks()
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    again = await desk.again(**needed)
    assert again.next_retry_delay == MINUTE / 2
    async with desk.store.transaction() as session:  # a webhook's report settles the row like this
        row = await desk.row()
        assert row.id is not None
        await settling.settle(session, row.id, MessageState.SENT, by="report", provider_id="p1")
    assert (await desk.send(**needed)).status is Status.SENT
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.settled_by) == ("accepted", "report")


async def test_a_provider_that_did_not_report_gets_the_message_once_more(desk: Desk) -> None:
    desk.carrier.support_webhooks()
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again(**needed)
    assert (await desk.send(**needed, waited=MINUTE)).status is Status.SENT
    assert (await desk.row()).possible_duplicate
    assert [a.state for a in await desk.attempts()] == ["superseded", "accepted"]


async def test_another_provider_knows_no_message_of_the_last_one(desk: Desk) -> None:
    desk.carrier.support_lookup(Abilities(idempotent_for=DAY))
    desk.carrier.answers.append(Killed())
    await desk.die()
    desk.carrier = Carrier()
    desk.carrier.name = "another"
    assert (await desk.send()).status is Status.UNKNOWN
    assert desk.carrier.carried == []


async def test_an_idempotency_key_is_trusted_for_as_long_as_it_lives(desk: Desk) -> None:
    desk.carrier.can = Abilities(idempotent_for=timedelta(microseconds=1))
    desk.carrier.answers.append(Killed())
    await desk.die()
    assert (await desk.send()).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1


async def test_the_wait_for_a_look_up_begins_when_the_message_was_handed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))

    async def fetched(content: Content, *_: Any) -> Content:
        desk.passed += 20
        return content

    monkeypatch.setattr("sojourn.sending.send.fetched", fetched)
    assert (await desk.again()).next_retry_delay == MINUTE
    early = await desk.again(waited=MINUTE)
    assert early.next_retry_delay == timedelta(seconds=20)
    assert (await desk.send(waited=MINUTE + timedelta(seconds=20))).status is Status.SENT


async def test_a_later_attempt_that_surely_did_not_send_leaves_the_doubt_about_the_first(
    desk: Desk,
) -> None:
    desk.carrier.answers += [AmbiguousSend("the line went dead"), TransientError("busy")]
    await desk.again()
    await desk.again()
    desk.carrier.can = Abilities()  # the key has expired: the first attempt counts
    assert (await desk.send()).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1
    assert [a.state for a in await desk.attempts()] == ["ambiguous", "released"]


@pytest.mark.parametrize("then", ["buy", "wait"])
async def test_a_message_in_doubt_is_neither_skipped_nor_expired(desk: Desk, then: str) -> None:
    desk.carrier.answers += [AmbiguousSend("the line went dead"), TransientError("busy")]
    await desk.again()
    await desk.again()
    if then == "buy":
        await desk.buy()
    for _ in range(2):  # the answer to the first attempt may be lost
        receipt = await desk.send(waited=2 * DAY if then == "wait" else MINUTE)
        assert receipt.status is Status.UNKNOWN
        assert receipt.reason is (Reason.GOAL_REACHED if then == "buy" else Reason.TOO_LATE)
    assert (await desk.row()).state == "unknown"


async def test_an_attempt_that_died_before_it_sent_leaves_the_doubt_about_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die()
    with monkeypatch.context() as patch:
        killing(desk, patch, "claimed")
        await desk.die()
    await desk.buy()
    assert (await desk.send()).status is Status.UNKNOWN


async def test_a_pause_does_not_hold_a_message_in_doubt(desk: Desk) -> None:
    desk.carrier.answers += [AmbiguousSend("the line went dead"), AccountError("401")]
    await desk.again()
    await desk.again()
    assert (await desk.send()).reason is Reason.PAUSED
    order = await desk.buy()
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=order
        )
    assert (await desk.row()).state == "claimed"
    await desk.resume(Channel.EMAIL)
    assert (await desk.send()).status is Status.UNKNOWN


async def test_the_refusal_of_a_repeat_does_not_reject_a_message_in_doubt(desk: Desk) -> None:
    desk.carrier.idempotent = False
    needed = {**NUDGE, "message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers += [AmbiguousSend("dead"), EndpointGone("404")]
    await desk.again(**needed)
    for _ in range(2):
        assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert [parcel.content.channel for parcel in desk.carrier.carried] == [Channel.PUSH]
    assert [a.state for a in await desk.attempts()] == ["superseded", "refused"]
    assert (await desk.row()).detail == "404"


async def test_a_refusal_under_the_same_key_rejects_the_message(desk: Desk) -> None:
    desk.carrier.answers += [AmbiguousSend("dead"), EndpointGone("404")]
    await desk.again(**NUDGE)
    assert (await desk.send(**NUDGE)).reason is Reason.OTHER_CHANNEL
    assert [row.state for row in await desk.rows()] == ["rejected"]


async def test_a_message_that_the_provider_lacks_was_never_handed_over(desk: Desk) -> None:
    """Attempts share a key: if the provider has nothing, no attempt has sent."""
    desk.carrier.answers += [AmbiguousSend("dead"), AmbiguousSend("dead")]
    await desk.again()
    await desk.again()
    desk.carrier.carried.clear()
    desk.carrier.support_lookup()
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    assert [a.state for a in await desk.attempts()] == ["released", "released", "accepted"]


async def test_a_look_up_settles_the_attempt_whose_end_nobody_knew(desk: Desk) -> None:
    desk.carrier.answers += [AmbiguousSend("dead"), TransientError("busy")]
    await desk.again()
    await desk.again()
    desk.carrier.support_lookup()
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    assert [(a.state, a.settled_by) for a in await desk.attempts()] == [
        ("accepted", "look-up"),
        ("released", "answer"),
    ]


async def test_a_message_repeated_after_its_keys_life_is_marked(desk: Desk) -> None:
    desk.carrier.can = Abilities(idempotent_for=timedelta(microseconds=1))
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("dead"))
    await desk.again(**needed)
    assert (await desk.send(**needed)).status is Status.SENT
    assert (await desk.row()).possible_duplicate


async def test_a_look_up_at_one_provider_says_nothing_of_another(desk: Desk) -> None:
    """A look-up covers only the attempts at the same provider."""
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("dead"))
    await desk.again(**needed)
    first, desk.carrier = desk.carrier, Carrier()
    desk.carrier.name = "another"
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("dead"))
    assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert (len(first.carried), len(desk.carrier.carried)) == (1, 1)


async def test_a_lost_answer_is_unknown_if_nothing_can_settle_it(desk: Desk) -> None:
    desk.carrier.idempotent = False
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    for _ in range(2):
        assert (await desk.send()).status is Status.UNKNOWN
    assert (await desk.row()).detail == "the line went dead"
    assert len(desk.carrier.carried) == 1


async def test_a_lost_answer_is_settled_by_the_providers_idempotency(desk: Desk) -> None:
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again()
    assert (await desk.send()).status is Status.SENT
    assert not (await desk.row()).possible_duplicate


async def test_a_lost_answer_about_what_the_customer_needs_is_tried_once_more(desk: Desk) -> None:
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers += [AmbiguousSend("dead"), AmbiguousSend("dead again")]
    await desk.again(**needed)
    for _ in range(2):
        assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        TransientError("450 <ada@shop.example>: mailbox busy"),
        AmbiguousSend("lost ada@shop.example"),
        ValueError("bad header: ada@shop.example"),
        TransientError("450 bo\udceete: ada@shop.example"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
async def test_an_error_tells_temporal_no_address(desk: Desk, trouble: Exception) -> None:
    """Temporal keeps the last failure of an activity in the run's history."""
    desk.carrier.answers.append(trouble)
    again = await desk.again()
    told = [str(again)]
    cause = again.__cause__
    while cause is not None:
        told.append(str(cause))
        cause = cause.__cause__
    assert "ada@" not in " ".join(told)
    " ".join(told).encode()


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_message_in_doubt_goes_once_more_to_the_address_of_before(
    desk: Desk, *, idempotent: bool
) -> None:
    desk.carrier.idempotent = idempotent
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again(**needed)
    await desk.identify(2, email="ada@new.example", firstName="Augusta")
    assert (await desk.send(**needed)).status is Status.SENT
    first, second = desk.carrier.carried
    assert second.address == first.address == "ada@shop.example"
    assert second.content == first.content


async def test_a_message_that_certainly_did_not_go_out_goes_to_the_address_of_now(
    desk: Desk,
) -> None:
    desk.carrier.answers.append(TransientError("busy"))
    await desk.again()
    await desk.identify(2, email="ada@new.example")
    assert (await desk.send()).status is Status.SENT
    assert [parcel.address for parcel in desk.carrier.carried] == ["ada@new.example"]


async def test_a_look_up_asks_for_what_was_handed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again()
    await desk.identify(2, email="ada@new.example")
    asked: list[Parcel] = []

    async def find(parcel: Parcel, since: datetime) -> str:
        asked.append(parcel)
        return "found"

    monkeypatch.setattr(desk.carrier, "find", find)
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    assert [(parcel.address, parcel.content) for parcel in asked] == [
        ("ada@shop.example", desk.carrier.carried[0].content)
    ]
