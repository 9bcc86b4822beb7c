"""`tell`, `note`, `collect` and `wait_for(where=...)` on the real engine."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.testing import ActivityEnvironment
from temporalio.workflow import Info

from sojourn import Event, Intent, Sojourn, days, hours
from sojourn.cli import histories
from sojourn.dispatch import sayings
from sojourn.dispatch.sayings import Sayings
from sojourn.domain.sayings import Noting, Telling
from sojourn.events import MessageReplied, ProductAdded, SignedUp
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import cards, events, quarantine, runs
from sojourn.testkit import JourneyTest
from sojourn.testkit.scenarios import RECORD, recorded, write
from tests.support.collecting import (
    Answered,
    AnsweredByAll,
    Collecting,
    CollectingLonger,
    CollectingShorter,
)
from tests.support.project import PROJECT
from tests.support.saying import Circle, Saying, TellsItself
from workflows.onboarding import Onboarding

pytestmark = pytest.mark.temporal

FOLDER = Path(__file__).parents[2] / "support" / "histories"
JOURNEY = {
    "saying": Saying,
    "circle": Circle,
    "tells-itself": TellsItself,
    "collecting": Collecting,
    "answered": Answered,
}


@pytest.fixture
def journey_project(request: pytest.FixtureRequest) -> Project:
    return replace(PROJECT, journeys=Journeys([JOURNEY[request.param], Onboarding]), policy=None)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("journey_project", [name], indirect=True)


def written(history: WorkflowHistory) -> bytes:
    return History(events=history.events).SerializeToString()


async def replays(history: WorkflowHistory, *journeys: type) -> list[str | None]:
    found = []
    for one in journeys:

        async def kept() -> AsyncIterator[tuple[str, WorkflowHistory]]:
            yield history.workflow_id, history

        found += [each.broken for each in await histories.replay(kept(), [one])]
    return found


async def kept(name: str, journey: JourneyTest, request: pytest.FixtureRequest) -> None:
    """Keep the history of a run, and see that it replays against the code of today."""
    if not recorded(FOLDER, name) and request.config.getoption(RECORD):
        write(FOLDER, name, [await journey.history()])
    (file,) = recorded(FOLDER, name)
    history = WorkflowHistory.from_json(name, file.read_text())
    assert await replays(history, JOURNEY[name.partition("/")[2]]) == [None]


async def stored(journey: JourneyTest, event: type[Event]) -> list[str]:
    async with journey.store.reading() as session:
        rows = await events.of_customer(session, journey.customer_id)
    return [row.message_id for row in rows if row.name == event.event_name]


async def card(journey: JourneyTest) -> dict[str, Any]:
    async with journey.store.reading() as session:
        found = await cards.find(session, journey.customer_id)
    assert found is not None
    return {name: found.attributes.get(name) for name in ("plan", "carts")}


@of("saying")
async def test_what_a_run_tells_starts_a_journey_by_its_own_rules(
    journey: JourneyTest, request: pytest.FixtureRequest
) -> None:
    await journey.start(Saying, cart_id="c")
    await journey.after(days(1) + hours(1))
    await journey.settled()
    assert journey.sent == ["reminder"]
    assert await card(journey) == {"plan": "gold", "carts": 3}
    assert journey.of(Onboarding).sent == ["welcome"]
    (told,) = await stored(journey, SignedUp)
    assert told.startswith(f"told/abandoned-cart:{journey.customer_id}:c/")
    history = await journey.history()
    kinds = [event.event_type for event in history.events]
    assert kinds.count(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 3  # a note, a tell, a send
    assert b"ada@shop.example" not in written(history)
    assert await replays(history, Saying) == [None]
    await kept("verbs/saying", journey, request)


@of("saying")
async def test_a_worker_that_dies_after_the_work_and_before_its_answer_does_it_once(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, hear = Sojourn.publish, Sojourn.hear
    done: list[str] = []

    async def killed(self: Sojourn, event: Any, **options: Any) -> Any:
        published = await publish(self, event, **options)
        if isinstance(event, SignedUp):
            done.append("tell")
            if done.count("tell") < 2:
                raise OSError("killed")
        return published

    async def killed_too(self: Sojourn, identity: Any, **options: Any) -> Any:
        heard = await hear(self, identity, **options)
        if not identity.introduces:
            done.append("note")
            if done.count("note") < 2:
                raise OSError("killed")
        return heard

    await journey.start(Saying, cart_id="c")
    monkeypatch.setattr(Sojourn, "publish", killed)
    monkeypatch.setattr(Sojourn, "hear", killed_too)
    await journey.after(days(1) + hours(1))
    await journey.settled()
    assert done == ["note", "note", "tell", "tell"]
    assert len(await stored(journey, SignedUp)) == 1
    async with journey.store.reading() as session:
        begun = await runs.of_customer(session, journey.customer_id)
    assert [run.journey for run in begun] == ["abandoned-cart", "onboarding"]
    assert journey.of(Onboarding).sent == ["welcome"]


async def said_by_hand(journey: JourneyTest) -> tuple[Sayings, dict[str, Any]]:
    sojourn = await journey._ready()
    activities = Sayings(
        journey.client, journey.store, journey.settings, journey.project, sojourn.task_queue
    )
    return activities, {
        "run": f"abandoned-cart:{journey.customer_id}:c",
        "customer_id": journey.customer_id,
        "enrolment": "e",
        "cause": "e",
        "now": await journey.now(),
        "clock": sojourn.clock,
    }


@of("saying")
async def test_a_run_that_is_reset_says_nothing_twice(journey: JourneyTest) -> None:
    activities, said = await said_by_hand(journey)
    later = {**said, "now": said["now"] + hours(5)}  # it comes to the same line at another moment
    env = ActivityEnvironment()
    for moment in (said, later):
        assert await env.run(activities.tell, Telling(event="Signed Up", **moment))
        assert await env.run(activities.note, Noting(traits={"plan": "gold"}, **moment))
        if moment is said:
            await journey.after(hours(1))
            await journey.identify(plan="pro")
    await activities.drain()
    await journey.settled()
    assert len(await stored(journey, SignedUp)) == 1
    assert journey.of(Onboarding).outcomes == ["open"]
    assert (await card(journey))["plan"] == "pro"


@of("saying")
async def test_an_older_note_stays_behind_a_newer_word(journey: JourneyTest) -> None:
    activities, said = await said_by_hand(journey)
    await journey.after(hours(1))
    await journey.identify(plan="pro")
    await ActivityEnvironment().run(
        activities.note, Noting(traits={"plan": "gold", "carts": 1}, **said)
    )
    assert await card(journey) == {"plan": "pro", "carts": 1}


@of("saying")
async def test_a_note_introduces_nobody(journey: JourneyTest) -> None:
    activities, said = await said_by_hand(journey)
    nobody = {**said, "customer_id": f"{journey.customer_id}-nobody"}
    await ActivityEnvironment().run(activities.note, Noting(traits={"plan": "gold"}, **nobody))
    async with journey.store.reading() as session:
        found = await cards.find(session, nobody["customer_id"])
    assert found is not None
    assert (found.known, found.attributes) == (False, {"plan": "gold"})


async def set_aside(journey: JourneyTest) -> list[str]:
    async with journey.store.reading() as session:
        return [row.reason for row in await quarantine.listed(session)]


@of("circle")
async def test_journeys_that_start_each_other_come_to_an_end(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sayings, "MOST_TOLD_ON", 3)
    await journey.start(Circle, cart_id="c")
    for _ in range(6):
        await journey.after(hours(1))
    async with journey.store.reading() as session:
        begun = await runs.of_customer(session, journey.customer_id)
    assert [run.key for run in begun] == ["c", "cx", "cxx", "cxxx", "cxxxx"]
    (why,) = await set_aside(journey)
    assert "likely a circle of journeys that start each other" in why
    assert set(journey.outcomes) == {"exhausted"}


@of("tells-itself")
async def test_a_run_that_begins_its_own_steps_again_comes_to_an_end(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sayings, "MOST_TOLD_ON", 3)
    await journey.start(TellsItself, cart_id="c")
    await journey.after(hours(3))
    assert len(await stored(journey, ProductAdded)) == 1 + 1 + 3 + 1
    assert len(await set_aside(journey)) == 1
    assert journey.outcome == "exhausted"


@of("collecting")
async def test_one_message_is_about_many_events(
    journey: JourneyTest, request: pytest.FixtureRequest
) -> None:
    await journey.start(Collecting, cart_id="c", product_id="a")
    for product in ("b", "d"):
        await journey.after(timedelta(minutes=20))
        await journey.publish(ProductAdded, cart_id="c", product_id=product)
    await journey.after(hours(1))
    assert journey.sent == ["reminder"]
    assert journey.outcome == "exhausted"
    history = await journey.history()
    kinds = [event.event_type for event in history.events]
    assert kinds.count(EventType.EVENT_TYPE_TIMER_STARTED) == 1
    # the time may change freely under a run
    assert await replays(history, Collecting, CollectingLonger, CollectingShorter) == [None] * 3
    await kept("verbs/collecting", journey, request)


@of("collecting")
async def test_a_collection_goes_on_in_the_next_execution(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Info, "is_continue_as_new_suggested", lambda info: not info.continued_run_id
    )
    await journey.start(Collecting, cart_id="c", product_id="a")
    await journey.publish(ProductAdded, cart_id="c", product_id="b")
    await journey.after(hours(2))
    assert journey.sent == ["reminder"]
    history = await journey.history()
    assert history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    assert b'"products":["a","b"]' in written(history)


@of("answered")
async def test_a_run_branches_on_the_intent_of_a_reply(
    journey: JourneyTest, request: pytest.FixtureRequest
) -> None:
    (run,) = (await journey.start(Answered, cart_id="c")).runs
    await journey.after(days(2) + hours(1))
    assert journey.sent == ["reminder", "reminder"]
    for intent, text in ((Intent.OTHER, "Zanzibar at noon"), (Intent.YES, "Zanzibar at once")):
        await journey.publish(
            MessageReplied,
            journey="abandoned-cart",
            run=run,
            step="reminder",
            intent=intent,
            text=text,
        )
    assert journey.sent == ["reminder", "reminder", "nudge"]
    history = await journey.history()
    assert b"Zanzibar" not in written(history)
    assert b'"intent":"yes"' in written(history)
    assert await replays(history, Answered) == [None]
    await kept("verbs/answered", journey, request)


async def test_a_where_that_decides_otherwise_on_what_was_heard_is_found() -> None:
    (file,) = recorded(FOLDER, "verbs/answered")
    history = WorkflowHistory.from_json("answered", file.read_text())
    (broken,) = await replays(history, AnsweredByAll)
    assert broken is not None
    assert "self.patched" in broken
