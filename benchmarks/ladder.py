"""The abandoned cart in seconds: the journey that the benchmark measures."""

from benchmarks.messages import NUDGE, OFFER, PAUSE, QUIET, REMINDER
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.journeys.journey import Journey


# the real one's name, so that its templates are rendered
class Ladder(
    Journey,
    name="abandoned-cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    restarts_on=ProductAdded,
):
    """The same steps as `workflows.abandoned_cart`, with other durations."""

    async def steps(self) -> None:
        """Wait and send, three times.

        The later waits count from now. `sleep` counts from the moment at which the message fell
        due: a worker that lags under load would find it past and set no timer, an unfair advantage.
        """
        await self.quiet_for(QUIET, of=ProductAdded)
        await self.send(REMINDER)
        await self.sleep_until(self.now() + PAUSE)
        await self.send(NUDGE)
        await self.sleep_until(self.now() + PAUSE)
        await self.send(OFFER)
