"""`Watch`: is told how long stored events take to reach the runs, and which start none."""

from typing import Protocol

from sojourn.domain.messages import Reason


class Watch(Protocol):
    """Watches the way of stored events to the runs, for metrics."""

    def told(self, seconds: float) -> None:
        """Take note that the runs of an event were told, so many seconds after it arrived."""

    def telling(self, customers: int) -> None:
        """Take note of the number of customers whose runs are being told."""

    def left(self) -> None:
        """Take note that the events of a customer were left for later."""

    def refused(self, journey: str, reason: Reason) -> None:
        """Take note that an event would have started a run of a journey, and started none."""


class _Unwatched:
    """Nobody watches."""

    def told(self, seconds: float) -> None:
        pass

    def telling(self, customers: int) -> None:
        pass

    def left(self) -> None:
        pass

    def refused(self, journey: str, reason: Reason) -> None:
        pass


UNWATCHED: Watch = _Unwatched()
