"""Payloads of a run are converted without entering its sandbox to ask what they belong to."""

from datetime import timedelta

import pytest
from temporalio.worker.workflow_sandbox._runner import _Instance

from sojourn.events import OrderCompleted
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart


@pytest.mark.more
@pytest.mark.temporal
async def test_no_payload_enters_the_sandbox(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[str] = []

    def noted(name: str) -> None:
        real = getattr(_Instance, name)

        def ask(self: _Instance, command: object) -> object:
            entered.append(name)
            return real(self, command)

        monkeypatch.setattr(_Instance, name, ask)

    noted("get_serialization_context")
    noted("get_external_store_context")
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(timedelta(hours=30))
    await journey.publish(OrderCompleted, cart_id="c")
    await journey.settled()
    assert journey.sent == ["reminder"]
    assert not entered
