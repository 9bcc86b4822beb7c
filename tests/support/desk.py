"""One customer and the real send activity, with a provider that a test controls."""

import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Abilities, Hook, Parcel, Reading
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import (
    AccountError,
    PermanentError,
    TransientError,
)
from sojourn.domain.events import (
    Event,
    OrderCompleted,
    ProductAdded,
)
from sojourn.domain.facts import Fact
from sojourn.domain.messages import Channel, Delivery, MessageClass, Receipt
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import Rules
from sojourn.rendering.render import Renderer
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.settings import Settings
from sojourn.store import Store, attempts, cards, events, ledger, pauses, people, stops
from sojourn.store.tables import (
    AttemptRow,
    ChannelRow,
    EventRow,
    LedgerRow,
)
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.project import PROJECT

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REACHABLE: dict[str, Any] = {
    "email": "ada@shop.example",
    "phone": "+393201234567",
    "pushToken": "token",
    "timezone": "Europe/Rome",
    "marketingConsent": dict.fromkeys(Channel, True),
}
NIGHT = QuietHours(time(21), time(9))
NUDGE: dict[str, Any] = {
    "channels": (Channel.PUSH, Channel.SMS),
    "template": "nudge",
    "step": "nudge",
}


class Killed(BaseException):
    """The death of the worker at this point; not an `Exception`, so that no code handles it."""


class Carrier(Outbox):
    """A provider that gives the test's answers, and otherwise accepts."""

    name = "carrier"

    def __init__(self, *, idempotent: bool = True) -> None:
        self.idempotent = idempotent
        self.can: Abilities | None = None
        self.found: TransientError | None = None
        self.answers: deque[BaseException | Callable[[], Awaitable[None]]] = deque()
        self.carried: list[Parcel] = []

    async def send(self, parcel: Parcel) -> str:
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, TransientError | PermanentError | AccountError):
            raise answer  # these say: not sent
        self.carried.append(parcel)
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            await answer()
        return f"id-{len(self.carried)}"

    looks_up_after: timedelta
    read: Callable[[Hook], Awaitable[Reading]]

    def support_lookup(self, abilities: Abilities = Abilities()) -> None:  # noqa: B008
        self.can, self.looks_up_after = abilities, MINUTE

    def support_webhooks(self) -> None:
        self.can, self.read = Abilities(), AsyncMock()

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        if self.found is not None:
            raise self.found
        taken = [each.reference for each in self.carried]
        return f"found-{len(taken)}" if parcel.reference in taken else None

    @property
    def abilities(self) -> Abilities:  # type: ignore[override]
        """The abilities that the test wants."""
        return self.can or Abilities(idempotent_for=DAY if self.idempotent else timedelta(0))


@lru_cache
def _renderer(templates: Path | None = None) -> Renderer:
    return Renderer(Settings(), "key", [templates] if templates else PROJECT.templates)


class Desk:
    """One customer with one cart, and the activity that sends to them."""

    def __init__(self, store: Store, customer_id: str) -> None:
        self.store = store
        self.customer_id = customer_id
        self.carrier = Carrier()
        self.quiet_hours: QuietHours | None = None
        self.policy: Rules | None = None
        self.stays_if: Fact | None = None
        self.templates: Path | None = None
        self.start: EventRow | None = None
        self.passed = 0.0  # seconds since the attempt began

    @property
    def gate(self) -> Gate:
        return self.gate_on()

    def gate_on(self, **grounds: Any) -> Gate:
        """Return the gate with some of its grounds changed."""
        conditions = {} if self.stays_if is None else {"abandoned-cart": self.stays_if}
        found = Grounds(self.rules, "UTC", stays_if=conditions, **grounds)
        return Gate(self.store, found, _renderer(self.templates).channels_of)

    def rules(self) -> Rules:
        """Return the rules of the gate: quiet hours without a spread after them."""
        return self.policy or Rules.of(self.quiet_hours, spread=timedelta(0))

    @property
    def messages(self) -> Messages:
        carriers = dict.fromkeys(Channel, self.carrier)
        return Messages(self.gate, carriers, _renderer(self.templates), Recorder(self.store))

    async def claim(self, now: datetime = NOON + DAY, **changes: Any) -> Claim:
        """Pass the gate without a hand-over."""
        answer = await self.gate.pass_or_refuse(self.delivery(**changes), now)
        assert isinstance(answer, Claim)
        return answer

    async def identify(self, hours: float = -1, **traits: Any) -> None:
        identity = read_identity(
            traits, customer_id=self.customer_id, message_id=str(uuid4()), at=NOON + hours * HOUR
        )
        async with self.store.transaction() as session:
            await cards.identify(session, identity)

    async def keep(self, event: Event, **properties: Any) -> EventRow:
        """Store an event as the dispatcher does, but die before any run is told."""
        async with self.store.transaction() as session:
            return await self.put(session, event, **properties)

    async def put(self, session: AsyncSession, event: Event, **properties: Any) -> EventRow:
        """Store an event in a transaction of the test."""
        await people.lock(session, event.customer_id)
        row, _ = await events.add(
            session,
            EventRow(
                message_id=event.message_id,
                customer_id=event.customer_id,
                name=event.event_name,
                occurred_at=event.occurred_at,
                received_at=NOON,
                properties={**event.properties(), **properties},
            ),
        )
        return row

    async def add(self, hours: float = 0, **fields: Any) -> EventRow:
        given = {"product_id": "p", "name": "Mug", "cart_id": "c", **fields}
        return await self.keep(
            ProductAdded(customer_id=self.customer_id, occurred_at=NOON + hours * HOUR, **given)
        )

    async def buy(self, hours: float = 1, **fields: Any) -> EventRow:
        given = {"order_id": "o", "cart_id": "c", **fields}
        return await self.keep(
            OrderCompleted(customer_id=self.customer_id, occurred_at=NOON + hours * HOUR, **given)
        )

    def delivery(self, **changes: Any) -> Delivery:
        assert self.start is not None
        assert self.start.seq is not None
        order = (self.start.occurred_at, self.start.seq)
        return Delivery(
            workflow_id=f"abandoned-cart:{self.customer_id}:c",
            journey="abandoned-cart",
            customer_id=self.customer_id,
            key="c",
            key_field="cart_id",
            enrolment=self.start.message_id,
            n=1,
            step="reminder",
            template="reminder",
            channels=(Channel.EMAIL,),
            message_class=MessageClass.PROMOTIONAL,
            topic="cart",
            due=NOON + DAY,
            useful_until=NOON + 2 * DAY,
            now=NOON + DAY,
            start=order,
            latest=order,
            goals=("Order Completed",),
            ends=("Subscription Cancelled",),
            restarts=("Product Added",),
            timezone="UTC",
        ).model_copy(update=changes)

    async def send(self, *, waited: timedelta = timedelta(0), **changes: Any) -> Receipt:
        """Run one attempt of the activity, ``waited`` after Temporal scheduled it."""
        self.passed = 0.0
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            environment.info,
            scheduled_time=NOON - 300 * DAY,  # Temporal's clock is not the journey's
            started_time=NOON - 300 * DAY + waited,
        )
        return await environment.run(self.messages.send, self.delivery(**changes))

    async def die(self, **changes: Any) -> None:
        with pytest.raises(Killed):
            await self.send(**changes)

    async def again(self, **changes: Any) -> ApplicationError:
        with pytest.raises(ApplicationError) as raised:
            await self.send(**changes)
        return raised.value

    async def attempts(self) -> list[AttemptRow]:
        numbers = [row.id for row in await self.rows() if row.id is not None]
        async with self.store.reading() as session:
            tried = await attempts.of_messages(session, numbers)
        return [attempt for number in numbers for attempt in tried[number]]

    async def pauses(self) -> dict[Channel, ChannelRow]:
        async with self.store.reading() as session:
            return await pauses.current(session)

    async def resume(self, channel: Channel) -> None:
        async with self.store.transaction() as session:
            assert await pauses.end(session, channel)

    async def row(self) -> LedgerRow:
        (row,) = await self.rows()
        return row

    async def rows(self) -> list[LedgerRow]:
        async with self.store.reading() as session:
            return list(await ledger.of_customer(session, self.customer_id))


async def note_stop(session: AsyncSession, desk: Desk, **changes: Any) -> EventRow:
    """Note that the desk's run is stopped, in a transaction of the test."""
    delivery = desk.delivery(**changes)
    return await stops.note(
        session,
        desk.customer_id,
        delivery.workflow_id,
        journey=delivery.journey,
        asked=str(uuid4()),
        because="asked by support",
        at=NOON + HOUR,
    )


def killing(desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Kill the worker at one of the moments between two transactions."""

    async def die(*_: Any, **__: Any) -> None:
        raise Killed

    match where:
        case "claimed":
            monkeypatch.setattr(Messages, "_carry", die)
        case "handing over":
            desk.carrier.answers.append(Killed())
        case "handed over":
            monkeypatch.setattr(Recorder, "sent", die)
