"""One push message, handed over for each of the customer's devices, and what that amounts to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    InvalidRecipient,
    PermanentError,
    TransientError,
)
from sojourn.domain.states import AttemptState
from sojourn.sending.handing import end_of, hand_over
from sojourn.sending.targets import Target, key_of
from sojourn.store.tables import HandoverRow


@dataclass(frozen=True)
class Outcome:
    """The end of a message on one device.

    Args:
        target: the device.
        provider_id: the provider's id of the message; None if the provider did not take it.
        error: why not.
    """

    target: Target
    provider_id: str | None = None
    error: Exception | None = None

    @property
    def state(self) -> AttemptState:
        """The end of the hand-over for this device."""
        return end_of(self.error)


async def to_devices(
    provider: Provider, parcel: Parcel, targets: Sequence[Target], fence: Fence
) -> list[Outcome]:
    """Hand a message over for each of several devices, at the same time.

    Args:
        provider: carries the message.
        parcel: the message; its address and key are those of no device.
        targets: the devices.
        fence: around the attempt.

    Returns:
        The outcome on each device.
    """

    async def one(target: Target) -> Outcome:
        own = replace(parcel, address=target.address, ledger_key=target.ledger_key)
        try:
            return Outcome(target, provider_id=await hand_over(provider, own, fence.part()))
        except Exception as error:  # of this device alone; `whole` decides what it means
            return Outcome(target, error=error)

    return list(await asyncio.gather(*map(one, targets)))


def for_devices(parcel: Parcel, rows: Sequence[HandoverRow]) -> list[Parcel]:
    """Return a message as it was handed over for each device, to look it up.

    Args:
        parcel: the message.
        rows: the hand-overs of it.

    Returns:
        A parcel for each.
    """
    return [
        replace(
            parcel,
            address=row.address,
            ledger_key=key_of(parcel.ledger_key, row.address, row, only=False),
        )
        for row in rows
    ]


def whole(outcomes: Sequence[Outcome]) -> str:
    """Return the provider's id of a message that at least one device has taken.

    Args:
        outcomes: one for each device.

    Returns:
        The id by the first of them.

    Raises:
        Exception: no device has taken it. The first of these errors counts: it may be out; our
            account is refused; another try may help; the message itself is refused; the devices are
            gone.
    """
    taken = next((one for one in outcomes if one.error is None), None)
    if taken is not None:
        assert taken.provider_id is not None
        return taken.provider_id
    errors = [one.error for one in outcomes if one.error is not None]
    raise min(errors, key=_rank)


def _rank(error: Exception) -> tuple[int, float]:
    match error:
        case AmbiguousSend():
            return 1, 0
        case AccountError():
            return 2, 0
        case TransientError():  # the longest wait that was asked for
            return 3, -error.retry_after.total_seconds() if error.retry_after else 0
        case InvalidRecipient():
            return 5, 0
        case PermanentError():
            return 4, 0
    return 0, 0
