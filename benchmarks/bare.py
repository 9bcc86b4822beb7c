"""Hand-written workflows of three messages: three sleeps, three activities, no questions."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from benchmarks.messages import FLOOR_QUEUE, NUDGE, OFFER, PAUSE, QUIET, REMINDER
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel, Delivery, Enrolment, Receipt

SEND_TIMEOUT = timedelta(seconds=60)
HEARTBEAT_TIMEOUT = timedelta(seconds=5)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))


@workflow.defn(name="bare")
class Bare:
    """A ladder that always sends, receives no event and reports no status."""

    @workflow.run
    async def run(self, enrolment: Enrolment) -> list[Receipt]:
        """Sleep and send, three times."""
        return await _climbed(enrolment, "send", lambda message: channel_queue(message.channels[0]))


@workflow.defn(name="floor")
class Floor:
    """The same ladder, whose activity only returns: no message can cost less than this."""

    @workflow.run
    async def run(self, enrolment: Enrolment) -> list[Receipt]:
        """Sleep and have nothing done, three times."""
        return await _climbed(enrolment, "nothing", lambda _: FLOOR_QUEUE)


async def _climbed(
    enrolment: Enrolment, activity: str, queue: Callable[[Message], str]
) -> list[Receipt]:
    receipts = []
    quiet = max(enrolment.start.at + QUIET - workflow.now(), timedelta(0))
    ladder = ((quiet, REMINDER), (PAUSE, NUDGE), (PAUSE, OFFER))
    for n, (pause, message) in enumerate(ladder, start=1):
        await workflow.sleep(pause)
        receipts.append(
            await workflow.execute_activity(
                activity,
                delivery(workflow.info().workflow_id, enrolment, n, message, workflow.now()),
                result_type=Receipt,
                task_queue=queue(message),
                start_to_close_timeout=SEND_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=RETRIES,
            )
        )
    return receipts


def channel_queue(channel: Channel) -> str:
    """Return the channel's queue that belongs to `benchmarks.messages.QUEUE`."""
    return f"bench-{channel}"


def delivery(
    workflow_id: str, enrolment: Enrolment, n: int, message: Message, now: datetime
) -> Delivery:
    """Return the delivery that an abandoned cart would hand to the send activity.

    Args:
        workflow_id: the workflow id of the run.
        enrolment: the enrolment of the run.
        n: the number of the run's decision, from 1.
        message: the message to send.
        now: the time by the workflow's clock, at which the message falls due.

    Returns:
        The argument of the activity.
    """
    order = enrolment.start.order
    return Delivery(
        workflow_id=workflow_id,
        journey="abandoned-cart",
        customer_id=enrolment.customer_id,
        key=enrolment.key,
        key_field="cart_id",
        enrolment=enrolment.start.id,
        n=n,
        step=message.step,
        template=message.step,
        channels=message.channels,
        message_class=message.message_class,
        topic=message.topic,
        due=now,
        useful_until=now + message.useful_for,
        now=now,
        start=order,
        latest=order,
        goals=("Order Completed",),
        ends=(),
        restarts=("Product Added",),
        timezone=enrolment.timezone,
    )
