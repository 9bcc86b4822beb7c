"""A journey that is live in the place of another one has that one's templates in memory, too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sojourn import EMAIL, Message, hours
from sojourn.events import ProductAdded
from sojourn.journeys.registry import Journeys
from sojourn.settings import Settings
from sojourn.testkit.in_memory import InMemory
from tests.support.in_memory import world_of
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


class GentlerCart(AbandonedCart, name="abandoned-cart-gentler", instead_of=AbandonedCart):
    reminder = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        await self.sleep(hours(6))
        await self.send(self.reminder)


async def test_a_new_version_speaks_in_memory_by_the_templates_of_the_old_one(
    tmp_path: Path,
) -> None:
    project = replace(PROJECT, policy=None, journeys=Journeys([AbandonedCart, GentlerCart]))
    one = InMemory(world_of(project, Settings(home=tmp_path, quiet_hours=None), AT), "c")
    await one.publish(ProductAdded, cart_id="k", product_id="p")
    await one.after(timedelta(days=1, hours=1))
    rows = {row.journey: (row.step, row.state) for row in one.person.rows}
    assert rows == {"abandoned-cart-gentler": ("reminder", "sent")}
