"""Several parcels in one call of a provider: which go together, and what is one parcel's own.

A call has one certainty: it left, or it did not. What is known of one parcel alone, that it cannot
be written or that the provider refuses it, is the fault of that parcel alone.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from sojourn.channels.provider import Parcel, Provider, SupportsBatch
from sojourn.domain.errors import (
    AmbiguousSend,
    PermanentError,
    ProviderError,
    Unforeseen,
)

T = TypeVar("T")


def batches(provider: Provider, parcels: Sequence[Parcel]) -> Iterator[Sequence[Parcel]]:
    """Yield the parcels of each call, in their order.

    Those of one call have one channel and one message class: providers keep streams apart.

    Args:
        provider: carries them.
        parcels: the messages.

    Yields:
        The parcels of a call; a single one goes by `Provider.send`.
    """
    if not isinstance(provider, SupportsBatch):
        yield from ([parcel] for parcel in parcels)
        return
    for _, alike in groupby(parcels, lambda one: (one.content.channel, one.message_class)):
        batch: list[Parcel] = []
        for parcel in alike:
            alone = not provider.may_share(parcel)
            if batch and (alone or len(batch) == provider.batch_of):
                yield batch
                batch = []
            if alone:
                yield [parcel]
            else:
                batch.append(parcel)
        if batch:
            yield batch


async def each_of(
    parcels: Sequence[Parcel],
    write: Callable[[Parcel], T],
    call: Callable[[Sequence[T]], Awaitable[Sequence[str | ProviderError]]],
) -> list[str | ProviderError]:
    """Write each parcel, make the call with those that can be written, and join the answers.

    Args:
        parcels: the messages.
        write: writes one as the provider wants it.
        call: hands over what was written; returns one answer for each, in their order.

    Returns:
        One answer for each parcel, in their order.

    Raises:
        ProviderError: as `call` does; `AmbiguousSend` if it has not one answer for each. Where a
            parcel could not be written, what befell the call is the answer of the others instead.
    """
    outcomes: dict[int, str | ProviderError] = {}
    written: dict[int, T] = {}
    for number, parcel in enumerate(parcels):
        try:
            written[number] = write(parcel)
        except ProviderError as error:
            outcomes[number] = error
        except Exception as error:  # nothing has left yet, and the others are to leave
            unforeseen = Unforeseen(f"{type(error).__name__}: {error}")
            unforeseen.__cause__ = error
            outcomes[number] = unforeseen
    if written:
        try:
            answers = await call(list(written.values()))
            if len(answers) != len(written):
                raise AmbiguousSend(f"{len(answers)} answers for {len(written)} messages")
        except PermanentError:
            raise  # it says nothing of each
        except ProviderError as error:
            if not outcomes:
                raise
            answers = [error] * len(written)
        outcomes |= zip(written, answers, strict=True)
    return [outcomes[number] for number in range(len(parcels))]
