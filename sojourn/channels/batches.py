"""Several parcels in one call to a provider: their grouping, and the faults of single parcels.

A call leaves as a whole or not at all. But a parcel that cannot be written, or that the provider
refuses, does not affect the others.
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

    The parcels of a call share a channel and a message class, since providers separate streams.

    Args:
        provider: the provider that carries them.
        parcels: the messages.

    Yields:
        The parcels of a call; a single one is sent by `Provider.send`.
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
    """Write each parcel, make the call with the written ones, and return an answer for each.

    Args:
        parcels: the messages.
        write: converts one to the provider's form.
        call: hands over the converted messages; returns one answer for each, in order.

    Returns:
        One answer for each parcel, in order.

    Raises:
        ProviderError: the error of `call`; `AmbiguousSend` if it does not return one answer for
            each. If some parcel could not be written, most errors of the call are the answers of
            the others instead.
    """
    outcomes: dict[int, str | ProviderError] = {}
    written: dict[int, T] = {}
    for number, parcel in enumerate(parcels):
        try:
            written[number] = write(parcel)
        except ProviderError as error:
            outcomes[number] = error
        except Exception as error:  # nothing has left yet, and the others can still leave
            unforeseen = Unforeseen(f"{type(error).__name__}: {error}")
            unforeseen.__cause__ = error
            outcomes[number] = unforeseen
    if written:
        try:
            answers = await call(list(written.values()))
            if len(answers) != len(written):
                raise AmbiguousSend(f"{len(answers)} answers for {len(written)} messages")
        except PermanentError:
            raise  # it does not say which parcel is at fault
        except ProviderError as error:
            if not outcomes:
                raise
            answers = [error] * len(written)
        outcomes |= zip(written, answers, strict=True)
    return [outcomes[number] for number in range(len(parcels))]
