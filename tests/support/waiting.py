"""A journey that waits for events, alone in a file: the sandbox loads all of it."""

from datetime import timedelta

from temporalio import workflow

from sojourn import Journey
from sojourn.events import CheckoutStarted, OrderCompleted, ProductAdded


class Waiting(
    Journey,
    name="waiting",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    hears=CheckoutStarted,
):
    """Wait for three checkouts, two days each."""

    async def steps(self) -> None:
        self.values: list[str] = []
        await self.sleep(timedelta(hours=1))
        for _ in range(3):
            found = await self.wait_for(CheckoutStarted, timeout=timedelta(days=2))
            self.values.append(str(found and found.value))
        self.values.append(f"{len(self.heard(CheckoutStarted))} in all")

    @workflow.query
    def values_heard(self) -> list[str]:
        return self.values
