"""Entries into a journey once more after some days, in memory as in the store."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sojourn import EMAIL, Journey, Message, after, days
from sojourn.events import ProductAdded
from sojourn.journeys.registry import Journeys
from tests.integration.in_memory.test_same_in_memory import differing
from tests.support.project import PROJECT
from tests.support.stories import Act, Teller

DAY = timedelta(days=1)


class OnceInThreeDays(
    Journey, name="abandoned-cart", topic="cart", starts_on=ProductAdded, again=after(days=3)
):
    reminder = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        await self.sleep(days(4))
        await self.send(self.reminder)


async def add(one: Teller, name: str) -> None:
    now = await one.now()
    await one.publish(ProductAdded, product_id="p", occurred_at=now, message_id=name)


async def test_an_event_that_an_open_run_hears_is_no_entry(
    migrated_database: Path, tmp_path: Path
) -> None:
    project = replace(PROJECT, policy=None, journeys=Journeys([OnceInThreeDays]))
    heard = Act(3 * DAY + DAY / 2, "heard by the open run", partial(add, name="heard"))
    enters = Act(2 * DAY, "enters once more", partial(add, name="enters"))
    story = (OnceInThreeDays, [heard, enters])
    differ = await differing(project, [story], migrated_database, tmp_path)
    assert not differ, "\n\n".join(differ)
