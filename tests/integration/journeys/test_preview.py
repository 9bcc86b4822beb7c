"""A preview says what the engine then does: the same messages, moments, channels and texts."""

from datetime import time, timedelta
from typing import Any

import pytest

from sojourn import days
from sojourn.domain.quiet_hours import QuietHours
from sojourn.insight.preview import preview
from sojourn.journeys.journey import Journey
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from sojourn.testkit.kit import MONDAY_NOON
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

CART = {"product_id": "p1", "name": "Mug", "cart_id": "k1"}
SIGN_UP: dict[str, Any] = {"plan": "pro"}
DAY = days(1)


@pytest.fixture
def journey_settings(journey_settings: Settings) -> Settings:
    return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(AbandonedCart, CART), (Onboarding, SIGN_UP), (Renewal, {})],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("at_night", [False, True], ids=["noon", "night"])
async def test_the_engine_does_what_the_preview_of_an_open_run_says(
    journey: JourneyTest, kind: type[Journey], fields: dict[str, Any], *, at_night: bool
) -> None:
    if at_night:  # holds spread what they leave by the name of the message
        journey.begin_at(MONDAY_NOON + timedelta(hours=9))
    await journey.identify()
    if kind is Renewal:
        fields = {"expires_at": await journey.now() + 20 * DAY, "subscription_id": "s1"}
    await journey.start(kind, **fields)
    said = await preview(
        journey.store,
        journey.settings,
        journey.project,
        journey.customer_id,
        kind.name,
        at=await journey.now(),
    )
    assert said.kind == "open"
    await journey.after(60 * DAY)
    rows = [row for row in await journey.messages() if row.journey == kind.name]
    assert rows, "the journey says something"
    told = [
        (one.step, one.status.value, one.channel, one.at.replace(microsecond=0))
        for one in said.messages
    ]
    assert told == [
        (row.step, row.state.value, row.channel, row.decided_at.replace(microsecond=0))
        for row in rows
    ]
    assert said.outcome == journey.outcome
    held = {one.step for one in said.messages if one.holds}
    assert held == {row.step for row in rows if row.held_until}
    assert bool(held) == (at_night and kind is AbandonedCart)
    for one in said.messages:
        if one.content and not one.decided:
            assert one.content.get("subject") == (await journey.content(one.step)).get("subject")
