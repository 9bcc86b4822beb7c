"""From the page of a survey to a person of the shop: a low score opens a task."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.links import Score, score_token
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import signing_key
from sojourn.testkit import JourneyTest
from tests.support.gateway_links import BROWSER
from tests.support.gateway_server import serving
from tests.support.project import WHOLE
from workflows.service_recovery import ServiceRecovery


@pytest.fixture(scope="module")
def journey_project() -> Project:
    return replace(WHOLE, journeys=Journeys([ServiceRecovery]), policy=None)


@pytest.fixture(autouse=True)
def owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_OWNERS", "anna")


async def test_a_low_score_on_the_page_of_the_greetings_reaches_a_person(
    journey: JourneyTest,
) -> None:
    journey.begin_at(datetime.now(UTC))
    sojourn = await journey._ready()
    until = datetime.now(UTC) + timedelta(days=30)
    wish = Score(journey.customer_id, "seasons-greetings@2026", int(until.timestamp()))
    async with serving(sojourn) as served:
        page = await served.http.post(
            f"/s/{score_token(signing_key(sojourn.settings), wish)}",
            data={"wish": "answer", "score": "3"},
            headers=BROWSER,
        )
        assert "Your answer: 3 of 10." in page.text
        await served.told()
    await journey.settled()
    assert journey.sent == ["apology"]
    (task,) = await journey.tasks()
    assert task.question == "compensate"
