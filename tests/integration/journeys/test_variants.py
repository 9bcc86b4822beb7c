"""`self.variant`: the steps branch on the variant that the customer has in an experiment."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.workflow import Info

from sojourn import days
from sojourn.cli import histories
from sojourn.domain.calls import Question
from sojourn.domain.experiment import assigned
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.sending import asking
from sojourn.store import exposures, joining, ledger
from sojourn.store.rights import erasing
from sojourn.store.tables import ExposureRow
from sojourn.testkit import JourneyTest
from tests.support.project import PROJECT
from tests.support.varying import TONE, Varying


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys([Varying]), policy=None)


async def exposed(journey: JourneyTest, customer_id: str) -> list[ExposureRow]:
    async with journey.store.reading() as session:
        return list(await exposures.of_customer(session, customer_id))


async def note(journey: JourneyTest, customer_id: str, **changes: object) -> str:
    told = {"run": "another-run", "now": await journey.now(), "weights": dict(TONE.variants)}
    asked = Question(customer_id=customer_id, experiment=TONE.name, **{**told, **changes})
    async with journey.store.transaction() as session:
        return await exposures.note(session, asked)


async def test_a_customer_has_one_variant_which_the_store_and_the_ledger_know(
    journey: JourneyTest,
) -> None:
    has = assigned(TONE, journey.customer_id)
    await journey.start(Varying, cart_id="c")
    await journey.after(days(3))
    assert journey.sent == [has, has]
    (row,) = await exposed(journey, journey.customer_id)
    assert (row.experiment, row.variant) == ("tone", has)
    assert row.workflow_id == f"abandoned-cart:{journey.customer_id}:c"
    async with journey.store.reading() as session:
        rows = await ledger.of_customer(session, journey.customer_id)
    assert [one.variant for one in rows] == [has, has]


async def test_the_variant_of_the_older_exposure_holds_after_an_alias_call(
    journey: JourneyTest,
) -> None:
    has = assigned(TONE, journey.customer_id)
    other = next(
        one for n in range(99) if assigned(TONE, one := f"{journey.customer_id}-{n}") != has
    )
    await journey.start(Varying, cart_id="c")
    await note(journey, other, now=await journey.now() + timedelta(hours=1))
    async with journey.store.transaction() as session:
        await joining.join(session, journey.customer_id, other, at=await journey.now())
    await journey.after(days(3))
    async with journey.store.reading() as session:
        rows = await ledger.of_customer(session, other)
    assert [row.step for row in rows] == [has, has]
    assert [row.variant for row in await exposed(journey, other)] == [
        has, "plain" if has == "warm" else "warm",
    ]  # fmt: skip
    assert await note(journey, journey.customer_id) == has


async def test_changed_weights_move_nobody_who_was_exposed_but_from_a_variant_without_any(
    journey: JourneyTest,
) -> None:
    has = await note(journey, journey.customer_id)
    other = "plain" if has == "warm" else "warm"
    assert await note(journey, journey.customer_id, weights={has: 0.001, other: 1000}) == has
    assert len(await exposed(journey, journey.customer_id)) == 1
    assert await note(journey, journey.customer_id, weights={has: 0, other: 1}) == other
    assert await note(journey, journey.customer_id, weights={has: 0, other: 1}) == other
    rows = await exposed(journey, journey.customer_id)
    assert [row.variant for row in rows] == [has, other]


async def test_a_look_and_somebody_who_is_erased_leave_no_exposure(journey: JourneyTest) -> None:
    asked = Question(
        run="preview", customer_id=journey.customer_id, now=await journey.now(),
        experiment=TONE.name, weights=dict(TONE.variants),
    )  # fmt: skip
    async with journey.store.reading() as session:
        reply = await asking.answered(session, asked, ())
    assert reply.result == assigned(TONE, journey.customer_id)
    assert await exposed(journey, journey.customer_id) == []
    await note(journey, journey.customer_id)
    async with journey.store.transaction() as session:
        await erasing.begin(session, journey.customer_id, why="asked", by="anna")
    await note(journey, journey.customer_id)
    async with journey.store.reading() as session:
        query = select(ExposureRow).where(col(ExposureRow.experiment) == TONE.name)
        assert (await session.exec(query)).all() == []


@pytest.mark.temporal
async def test_a_variant_costs_a_marker_and_replays(journey: JourneyTest) -> None:
    await journey.start(Varying, cart_id="c")
    await journey.after(days(3))
    played = await journey.history()
    markers = [
        one.user_metadata.summary.data.decode() for one in played.events
        if one.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    ]  # fmt: skip
    assert markers == ['"variant of tone"'] * 2

    async def kept() -> AsyncIterator[tuple[str, WorkflowHistory]]:
        yield played.workflow_id, played

    (result,) = await histories.replay(kept(), [Varying])
    assert result.broken is None


async def test_a_variant_is_carried_over_continue_as_new(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Info, "is_continue_as_new_suggested", lambda info: not info.continued_run_id
    )
    has = assigned(TONE, journey.customer_id)
    await journey.start(Varying, cart_id="c")
    await journey.after(days(3))
    assert journey.sent == [has, has]
    async with journey.store.reading() as session:
        rows = await ledger.of_customer(session, journey.customer_id)
    assert [one.variant for one in rows] == [has, has]
