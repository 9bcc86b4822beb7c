"""A worker that stands still at any moment of a hand-over, and what comes of it later."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from sojourn.channels.fence import current
from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.errors import AmbiguousSend, ContentRejected, FenceClosed
from sojourn.domain.fence import FENCE
from sojourn.domain.messages import MessageClass, Receipt, Status
from sojourn.domain.states import AttemptState
from sojourn.sending.gate import Gate
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.store import proofs
from tests.support.desk import MINUTE, Desk, Killed

SECOND = timedelta(seconds=1)
LOST = MINUTE + FENCE
"""After this an attempt that gave no end can be told from one that never handed over."""


class Standing:
    """A process that stands still: its clock goes on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def still(self, seconds: float = FENCE.total_seconds()) -> None:
        self.seconds += seconds


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Standing:
    process = Standing()
    monkeypatch.setattr("sojourn.channels.fence.seconds_up", lambda: process.seconds)
    return process


def after(process: Standing, then: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Let the process stand still when a step of the attempt is done, once."""
    moments = [seconds]

    async def slow(*given: Any, **named: Any) -> Any:
        done = await then(*given, **named)
        if moments:
            process.still(moments.pop())
        return done

    return slow


# ---- what took too long is not handed over -----------------------------------------------------


@pytest.mark.parametrize(
    ("of", "step"), [(Gate, "pass_or_refuse"), (Recorder, "submit"), (Messages, "_submit")]
)
async def test_a_worker_that_stood_still_before_the_hand_over_hands_nothing_over(
    desk: Desk, process: Standing, monkeypatch: pytest.MonkeyPatch, of: type, step: str
) -> None:
    monkeypatch.setattr(of, step, after(process, getattr(of, step), FENCE.total_seconds()))
    desk.carrier.idempotent = False
    await desk.again()
    assert desk.carrier.carried == []
    assert [a.state for a in await desk.attempts()] == ["released"]
    assert (await desk.send()).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.attempt, row.possible_duplicate) == ("sent", 2, False)


async def test_a_worker_that_was_slow_still_hands_over(
    desk: Desk, process: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = after(process, Recorder.submit, FENCE.total_seconds() - 1)
    monkeypatch.setattr(Recorder, "submit", slow)
    assert (await desk.send()).status is Status.SENT


async def test_the_rest_of_the_fence_is_the_time_out_of_the_call(
    desk: Desk, process: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = after(process, Recorder.submit, FENCE.total_seconds() - 0.2)
    monkeypatch.setattr(Recorder, "submit", slow)
    desk.carrier.support_lookup()
    desk.carrier.answers.append(asyncio.Event().wait)  # type: ignore[arg-type]
    await desk.again()
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.error) == ("ambiguous", "AmbiguousSend")


async def test_a_fenced_provider_that_ran_out_of_time_before_a_byte_left_sent_nothing(
    desk: Desk, process: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = after(process, Recorder.submit, FENCE.total_seconds() - 0.2)
    monkeypatch.setattr(Recorder, "submit", slow)
    desk.carrier.can = Abilities(fenced=True)
    desk.carrier.answers.append(asyncio.Event().wait)  # type: ignore[arg-type]
    await desk.again()
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.error) == ("released", "FenceClosed")


# ---- what is raised before the first byte left is certain --------------------------------------


@pytest.mark.parametrize(
    ("fenced", "crossed", "state"),
    [(True, False, "released"), (True, True, "submitting"), (False, False, "submitting")],
)
async def test_a_fault_before_the_first_byte_is_certain_where_a_byte_would_be_seen(
    desk: Desk, *, fenced: bool, crossed: bool, state: str
) -> None:
    desk.carrier.can = Abilities(fenced=fenced)

    async def broken() -> None:
        if crossed:
            current().cross()
        raise UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range")

    desk.carrier.answers.append(broken)
    await desk.again()
    (attempt,) = await desk.attempts()
    assert attempt.state == state
    expected = Status.SENT if state == "released" else Status.UNKNOWN
    desk.carrier.carried.clear()
    assert (await desk.send()).status is expected


# ---- a look-up trusts "absent" only when nothing can leave any more ----------------------------


async def test_absent_does_not_count_while_a_silent_attempt_may_live(desk: Desk) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(Killed())
    await desk.die()
    desk.carrier.carried.clear()
    early = await desk.again(waited=MINUTE)
    assert early.next_retry_delay == FENCE
    assert (await desk.row()).state == "submitting"
    assert (await desk.again(waited=LOST - SECOND)).next_retry_delay == SECOND
    assert desk.carrier.carried == []
    assert (await desk.send(waited=LOST)).status is Status.SENT
    assert not (await desk.row()).possible_duplicate


async def test_a_message_that_is_there_is_found_before_the_fence_closes(desk: Desk) -> None:
    desk.carrier.support_lookup()
    desk.carrier.answers.append(Killed())
    await desk.die()
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    assert len(desk.carrier.carried) == 1


# ---- late proof of a second delivery -----------------------------------------------------------


class Zombie:
    """A first attempt that stands still in its hand-over while a second one takes the message."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.stopped, self.go_on = asyncio.Event(), asyncio.Event()
        self.end: BaseException | None = None

    async def begin(self) -> asyncio.Task[Receipt]:
        async def hand_over() -> None:
            self.stopped.set()
            await self.go_on.wait()
            if self.end is not None:
                raise self.end

        self.desk.carrier.answers.append(hand_over)
        task = asyncio.create_task(self.desk.send())
        await self.stopped.wait()
        self.desk.carrier.carried.clear()  # the provider does not have it yet
        return task


async def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note each time whether an answer proved a second delivery."""
    told: list[bool] = []
    answered = proofs.answered

    async def noted(*given: Any, **named: Any) -> bool:
        told.append(await answered(*given, **named))
        return told[-1]

    monkeypatch.setattr(proofs, "answered", noted)
    return told


async def test_the_late_answer_of_the_first_attempt_proves_a_second_delivery(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await counted(monkeypatch)
    desk.carrier.support_lookup()
    zombie = Zombie(desk)
    first = await zombie.begin()
    assert (await desk.send(waited=LOST)).status is Status.SENT
    desk.carrier.carried.append(desk.carrier.carried[0])  # the provider gives another id
    zombie.go_on.set()
    assert (await first).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.possible_duplicate) == ("sent", True)
    assert row.twice_at is not None
    assert [(a.state, a.settled_by, a.provider_id) for a in await desk.attempts()] == [
        ("accepted", "answer", "id-2"),
        ("accepted", "answer", "id-1"),
    ]
    assert told == [False, True]


async def test_the_late_doubt_of_the_first_attempt_marks_the_message(desk: Desk) -> None:
    desk.carrier.support_lookup()
    zombie = Zombie(desk)
    zombie.end = AmbiguousSend("the line went dead")
    first = await zombie.begin()
    assert (await desk.send(waited=LOST)).status is Status.SENT
    zombie.go_on.set()
    assert (await first).status is Status.SENT  # the second attempt's
    row = await desk.row()
    assert (row.state, row.possible_duplicate, row.twice_at) == ("sent", True, None)
    assert [a.state for a in await desk.attempts()] == ["ambiguous", "accepted"]


async def test_the_late_refusal_of_the_first_attempt_marks_nothing(desk: Desk) -> None:
    desk.carrier.support_lookup()
    zombie = Zombie(desk)
    zombie.end = ContentRejected("too late")
    first = await zombie.begin()
    assert (await desk.send(waited=LOST)).status is Status.SENT
    zombie.go_on.set()
    assert (await first).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.possible_duplicate, row.twice_at) == ("sent", False, None)


async def test_an_attempt_that_temporal_gave_up_still_notes_the_answer(desk: Desk) -> None:
    """The answer may be the only proof that the message is out."""
    zombie = Zombie(desk)
    first = await zombie.begin()
    first.cancel()
    await asyncio.sleep(0)
    zombie.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    row, (attempt,) = await desk.row(), await desk.attempts()
    assert (row.state, attempt.state, attempt.settled_by) == ("sent", "accepted", "answer")


async def test_an_attempt_that_temporal_gave_up_lets_nothing_more_leave(desk: Desk) -> None:
    desk.carrier.can = Abilities(fenced=True)
    stopped, go_on = asyncio.Event(), asyncio.Event()

    async def connect() -> None:
        stopped.set()
        await go_on.wait()
        current().cross()

    desk.carrier.answers.append(connect)
    first = asyncio.create_task(desk.send())
    await stopped.wait()
    first.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.error) == ("released", "FenceClosed")


async def test_a_message_given_up_that_its_worker_then_did_not_hand_over_was_not_sent(
    desk: Desk,
) -> None:
    """The provider cannot be asked: it stays unknown until the first worker wakes up."""
    desk.carrier.idempotent = False
    zombie = Zombie(desk)
    zombie.end = FenceClosed("stood still")
    first = await zombie.begin()
    assert (await desk.send()).status is Status.UNKNOWN
    zombie.go_on.set()
    with pytest.raises(ApplicationError):
        await first
    row = await desk.row()
    assert (row.state, row.detail) == ("expired", "stood still")
    assert (await desk.send()).status is Status.EXPIRED


async def test_a_message_given_up_for_two_attempts_stays_unknown_if_one_may_be_out(
    desk: Desk,
) -> None:
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again()
    zombie = Zombie(desk)
    zombie.end = FenceClosed("stood still")
    first = await zombie.begin()
    desk.carrier.can = Abilities()  # the key has expired
    assert (await desk.send()).status is Status.UNKNOWN
    zombie.go_on.set()
    with pytest.raises(ApplicationError):
        await first
    assert (await desk.row()).state == "unknown"


async def test_two_answers_under_one_idempotency_key_are_one_delivery(desk: Desk) -> None:
    zombie = Zombie(desk)
    first = await zombie.begin()
    assert (await desk.send()).status is Status.SENT  # under the same key
    zombie.go_on.set()
    assert (await first).status is Status.SENT
    row = await desk.row()
    assert {a.provider_id for a in await desk.attempts()} == {"id-1"}
    assert (row.possible_duplicate, row.twice_at) == (False, None)


async def test_two_answers_under_our_own_message_id_are_two_deliveries(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMTP and Mailgun call the message by the id that we made, whichever attempt it was."""
    desk.carrier.support_lookup()
    send = desk.carrier.send

    async def named(parcel: Parcel) -> str:
        await send(parcel)
        return parcel.reference

    monkeypatch.setattr(desk.carrier, "send", named)
    zombie = Zombie(desk)
    first = await zombie.begin()
    await desk.send(waited=LOST)
    zombie.go_on.set()
    await first
    assert (await desk.row()).twice_at is not None


async def test_a_message_that_was_skipped_and_then_proved_to_be_out_is_sent(desk: Desk) -> None:
    desk.carrier.support_lookup()
    zombie = Zombie(desk)
    first = await zombie.begin()
    await desk.buy()
    assert (await desk.send(waited=LOST)).status is Status.SKIPPED
    zombie.go_on.set()
    await first
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == ("sent", None, None)
    assert (row.possible_duplicate, row.twice_at) == (False, None)


async def test_a_needed_message_that_went_once_more_is_proved_to_have_gone_twice(
    desk: Desk,
) -> None:
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    zombie = Zombie(desk)

    async def hand_over() -> None:
        zombie.stopped.set()
        await zombie.go_on.wait()

    desk.carrier.answers.append(hand_over)
    first = asyncio.create_task(desk.send(**needed))
    await zombie.stopped.wait()
    assert (await desk.send(**needed)).status is Status.SENT
    row = await desk.row()
    assert (row.possible_duplicate, row.twice_at) == (True, None)  # perhaps
    zombie.go_on.set()
    await first
    assert (await desk.row()).twice_at is not None
    assert AttemptState.SUPERSEDED not in {a.state for a in await desk.attempts()}
