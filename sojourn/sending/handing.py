"""The hand-over of one parcel: within the fence, and to its end.

Three things that could go wrong are kept apart. An attempt that took too long hands nothing over.
An attempt that Temporal has given up, but whose message has left, waits for the provider's answer:
that may be the only proof of a second delivery. And a fault that comes before the first byte of the
message is certain: the message was not sent.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider
from sojourn.domain.errors import AmbiguousSend, FenceClosed, ProviderError, Unforeseen

T = TypeVar("T")


async def hand_over(provider: Provider, parcel: Parcel, fence: Fence) -> str:
    """Hand a parcel over and return the provider's id of the message.

    What is left of the fence is the time-out of the call.

    Args:
        provider: carries the message.
        parcel: the message.
        fence: around the attempt.

    Returns:
        The id.

    Raises:
        ProviderError: as `Provider.send` does; `FenceClosed` if the attempt took too long,
            `Unforeseen` for any other fault of which it is certain that nothing was sent.
    """
    fence.check()
    try:
        async with asyncio.timeout(fence.left):
            with fence.around():
                return await provider.send(parcel)
    except ProviderError:
        raise
    except TimeoutError:
        if _is_certain(provider, fence):
            raise FenceClosed("no connection within the time of a hand-over") from None
        raise AmbiguousSend("no answer within the time of a hand-over") from None
    except Exception as error:
        if _is_certain(provider, fence):
            raise Unforeseen(f"{type(error).__name__}: {error}") from error
        raise


async def to_its_end(handing_over: Coroutine[Any, Any, T], fence: Fence) -> T:
    """Await a hand-over and the note of its outcome, even if the attempt is cancelled meanwhile.

    Args:
        handing_over: the hand-over, within the fence.
        fence: shut when the attempt is cancelled, so that nothing leaves after that.

    Returns:
        The hand-over's result.

    Raises:
        asyncio.CancelledError: the attempt was cancelled; the hand-over has come to its end.
    """
    task = asyncio.ensure_future(handing_over)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        fence.shut()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # the attempt is over, and nobody else would look at it
        raise


def _is_certain(provider: Provider, fence: Fence) -> bool:
    """Tell whether the message has certainly not left: the client that carries it would know."""
    return provider.abilities.fenced and not fence.crossed
