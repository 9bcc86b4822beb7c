"""Python's garbage collector in a process that lives long.

A full collection looks at every object that there is, and nothing else runs meanwhile. Of a
process that has loaded the engine nearly all of them stay for good: the standard thresholds made
calls wait for a fifth of a second, time and again, while a sender flooded the gateway.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OF_A_SERVICE = 50_000
"""New objects between two collections of the young ones: some megabytes."""
OF_A_WORLD = 200_000
"""The same in memory: a world is large, and nearly all of it stays."""


@contextmanager
def rarely_collected(after: int) -> Iterator[None]:
    """Leave out of the collector's rounds what there is by now, and make these rarer.

    Args:
        after: the number of new objects after which the young ones are looked at.

    Yields:
        Nothing; after the block all is as before. Within another such block nothing is left out
        twice.
    """
    before = gc.get_threshold()
    outermost = gc.get_freeze_count() == 0
    if outermost:
        gc.collect()
        gc.freeze()
    gc.set_threshold(after, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if outermost:
            gc.unfreeze()
