"""Write keys: the sender of a request, and its rate."""

import asyncio
import base64
import binascii
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sojourn.gateway.http.faults import Refusal, away, busy
from sojourn.store import Store, keys
from sojourn.store.tables import WriteKeyRow

KNOWN_SECONDS = 2.0
"""Seconds after which the store is asked again about a key: a revocation may take that long."""
MOST_KNOWN = 1000
"""The most keys, valid or not, whose answers are remembered."""
ASK_SECONDS = 5.0
"""Seconds that a request waits for the store's answer about its key."""
ASKING = 4
"""The most questions about keys to the store at one time, since strangers cause them as well."""
LONGEST_KEY = 200


@dataclass(frozen=True)
class Key:
    """A valid write key.

    Args:
        id: names it in logs.
        events: the events and calls it may send; None: all.
        rate: the most calls a second in this process; None: no limit.
        kind: a server's, or a browser's, where everybody can read it.
        may_wait: its calls may ask what an event did.
    """

    id: str
    events: frozenset[str] | None
    rate: float | None
    kind: keys.Kind = keys.Kind.SERVER
    may_wait: bool = False


@dataclass
class _Known:
    key: Key | None
    until: float


@dataclass
class _Bucket:
    left: float
    at: float


class Keyring:
    """The write keys of the store.

    Args:
        store: the open store.
        processes: the number of processes that share a key's rate.
        clock: returns seconds that only go forward.
    """

    def __init__(
        self, store: Store, *, processes: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._processes = processes
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._asking: dict[str, asyncio.Task[_Known]] = {}
        self._free = asyncio.Semaphore(ASKING)

    async def of_header(self, headers: Mapping[str, str]) -> Key | None:
        """Find the key in ``Authorization``; None if there is no such header.

        Raises:
            Refusal: the header holds no valid key.
        """
        header = headers.get("authorization")
        if header is None:
            return None
        scheme, _, value = header.strip().partition(" ")
        match scheme.lower():
            case "basic":
                return await self._valid(_user_name(value.strip()))
            case "bearer":
                return await self._valid(value.strip())
        raise Refusal(401, "Authorization", "must be Basic, with the write key as user name")

    async def of_body(self, body: Mapping[str, Any]) -> Key:
        """Find the key in the body's ``writeKey``.

        Raises:
            Refusal: the body holds no valid key.
        """
        given = body.get("writeKey")
        if given is None:
            raise Refusal(401, "Authorization", "is missing: send the write key as user name")
        return await self._valid(given if isinstance(given, str) else "")

    def charge(self, key: Key, calls: int) -> None:
        """Count calls against a key's rate.

        A batch may overdraw the rate, or a batch larger than the rate could never be sent; the next
        calls wait until the debt is paid.

        Raises:
            Refusal: the key has sent too much.
        """
        if key.rate is None:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(key.id, _Bucket(max(key.rate, 1), now))
        bucket.left = min(max(key.rate, 1), bucket.left + (now - bucket.at) * key.rate)
        bucket.at = now
        if bucket.left < min(1, calls):
            wait = max(1, math.ceil((1 - bucket.left) / key.rate))
            raise busy("this write key sends more calls a second than it may", retry_after=wait)
        bucket.left -= calls

    async def _valid(self, value: str) -> Key:
        if not 0 < len(value) <= LONGEST_KEY:
            raise _not_ours()
        digest = keys.digest(value)
        known = self._known.get(digest)
        if known is None or self._clock() >= known.until:
            known = await self._asked(digest, value)
        if known.key is None:
            raise _not_ours()
        return known.key

    async def _asked(self, digest: str, value: str) -> _Known:
        """Ask the store about a key, once for all requests that wait for the answer.

        Raises:
            Refusal: the store does not answer in time.
        """
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.create_task(self._ask(digest, value))
            self._asking[digest] = asking
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await asyncio.shield(asking)
        except TimeoutError:
            raise away("the store does not answer") from None

    async def _ask(self, digest: str, value: str) -> _Known:
        async with self._free, self._store.reading() as session:
            row = await keys.valid(session, value)
        until = self._clock() + KNOWN_SECONDS
        known = _Known(None if row is None else self._key_of(row), until)
        self._known.pop(digest, None)  # moves it to the end: the first is the oldest
        self._known[digest] = known
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return known

    def _key_of(self, row: WriteKeyRow) -> Key:
        return Key(
            row.id,
            None if row.events is None else frozenset(row.events),
            None if row.rate is None else row.rate / self._processes,
            keys.Kind(row.kind),
            row.may_wait,
        )


def _user_name(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        raise _not_ours() from None


def _not_ours() -> Refusal:
    return Refusal(401, "Authorization", "holds no valid write key")
