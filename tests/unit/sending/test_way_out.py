"""The ways out of doubt, one after the other."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import pytest

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.verdict import Doubt
from sojourn.sending.doubt import (
    MARGIN,
    REPORTED_AFTER,
    Wait,
    Way,
    until_absent,
    way_out,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
PROMOTIONAL, NEEDED = MessageClass.PROMOTIONAL, MessageClass.TRANSACTIONAL


class Carrier(Outbox):
    """A provider with the abilities that the test wants."""

    name = "carrier"
    looks_up_after: timedelta
    find: Callable[[Parcel, datetime], Awaitable[str | None]]
    read: Callable[[Hook], Awaitable[Reading]]

    def __init__(
        self,
        *,
        idempotent_for: timedelta = timedelta(0),
        looks_up_after: timedelta | None = None,
        reports: bool = False,
    ) -> None:
        self.abilities = Abilities(idempotent_for=idempotent_for)
        if looks_up_after is not None:
            self.looks_up_after, self.find = looks_up_after, AsyncMock()
        if reports:
            self.read = AsyncMock()


def doubt(**changes: object) -> Doubt:
    one = Doubt(
        ledger_id=1,
        attempt=1,
        channel=Channel.EMAIL,
        provider="carrier",
        since=datetime.now(UTC) - HOUR,
        age=timedelta(0),
        over=timedelta(0),
        useful=True,
        repeated=False,
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def out(one: Doubt, carrier: Carrier, message_class: MessageClass = NEEDED) -> Way | Wait:
    return way_out(one, carrier, message_class)


@pytest.mark.parametrize("message_class", MessageClass)
def test_a_living_idempotency_key_is_used_first(message_class: MessageClass) -> None:
    carrier = Carrier(idempotent_for=DAY, looks_up_after=MINUTE, reports=True)
    assert out(doubt(useful=False, repeated=True), carrier, message_class) is Way.AGAIN


@pytest.mark.parametrize(
    ("lives", "age", "is_used"),
    [
        (DAY, DAY - MARGIN - MINUTE, True),
        (DAY, DAY - MARGIN + MINUTE, False),
        (DAY, DAY + MINUTE, False),
        # the last half of a short life is not trusted
        (4 * MINUTE, 1.5 * MINUTE, True),
        (4 * MINUTE, 2.5 * MINUTE, False),
        (timedelta(0), timedelta(0), False),
    ],
)
def test_an_idempotency_key_is_not_relied_on_near_its_end(
    lives: timedelta, age: timedelta, *, is_used: bool
) -> None:
    way = out(doubt(since=datetime.now(UTC) - age), Carrier(idempotent_for=lives))
    assert way is (Way.AGAIN if is_used else Way.REPEAT)


@pytest.mark.parametrize("message_class", MessageClass)
def test_a_provider_that_can_be_asked_is_asked_when_it_can_tell(
    message_class: MessageClass,
) -> None:
    carrier = Carrier(looks_up_after=MINUTE, reports=True)
    one = doubt(useful=False, repeated=True)
    early = out(replace(one, age=MINUTE - TICK), carrier, message_class)
    assert early == Wait(TICK)
    assert out(replace(one, age=MINUTE), carrier, message_class) is Way.ASK


def test_a_provider_that_can_be_asked_at_once_is_asked_at_once() -> None:
    assert out(doubt(), Carrier(looks_up_after=timedelta(0))) is Way.ASK


@pytest.mark.parametrize(
    ("changes", "message_class"),
    [
        ({}, PROMOTIONAL),
        ({}, MessageClass.AUTHENTICATION),
        ({"repeated": True}, NEEDED),
        ({"useful": False}, NEEDED),
    ],
)
def test_a_message_is_given_up_that_must_not_arrive_twice(
    changes: dict[str, object], message_class: MessageClass
) -> None:
    assert out(doubt(**changes), Carrier(reports=True), message_class) is Way.GIVE_UP


def test_a_needed_message_waits_for_a_report_and_then_goes_once_more() -> None:
    reports = Carrier(reports=True)
    early = out(doubt(age=REPORTED_AFTER - TICK), reports, NEEDED)
    assert early == Wait(TICK)
    assert out(doubt(age=REPORTED_AFTER), reports, NEEDED) is Way.REPEAT
    assert out(doubt(), Carrier(), NEEDED) is Way.REPEAT


@pytest.mark.parametrize("provider", ["another", ""])
def test_another_provider_can_neither_tell_nor_repeat_without_risk(provider: str) -> None:
    carrier = Carrier(idempotent_for=DAY, looks_up_after=MINUTE, reports=True)
    one = doubt(provider=provider)
    assert out(one, carrier, NEEDED) is Way.REPEAT
    assert out(one, carrier, PROMOTIONAL) is Way.GIVE_UP


@pytest.mark.parametrize(
    ("over", "wait"),
    [
        (-MINUTE, 3 * MINUTE),  # an attempt may live for another minute
        (timedelta(0), 2 * MINUTE),
        (MINUTE, MINUTE),
        (2 * MINUTE, timedelta(0)),
        (HOUR, timedelta(0)),
    ],
)
def test_absent_counts_when_nothing_that_was_handed_over_last_can_be_missed(
    over: timedelta, wait: timedelta
) -> None:
    carrier = Carrier(looks_up_after=2 * MINUTE)
    assert until_absent(doubt(over=over), carrier) == wait  # type: ignore[arg-type]
