"""The moment at which a wait really ended is read from the run's history."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.sending.waits import replanned

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLOCK = timedelta(days=-400)
"""The journey's clock minus the server's."""


@dataclass
class Histories:
    """A client whose runs all have this history."""

    events: list[HistoryEvent]

    def get_workflow_handle(self, workflow_id: str, *, run_id: str) -> "Histories":
        assert (workflow_id, run_id) == ("cart:c:k", "r1")
        return self

    async def fetch_history_events(self) -> AsyncIterator[HistoryEvent]:
        for event in self.events:
            yield event


def _started(number: int, lasts: timedelta, at: datetime = NOON) -> HistoryEvent:
    event = HistoryEvent(event_id=number, event_type=EventType.EVENT_TYPE_TIMER_STARTED)
    event.event_time.FromDatetime(at)
    event.timer_started_event_attributes.start_to_fire_timeout.FromTimedelta(lasts)
    return event


def _fired(number: int, at: datetime) -> HistoryEvent:
    event = HistoryEvent(event_id=number + 1, event_type=EventType.EVENT_TYPE_TIMER_FIRED)
    event.event_time.FromDatetime(at)
    event.timer_fired_event_attributes.started_event_id = number
    return event


def _asked(activity_id: str) -> HistoryEvent:
    event = HistoryEvent(event_id=99, event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    event.activity_task_scheduled_event_attributes.activity_id = activity_id
    return event


def _delivery(**changes: Any) -> Delivery:
    return Delivery(
        **{
            "workflow_id": "cart:c:k",
            "journey": "cart",
            "customer_id": "c",
            "key": "k",
            "key_field": "cart_id",
            "enrolment": "e",
            "n": 2,
            "step": "nudge",
            "template": "nudge",
            "channels": (Channel.EMAIL,),
            "message_class": MessageClass.PROMOTIONAL,
            "topic": "cart",
            "due": NOON + CLOCK,
            "useful_until": NOON + DAY + CLOCK,
            "useful_for": DAY,
            "now": NOON + 2 * DAY + CLOCK,
            "start": (NOON, 1),
            "latest": (NOON, 1),
            "goals": (),
            "ends": (),
            "restarts": (),
            "timezone": "UTC",
            **changes,
        }
    )


async def _replanned(*events: HistoryEvent, **changes: Any) -> Delivery:
    environment = ActivityEnvironment(client=cast(Client, Histories(list(events))))
    environment.info = ActivityEnvironment.default_info().__class__(
        **{
            **vars(ActivityEnvironment.default_info()),
            "activity_id": "2-nudge",
            "workflow_id": "cart:c:k",
            "workflow_run_id": "r1",
            "scheduled_time": NOON + 2 * DAY,
        }
    )
    return await environment.run(replanned, _delivery(**changes))


async def test_a_wait_that_was_longer_moves_the_message() -> None:
    found = await _replanned(_started(1, 3 * DAY), _fired(1, NOON + 2 * DAY), _asked("2-nudge"))
    assert found.due == NOON + 2 * DAY + CLOCK
    assert found.useful_until == NOON + 3 * DAY + CLOCK
    assert found.useful_for is None  # nobody asks twice


async def test_a_timer_that_fired_when_it_was_to_fire_moves_nothing() -> None:
    """The workers were away: the message is late by every plan."""
    found = await _replanned(_started(1, DAY), _fired(1, NOON), _asked("2-nudge"))
    assert found == _delivery(useful_for=None)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param((_asked("2-nudge"),), id="no timer at all"),
        pytest.param(
            (_started(1, timedelta(seconds=1)), _fired(1, NOON + 2 * DAY), _asked("2-nudge")),
            id="a wait that was past when it began",
        ),
        pytest.param(
            (
                _started(1, DAY),
                _fired(1, NOON),
                _asked("2-nudge"),
                _started(5, DAY),
                _fired(5, NOON + 2 * DAY),
                _asked("2-nudge"),
            ),
            id="a hold after the message was first asked for",
        ),
        pytest.param(
            (_started(1, DAY), _asked("2-nudge"), _fired(1, NOON + 2 * DAY)),
            id="a timer that fired later",
        ),
    ],
)
async def test_other_timers_do_not_move_the_message(
    events: tuple[HistoryEvent, ...],
) -> None:
    assert await _replanned(*events) == _delivery(useful_for=None)


async def test_the_timers_of_a_plan_that_was_given_up_move_nothing() -> None:
    begun = NOON + 2 * DAY
    given_up = (_started(1, 2 * DAY), _fired(1, begun))
    for later in ((), (_started(5, timedelta(seconds=1), begun), _fired(5, begun))):
        found = await _replanned(*given_up, *later, _asked("2-nudge"), begun=begun)
        assert found == _delivery(useful_for=None, begun=begun)
    waited = (_started(5, DAY, begun), _fired(5, begun + DAY))
    found = await _replanned(*given_up, *waited, _asked("2-nudge"), begun=begun)
    assert found.due == begun + DAY + CLOCK


async def test_the_timers_of_other_messages_come_before() -> None:
    found = await _replanned(
        _started(1, DAY),
        _fired(1, NOON - DAY),
        _asked("1-reminder"),
        _started(5, 3 * DAY),
        _fired(5, NOON + 2 * DAY),
        _asked("2-nudge"),
    )
    assert found.due == NOON + 2 * DAY + CLOCK


async def test_a_text_is_not_true_for_longer_because_its_wait_was_longer() -> None:
    midnight = NOON + 2 * DAY + 12 * HOUR + CLOCK
    found = await _replanned(
        _started(1, 3 * DAY), _fired(1, NOON + 2 * DAY), _asked("2-nudge"), true_until=midnight
    )
    assert found.useful_until == midnight
