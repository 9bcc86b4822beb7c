"""The fence around a hand-over: a message leaves in time, or not at all.

The clients that carry messages, `Http` and SMTP's, check the fence as late as possible: once they
are connected, before the first byte of the message. They find it by `current`, so that a
provider's file need not pass it on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from sojourn.domain.errors import FenceClosed
from sojourn.domain.fence import FENCE

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, a clock that also runs while the machine sleeps."""


def seconds_up() -> float:
    """Return the seconds of a clock that also runs while this process stands still."""
    return time.clock_gettime(_CLOCK)


class Fence:
    """The time in which an attempt may hand its message over; it begins now.

    Args:
        lasts: the length of that time; None for no limit.
    """

    def __init__(self, lasts: timedelta | None = FENCE) -> None:
        self._ends = None if lasts is None else seconds_up() + lasts.total_seconds()
        self._crossed = False
        self._of: Fence | None = None

    def part(self) -> "Fence":
        """Return a fence for one of several parcels, which ends with this one."""
        part = Fence(None)
        part._of = self
        return part

    @property
    def crossed(self) -> bool:
        """True once a byte of the message may have left."""
        return self._crossed

    @property
    def left(self) -> float | None:
        """The seconds left, at least 0; None for no limit."""
        if self._of is not None:
            return self._of.left
        return None if self._ends is None else max(self._ends - seconds_up(), 0)

    def check(self) -> None:
        """Check that the message may still leave.

        Raises:
            FenceClosed: it may not.
        """
        if self.left == 0:
            raise FenceClosed("the attempt stood still for too long: nothing was handed over")

    def cross(self) -> None:
        """Check again, and record that bytes of the message leave now.

        Raises:
            FenceClosed: they must not leave. If no byte has left before, the message was certainly
                not sent.
        """
        self.check()
        self._crossed = True
        if self._of is not None:
            self._of.cross()

    def shut(self) -> None:
        """Let nothing more leave: another attempt has the message now."""
        self._ends = seconds_up()

    @contextmanager
    def around(self) -> Iterator[None]:
        """Make this the current fence in the block, and in tasks that it starts."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Fence | None] = ContextVar("fence", default=None)


def current() -> Fence:
    """Return the fence around this hand-over; without one, a fence without a limit."""
    return _current.get() or Fence(None)
