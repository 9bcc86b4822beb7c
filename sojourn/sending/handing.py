"""The hand-over of one parcel: within the fence, and to its end.

Three things that could go wrong are kept apart. An attempt that took too long hands nothing over.
An attempt that Temporal has given up, but whose message has left, waits for the provider's answer:
that may be the only proof of a second delivery. And a fault that comes before the first byte of the
message is certain: the message was not sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    FenceClosed,
    PermanentError,
    ProviderError,
    TransientError,
    Unforeseen,
)
from sojourn.domain.states import AttemptState

T = TypeVar("T")


async def hand_over(provider: Provider, parcel: Parcel, fence: Fence) -> str:
    """Hand a parcel over and return the provider's id of the message.

    The rest of the fence's time is the time-out of the call.

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
    return await within(fence, provider, lambda: provider.send(parcel))


async def within(fence: Fence, provider: Provider, call: Callable[[], Awaitable[T]]) -> T:
    """Make a provider's call that hands something over, and return its result.

    Args:
        fence: around the call; the rest of its time is the call's time-out.
        provider: the provider that is called.
        call: makes the call.

    Returns:
        Its result.

    Raises:
        ProviderError: as the call does; `FenceClosed` if the attempt took too long, `Unforeseen`
            for any other fault of which it is certain that nothing was sent.
    """
    fence.check()
    try:
        async with asyncio.timeout(fence.left):
            with fence.around():
                return await call()
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


def end_of(error: Exception | None) -> AttemptState:
    """Return the end of an attempt from its error; None: the provider took the message."""
    match error:
        case None:
            return AttemptState.ACCEPTED
        case PermanentError():
            return AttemptState.REFUSED
        case TransientError() | AccountError():
            return AttemptState.RELEASED
        case _:
            return AttemptState.AMBIGUOUS


def _is_certain(provider: Provider, fence: Fence) -> bool:
    """Tell whether the message has certainly not left: the client that carries it would know."""
    return provider.abilities.fenced and not fence.crossed
