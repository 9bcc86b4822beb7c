"""A recording comes to the same in memory as an independent program counts."""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli.calls import read_calls
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.insight.backtesting.playing import Recorded, play
from sojourn.insight.backtesting.side import Side
from sojourn.settings import Settings
from tests.integration.cli.test_replay import counted, recording
from tests.support.project import PROJECT

CART = "abandoned-cart"
BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
RECORDING = os.environ.get("SOJOURN_RECORDING", "")


def recorded(calls: list[dict[str, Any]]) -> list[Recorded]:
    read = (read_call(call, PROJECT.events) for call in calls)
    return [call for call in read if isinstance(call, Track | Identity | Alias)]


def played(calls: Sequence[Recorded], home: Path) -> Side:
    settings = Settings(home=home, quiet_hours=None, caps="off")
    return play(calls, PROJECT, settings)


def due(side: Side) -> Counter[str]:
    return Counter(line.step for line in side.lines if line.journey == CART and not line.overtaken)


@pytest.mark.parametrize("seed", range(5))
def test_a_made_up_recording_has_the_counts_of_its_rule(seed: int, tmp_path: Path) -> None:
    calls = recording(seed, customers=60)
    side, rule = played(recorded(calls), tmp_path), counted(calls)
    assert side.entered[CART] == rule["runs"]
    assert dict(side.outcomes[CART]) == dict(rule["outcomes"])
    assert due(side) == Counter(rule["due"])


@pytest.mark.skipif(not RECORDING, reason="SOJOURN_RECORDING names no file of Segment calls")
def test_the_recording_of_a_shop_has_the_counts_of_its_rule(tmp_path: Path) -> None:
    calls = [call for _, call in read_calls(Path(RECORDING), PROJECT.events)]
    taken = [call for call in calls if isinstance(call, Track | Identity | Alias)]
    raw = [
        {
            "type": "track",
            "userId": call.customer_id,
            "event": call.name,
            "timestamp": call.at.isoformat(),
            "properties": call.properties,
        }
        for call in sorted(taken, key=lambda call: datetime.fromisoformat(call.at.isoformat()))
        if isinstance(call, Track)
    ]
    side, rule = played(taken, tmp_path), counted(raw)
    assert side.entered[CART] == rule["runs"]
    assert dict(side.outcomes[CART]) == dict(rule["outcomes"])
    assert due(side) == Counter(rule["due"])


def test_a_subscription_that_is_renewed_is_one_run_with_two_ends(tmp_path: Path) -> None:
    told = [("Subscription Started", 1, 30), ("Subscription Renewed", 25, 60)]
    calls = recorded(
        [
            {
                "type": "track",
                "userId": "ada",
                "messageId": event,
                "event": event,
                "properties": {
                    "subscription_id": "s",
                    "expires_at": (BEGIN + timedelta(days=ends)).isoformat(),
                },
                "timestamp": (BEGIN + timedelta(days=day)).isoformat(),
            }
            for event, day, ends in told
        ]
    )
    side = played(calls, tmp_path)
    assert side.outcomes["renewal"] == {"converted": 1, "exhausted": 1}
    assert side.entered["renewal"] == 1, "the store has one run, too"
