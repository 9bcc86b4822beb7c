"""`Breaker`: an endpoint that fails again and again is left alone for a while.

The breakers of a process are shared by all its calls: what one run finds out spares the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES = 5
"""Failures in a row after which nothing is sent for a while."""
OPEN_FOR = timedelta(seconds=30)


@dataclass
class Breaker:
    """The state of one endpoint.

    Closed, it lets every call through. After `FAILURES` in a row it is open for `OPEN_FOR`, or for
    as long as the endpoint asked for. Then one call tries: if it succeeds the breaker is closed,
    else it is open again.
    """

    failures: int = 0
    open_until: datetime | None = None
    trying_since: datetime | None = None

    def wait(self, now: datetime, lasts: timedelta) -> timedelta | None:
        """Ask whether a call may leave. A call that may then notes how it ended.

        Args:
            now: the present moment.
            lasts: the longest time of a call: a trial that has noted no end by then has died.

        Returns:
            None: it may; else the time after which to ask again.
        """
        if self.open_until is None:
            return None
        if now < self.open_until:
            return self.open_until - now
        if self.trying_since is not None and now < self.trying_since + lasts:
            return self.trying_since + lasts - now
        self.trying_since = now
        return None

    def succeeded(self) -> None:
        """Note that the endpoint has answered, whatever it said."""
        self.failures, self.open_until, self.trying_since = 0, None, None

    def failed(self, now: datetime, *, asked: timedelta | None = None) -> None:
        """Note that the endpoint has not answered, or cannot now.

        Args:
            now: the present moment.
            asked: how long it asked to be left alone, if it did.
        """
        self.failures += 1
        self.trying_since = None
        if asked is not None:
            self.open_until = max(now + asked, self.open_until or now)
        elif self.failures >= FAILURES:
            self.open_until = max(now + OPEN_FOR, self.open_until or now)


_breakers: dict[str, Breaker] = {}


def breaker_of(endpoint: str) -> Breaker:
    """Return the breaker of an endpoint; the process has one for each."""
    return _breakers.setdefault(endpoint, Breaker())
