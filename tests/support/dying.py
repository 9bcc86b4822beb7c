"""Passes of measuring that die before their commit."""

import random

import pytest

from sojourn.insight.measuring import Measuring
from sojourn.store import Store


class Killed(Exception):
    """A pass that ended before its commit."""


async def pass_or_die(measuring: Measuring, chance: random.Random) -> None:
    """Count some changes; one time of three the process dies before the commit."""
    if chance.random() < 0.66:
        await measuring.count(chance.randrange(1, 20))
        return
    transaction = measuring.store.transaction

    class Dying(Store):
        def __init__(self) -> None:
            self.__dict__.update(measuring.store.__dict__)

    def dying() -> object:
        return _Dying(transaction())

    store = Dying()
    store.transaction = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        await Measuring(store, measuring.sources, measuring.tz).count(chance.randrange(1, 20))


class _Dying:
    def __init__(self, inner: object) -> None:
        self._inner = inner

    async def __aenter__(self) -> object:
        return await self._inner.__aenter__()  # type: ignore[attr-defined]

    async def __aexit__(self, *raised: object) -> None:
        await self._inner.__aexit__(Killed, Killed(), None)  # type: ignore[attr-defined]
        raise Killed
