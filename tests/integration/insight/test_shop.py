"""A shop is written as the engine would have written it, and a report's counts are those of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import func
from sqlmodel import SQLModel, select

from sojourn.domain.errors import BadFigures, UnknownName
from sojourn.domain.measuring.attribution import Model
from sojourn.insight.measuring import Measuring, sources_of
from sojourn.insight.reporting.figures import Asked, By
from sojourn.insight.reporting.reading import read
from sojourn.store import Store
from sojourn.store.measuring import hits
from sojourn.store.tables import HitRow, LedgerRow, ReportRow
from sojourn.testkit import Change, Lift, Shop, Variants
from sojourn.testkit.selling.effects import REACHED
from sojourn.testkit.selling.journeys import TONE, shop
from sojourn.testkit.selling.lives import LOST
from tests.support import lifts
from tests.support.measured import counted
from tests.support.reports import UTC_ZONE, said, summed

SMALL = Shop(customers=1200, seed=3)
SOURCES = sources_of(SMALL.project)
GOALS = {name: tuple(one.goals) for name, one in SOURCES.items()}
WINDOWS = {name: one.window for name, one in SOURCES.items()}


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store of which every row is counted, so that no other test may have it."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def test_all_counts_of_a_report_are_those_of_the_rows(alone: Store) -> None:
    await SMALL.write(alone)
    await Measuring(alone, SOURCES).catch_up()
    counts = await counted(alone, GOALS, WINDOWS)
    now = SMALL.until - timedelta(days=20)  # some still have time to buy
    async with alone.reading() as session:
        report = await read(session, SMALL.project, Asked(UTC_ZONE), now=now)
        by_variant = await read(session, SMALL.project, Asked(UTC_ZONE, by=By.VARIANT), now=now)
    assert said(report) == summed(counts, By.STEP, Model.LAST, "")
    assert said(by_variant) == summed(counts, By.VARIANT, Model.LAST, "")
    assert report.whole.counts.clicked_by_machine
    assert report.whole.counts.unknown
    expected = await lifts.divided(alone, GOALS, WINDOWS, now)
    found = {
        (one.name, side.variant): lifts.Side(
            side.customers,
            side.converted,
            {currency: round(100 * sum(paid)) for currency, paid in side.paid.items()},
        )
        for part in report.parts
        for one in part.brought
        for side in one.sides
    }
    assert found == expected
    assert len(found) == 8
    assert all(one.once.young for part in report.parts for one in part.brought)


async def test_the_engine_finds_nothing_to_mend(alone: Store) -> None:
    await replace(SMALL, customers=200).write(alone)
    await replace(SMALL, customers=200, seed=4).write(alone)  # beside the first one
    async with alone.transaction() as session:
        messages = await hits.messages_since(session, None, 0)
        assert messages
        for number, _, sent_at in messages:
            assert await hits.judge(session, number, sent_at) == 0
        kinds = set((await session.exec(select(HitRow.kind))).all())
        assert kinds == {"opened", "clicked"}
        session.add(ReportRow(provider="p", event_id="new", kind="opened", at=SMALL.until,
                              received_at=SMALL.until))  # fmt: skip
        row = (await session.exec(select(LedgerRow).limit(1))).one()
        said = row.model_dump(exclude={"id"}) | {"ledger_key": "new", "reference": "new"}
        session.add(LedgerRow(**said))  # the next numbers are free
    async with alone.reading() as session:
        query = select(func.count()).select_from(SQLModel.metadata.tables["customers"])
        assert (await session.exec(query)).one() == 400


def test_the_same_seed_is_the_same_shop() -> None:
    assert SMALL.truths == replace(SMALL, seed=9).truths
    assert abs(sum(LOST.values()) - (1 - REACHED)) < 1e-9
    assert [round(one.converted, 3) for one in SMALL.truths] == [0.05, 0, -0.045, 0.05]
    last = SMALL.truths[-1]
    assert last.revenue["EUR"] < 0, "it sells more and earns less"


@pytest.mark.parametrize(
    ("effects", "line"),
    [
        ([Lift("left-card")], 'no journey "left-card": did you mean "left-cart"'),
        ([Lift("left-cart"), Lift("left-cart")], "left-cart has two effects"),
        ([Lift("welcome")], "welcome holds nobody out: give its class holdout=0.5"),
        ([Lift("left-cart", base=1.2)], "base is 1.2: give a share from 0 to 1"),
        ([Lift("left-cart", points=0.9)], "0.1 buy anyway, so points=0.9 would have 1.04737"),
        ([Lift("left-cart", points=-0.2)], "give points that leave a share from 0 to 1"),
        ([Lift("left-cart", points=float("nan"))], "give points that leave a share"),
        ([Lift("left-cart", basket=0)], "basket is 0: give a factor above 0"),
        ([Variants("welcome", TONE, {"loud": Change()})], 'no variant of tone "loud"'),
        ([], "a shop without effects has no customers"),
    ],
)
def test_an_effect_that_cannot_be_is_one_clear_line(
    effects: list[Lift | Variants], line: str
) -> None:
    with pytest.raises((BadFigures, UnknownName)) as told:
        Shop(effects=effects)
    assert line in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"customers": 3}, "3 customers for 4 effects"),
        ({"days": 8}, "orders count for 7 days"),
        ({"until": datetime(2024, 6, 1)}, "lacks a time zone"),
    ],
)
def test_a_shop_that_cannot_be_is_one_clear_line(wrong: dict[str, object], line: str) -> None:
    with pytest.raises(BadFigures, match=line):
        Shop(project=shop(), **wrong)  # type: ignore[arg-type]
