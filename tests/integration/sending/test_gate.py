"""A message's way out, through the real activity: what it meets, and where it may die."""

import asyncio
import dataclasses
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete
from sqlalchemy import event as listen
from temporalio.client import WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Abilities, Parcel
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.content import Content
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    EndpointGone,
    InvalidRecipient,
    PermanentError,
    TransientError,
    WrongSender,
)
from sojourn.domain.events import (
    EmailLinkClicked,
    Event,
    OrderCompleted,
    ProductAdded,
    ProductRemoved,
    SignedUp,
    SubscriptionCancelled,
    SubscriptionStarted,
)
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason, Receipt, Status
from sojourn.domain.policy import QuietHours
from sojourn.domain.states import MessageState
from sojourn.domain.verdict import OnceMore
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.rendering.render import Renderer
from sojourn.sending.applying import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, attempts, cards, events, ledger, pauses, people, settling
from sojourn.store.tables import (
    AttemptRow,
    ChannelRow,
    ContentRow,
    EventRow,
    LedgerRow,
    SuppressionRow,
)
from sojourn.testkit import JourneyTest
from sojourn.testkit.kit import MONDAY_NOON as NOON

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
    """The worker was killed here: not an `Exception`, nothing may handle it."""


class Carrier(Outbox):
    """A provider that does as it is told, and otherwise accepts."""

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

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        if self.found is not None:
            raise self.found
        taken = [each.reference for each in self.carried]
        return f"found-{len(taken)}" if parcel.reference in taken else None

    @property
    def abilities(self) -> Abilities:  # type: ignore[override]
        """What the test at hand wants."""
        return self.can or Abilities(idempotent_for=DAY if self.idempotent else timedelta(0))


@lru_cache
def _renderer(templates: Path | None = None) -> Renderer:
    return Renderer(Settings(), "key", templates)


class Desk:
    """One customer with one cart, and the activity that writes to them."""

    def __init__(self, store: Store, customer_id: str) -> None:
        self.store = store
        self.customer_id = customer_id
        self.carrier = Carrier()
        self.quiet_hours: QuietHours | None = None
        self.templates: Path | None = None
        self.start: EventRow | None = None
        self.passed = 0.0  # seconds since the attempt began

    @property
    def messages(self) -> Messages:
        carriers = dict.fromkeys(Channel, self.carrier)
        renderer = _renderer(self.templates)
        gate = Gate(self.store, self.quiet_hours, "UTC", templates=renderer.channels_of)
        return Messages(gate, carriers, renderer, Recorder(self.store))

    async def identify(self, hours: float = -1, **traits: Any) -> None:
        identity = read_identity(
            traits, customer_id=self.customer_id, message_id=str(uuid4()), at=NOON + hours * HOUR
        )
        async with self.store.transaction() as session:
            await cards.identify(session, identity)

    async def keep(self, event: Event, **properties: Any) -> EventRow:
        """Store an event as the dispatcher does, and die before anybody is told."""
        async with self.store.transaction() as session:
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
        """One attempt of the activity, ``waited`` after Temporal scheduled it."""
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


@pytest.fixture
async def desk(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    desk = Desk(store, customer_id)
    monkeypatch.setattr("sojourn.sending.send.monotonic", lambda: desk.passed)
    async with store.transaction() as session:  # all customers here have the same address
        await session.exec(delete(SuppressionRow))
    await desk.identify(**REACHABLE)
    desk.start = await desk.add()
    yield desk
    async with store.transaction() as session:  # it is shared, and a pause is for everybody
        for channel in Channel:
            await pauses.end(session, channel)


def _killing(desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Kill the worker at one of the four moments between two transactions."""

    async def die(*_: Any, **__: Any) -> None:
        raise Killed

    match where:
        case "claimed":
            monkeypatch.setattr(Messages, "_carry", die)
        case "handing over":
            desk.carrier.answers.append(Killed())
        case "handed over":
            monkeypatch.setattr(Recorder, "sent", die)


# ---- the way through -----------------------------------------------------------------------


async def test_a_message_goes_out_once_however_often_it_is_asked_for(desk: Desk) -> None:
    for _ in range(3):
        receipt = await desk.send()
        assert (receipt.status, receipt.channel) == (Status.SENT, Channel.EMAIL)
    row = await desk.row()
    assert (row.state, row.attempt, row.provider, row.provider_id) == (
        "sent", 1, "carrier", "id-1",
    )  # fmt: skip
    assert [parcel.ledger_key for parcel in desk.carrier.carried] == [row.ledger_key]
    async with desk.store.reading() as session:
        content = await session.get(ContentRow, row.id)
    assert content is not None
    assert content.address == "ada@shop.example"
    assert "Mug" in content.content["text"]


async def test_a_message_costs_three_transactions_at_most(desk: Desk) -> None:
    begun: list[str] = []
    engine = desk.store.engine.sync_engine

    def count(_: Connection) -> None:
        begun.append("begin")

    listen.listen(engine, "begin", count)
    try:
        await desk.send()
        assert 0 < len(begun) <= 3
        begun.clear()
        await desk.send()
        assert len(begun) == 1
    finally:
        listen.remove(engine, "begin", count)


# ---- overtaken by an event that is stored, whose signal has not come -----------------------


async def test_a_purchase_that_is_stored_stops_the_message(desk: Desk) -> None:
    order = await desk.buy()
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.GOAL_REACHED)
    assert receipt.news is not None
    assert receipt.news.id == order.message_id
    assert (await desk.row()).caused_by == order.message_id
    assert desk.carrier.carried == []


async def test_so_does_one_whose_cart_is_a_number(desk: Desk) -> None:
    order = OrderCompleted(customer_id=desk.customer_id, order_id="o", occurred_at=NOON + HOUR)
    await desk.keep(order, cart_id=7)
    receipt = await desk.send(key="7")
    assert receipt.reason is Reason.GOAL_REACHED


async def test_a_purchase_without_a_cart_stops_every_cart(desk: Desk) -> None:
    await desk.buy(cart_id=None)
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_another_carts_or_an_older_purchase_stops_nothing(desk: Desk) -> None:
    await desk.buy(cart_id="another")
    await desk.buy(-1)
    assert (await desk.send()).status is Status.SENT


async def test_a_purchase_at_the_moment_of_the_start_counts_if_it_came_after_it(
    desk: Desk,
) -> None:
    await desk.buy(0)
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_another_product_that_is_stored_supersedes_the_message(desk: Desk) -> None:
    added = await desk.add(2)
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.SUPERSEDED)
    assert receipt.news is not None
    assert receipt.news.id == added.message_id


async def test_a_product_that_the_run_has_heard_of_does_not(desk: Desk) -> None:
    added = await desk.add(2)
    assert added.seq is not None
    receipt = await desk.send(latest=(added.occurred_at, added.seq))
    assert receipt.status is Status.SENT


async def test_news_that_changes_nothing_does_not_cost_the_message(desk: Desk) -> None:
    """The run takes the news in, sees no reason to begin anew, and asks again."""
    added = await desk.add(2)
    assert added.seq is not None
    assert (await desk.send()).reason is Reason.SUPERSEDED
    assert (await desk.send()).reason is Reason.SUPERSEDED  # a retry knows no more
    receipt = await desk.send(latest=(added.occurred_at, added.seq))
    assert receipt.status is Status.SENT
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == ("sent", None, None)
    assert len(desk.carrier.carried) == 1


async def test_an_event_that_ends_the_run_stops_the_message(desk: Desk) -> None:
    await desk.keep(
        SubscriptionCancelled(
            customer_id=desk.customer_id, subscription_id="s", occurred_at=NOON + HOUR
        )
    )
    assert (await desk.send()).reason is Reason.RUN_STOPPED


async def test_of_several_reasons_the_goal_is_told(desk: Desk) -> None:
    await desk.add(3)
    await desk.buy(2)
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_a_purchase_that_races_the_claim_is_seen_or_came_after_it(
    store: Store,
) -> None:
    async def race(number: int) -> tuple[bool, Receipt]:
        desk = Desk(store, f"race-{uuid4().hex[:8]}-{number}")
        await desk.identify(**REACHABLE)
        desk.start = await desk.add()
        acknowledged = asyncio.Event()

        async def buy() -> None:
            await desk.buy()
            acknowledged.set()

        buying = asyncio.create_task(buy())
        await asyncio.sleep(0)
        late = acknowledged.is_set()
        receipt = await desk.send()
        await buying
        return late, receipt

    for late, receipt in await asyncio.gather(*(race(n) for n in range(8))):
        assert receipt.status in (Status.SENT, Status.SKIPPED)
        assert not (late and receipt.status is Status.SENT)


# ---- who is written to ---------------------------------------------------------------------


async def test_nobody_is_written_to_who_is_unknown_or_erased(store: Store) -> None:
    desk = Desk(store, f"u-{uuid4().hex[:8]}")
    desk.start = await desk.add()
    assert (await desk.send()).reason is Reason.UNKNOWN_CUSTOMER
    await desk.identify(**REACHABLE)
    async with store.transaction() as session:
        row = await people.lock(session, desk.customer_id)
        row.erased_at = NOON
        session.add(row)
    assert (await desk.send(n=2)).reason is Reason.ERASED


async def test_consent_is_asked_at_the_last_moment(desk: Desk) -> None:
    await desk.identify(2, marketingConsent={"email": False})
    assert (await desk.send()).reason is Reason.NO_CONSENT
    assert (await desk.send(n=2, message_class=MessageClass.TRANSACTIONAL)).status is Status.SENT


async def test_the_zone_the_customer_moved_to_is_told(desk: Desk) -> None:
    assert (await desk.send()).timezone == "Europe/Rome"
    await desk.identify(2, timezone="Asia/Tokyo")
    assert (await desk.send(n=2)).timezone == "Asia/Tokyo"


# ---- time ----------------------------------------------------------------------------------


async def test_the_time_in_the_queue_counts(desk: Desk) -> None:
    assert (await desk.send(waited=DAY + MINUTE)).reason is Reason.TOO_LATE
    assert (await desk.send(n=2, waited=DAY - MINUTE)).status is Status.SENT


async def test_the_time_in_the_queue_may_reach_into_the_night(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    receipt = await desk.send(waited=9 * HOUR)  # 22:00 in Rome
    assert receipt.status is Status.DEFERRED
    assert receipt.until == datetime.fromisoformat("2024-01-10T09:00+01:00")


async def test_a_clock_that_runs_backwards_is_no_wait(desk: Desk) -> None:
    assert (await desk.send(waited=-2 * DAY)).status is Status.SENT


async def test_a_message_held_over_night_keeps_its_row(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    night = NOON + DAY + 10 * HOUR
    for _ in range(2):
        receipt = await desk.send(now=night)
        assert (receipt.status, receipt.reason) == (Status.DEFERRED, Reason.QUIET_HOURS)
    held = await desk.row()
    assert (held.state, held.held_until) == ("deferred", receipt.until)
    assert (await desk.send(now=receipt.until)).status is Status.SENT
    sent = await desk.row()
    assert (sent.id, sent.state, sent.reason) == (held.id, "sent", None)


async def test_a_message_held_over_night_is_voided_by_the_purchase(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    await desk.send(now=NOON + DAY + 10 * HOUR)
    order = await desk.buy(40)
    workflow_id = desk.delivery().workflow_id
    async with desk.store.transaction() as session:
        await settling.void_holds(session, [workflow_id], reason="goal_reached", cause=order)
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == (
        "skipped", "goal_reached", order.message_id,
    )  # fmt: skip
    assert (await desk.send(now=NOON + 46 * HOUR)).reason is Reason.GOAL_REACHED
    assert desk.carrier.carried == []


async def test_a_purchase_before_this_run_voids_nothing_of_it(desk: Desk) -> None:
    """The cart was bought, filled again, and then the old purchase came in late."""
    desk.quiet_hours = NIGHT
    await desk.send(now=NOON + DAY + 10 * HOUR)
    order = await desk.buy(-24)
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=order
        )
    assert (await desk.row()).state == "deferred"


async def test_a_message_that_may_be_on_its_way_is_not_called_held(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    desk.carrier.answers.append(Killed())
    await desk.die()
    assert (await desk.send(now=NOON + DAY + 10 * HOUR)).status is Status.DEFERRED
    order = await desk.buy(40)
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=order
        )
    assert (await desk.row()).state == "submitting"
    assert (await desk.send(now=NOON + 46 * HOUR)).status is Status.UNKNOWN


# ---- attempts that die ---------------------------------------------------------------------


@pytest.mark.parametrize("where", ["claimed", "handing over", "handed over"])
@pytest.mark.parametrize("message_class", list(MessageClass))
async def test_an_idempotent_provider_gets_it_again_and_delivers_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str, message_class: MessageClass
) -> None:
    with monkeypatch.context() as patch:
        _killing(desk, patch, where)
        await desk.die(message_class=message_class)
    assert (await desk.row()).state == ("claimed" if where == "claimed" else "submitting")
    assert (await desk.send(message_class=message_class)).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.attempt, row.possible_duplicate) == ("sent", 2, False)
    assert len({parcel.ledger_key for parcel in desk.carrier.carried}) == 1


@pytest.mark.parametrize("where", ["handing over", "handed over"])
async def test_what_we_want_to_say_is_not_said_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    desk.carrier.idempotent = False
    with monkeypatch.context() as patch:
        _killing(desk, patch, where)
        await desk.die()
    for _ in range(2):
        assert (await desk.send()).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1
    assert not (await desk.row()).possible_duplicate


async def test_a_claim_alone_is_no_send(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.carrier.idempotent = False
    with monkeypatch.context() as patch:
        _killing(desk, patch, "claimed")
        await desk.die()
    assert (await desk.send()).status is Status.SENT
    assert not (await desk.row()).possible_duplicate


@pytest.mark.parametrize("message_class", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
async def test_what_the_customer_needs_is_sent_once_more_and_marked(
    desk: Desk, message_class: MessageClass
) -> None:
    desk.carrier.idempotent = False
    desk.carrier.answers.append(Killed())
    await desk.die(message_class=message_class)
    assert (await desk.send(message_class=message_class)).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.possible_duplicate, row.attempt) == ("sent", True, 2)
    assert len({parcel.ledger_key for parcel in desk.carrier.carried}) == 1


async def test_but_not_a_third_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(Killed())
    await desk.die(**needed)
    with monkeypatch.context() as patch:
        _killing(desk, patch, "claimed")  # a death in between counts nothing
        await desk.die(**needed)
    desk.carrier.answers.append(Killed())
    await desk.die(**needed)
    for _ in range(2):
        assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 2


async def test_a_purchase_after_a_death_is_no_skip_if_the_message_may_be_out(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die()
    await desk.buy()
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.UNKNOWN, Reason.GOAL_REACHED)
    assert receipt.news is not None


async def test_a_purchase_after_a_death_is_a_skip_if_it_was_only_claimed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _killing(desk, patch, "claimed")
        await desk.die()
    await desk.buy()
    assert (await desk.send()).status is Status.SKIPPED


async def test_a_message_that_may_be_out_by_one_channel_does_not_take_another(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die(**NUDGE)
    await desk.identify(2, pushToken="")
    assert (await desk.send(**NUDGE)).status is Status.UNKNOWN
    assert [parcel.content.channel for parcel in desk.carrier.carried] == [Channel.PUSH]
    assert (await desk.row()).channel == "push"


async def test_a_message_that_certainly_did_not_go_out_may(desk: Desk) -> None:
    desk.carrier.answers.append(TransientError("busy"))
    await desk.again(**NUDGE)
    await desk.identify(2, pushToken="")
    assert (await desk.send(**NUDGE)).reason is Reason.OTHER_CHANNEL
    receipt = await desk.send(**NUDGE, channel=Channel.SMS)
    assert (receipt.status, receipt.channel) == (Status.SENT, Channel.SMS)
    assert (await desk.row()).ledger_key.endswith("/sms")


async def test_a_death_and_then_too_late_is_unknown_or_expired(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _killing(desk, patch, "claimed")
        await desk.die()
        await desk.send(n=2, waited=2 * DAY)
    assert (await desk.send(waited=2 * DAY)).status is Status.EXPIRED
    desk.carrier.answers.append(Killed())
    await desk.die(n=3)
    assert (await desk.send(n=3, waited=2 * DAY)).status is Status.UNKNOWN


# ---- two attempts at once ------------------------------------------------------------------


@pytest.mark.parametrize("idempotent", [False, True])
async def test_of_attempts_that_race_one_hands_over(desk: Desk, *, idempotent: bool) -> None:
    desk.carrier.idempotent = idempotent
    answers = await asyncio.gather(*(desk.send() for _ in range(6)), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, Receipt):
            assert answer.status in (Status.SENT, Status.UNKNOWN)
        else:
            assert isinstance(answer, ApplicationError)
    row = await desk.row()
    assert row.state == "sent"
    if not idempotent:
        assert len(desk.carrier.carried) == 1
    assert {parcel.ledger_key for parcel in desk.carrier.carried} == {row.ledger_key}


async def test_an_attempt_that_is_still_handing_over_is_not_overtaken(desk: Desk) -> None:
    """Temporal gave the first attempt up, but it lives: the second must not send as well."""
    desk.carrier.idempotent = False
    handing_over, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        handing_over.set()
        await go_on.wait()

    desk.carrier.answers.append(slowly)
    slow = asyncio.create_task(desk.send())
    await handing_over.wait()
    assert (await desk.send()).status is Status.UNKNOWN
    go_on.set()
    assert (await slow).status is Status.SENT
    assert (await desk.row()).state == "sent"  # now it is certain
    assert len(desk.carrier.carried) == 1


async def test_leave_to_send_once_more_is_not_for_what_began_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal gave one attempt up, but it lives: two find the same doubt, and one goes on."""
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    handing_over, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        handing_over.set()
        await go_on.wait()

    desk.carrier.answers += [AmbiguousSend("dead"), slowly]
    await desk.again(**needed)
    find_out, others = Messages._find_out, list[asyncio.Task[Receipt]]()

    async def overtaken(self: Messages, *doubt: Any) -> OnceMore | None:
        decided = await find_out(self, *doubt)
        if not others:
            others.append(asyncio.create_task(desk.send(**needed)))
            await handing_over.wait()
        return decided

    monkeypatch.setattr(Messages, "_find_out", overtaken)
    assert (await desk.send(**needed)).status is Status.UNKNOWN
    go_on.set()
    assert (await others[0]).status is Status.SENT
    assert len(desk.carrier.carried) == 2
    assert (await desk.row()).possible_duplicate


async def test_an_attempt_that_lost_its_claim_does_not_hand_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken: list[Receipt] = []
    submit = Messages._submit

    async def slow(self: Messages, claim: Claim, *rest: Any) -> None:
        if not overtaken and claim.attempt == 1:
            overtaken.append(await desk.send())
        await submit(self, claim, *rest)

    monkeypatch.setattr(Messages, "_submit", slow)
    await desk.again()
    assert [receipt.status for receipt in overtaken] == [Status.SENT]
    assert len(desk.carrier.carried) == 1
    assert (await desk.row()).attempt == 2


# ---- what providers say --------------------------------------------------------------------


async def test_a_provider_that_is_busy_is_asked_again_when_it_says(desk: Desk) -> None:
    desk.carrier.answers.append(TransientError("450 busy", retry_after=7 * MINUTE))
    again = await desk.again()
    assert again.next_retry_delay == 7 * MINUTE
    row = await desk.row()
    assert (row.state, row.detail) == ("claimed", "450 busy (told to wait 420 s)")
    assert (await desk.send()).status is Status.SENT
    assert (await desk.row()).detail is None


async def test_a_provider_that_stays_busy_ends_with_the_messages_use(desk: Desk) -> None:
    desk.carrier.answers.append(TransientError("450 busy"))
    await desk.again()
    receipt = await desk.send(waited=DAY + MINUTE)
    assert (receipt.status, receipt.reason) == (Status.EXPIRED, Reason.TOO_LATE)


async def test_a_refusal_is_a_receipt(desk: Desk) -> None:
    desk.carrier.answers.append(InvalidRecipient("550 no such user"))
    for _ in range(2):
        receipt = await desk.send()
        assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.INVALID_ADDRESS)
    assert (await desk.row()).detail == "550 no such user"
    assert desk.carrier.carried == []


async def test_trouble_with_our_account_pauses_the_channel_and_burns_no_message(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    held = await desk.send()
    assert (held.status, held.reason) == (Status.DEFERRED, Reason.PAUSED)
    assert held.until is not None
    assert MINUTE / 2 <= held.until - (NOON + DAY) <= 2 * MINUTE
    row = await desk.row()
    assert (row.state, row.reason, row.detail) == ("deferred", "paused", "535 who are you?")
    assert [(a.state, a.error) for a in await desk.attempts()] == [("released", "AccountError")]
    pause = (await desk.pauses())[Channel.EMAIL]
    assert (pause.paused_because, pause.paused_by) == ("535 who are you?", "carrier")
    assert pause.probe_at is not None
    # nothing else is handed over meanwhile, whoever it is for
    assert (await desk.send(n=2)).reason is Reason.PAUSED
    assert desk.carrier.carried == []
    await desk.resume(Channel.EMAIL)
    assert (await desk.send(now=held.until)).status is Status.SENT


async def test_what_a_pause_outlasts_is_expired(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    held = await desk.send(waited=DAY - MINUTE / 4)
    assert held.until == NOON + 2 * DAY + timedelta(seconds=1)
    over = await desk.send(now=held.until)
    assert (over.status, over.reason) == (Status.EXPIRED, Reason.TOO_LATE)


async def test_a_pause_does_not_hide_that_the_run_is_over(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    await desk.send()
    await desk.buy()
    assert (await desk.send()).reason is Reason.GOAL_REACHED


async def test_messages_that_wait_for_a_channel_come_back_at_different_moments(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("535 who are you?"))
    await desk.send()
    moments = [(await desk.send(n=n)).until for n in range(2, 12)]
    assert len(set(moments)) == len(moments)


async def test_a_channel_that_is_paused_leaves_the_message_to_the_next(desk: Desk) -> None:
    desk.carrier.answers.append(AccountError("no more credits"))
    answer = await desk.send(**NUDGE)
    assert (answer.reason, answer.channel) == (Reason.OTHER_CHANNEL, Channel.SMS)
    assert (await desk.send(**NUDGE, channel=Channel.SMS)).status is Status.SENT
    assert [(row.channel, row.state) for row in await desk.rows()] == [("sms", "sent")]


# ---- several channels ----------------------------------------------------------------------


async def test_refused_for_good_by_one_channel_a_message_takes_the_next(desk: Desk) -> None:
    desk.carrier.answers.append(EndpointGone("unregistered"))
    answer = await desk.send(**NUDGE)
    assert (answer.status, answer.reason) == (Status.DEFERRED, Reason.OTHER_CHANNEL)
    assert answer.channel is Channel.SMS
    for _ in range(2):
        sent = await desk.send(**NUDGE, channel=Channel.SMS)
        assert (sent.status, sent.channel) == (Status.SENT, Channel.SMS)
    push, sms = await desk.rows()
    assert (push.channel, push.state, push.reason) == ("push", "rejected", "invalid_address")
    assert (sms.channel, sms.state) == ("sms", "sent")
    assert push.ledger_key != sms.ledger_key
    assert [parcel.content.channel for parcel in desk.carrier.carried] == [Channel.SMS]
    # a retry whose answer was lost starts on the first queue again
    assert (await desk.send(**NUDGE)).status is Status.SENT


async def test_refused_by_all_it_is_rejected(desk: Desk) -> None:
    desk.carrier.answers += [EndpointGone("unregistered"), ContentRejected("filtered")]
    await desk.send(**NUDGE)
    for _ in range(2):
        receipt = await desk.send(**NUDGE, channel=Channel.SMS)
        assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.REFUSED)
    assert [row.state for row in await desk.rows()] == ["rejected", "rejected"]


async def test_refused_by_the_one_that_can_be_reached_that_is_what_it_says(desk: Desk) -> None:
    await desk.identify(phone="")
    desk.carrier.answers.append(EndpointGone("unregistered"))
    receipt = await desk.send(**NUDGE)
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.INVALID_ADDRESS)
    assert len(await desk.rows()) == 1


async def test_a_device_of_another_sender_is_refused_once_and_not_suppressed(desk: Desk) -> None:
    await desk.identify(phone="")
    desk.carrier.answers.append(WrongSender("SENDER_ID_MISMATCH"))
    receipt = await desk.send(**NUDGE)
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.REFUSED)
    assert (await desk.send(**NUDGE, n=2)).status is Status.SENT


async def test_a_purchase_between_two_channels_ends_it(desk: Desk) -> None:
    desk.carrier.answers.append(EndpointGone("unregistered"))
    await desk.send(**NUDGE)
    await desk.buy()
    receipt = await desk.send(**NUDGE, channel=Channel.SMS)
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.GOAL_REACHED)


async def test_who_has_no_address_on_the_first_channel_gets_it_by_the_next(desk: Desk) -> None:
    await desk.identify(pushToken="")
    assert (await desk.send(**NUDGE)).channel is Channel.SMS
    assert await desk.rows() == []  # nothing was decided but the way
    assert (await desk.send(**NUDGE, channel=Channel.SMS)).status is Status.SENT


async def test_a_channel_without_the_template_is_passed_over(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "nudge.sms.en.txt").write_text("{% block text %}Hello{% endblock %}")
    desk.templates = tmp_path
    assert (await desk.send(**NUDGE)).channel is Channel.SMS
    assert (await desk.send(**NUDGE, channel=Channel.SMS)).status is Status.SENT


async def test_what_may_be_out_by_one_channel_is_settled_there(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die(**NUDGE)
    back = await desk.send(**NUDGE, channel=Channel.SMS)
    assert (back.reason, back.channel) == (Reason.OTHER_CHANNEL, Channel.PUSH)


# ---- finding out ---------------------------------------------------------------------------


async def test_what_is_in_doubt_is_looked_up_after_a_while(desk: Desk) -> None:
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    again = await desk.again()
    assert again.next_retry_delay == MINUTE
    early = await desk.again(waited=MINUTE / 2)
    assert early.next_retry_delay == MINUTE / 2
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    row = await desk.row()
    assert (row.state, row.provider_id, row.possible_duplicate) == ("sent", "found-1", False)
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.settled_by) == ("accepted", "look-up")
    assert len(desk.carrier.carried) == 1


@pytest.mark.parametrize("message_class", list(MessageClass))
async def test_what_the_provider_does_not_have_is_sent(
    desk: Desk, message_class: MessageClass
) -> None:
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again(message_class=message_class)
    desk.carrier.carried.clear()  # it never arrived there
    sent = await desk.send(waited=MINUTE, message_class=message_class)
    assert sent.status is Status.SENT
    assert not (await desk.row()).possible_duplicate
    assert [(a.state, a.settled_by) for a in await desk.attempts()] == [
        ("released", "look-up"),
        ("accepted", "answer"),
    ]


async def test_a_look_up_outranks_a_purchase_that_came_since(desk: Desk) -> None:
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    desk.carrier.answers.append(Killed())
    await desk.die()
    await desk.buy()
    assert (await desk.send(waited=MINUTE)).status is Status.SENT  # it is the truth


async def test_a_look_up_that_fails_is_made_again_until_the_message_is_of_no_use(
    desk: Desk,
) -> None:
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again()
    desk.carrier.found = TransientError("search is down")
    await desk.again(waited=MINUTE)
    assert (await desk.row()).state == "submitting"
    assert (await desk.send(waited=DAY + MINUTE)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1


async def test_a_provider_that_reports_is_given_time_to(desk: Desk) -> None:
    desk.carrier.can = Abilities(reports=True)
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    again = await desk.again(**needed)
    assert again.next_retry_delay == MINUTE / 2
    async with desk.store.transaction() as session:  # as a webhook does
        row = await desk.row()
        assert row.id is not None
        await settling.settle(session, row.id, MessageState.SENT, by="report", provider_id="p1")
    assert (await desk.send(**needed)).status is Status.SENT
    (attempt,) = await desk.attempts()
    assert (attempt.state, attempt.settled_by) == ("accepted", "report")


async def test_a_provider_that_did_not_report_gets_it_once_more(desk: Desk) -> None:
    desk.carrier.can = Abilities(reports=True)
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again(**needed)
    assert (await desk.send(**needed, waited=MINUTE)).status is Status.SENT
    assert (await desk.row()).possible_duplicate
    assert [a.state for a in await desk.attempts()] == ["superseded", "accepted"]


async def test_another_provider_knows_nothing_of_what_the_last_one_took(desk: Desk) -> None:
    desk.carrier.can = Abilities(idempotent_for=DAY, looks_up_after=MINUTE)
    desk.carrier.answers.append(Killed())
    await desk.die()
    desk.carrier = Carrier()
    desk.carrier.name = "another"
    assert (await desk.send()).status is Status.UNKNOWN
    assert desk.carrier.carried == []


async def test_an_idempotency_key_is_trusted_for_as_long_as_it_lives(desk: Desk) -> None:
    desk.carrier.can = Abilities(idempotent_for=timedelta(microseconds=1))
    desk.carrier.answers.append(Killed())
    await desk.die()
    assert (await desk.send()).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1


async def test_the_wait_for_a_look_up_begins_when_the_message_was_handed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))

    async def fetched(content: Content, *_: Any) -> Content:
        desk.passed += 20
        return content

    monkeypatch.setattr("sojourn.sending.send.fetched", fetched)
    assert (await desk.again()).next_retry_delay == MINUTE
    early = await desk.again(waited=MINUTE)
    assert early.next_retry_delay == timedelta(seconds=20)
    assert (await desk.send(waited=MINUTE + timedelta(seconds=20))).status is Status.SENT


async def test_a_later_attempt_that_surely_did_not_send_leaves_the_doubt_about_the_first(
    desk: Desk,
) -> None:
    desk.carrier.answers += [AmbiguousSend("the line went dead"), TransientError("busy")]
    await desk.again()
    await desk.again()
    desk.carrier.can = Abilities()  # the key has lived its life: it is the first that counts
    assert (await desk.send()).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 1
    assert [a.state for a in await desk.attempts()] == ["ambiguous", "released"]


@pytest.mark.parametrize("then", ["buy", "wait"])
async def test_and_the_message_is_neither_skipped_nor_expired(desk: Desk, then: str) -> None:
    desk.carrier.answers += [AmbiguousSend("the line went dead"), TransientError("busy")]
    await desk.again()
    await desk.again()
    if then == "buy":
        await desk.buy()
    for _ in range(2):  # the answer to the first may be lost
        receipt = await desk.send(waited=2 * DAY if then == "wait" else MINUTE)
        assert receipt.status is Status.UNKNOWN
        assert receipt.reason is (Reason.GOAL_REACHED if then == "buy" else Reason.TOO_LATE)
    assert (await desk.row()).state == "unknown"


async def test_a_later_attempt_that_died_before_it_sent_does_so_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die()
    with monkeypatch.context() as patch:
        _killing(desk, patch, "claimed")
        await desk.die()
    await desk.buy()
    assert (await desk.send()).status is Status.UNKNOWN


async def test_what_may_be_out_is_not_held_by_a_pause(desk: Desk) -> None:
    desk.carrier.answers += [AmbiguousSend("the line went dead"), AccountError("401")]
    await desk.again()
    await desk.again()
    assert (await desk.send()).reason is Reason.PAUSED
    order = await desk.buy()
    async with desk.store.transaction() as session:
        await settling.void_holds(
            session, [desk.delivery().workflow_id], reason="goal_reached", cause=order
        )
    assert (await desk.row()).state == "claimed"
    await desk.resume(Channel.EMAIL)
    assert (await desk.send()).status is Status.UNKNOWN


async def test_refused_once_more_a_message_that_may_be_out_is_not_rejected(desk: Desk) -> None:
    desk.carrier.idempotent = False
    needed = {**NUDGE, "message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers += [AmbiguousSend("dead"), EndpointGone("404")]
    await desk.again(**needed)
    for _ in range(2):
        assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert [parcel.content.channel for parcel in desk.carrier.carried] == [Channel.PUSH]
    assert [a.state for a in await desk.attempts()] == ["superseded", "refused"]
    assert (await desk.row()).detail == "404"


async def test_refused_under_the_same_key_it_is_rejected(desk: Desk) -> None:
    desk.carrier.answers += [AmbiguousSend("dead"), EndpointGone("404")]
    await desk.again(**NUDGE)
    assert (await desk.send(**NUDGE)).reason is Reason.OTHER_CHANNEL
    assert [row.state for row in await desk.rows()] == ["rejected"]


async def test_a_message_that_is_not_there_was_never_handed_over(desk: Desk) -> None:
    """Attempts under one key: if the provider has nothing, none of them has sent."""
    desk.carrier.answers += [AmbiguousSend("dead"), AmbiguousSend("dead")]
    await desk.again()
    await desk.again()
    desk.carrier.carried.clear()
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    assert [a.state for a in await desk.attempts()] == ["released", "released", "accepted"]


async def test_what_a_look_up_finds_was_sent_by_the_attempt_that_nobody_knew_of(desk: Desk) -> None:
    desk.carrier.answers += [AmbiguousSend("dead"), TransientError("busy")]
    await desk.again()
    await desk.again()
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    assert (await desk.send(waited=MINUTE)).status is Status.SENT
    assert [(a.state, a.settled_by) for a in await desk.attempts()] == [
        ("accepted", "look-up"),
        ("released", "answer"),
    ]


async def test_once_more_after_the_keys_life_may_be_twice(desk: Desk) -> None:
    desk.carrier.can = Abilities(idempotent_for=timedelta(microseconds=1))
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("dead"))
    await desk.again(**needed)
    assert (await desk.send(**needed)).status is Status.SENT
    assert (await desk.row()).possible_duplicate


async def test_what_several_providers_may_have_is_out_by_one_of_them(desk: Desk) -> None:
    """The look-up of one says nothing of the other."""
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers.append(AmbiguousSend("dead"))
    await desk.again(**needed)
    first, desk.carrier = desk.carrier, Carrier()
    desk.carrier.name = "another"
    desk.carrier.can = Abilities(looks_up_after=MINUTE)
    desk.carrier.answers.append(AmbiguousSend("dead"))
    assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert (len(first.carried), len(desk.carrier.carried)) == (1, 1)


async def test_a_lost_answer_is_unknown_where_nothing_can_settle_it(desk: Desk) -> None:
    desk.carrier.idempotent = False
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    for _ in range(2):
        assert (await desk.send()).status is Status.UNKNOWN
    assert (await desk.row()).detail == "the line went dead"
    assert len(desk.carrier.carried) == 1


async def test_a_lost_answer_is_settled_by_the_providers_idempotency(desk: Desk) -> None:
    desk.carrier.answers.append(AmbiguousSend("the line went dead"))
    await desk.again()
    assert (await desk.send()).status is Status.SENT
    assert not (await desk.row()).possible_duplicate


async def test_a_lost_answer_about_what_the_customer_needs_is_tried_once_more(desk: Desk) -> None:
    desk.carrier.idempotent = False
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    desk.carrier.answers += [AmbiguousSend("dead"), AmbiguousSend("dead again")]
    await desk.again(**needed)
    for _ in range(2):
        assert (await desk.send(**needed)).status is Status.UNKNOWN
    assert len(desk.carrier.carried) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        TransientError("450 <ada@shop.example>: mailbox busy"),
        AmbiguousSend("lost ada@shop.example"),
        ValueError("bad header: ada@shop.example"),
        TransientError("450 bo\udceete: ada@shop.example"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
async def test_what_goes_wrong_tells_temporal_no_address(desk: Desk, trouble: Exception) -> None:
    """Temporal keeps the last failure of an activity in the run's history."""
    desk.carrier.answers.append(trouble)
    again = await desk.again()
    told = [str(again)]
    cause = again.__cause__
    while cause is not None:
        told.append(str(cause))
        cause = cause.__cause__
    assert "ada@" not in " ".join(told)
    " ".join(told).encode()


# ---- what templates say --------------------------------------------------------------------


async def test_a_template_that_fails_rejects_the_message_and_says_where(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "reminder.sms.en.txt").write_text("{% block text %}{{ cart.itms }}{% endblock %}")
    desk.templates = tmp_path
    receipt = await desk.send(channels=(Channel.SMS,))
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.TEMPLATE)
    row = await desk.row()
    assert row.detail is not None
    assert "abandoned-cart/reminder.sms.en" in row.detail
    assert "itms" in row.detail
    assert (await desk.send(channels=(Channel.SMS,))).status is Status.REJECTED
    assert desk.carrier.carried == []


async def test_a_template_that_is_missing_rejects_the_message(desk: Desk) -> None:
    assert (await desk.send(template="remindr")).reason is Reason.TEMPLATE
    assert "remindr" in str((await desk.row()).detail)


async def test_an_empty_cart_is_nothing_to_say(desk: Desk) -> None:
    await desk.keep(
        ProductRemoved(
            customer_id=desk.customer_id, cart_id="c", product_id="p", occurred_at=NOON + HOUR
        )
    )
    for _ in range(2):
        receipt = await desk.send()
        assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.NOTHING_TO_SAY)
    assert desk.carrier.carried == []


# ---- nothing personal in Temporal ----------------------------------------------------------


def _everything_said(history: WorkflowHistory) -> str:
    """A history as text: decoded, as protobuf prints it, and as it is on the wire."""
    said = [json.dumps(json.loads(history.to_json()), ensure_ascii=False)]
    for event in history.events:
        said += [str(event), event.SerializeToString().decode(errors="replace")]
    return "\n".join(said)


async def test_nothing_personal_reaches_temporal(journey: JourneyTest) -> None:
    secrets = {
        "email": "grace.hopper@navy.example",
        "phone": "+393291112223",
        "first": "Grazia-Maddalena",
        "reason": "my divorce lawyer told me to",
        "url": "https://shop.example/reset?token=s3cr3t",
        "other": "hopper-private@navy.example",
    }
    await journey.identify(
        email=secrets["email"], phone=secrets["phone"], firstName=secrets["first"]
    )
    personal = {"customer_id": journey.customer_id, "occurred_at": NOON}
    for event in (
        SignedUp(email=secrets["other"], first_name=secrets["first"], **personal),
        EmailLinkClicked(url=secrets["url"], **personal),
        ProductAdded(product_id="p", name="Mug", cart_id="c", **personal),
        SubscriptionStarted(subscription_id="s", expires_at=NOON + 30 * DAY, **personal),
    ):
        await journey.publish(event)
    await journey.until(NOON + 26 * DAY)
    assert len(journey.sent) >= 6
    later = {**personal, "occurred_at": NOON + 26 * DAY}
    await journey.publish(OrderCompleted(order_id="o", email=secrets["other"], **later))
    await journey.publish(
        SubscriptionCancelled(subscription_id="s", reason=secrets["reason"], **later)
    )
    histories = await journey.histories()
    assert len(histories) == 3
    said = "\n".join([_everything_said(h) for h in histories])
    assert "Mug" in said  # what is not personal is there, so the search would find what is
    assert [name for name, secret in secrets.items() if secret in said] == []


async def test_nor_when_a_provider_quotes_the_address(
    temporal: Server, journey_settings: Settings
) -> None:
    store = await Store.open(journey_settings.store_url)
    queue, name = f"{TASK_QUEUE}-{uuid4().hex[:8]}", f"q-{uuid4().hex[:8]}"
    carrier = Carrier()
    soon = timedelta(milliseconds=20)
    quoting = TransientError("450 <ada@shop.example>: mailbox busy", retry_after=soon)
    carrier.answers.append(quoting)
    sojourn = Sojourn(temporal.client, store, journey_settings, task_queue=queue)
    carriers = dict.fromkeys(Channel, carrier)
    try:
        async with worker.serving(
            temporal.client, store, journey_settings, task_queue=queue, carriers=carriers
        ):
            await sojourn.identify(
                read_identity(REACHABLE, customer_id=name, message_id="i", at=datetime.now(UTC))
            )
            (run,) = (await sojourn.publish(SignedUp(customer_id=name))).runs
            handle = temporal.client.get_workflow_handle(run)
            async with asyncio.timeout(30):
                while not (await handle.query("status"))["messages"]:  # noqa: ASYNC110 (another process)
                    await asyncio.sleep(0.02)
            history = await handle.fetch_history()
            await handle.terminate()
    finally:
        await store.close()
    assert [parcel.address for parcel in carrier.carried] == ["ada@shop.example"]
    said = _everything_said(history)
    assert "TransientError" in said
    assert "ada@" not in said
