"""The activity that only returns: beside it, the cost of a message's own work can be seen."""

from temporalio import activity

from sojourn.domain.messages import Delivery, Receipt, Status


@activity.defn(name="nothing")
async def nothing(delivery: Delivery) -> Receipt:
    """Return at once what a sent message returns."""
    return Receipt(
        status=Status.SENT,
        channel=delivery.channels[0],
        timezone=delivery.timezone or "UTC",
        at=delivery.now,
    )
