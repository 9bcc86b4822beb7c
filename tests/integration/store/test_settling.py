"""A message's row and its attempts change together, and only their own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadInput
from sojourn.domain.reports import Kind
from sojourn.domain.states import AttemptState, MessageState
from sojourn.store import (
    Store,
    attempts,
    ledger,
    settling,
)
from sojourn.store.tables import ContentRow, EventRow, LedgerRow
from tests.support.rows import (
    CONTENT,
    HOUR,
    NOON,
    claimed,
    delivery_of,
    event_row,
    keep,
    row_of,
    submit,
)


async def test_an_attempt_without_the_claim_cannot_submit(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    assert not await submit(store, ledger_id, 2)
    async with store.reading() as session:
        assert await session.get(ContentRow, ledger_id) is None
    tried = await asyncio.gather(*(submit(store, ledger_id, 1) for _ in range(5)))
    assert sorted(tried) == [False] * 4 + [True]


async def test_a_sent_message_stays_sent(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    assert await submit(store, ledger_id, 1)
    told = (
        (MessageState.SENT, None),
        (MessageState.REJECTED, "a slower attempt"),
        (MessageState.UNKNOWN, None),
    )
    for state, detail in told:
        async with store.transaction() as session:
            await settling.settle(session, ledger_id, state, detail=detail, provider_id="p1")
    row = await row_of(store, ledger_id)
    assert (row.state, row.detail, row.provider_id) == ("sent", None, "p1")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_progress_only_moves_forward(
    store: Store, customer_id: str, order: tuple[int, ...]
) -> None:
    ledger_id = await claimed(store, customer_id)
    kinds = (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED)
    for n in order:
        async with store.transaction() as session:
            await settling.advance(session, ledger_id, kinds[n], NOON + n * HOUR)
    row = await row_of(store, ledger_id)
    assert (row.progress, row.progress_at) == ("clicked", NOON + 2 * HOUR)


async def test_progress_told_again_keeps_its_first_moment(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    for at in (NOON, NOON + HOUR):
        async with store.transaction() as session:
            await settling.advance(session, ledger_id, Kind.CLICKED, at)
    assert (await row_of(store, ledger_id)).progress_at == NOON


async def test_progress_told_late_gets_the_earlier_moment(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    told = ((Kind.CLICKED, NOON + HOUR), (Kind.CLICKED, NOON), (Kind.OPENED, NOON - HOUR))
    for kind, at in told:
        async with store.transaction() as session:
            await settling.advance(session, ledger_id, kind, at)
    row = await row_of(store, ledger_id)
    assert (row.progress, row.progress_at) == ("clicked", NOON)


async def test_an_old_attempt_cannot_release_what_a_newer_one_submits(
    store: Store, customer_id: str
) -> None:
    ledger_id = await claimed(store, customer_id)
    assert await submit(store, ledger_id, 1)
    async with store.transaction() as session:
        await settling.release(session, ledger_id, 0, "too slow")
    assert (await row_of(store, ledger_id)).state == "submitting"
    async with store.transaction() as session:
        await settling.release(session, ledger_id, 1, "try again")
    assert (await row_of(store, ledger_id)).state == "claimed"


async def test_an_old_attempts_end_says_nothing_of_a_newer_one(
    store: Store, customer_id: str
) -> None:
    ledger_id = await claimed(store, customer_id)
    assert await submit(store, ledger_id, 1)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, ledger_id)
        assert row is not None
        row.state, row.attempt, row.possible_duplicate = MessageState.CLAIMED, 2, True
        await attempts.end(session, ledger_id, AttemptState.SUPERSEDED, by="gate")
    assert await submit(store, ledger_id, 2)
    async with store.transaction() as session:
        await settling.refuse(session, ledger_id, 1, "refused", detail="550 no")
        await settling.absent(session, ledger_id, 1, provider="outbox")
    assert (await row_of(store, ledger_id)).state == "submitting"
    async with store.reading() as session:
        tried = (await attempts.of_messages(session, [ledger_id]))[ledger_id]
    assert [attempt.state for attempt in tried] == ["refused", "submitting"]
    async with store.transaction() as session:
        await settling.absent(session, ledger_id, 2, provider="outbox")
    row = await row_of(store, ledger_id)
    assert (row.state, row.possible_duplicate) == ("claimed", False)


async def test_a_look_up_keeps_the_reason_for_the_doubt(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    assert await submit(store, ledger_id, 1)
    async with store.transaction() as session:
        await settling.doubt(session, ledger_id, 1, "HTTP 500", error="AmbiguousSend")
    async with store.transaction() as session:
        await settling.absent(session, ledger_id, 1, provider="outbox")
    async with store.reading() as session:
        (tried,) = (await attempts.of_messages(session, [ledger_id]))[ledger_id]
    assert (tried.state, tried.settled_by, tried.detail) == ("released", "look-up", "HTTP 500")
    assert tried.settled_at is not None
    assert NOON < tried.settled_at <= datetime.now(UTC)


async def test_any_text_of_a_provider_can_be_stored(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    said = "550 bo\udceete pleine\0" + "!" * 600  # Latin-1 as aiosmtplib reads it
    async with store.transaction() as session:
        await settling.settle(
            session, ledger_id, MessageState.REJECTED, reason="refused", detail=said
        )
    row = await row_of(store, ledger_id)
    assert row.state == "rejected"
    assert row.detail is not None
    assert row.detail.startswith("550 bo")
    assert len(row.detail) == 500


async def test_erasing_a_ledger_row_takes_its_text_along(store: Store, customer_id: str) -> None:
    ledger_id = await claimed(store, customer_id)
    assert await submit(store, ledger_id, 1)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, ledger_id)
        await session.delete(row)
    async with store.reading() as session:
        assert await session.get(ContentRow, ledger_id) is None


# ---- news of one message leaves others alone -----------------------------------------------


@pytest.fixture
async def two(store: Store, customer_id: str) -> tuple[int, int]:
    """Two messages that are being handed over."""
    one, other = await claimed(store, customer_id), await claimed(store, customer_id)
    for ledger_id in (one, other):
        assert await submit(store, ledger_id, 1)
    return one, other


async def _states(store: Store, ledger_id: int) -> tuple[str, list[str]]:
    async with store.reading() as session:
        tried = (await attempts.of_messages(session, [ledger_id]))[ledger_id]
    return (await row_of(store, ledger_id)).state, [attempt.state for attempt in tried]


async def test_progress_is_of_one_message(store: Store, two: tuple[int, int]) -> None:
    one, other = two
    async with store.transaction() as session:
        await settling.advance(session, one, Kind.DELIVERED, NOON)
    assert (await row_of(store, one)).progress == "delivered"
    assert (await row_of(store, other)).progress is None


Change = Callable[[AsyncSession, int], Awaitable[None]]
CHANGES: dict[str, tuple[Change, tuple[str, list[str]]]] = {
    "sent": (
        lambda session, one: settling.settle(session, one, MessageState.SENT, attempt=1),
        ("sent", ["accepted"]),
    ),
    "sent, by a report": (
        lambda session, one: settling.settle(session, one, MessageState.SENT, by="report"),
        ("sent", ["accepted"]),
    ),
    "skipped": (
        lambda session, one: settling.settle(session, one, MessageState.SKIPPED, attempt=1),
        ("skipped", ["submitting"]),
    ),
    "unknown": (
        lambda session, one: settling.settle(session, one, MessageState.UNKNOWN, by="gate"),
        ("unknown", ["ambiguous"]),
    ),
    "refused": (
        lambda session, one: settling.refuse(session, one, 1, "refused", detail="550"),
        ("rejected", ["refused"]),
    ),
    "refused, perhaps out": (
        lambda session, one: settling.refuse(
            session, one, 1, "refused", detail="550", perhaps_out=True
        ),
        ("unknown", ["refused"]),
    ),
    "released": (
        lambda session, one: settling.release(session, one, 1, "busy"),
        ("claimed", ["released"]),
    ),
    "in doubt": (
        lambda session, one: settling.doubt(session, one, 1, "cut", error="AmbiguousSend"),
        ("submitting", ["ambiguous"]),
    ),
    "absent": (
        lambda session, one: settling.absent(session, one, 1, provider="outbox"),
        ("claimed", ["released"]),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_message_changes_with_its_attempts_and_no_other_does(
    store: Store, two: tuple[int, int], change: str
) -> None:
    one, other = two
    changing, expected = CHANGES[change]
    async with store.transaction() as session:
        await changing(session, one)
    assert await _states(store, one) == expected
    assert await _states(store, other) == ("submitting", ["submitting"])


async def _again(store: Store, ledger_id: int, attempt: int) -> None:
    """Claim a message in doubt once more, as the gate does, and hand it over."""
    async with store.transaction() as session:
        await attempts.end(session, ledger_id, AttemptState.SUPERSEDED, by="gate")
        row = await session.get(LedgerRow, ledger_id)
        assert row is not None
        row.state, row.attempt = MessageState.CLAIMED, attempt
    assert await submit(store, ledger_id, attempt)


async def test_an_end_that_names_no_attempt_is_of_the_last_open_one(
    store: Store, two: tuple[int, int]
) -> None:
    one, other = two
    await _again(store, one, 2)
    async with store.transaction() as session:
        await settling.settle(session, one, MessageState.SENT, by="report", provider_id="p")
    assert (await _states(store, one))[1] == ["superseded", "accepted"]
    assert (await _states(store, other))[1] == ["submitting"]


async def test_an_attempt_that_was_superseded_tells_its_own_end(
    store: Store, two: tuple[int, int]
) -> None:
    one, _ = two
    await _again(store, one, 2)
    async with store.transaction() as session:
        await settling.settle(session, one, MessageState.SENT, attempt=1, provider_id="p1")
    assert await _states(store, one) == ("sent", ["accepted", "submitting"])
    async with store.reading() as session:
        first, second = (await attempts.of_messages(session, [one]))[one]
        assert [each.id for each in await attempts.unresolved(session, one)] == [second.id]
    assert (first.provider_id, first.settled_by, second.provider_id) == ("p1", "answer", None)


async def test_an_attempt_that_was_given_up_cannot_reject_what_a_later_one_does(
    store: Store, two: tuple[int, int]
) -> None:
    one, _ = two
    await _again(store, one, 2)
    async with store.transaction() as session:
        await settling.settle(session, one, MessageState.REJECTED, attempt=1, detail="550")
        await settling.doubt(session, one, 1, "cut", error="AmbiguousSend")
        await settling.release(session, one, 1, "busy")
    assert await _states(store, one) == ("submitting", ["refused", "submitting"])
    assert (await row_of(store, one)).detail is None


async def test_a_known_end_of_an_attempt_stays(store: Store, two: tuple[int, int]) -> None:
    one, _ = two
    async with store.transaction() as session:
        await attempts.end(session, one, AttemptState.RELEASED, by="answer", attempt=1, at=NOON)
        await attempts.end(session, one, AttemptState.ACCEPTED, by="report", attempt=1)
        await attempts.absent(session, one)
    async with store.reading() as session:
        (attempt,) = (await attempts.of_messages(session, [one]))[one]
    assert (attempt.state, attempt.settled_by, attempt.settled_at) == ("released", "answer", NOON)


async def test_every_detail_of_an_attempts_end_is_kept(store: Store, two: tuple[int, int]) -> None:
    one, _ = two
    before = datetime.now(UTC)
    async with store.transaction() as session:
        await settling.settle(
            session, one, MessageState.REJECTED, attempt=1,
            reason="refused", error="ContentRejected", detail="552 too large", provider_id="p1",
        )  # fmt: skip
    row = await row_of(store, one)
    async with store.reading() as session:
        (attempt,) = (await attempts.of_messages(session, [one]))[one]
        kept = await ledger.content(session, one)
    assert (row.reason, row.detail, row.provider_id, row.provider) == (
        "refused", "552 too large", "p1", "outbox",
    )  # fmt: skip
    assert (attempt.error, attempt.detail, attempt.provider_id, attempt.provider) == (
        "ContentRejected", "552 too large", "p1", "outbox",
    )  # fmt: skip
    assert attempt.journey_at == NOON
    for at in (row.submitted_at, attempt.submitted_at, row.settled_at, attempt.settled_at):
        assert at is not None
        assert before - HOUR < at <= datetime.now(UTC)
    assert kept is not None
    assert (kept.address, kept.content) == ("a@b.example", CONTENT.filled())


LONG = "552 too large" + "!" * 600
ENDS: dict[str, tuple[Change, str | None]] = {
    "refused": (
        lambda session, one: settling.refuse(
            session, one, 1, "refused", detail=LONG, error="ContentRejected"
        ),
        "refused",
    ),
    "refused, perhaps out": (
        lambda session, one: settling.refuse(
            session, one, 1, "refused", detail=LONG, error="ContentRejected", perhaps_out=True
        ),
        None,
    ),
    "released": (
        lambda session, one: settling.release(session, one, 1, LONG, error="ContentRejected"),
        None,
    ),
    "in doubt": (
        lambda session, one: settling.doubt(session, one, 1, LONG, error="ContentRejected"),
        None,
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_an_answer_is_kept_in_the_row_and_in_the_attempt_and_in_no_other(
    store: Store, two: tuple[int, int], end: str
) -> None:
    one, other = two
    ending, reason = ENDS[end]
    async with store.transaction() as session:
        await ending(session, one)
    row = await row_of(store, one)
    async with store.reading() as session:
        (attempt,) = (await attempts.of_messages(session, [one]))[one]
    assert (row.reason, row.detail) == (reason, LONG[:500])
    assert (attempt.error, attempt.detail) == ("ContentRejected", LONG[:500])
    assert attempt.settled_by == "answer"
    assert (await row_of(store, other)).detail is None


async def test_an_attempt_whose_message_is_settled_does_not_open_it_again(
    store: Store, two: tuple[int, int]
) -> None:
    one, other = two
    async with store.transaction() as session:
        for ledger_id in two:
            await settling.settle(session, ledger_id, MessageState.SENT, by="report", attempt=1)
        await settling.release(session, one, 1, "busy")
        await settling.doubt(session, other, 1, "cut", error="AmbiguousSend")
    for ledger_id in two:
        row = await row_of(store, ledger_id)
        assert (row.state, row.detail) == ("sent", None)


async def _by_hand(store: Store, ledger_id: int, now: datetime, *, sent: bool) -> None:
    async with store.transaction() as session:
        row = await ledger.found(session, str(ledger_id), hold=True)
        assert row is not None
        await settling.settle_by_hand(session, row, sent=sent, because=LONG, by="anna", now=now)


@pytest.mark.parametrize("sent", [True, False])
async def test_what_an_operator_found_out_is_noted_with_name_and_moment(
    store: Store, two: tuple[int, int], *, sent: bool
) -> None:
    one, _ = two
    for attempt in (2, 3):
        await _again(store, one, attempt)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, one)
        assert row is not None
        row.state, row.possible_duplicate = MessageState.UNKNOWN, True
        row.reason = "too_late"
    await _by_hand(store, one, NOON, sent=sent)
    row = await row_of(store, one)
    assert row.state == ("sent" if sent else "rejected")
    assert row.reason == (None if sent else "refused")
    assert row.detail == f"settled by anna: {LONG}"[:500]
    assert row.settled_at == NOON
    assert row.possible_duplicate is sent
    async with store.reading() as session:
        tried = (await attempts.of_messages(session, [one]))[one]
    assert [attempt.state for attempt in tried] == (
        ["superseded", "superseded", "accepted"] if sent else ["refused"] * 3
    )
    assert (tried[-1].settled_by, tried[-1].settled_at) == ("anna", NOON)


async def test_an_operator_waits_ten_minutes_after_the_last_hand_over(
    store: Store, two: tuple[int, int]
) -> None:
    one, _ = two
    await _again(store, one, 2)
    async with store.transaction() as session:
        first, last = await attempts.unresolved(session, one)
        first.submitted_at, last.submitted_at = NOON - HOUR, NOON
        session.add_all([first, last])
    end = NOON + settling.ABANDONED_AFTER
    with pytest.raises(BadInput, match="10 minutes after that began"):
        await _by_hand(store, one, end - timedelta(microseconds=1), sent=True)
    await _by_hand(store, one, end, sent=True)
    assert (await row_of(store, one)).state == "sent"


@pytest.mark.parametrize("state", [MessageState.CLAIMED, MessageState.REJECTED])
async def test_an_operator_settles_only_a_message_whose_end_nobody_knows(
    store: Store, two: tuple[int, int], state: MessageState
) -> None:
    one, _ = two
    async with store.transaction() as session:
        await settling.release(session, one, 1, "busy")
        row = await session.get(LedgerRow, one)
        assert row is not None
        row.state = state
    with pytest.raises(BadInput, match=f"is {state}: an operator settles only what is unknown"):
        await _by_hand(store, one, datetime.now(UTC) + HOUR, sent=True)
    assert (await row_of(store, one)).state == state


async def test_a_message_that_stays_unknown_keeps_what_was_said_last(
    store: Store, two: tuple[int, int]
) -> None:
    one, other = two
    for ledger_id in (one, other):
        async with store.transaction() as session:
            await settling.doubt(session, ledger_id, 1, "line cut", error="AmbiguousSend")
    async with store.transaction() as session:
        await settling.settle(session, one, MessageState.UNKNOWN, by="gate")
        await settling.settle(session, other, MessageState.SKIPPED, by="gate")
    assert (await row_of(store, one)).detail == "line cut"
    assert (await row_of(store, other)).detail is None


async def test_a_provider_that_does_not_have_a_message_clears_the_doubt(
    store: Store, two: tuple[int, int]
) -> None:
    one, _ = two
    async with store.transaction() as session:
        row = await session.get(LedgerRow, one)
        assert row is not None
        row.possible_duplicate, row.reason = True, "too_late"
        row.state = MessageState.UNKNOWN
    async with store.transaction() as session:
        await settling.absent(session, one, 1, provider="outbox")
    row = await row_of(store, one)
    assert (row.state, row.possible_duplicate, row.reason) == ("claimed", False, None)
    assert row.detail == "outbox does not have it"


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.REJECTED, MessageState.EXPIRED])
async def test_a_look_up_does_not_undo_what_is_settled(
    store: Store, two: tuple[int, int], state: MessageState
) -> None:
    one, _ = two
    async with store.transaction() as session:
        row = await session.get(LedgerRow, one)
        assert row is not None
        row.state = state
    async with store.transaction() as session:
        await settling.absent(session, one, 1, provider="outbox")
    assert await _states(store, one) == (state, ["submitting"])


# ---- holds that are over -------------------------------------------------------------------


async def _held(store: Store, customer_id: str, n: int, start: EventRow, **changes: Any) -> int:
    ledger_id = await claimed(store, customer_id)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, ledger_id)
        assert row is not None
        row.state, row.n, row.enrolment = MessageState.DEFERRED, n, start.message_id
        for name, value in changes.items():
            setattr(row, name, value)
    return ledger_id


async def test_holds_of_the_run_from_before_its_steps_began_again_are_skipped(
    store: Store, customer_id: str
) -> None:
    start, _ = await keep(store, event_row(customer_id))
    first = await _held(store, customer_id, 1, start)
    second = await _held(store, customer_id, 2, start)
    other_run = await _held(store, customer_id, 1, start, workflow_id="another")
    earlier = await _held(store, customer_id, 1, start, enrolment="earlier")
    tried = await _held(store, customer_id, 1, start, state=MessageState.CLAIMED)
    delivery = delivery_of(customer_id).model_copy(update={"enrolment": start.message_id, "n": 2})
    async with store.transaction() as session:
        await settling.supersede_holds(session, delivery)
    row = await row_of(store, first)
    assert (row.state, row.reason) == ("skipped", "superseded")
    assert row.settled_at is not None
    for ledger_id in (second, other_run, earlier):
        assert (await row_of(store, ledger_id)).state == "deferred"
    assert (await row_of(store, tried)).state == "claimed"


async def test_an_event_voids_the_holds_of_older_enrolments_of_its_runs(
    store: Store, customer_id: str
) -> None:
    start, _ = await keep(store, event_row(customer_id))
    just_before, _ = await keep(store, event_row(customer_id, at=NOON + HOUR))
    cause, _ = await keep(store, event_row(customer_id, at=NOON + HOUR))
    later, _ = await keep(store, event_row(customer_id, at=NOON + HOUR))
    held = await _held(store, customer_id, 1, start)
    held_since_just_before = await _held(store, customer_id, 5, just_before)
    its_own = await _held(store, customer_id, 2, cause)
    younger = await _held(store, customer_id, 3, later)
    other_run = await _held(store, customer_id, 1, start, workflow_id="another")
    tried = await _held(store, customer_id, 4, start, state=MessageState.SUBMITTING)
    workflow_id = delivery_of(customer_id).workflow_id
    async with store.transaction() as session:
        await settling.void_holds(session, [workflow_id], reason="goal_reached", cause=cause)
    row = await row_of(store, held)
    assert (row.state, row.reason, row.caused_by) == (
        "skipped", "goal_reached", cause.message_id,
    )  # fmt: skip
    assert row.settled_at is not None
    assert (await row_of(store, held_since_just_before)).state == "skipped"
    for ledger_id in (its_own, younger, other_run):
        assert (await row_of(store, ledger_id)).state == "deferred"
    assert (await row_of(store, tried)).state == "submitting"
