"""`Watch`: who is told how long stored events take to reach the runs."""

from typing import Protocol


class Watch(Protocol):
    """Watches the way of stored events to the runs, for metrics."""

    def told(self, seconds: float) -> None:
        """Take note that the runs of an event were told, so many seconds after it arrived."""

    def telling(self, customers: int) -> None:
        """Take note of the number of customers whose runs are being told."""

    def left(self) -> None:
        """Take note that the events of a customer were left for later."""


class _Unwatched:
    """Nobody watches."""

    def told(self, seconds: float) -> None:
        pass

    def telling(self, customers: int) -> None:
        pass

    def left(self) -> None:
        pass


UNWATCHED: Watch = _Unwatched()
