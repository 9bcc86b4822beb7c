"""The line for the places: the requests that wait, and whose turn is next."""

import asyncio
from collections import deque


class Line:
    """The requests that wait for a place. Senders take turns, so a busy one delays only itself."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._length = 0

    def __len__(self) -> int:
        """Return how many requests wait."""
        return self._length

    def join(self, sender: str) -> "asyncio.Future[None]":
        """Wait behind the sender's earlier requests; the future is done when a place is given."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sender, deque()).append(turn)
        self._length += 1
        return turn

    def leave(self, sender: str, turn: "asyncio.Future[None]") -> None:
        """Stop waiting."""
        theirs = self._waiting[sender]
        theirs.remove(turn)
        self._length -= 1
        if not theirs:
            del self._waiting[sender]

    def next(self) -> "asyncio.Future[None]":
        """Return the first turn of the sender that has waited longest for one."""
        sender = next(iter(self._waiting))
        theirs = self._waiting.pop(sender)
        turn = theirs.popleft()
        self._length -= 1
        if theirs:
            self._waiting[sender] = theirs  # behind the other senders
        return turn
