"""Attempts that die or race, at every moment between two transactions."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from sojourn.domain.errors import (
    AmbiguousSend,
    TransientError,
)
from sojourn.domain.messages import Channel, MessageClass, Reason, Receipt, Status
from sojourn.domain.verdict import OnceMore
from sojourn.sending.drafting import Claim
from sojourn.sending.send import Messages
from tests.support.desk import DAY, NUDGE, Desk, Killed, killing

# ---- attempts that die ---------------------------------------------------------------------


@pytest.mark.parametrize("where", ["claimed", "handing over", "handed over"])
@pytest.mark.parametrize("message_class", list(MessageClass))
async def test_an_idempotent_provider_gets_a_message_again_and_delivers_it_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str, message_class: MessageClass
) -> None:
    with monkeypatch.context() as patch:
        killing(desk, patch, where)
        await desk.die(message_class=message_class)
    assert (await desk.row()).state == ("claimed" if where == "claimed" else "submitting")
    assert (await desk.send(message_class=message_class)).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.attempt, row.possible_duplicate) == ("sent", 2, False)
    assert len({parcel.ledger_key for parcel in desk.carrier.carried}) == 1


@pytest.mark.parametrize("where", ["handing over", "handed over"])
async def test_a_promotional_message_in_doubt_is_not_sent_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    desk.carrier.idempotent = False
    with monkeypatch.context() as patch:
        killing(desk, patch, where)
        await desk.die()
    for _ in range(2):
        assert (await desk.send()).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1
    assert not (await desk.row()).possible_duplicate


async def test_a_claim_alone_counts_as_no_send(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.carrier.idempotent = False
    with monkeypatch.context() as patch:
        killing(desk, patch, "claimed")
        await desk.die()
    assert (await desk.send()).status is Status.SENT
    assert not (await desk.row()).possible_duplicate


@pytest.mark.parametrize("message_class", [MessageClass.PROMOTIONAL, MessageClass.AUTHENTICATION])
async def test_a_message_that_must_not_arrive_twice_stays_unknown_in_doubt(
    desk: Desk, message_class: MessageClass
) -> None:
    desk.carrier.idempotent = False
    desk.carrier.answers.append(Killed())
    await desk.die(message_class=message_class)
    for _ in range(2):
        assert (await desk.send(message_class=message_class)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1


async def test_a_needed_message_in_doubt_is_sent_once_more_and_marked(desk: Desk) -> None:
    desk.carrier.idempotent = False
    desk.carrier.answers.append(Killed())
    await desk.die(message_class=MessageClass.TRANSACTIONAL)
    assert (await desk.send(message_class=MessageClass.TRANSACTIONAL)).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.possible_duplicate, row.attempt) == ("sent", True, 2)
    assert len({parcel.ledger_key for parcel in desk.carrier.carried}) == 1


async def test_a_needed_message_in_doubt_is_not_sent_a_third_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(Killed())
    await desk.die(**needed)
    with monkeypatch.context() as patch:
        killing(desk, patch, "claimed")  # an attempt that died in between does not count
        await desk.die(**needed)
    desk.carrier.answers.append(Killed())
    await desk.die(**needed)
    for _ in range(2):
        assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 2


async def test_a_purchase_after_a_death_is_no_skip_if_the_message_may_be_out(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die()
    await desk.buy()
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.UNKNOWN, Reason.GOAL_REACHED)
    assert receipt.news is not None


async def test_a_purchase_after_a_death_is_a_skip_if_it_was_only_claimed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        killing(desk, patch, "claimed")
        await desk.die()
    await desk.buy()
    assert (await desk.send()).status is Status.SKIPPED


async def test_a_message_that_may_be_out_by_one_channel_does_not_take_another(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die(**NUDGE)
    await desk.identify(2, pushToken="")
    assert (await desk.send(**NUDGE)).status is Status.UNKNOWN
    assert [parcel.content.channel for parcel in desk.carrier.carried] == [Channel.PUSH]
    assert (await desk.row()).channel == "push"


async def test_a_message_that_certainly_did_not_go_out_may_take_another_channel(desk: Desk) -> None:
    desk.carrier.answers.append(TransientError("busy"))
    await desk.again(**NUDGE)
    await desk.identify(2, pushToken="")
    assert (await desk.send(**NUDGE)).reason is Reason.OTHER_CHANNEL
    receipt = await desk.send(**NUDGE, channel=Channel.SMS)
    assert (receipt.status, receipt.channel) == (Status.SENT, Channel.SMS)
    assert (await desk.row()).ledger_key.endswith("/sms")


async def test_a_death_and_then_too_late_is_unknown_or_expired(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        killing(desk, patch, "claimed")
        await desk.die()
        await desk.send(n=2, waited=2 * DAY)
    assert (await desk.send(waited=2 * DAY)).status is Status.EXPIRED
    desk.carrier.answers.append(Killed())
    await desk.die(n=3)
    assert (await desk.send(n=3, waited=2 * DAY)).status is Status.UNKNOWN


async def test_a_message_that_may_have_gone_twice_stays_marked(desk: Desk) -> None:
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers += [AmbiguousSend("cut"), Killed()]
    await desk.again(**needed)
    await desk.die(**needed)
    assert (await desk.row()).possible_duplicate
    desk.carrier.idempotent = True  # the next attempt is certain to repeat nothing
    assert (await desk.send(**needed)).status is Status.SENT
    assert (await desk.row()).possible_duplicate
    settled = [(attempt.state, attempt.settled_by) for attempt in await desk.attempts()]
    assert settled[-1] == ("accepted", "answer")


async def test_an_attempt_that_died_is_superseded_by_the_gate(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die()
    assert (await desk.send()).status is Status.SENT
    first, second = await desk.attempts()
    assert (first.state, first.settled_by) == ("superseded", "gate")
    assert (second.state, second.settled_by) == ("accepted", "answer")


# ---- two attempts at once ------------------------------------------------------------------


@pytest.mark.parametrize("idempotent", [False, True])
async def test_one_of_several_racing_attempts_hands_over(desk: Desk, *, idempotent: bool) -> None:
    desk.carrier.idempotent = idempotent
    answers = await asyncio.gather(*(desk.send() for _ in range(6)), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, Receipt):
            assert answer.status in (Status.SENT, Status.UNKNOWN)
        else:
            assert isinstance(answer, ApplicationError)
    row = await desk.row()
    assert row.state == "sent"
    if not idempotent:
        assert len(desk.carrier.carried) == 1
    assert {parcel.ledger_key for parcel in desk.carrier.carried} == {row.ledger_key}


async def test_an_attempt_that_is_still_handing_over_is_not_overtaken(desk: Desk) -> None:
    """Temporal gave up the first attempt, which still lives: the second must not send too."""
    desk.carrier.idempotent = False
    handing_over, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        handing_over.set()
        await go_on.wait()

    desk.carrier.answers.append(slowly)
    slow = asyncio.create_task(desk.send())
    await handing_over.wait()
    assert (await desk.send()).status is Status.UNKNOWN
    go_on.set()
    assert (await slow).status is Status.SENT
    assert (await desk.row()).state == "sent"  # the first attempt's answer is certain
    assert len(desk.carrier.carried) == 1


async def test_permission_to_send_once_more_is_not_for_a_later_attempt(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal gave up an attempt that still lives: two find the same doubt, and one goes on."""
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    handing_over, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        handing_over.set()
        await go_on.wait()

    desk.carrier.answers += [AmbiguousSend("dead"), slowly]
    await desk.again(**needed)
    find_out, others = Messages._find_out, list[asyncio.Task[Receipt]]()

    async def overtaken(self: Messages, *doubt: Any) -> OnceMore | None:
        decided = await find_out(self, *doubt)
        if not others:
            others.append(asyncio.create_task(desk.send(**needed)))
            await handing_over.wait()
        return decided

    monkeypatch.setattr(Messages, "_find_out", overtaken)
    assert (await desk.send(**needed)).status is Status.UNKNOWN
    go_on.set()
    assert (await others[0]).status is Status.SENT
    assert len(desk.carrier.carried) == 2
    assert (await desk.row()).possible_duplicate


async def test_an_attempt_that_lost_its_claim_does_not_hand_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken: list[Receipt] = []
    submit = Messages._submit

    async def slow(self: Messages, claim: Claim, *rest: Any) -> None:
        if not overtaken and claim.attempt == 1:
            overtaken.append(await desk.send())
        await submit(self, claim, *rest)

    monkeypatch.setattr(Messages, "_submit", slow)
    await desk.again()
    assert [receipt.status for receipt in overtaken] == [Status.SENT]
    assert len(desk.carrier.carried) == 1
    assert (await desk.row()).attempt == 2
