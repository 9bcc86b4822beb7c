"""The hand-over of many parcels: in the provider's batch calls, else in single calls side by side.

Each parcel has its own end, by the rules of a single hand-over: a parcel that certainly did not
leave is told from one that may have left. A fault of a whole call is the fault of each of its
parcels, with one exception: a call that is refused for good says nothing about most of them. It is
made again in halves, until the parcel that is at fault stands alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sojourn.channels.batches import batches
from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Provider, SupportsBatch
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    PermanentError,
    ProviderError,
    RateLimited,
)
from sojourn.domain.states import AttemptState
from sojourn.sending.handing import end_of, hand_over, within


@dataclass(frozen=True)
class Outcome:
    """The end of one parcel's hand-over.

    Args:
        parcel: the message.
        provider_id: the provider's id of the message; None if the provider did not take it.
        error: why not; one with a cause is a fault of the provider's class.
    """

    parcel: Parcel
    provider_id: str | None = None
    error: ProviderError | None = None

    @property
    def state(self) -> AttemptState:
        """The end of the attempt."""
        return end_of(self.error)


def is_keyed(provider: Provider, together: int) -> bool:
    """Tell whether the provider recognises a parcel that comes a second time, alone.

    An idempotency key belongs to a request. A provider that takes several parcels under one key
    recognises none of them when it comes alone. This is noted before an attempt begins, since a
    worker that dies tells nothing.

    Args:
        provider: carries the message.
        together: how many parcels `hand_over_many` gets.

    Returns:
        True as well for a provider without keys: its calls make no difference.
    """
    alone = together == 1 or not isinstance(provider, SupportsBatch)
    return alone or provider.abilities.batch_keyed or not provider.abilities.idempotent_for


async def hand_over_many(
    provider: Provider, parcels: Sequence[Parcel], fence: Fence, *, at_once: int
) -> list[Outcome]:
    """Hand parcels over and return what became of each.

    After an answer that says "not so fast" or "not you", calls that have not begun are not made:
    their parcels share that answer.

    Args:
        provider: carries the messages.
        parcels: the messages. One that goes again under its own key is not among them: it goes
            alone, by `hand_over`.
        fence: around the attempt; each call has its part.
        at_once: the most calls under way at the same time.

    Returns:
        One outcome for each parcel, in their order.
    """
    waiting: deque[tuple[int, Sequence[Parcel]]] = deque()
    number = 0
    for batch in batches(provider, parcels):
        waiting.append((number, batch))
        number += len(batch)
    outcomes: dict[int, Outcome] = {}
    no_more: ProviderError | None = None

    async def carry() -> None:
        nonlocal no_more
        while waiting:
            first, batch = waiting.popleft()
            ended = _all(batch, no_more) if no_more else await _call(provider, batch, fence)
            if ended is None:
                half = len(batch) // 2
                waiting.extendleft([(first + half, batch[half:]), (first, batch[:half])])
                continue
            outcomes.update(enumerate(ended, first))
            for one in ended:
                if isinstance(one.error, RateLimited | AccountError):
                    no_more = one.error

    await asyncio.gather(*(carry() for _ in range(min(at_once, len(waiting)))))
    return [outcomes[number] for number in range(len(parcels))]


async def _call(
    provider: Provider, batch: Sequence[Parcel], fence: Fence
) -> Sequence[Outcome] | None:
    """Make one call; None: it was refused, and nobody says which parcel is the reason."""
    try:
        if len(batch) == 1 or not isinstance(provider, SupportsBatch):
            (parcel,) = batch
            return [Outcome(parcel, await hand_over(provider, parcel, fence.part()))]
        answers = await within(fence.part(), provider, lambda: provider.send_many(batch))
        if len(answers) != len(batch):
            raise AmbiguousSend(f"{len(answers)} answers for {len(batch)} messages")
    except PermanentError as error:
        return _all(batch, error) if len(batch) == 1 else None
    except ProviderError as error:
        return _all(batch, error)
    except Exception as error:
        in_doubt = AmbiguousSend(f"{type(error).__name__}: {error}")
        in_doubt.__cause__ = error
        return _all(batch, in_doubt)
    return [
        Outcome(parcel, said) if isinstance(said, str) else Outcome(parcel, error=said)
        for parcel, said in zip(batch, answers, strict=True)
    ]


def _all(batch: Sequence[Parcel], error: ProviderError) -> Sequence[Outcome]:
    return [Outcome(parcel, error=error) for parcel in batch]
