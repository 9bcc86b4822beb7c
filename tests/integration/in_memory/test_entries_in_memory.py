"""Entries into a journey once more after some days, in memory as in the store."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sojourn import EMAIL, Journey, Message, after, days
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.journeys.registry import Journeys
from tests.integration.in_memory.test_same_in_memory import differing
from tests.support.project import PROJECT
from tests.support.stories import Act, Teller

DAY = timedelta(days=1)


class OnceInThreeDays(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    goal=OrderCompleted,
    again=after(days=3),
):
    reminder = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        await self.sleep(days(4))
        await self.send(self.reminder)


async def add(one: Teller, name: str, late: timedelta = timedelta(0)) -> None:
    now = await one.now()
    await one.publish(ProductAdded, product_id="p", occurred_at=now - late, message_id=name)


async def buy(one: Teller) -> None:
    await one.publish(OrderCompleted, order_id="o", message_id="bought")


async def test_an_event_that_an_open_run_hears_is_no_entry(
    migrated_database: Path, tmp_path: Path
) -> None:
    project = replace(PROJECT, policy=None, journeys=Journeys([OnceInThreeDays]))
    heard = Act(3 * DAY + DAY / 2, "heard by the open run", partial(add, name="heard"))
    enters = Act(2 * DAY, "enters once more", partial(add, name="enters"))
    story = (OnceInThreeDays, [heard, enters])
    differ = await differing(project, [story], migrated_database, tmp_path)
    assert not differ, "\n\n".join(differ)


async def test_an_event_that_came_after_its_goal_is_no_entry(
    migrated_database: Path, tmp_path: Path
) -> None:
    project = replace(PROJECT, policy=None, journeys=Journeys([OnceInThreeDays]))
    acts = [
        Act(4 * DAY, "buys", buy),
        Act(DAY / 2, "added before, told late", partial(add, name="late", late=DAY)),
        Act(DAY / 2, "enters once more", partial(add, name="enters")),
    ]
    differ = await differing(project, [(OnceInThreeDays, acts)], migrated_database, tmp_path)
    assert not differ, "\n\n".join(differ)
