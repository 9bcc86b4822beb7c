"""Database transactions of one message, from the gate to the outcome, counted on the connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from temporalio.testing import ActivityEnvironment

from benchmarks.bare import delivery
from benchmarks.messages import REMINDER
from benchmarks.row import Row
from benchmarks.shoppers import enrolments
from sojourn.composing import load_project
from sojourn.domain.caps import WEEK, Caps, Distance, Limit
from sojourn.domain.errors import SojournError
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.facts import consents, did, last, trait
from sojourn.domain.limits import at_most
from sojourn.domain.messages import Channel, Delivery, Enrolment, Receipt, Status
from sojourn.domain.only_to import read_only_to
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import Rules
from sojourn.domain.rules_file import read_rules
from sojourn.domain.span import days
from sojourn.domain.switches import Part, Scope
from sojourn.domain.topics import Topic, Topics
from sojourn.rendering.render import Renderer
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.settings import Settings, signing_key
from sojourn.store import Store, events, pauses, switches
from sojourn.store.tables import EventRow

NOON, NIGHT = time(12), time(23)
CAPS = Caps((Limit(2, 1), Limit(5, WEEK)), (Distance(timedelta(hours=4), "4h"),))
EVERY_RULE = """
quiet_hours = "21:00-09:00"
[[rules]]
name = "holidays"
closed = "holidays, 02-29"
[[rules]]
name = "office hours"
open = "mon-sun 08:00-20:00"
[caps]
per_day = 2
per_week = 5
distance = "4h"
[caps.email]
per_week = 4
[precedence]
order = ["renewal", "abandoned-cart/reminder"]
"""
STAYS_IF = (
    did(ProductAdded, within=days(90))
    & ~(last(OrderCompleted) < days(60)).or_if_unknown(False)
    & trait("email").is_known
    & consents(Channel.EMAIL, "cart")
)
TOPICS = Topics({"cart": Topic("cart", {"en": "Your cart"})}, declared=True)


@dataclass
class Count:
    """The counts of statements and transactions on a store's connections."""

    transactions: int = 0
    statements: int = 0


@contextmanager
def counting(store: Store) -> Iterator[Count]:
    """Count while the block lasts. Every transaction counts, even one that only reads."""
    count = Count()

    def begun(*_: Any) -> None:
        count.transactions += 1

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        count.statements += not statement.startswith("BEGIN")

    engine = store.engine.sync_engine
    event.listen(engine, "begin", begun)
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield count
    finally:
        event.remove(engine, "begin", begun)
        event.remove(engine, "before_cursor_execute", executed)


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Count for a message that is sent, without rules and with all, one skipped, and one held."""
    settings = Settings(home=home, quiet_hours=QuietHours(time(21), time(9)))
    async with await Store.open(settings.store_url, migrate=True) as store:
        project = load_project()
        rules = Rules.of(settings.quiet_hours)

        def by(rules: Rules, **more: Any) -> Messages:
            return Messages(
                Gate(store, Grounds(lambda: rules, settings.timezone, **more)),
                project.carriers.chosen(settings),
                Renderer(settings, signing_key(settings), project.templates),
                Recorder(store),
            )

        messages, capped = by(rules), by(replace(rules, caps=CAPS))
        everything = by(
            replace(read_rules(EVERY_RULE, None), spread=timedelta(0)),
            topics=TOPICS,
            stays_if={"abandoned-cart": STAYS_IF},
            only_to=read_only_to("@shop.example"),
        )
        # the first one reads what a process reads once
        await _send(store, messages, await _delivery(store, NOON), Status.SENT)
        sent = await _send(store, messages, await _delivery(store, NOON), Status.SENT)
        within = await _send(store, capped, await _delivery(store, NOON), Status.SENT)
        limited = (await _delivery(store, NOON)).model_copy(
            update={"at_most": at_most(1, per=days(30)), "within": "mon-sun 06:00-22:00"}
        )
        await _pause_others(store)
        ruled = await _send(store, everything, limited, Status.SENT)
        night = await _delivery(store, NIGHT)
        held = await _send(store, messages, night, Status.DEFERRED)
        morning = night.model_copy(update={"now": night.now + timedelta(hours=11)})
        released = await _send(store, messages, morning, Status.SENT)
        # last: its purchase names the cart that all customers here share
        bought = await _delivery(store, NOON, bought=True)
        skipped = await _send(store, messages, bought, Status.SKIPPED)
    return [
        *_rows("sent", sent),
        *_rows("sent, within caps", within),
        *_rows("sent, every rule on", ruled),
        Row(
            "transactions",
            "every rule on: SQL statements more than with none",
            ruled.statements - sent.statements,
            at_most=4,
        ),
        *_rows("skipped, goal reached", skipped),
        *_rows("held for quiet hours", held),
        *_rows("sent after its hold", released),
    ]


async def _delivery(store: Store, at: time, *, bought: bool = False) -> Delivery:
    (enrolment,) = await enrolments(store, 1)
    if bought:
        await _buy(store, enrolment)
    # tomorrow: what the customers here have done lies before it at any time of day
    now = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), at, UTC)
    return delivery(f"abandoned-cart:{enrolment.customer_id}:cart", enrolment, 1, REMINDER, now)


async def _pause_others(store: Store) -> None:
    """Switch off a topic and a channel that are not the message's."""
    async with store.transaction() as session:
        await switches.begin(
            session, Scope.TOPIC, "news", [Part.SENDS], closed=False, because="x", by="anna"
        )
        await pauses.begin(session, Channel.WHATSAPP, because="x", by="anna")


async def _buy(store: Store, enrolment: Enrolment) -> None:
    order = OrderCompleted(customer_id=enrolment.customer_id, order_id="order", cart_id="cart")
    async with store.transaction() as session:
        await events.add(
            session,
            EventRow(
                message_id=order.message_id,
                customer_id=order.customer_id,
                name=order.event_name,
                occurred_at=order.occurred_at,
                received_at=order.occurred_at,
                routed_at=order.occurred_at,
                properties=order.properties(),
            ),
        )


async def _send(store: Store, messages: Messages, message: Delivery, expected: Status) -> Count:
    with counting(store) as count:
        receipt: Receipt = await ActivityEnvironment().run(messages.send, message)
    if receipt.status is not expected:
        raise SojournError(f"the message should have been {expected}, not {receipt.status}")
    return count


def _rows(fate: str, count: Count) -> list[Row]:
    return [
        Row("transactions", f"message {fate}: transactions", count.transactions, at_most=3),
        Row("transactions", f"message {fate}: SQL statements", count.statements),
    ]
