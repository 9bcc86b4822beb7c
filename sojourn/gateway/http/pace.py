"""The pace of the work: how many requests get done within some seconds."""

import time
from collections.abc import Callable

WINDOW_SECONDS = 1.0


class Pace:
    """The recent number of requests done a second.

    Args:
        clock: returns seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._done = 0
        self._a_second: float | None = None

    def count(self) -> None:
        """Count a request that is done."""
        self._done += 1
        passed = self._clock() - self._since
        if passed < WINDOW_SECONDS:
            return
        if passed > 3 * WINDOW_SECONDS:  # the gateway was idle meanwhile
            self._since, self._done = self._clock(), 0
            return
        now = self._done / passed
        self._a_second = now if self._a_second is None else (self._a_second + now) / 2
        self._since, self._done = self._clock(), 0

    def within(self, seconds: float, *, least: int, most: int) -> int:
        """Estimate how many requests will be done within ``seconds`` at this pace.

        Args:
            seconds: the time from now.
            least: the least result.
            most: the most, which is also the result while there is no pace yet.

        Returns:
            A number of requests.
        """
        if self._a_second is None:
            return most
        return min(most, max(least, round(self._a_second * seconds)))
