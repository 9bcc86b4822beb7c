"""Senders cannot speak for Sojourn: its own events of a run are refused."""

from datetime import UTC, datetime

import pytest

from sojourn.dispatch.calls import read_call
from sojourn.domain.errors import BadEvent

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Journey Stopped", "Hold Ended", "Time Zone Changed"])
def test_an_event_that_sojourn_writes_is_refused_from_a_sender(name: str) -> None:
    call = {
        "type": "track",
        "userId": "c1",
        "messageId": "m1",
        "event": name,
        "properties": {"run": "abandoned-cart:c1:k", "timezone": "Asia/Tokyo"},
    }
    with pytest.raises(BadEvent, match="is written by Sojourn alone; `sojourn stop` ends a run"):
        read_call(call, received_at=NOON)
