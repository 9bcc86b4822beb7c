"""The part of a fake that posts webhooks to our gateway."""

import asyncio
import itertools
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import httpx

from sojourn.channels.http import trusted
from sojourn.channels.provider import Hook
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes.records import Happening, Order, SentHook

BY_PEOPLE = (Kind.OPENED, Kind.READ, Kind.CLICKED)
"""The reports of what people do with a message."""


class Reporting(ABC):
    """Posts webhooks, and repeats each until the gateway accepts it.

    A fake whose provider sends webhooks sets `kinds`, the class attributes that describe the
    signature, and overrides `webhook`.
    """

    name: ClassVar[str]
    """The provider's name."""
    kinds: ClassVar[Mapping[Channel, tuple[Kind, ...]]] = {}
    """The kinds of reports that the provider can send, by channel."""
    signed: ClassVar[bool] = True
    """False if a webhook's body is not signed, but only protected by a password."""
    signer: ClassVar[str] = ""
    """The signing party, if it is not the provider with a secret in our settings."""
    dated: ClassVar[bool] = False
    """True if a webhook's signature covers the moment, so that a replay can be detected."""
    too_old: ClassVar[timedelta] = timedelta(hours=1)
    """The age from which a dated webhook counts as a replay."""
    once: ClassVar[bool] = False
    """True if a message has at most one report of each kind, which then needs no id."""
    hard: ClassVar[frozenset[Kind]] = frozenset({Kind.BOUNCED})
    """The kinds that mean that the address is dead."""
    hook_url: ClassVar[str] = "https://sojourn.example"
    """The gateway's public URL, which some providers sign."""

    def __init__(self) -> None:
        self.hooks_to: str | None = None
        """The gateway's URL; None to send no webhook."""
        self.tells: Sequence[Kind] = ()
        """The reports of every accepted message, in order."""
        self.tells_of: Callable[[Order], Sequence[Kind]] = lambda order: self.tells
        """Returns the reports of one message, if they differ between messages."""
        self.read_after = 0.0
        """Seconds before each act of a person with a message."""
        self.tells_before_answer = False
        """True if the webhook arrives before the answer to our request."""
        self.tells_times = 1
        """The number of times to send each webhook."""
        self.hook_answers: list[int] = []
        """The status codes of our gateway's answers."""
        self.numbers = itertools.count(1)
        self.released = asyncio.Event()
        """Set when the fake stops, to end every wait."""
        self._telling: set[asyncio.Task[None]] = set()

    def webhook(self, happening: Happening) -> SentHook:
        """Write and sign the provider's webhook about an event."""
        raise NotImplementedError

    def hook(self, order: Order, kind: Kind, event_id: str, at: datetime | None = None) -> SentHook:
        """Write a signed webhook.

        Args:
            order: the message that it is about.
            kind: the kind of report.
            event_id: the provider's id of the report.
            at: the moment of sending it; None for now.

        Returns:
            The webhook, ready to be posted or read.
        """
        return self.webhook(Happening(order, kind, event_id, at or datetime.now(UTC)))

    def unsigned(self, hook: Hook) -> Hook:
        """Return a webhook without its signature, which most providers put in a header."""
        return replace(hook, headers={})

    async def tell(self, order: Order, kind: Kind) -> None:
        """Send a webhook, as often as scripted, each time until our gateway accepts it."""
        if self.hooks_to is None:
            return
        sent = self.hook(order, kind, self.event_id())
        for _ in range(self.tells_times):
            await self.deliver(sent)

    async def deliver(self, sent: SentHook) -> None:
        """Post a webhook until it is accepted: providers repeat it for hours."""
        url = f"{self.hooks_to}/webhooks/{self.name}" + (f"?{sent.query}" if sent.query else "")
        wait = 0.1
        async with httpx.AsyncClient(timeout=10, verify=trusted()) as http:
            while not self.released.is_set():
                try:
                    answer = await http.request(
                        sent.method, url, content=sent.body, headers=dict(sent.headers)
                    )
                except httpx.TransportError:
                    pass
                else:
                    self.hook_answers.append(answer.status_code)
                    if answer.status_code < 429:
                        return
                await asyncio.sleep(wait)
                wait = min(2 * wait, 2.0)

    async def told(self) -> None:
        """Wait until every due webhook has been sent."""
        while self._telling:
            await asyncio.gather(*self._telling)

    def event_id(self) -> str:
        """Return a unique webhook id."""
        return f"event-{next(self.numbers)}"

    async def report_on(self, order: Order) -> None:
        """Report on a message that was just accepted; wait for that only if scripted so."""
        telling = asyncio.create_task(self._report_all(order))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        if self.tells_before_answer:
            await asyncio.shield(telling)

    async def _report_all(self, order: Order) -> None:
        for kind in self.tells_of(order):
            if kind in self.kinds.get(order.channel, ()):
                if kind in BY_PEOPLE:
                    await asyncio.sleep(self.read_after)
                await self.tell(order, kind)
