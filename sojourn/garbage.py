"""Python's garbage collector in a process that lives long.

A full collection looks at every object that there is, and nothing else runs meanwhile. Of a
process that has loaded the engine nearly all of them stay for good: calls waited for a fifth of a
second, time and again, while a sender flooded the gateway.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OF_A_WORLD = 50_000_000
"""New objects between two looks at the young ones, in memory: nearly all of a world stays.

A million calls make fewer, and of those that they make a look finds one in a thousand to be
garbage. A service keeps Python's own thresholds. A worker that looked as rarely would hold the
garbage of hundreds of runs.
"""


@contextmanager
def loaded_left_out() -> Iterator[None]:
    """Leave what there is by now out of the collector's rounds, until the block ends.

    Within another such block nothing more is left out.
    """
    with _left_out(looks_first=True):
        yield


@contextmanager
def _left_out(*, looks_first: bool) -> Iterator[None]:
    if gc.get_freeze_count():
        yield
        return
    if looks_first:
        gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def rarely_collected(after: int, *, looks_first: bool = True) -> Iterator[None]:
    """Do as `loaded_left_out` does, and make the rounds rarer.

    Args:
        after: the number of new objects after which the young ones are looked at.
        looks_first: have a round before the block. Without it the garbage that there is by now
            stays until the block ends.

    Yields:
        Nothing; after the block all is as before.
    """
    before = gc.get_threshold()
    gc.set_threshold(after, 20, 20)
    try:
        with _left_out(looks_first=looks_first):
            yield
    finally:
        gc.set_threshold(*before)
