"""The stage of a story: a customer in a real store, and everything that is done to it.

Everything that is stored is also reported to the oracle (`tests.support.together.Told`).
"""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from sqlalchemy import update
from sqlmodel import col

from sojourn.domain.consent import Evidence
from sojourn.domain.customer import read_identity
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.messages import Channel
from sojourn.domain.rules import Rules
from sojourn.domain.switches import Part, Scope
from sojourn.store import (
    Store,
    cards,
    consents,
    events,
    people,
    refusals,
    restrictions,
    suppressions,
    switches,
)
from sojourn.store.tables import EventRow, SwitchRow
from tests.support.together import CARTS, DAY, HOUR, TOPICS, Deed, Tale, Told

PAUSE = 2 * HOUR


class Stage:
    """One customer, and the policy in force.

    Args:
        store: the open store, which others may use.
        tale: the story.
        books: its policies, as read by the engine.
    """

    def __init__(self, store: Store, tale: Tale, books: list[Rules]) -> None:
        self.store, self.tale, self.books = store, tale, books
        own = uuid4().hex[:12]
        self.customer_id = f"c-{own}"
        self.topics = {topic: f"{topic}-{own}" for topic in TOPICS}
        self.addresses = {
            Channel.EMAIL: f"{own}@shop.example",
            Channel.SMS: f"+3932{int(own, 16) % 10**8:08}",
            Channel.PUSH: f"token-{own}",
        }
        self.told = Told(tale.zone, tale.country, tale.books[0])
        self.starts: dict[str, EventRow] = {}
        self._words = count()

    async def begin(self) -> None:
        before = self.tale.begins - 2 * DAY
        await self._identify(
            before,
            email=self.addresses[Channel.EMAIL],
            phone=self.addresses[Channel.SMS],
            pushToken=self.addresses[Channel.PUSH],
            country=self.tale.country,
            timezone=self.tale.zone,
            plan="pro",
        )
        for channel in self.tale.agrees:
            await self._say(before, channel, "", True, None)
        for cart in CARTS:
            added = ProductAdded(
                customer_id=self.customer_id,
                occurred_at=self.tale.begins - 2 * HOUR,
                cart_id=cart,
                product_id="mug",
            )
            self.starts[cart] = await self._keep(added)

    async def do(self, deed: Deed, now: datetime) -> None:
        """Do something to the customer, or to the rules."""
        await getattr(self, f"_{deed.what}")(now, *deed.of)

    async def _buy(self, now: datetime, cart: str) -> None:
        fields = {"cart_id": cart} if cart else {}
        await self._keep(
            OrderCompleted(customer_id=self.customer_id, occurred_at=now, order_id="o", **fields)
        )
        self.told.bought |= {cart} if cart else set(CARTS)

    async def _say(
        self,
        now: datetime,
        channel: Channel | None,
        topic: str,
        granted: bool,
        lasts: timedelta | None,
    ) -> None:
        at = self._moment(now)
        end = now + lasts if granted and lasts else None
        async with self.store.transaction() as session:
            person = await people.lock(session, self.customer_id)
            await consents.record(
                session,
                person,
                channel,
                granted=granted,
                topic=self.topics.get(topic, ""),
                at=at,
                received_at=at,
                source="a form",
                evidence=Evidence(expires_at=end),
            )
        self.told.said.append((channel, topic, granted, end))

    async def _refuse(self, now: datetime, channel: Channel, topic: str) -> None:
        async with self.store.transaction() as session:
            await refusals.add(
                session,
                channel,
                self.addresses[channel],
                topic=self.topics.get(topic, ""),
                at=self._moment(now),
                source="a link",
            )
        self.told.said.append((channel, topic, False, None))

    async def _bounce(self, now: datetime, channel: Channel) -> None:
        async with self.store.transaction() as session:
            await suppressions.add(
                session,
                channel,
                self.addresses[channel],
                because="bounced",
                at=self._moment(now),
                source="a report",
            )
        self.told.dead.add(channel)

    async def _mend(self, now: datetime, channel: Channel) -> None:
        async with self.store.transaction() as session:
            await suppressions.lift(
                session, channel, self.addresses[channel], at=self._moment(now), by="anna"
            )
        self.told.dead.discard(channel)

    async def _plan(self, now: datetime, plan: str) -> None:
        await self._identify(now, plan=plan)
        self.told.plan = plan

    async def _move(self, now: datetime, zone: str) -> None:
        await self._identify(now, timezone=zone)
        self.told.zone = zone

    async def _policy(self, _: datetime) -> None:
        self.books.reverse()
        self.told.book = next(one for one in self.tale.books if one is not self.told.book)

    async def _restrict(self, _: datetime) -> None:
        async with self.store.transaction() as session:
            await restrictions.begin(session, self.customer_id, why="asked", by="anna")
        self.told.restricted = True

    async def _identify(self, now: datetime, **traits: str) -> None:
        call = read_identity(
            traits,
            customer_id=self.customer_id,
            message_id=str(uuid4()),
            at=self._moment(now),
            received_at=self._moment(now),
        )
        async with self.store.transaction() as session:
            await cards.identify(session, call, now=self._moment(now))

    def _moment(self, now: datetime) -> datetime:
        """Return a new moment for every statement, since of two at the same moment a no counts."""
        return now + next(self._words) * timedelta(microseconds=1)

    async def _keep(self, event: ProductAdded | OrderCompleted) -> EventRow:
        async with self.store.transaction() as session:
            await people.lock(session, event.customer_id)
            row, _ = await events.add(
                session,
                EventRow(
                    message_id=event.message_id,
                    customer_id=event.customer_id,
                    name=event.event_name,
                    occurred_at=event.occurred_at,
                    received_at=event.occurred_at,
                    routed_at=event.occurred_at,
                    properties=event.properties(),
                ),
            )
        return row

    async def _pause(self, _: datetime, topic: str) -> None:
        if topic in self.told.paused:
            return
        async with self.store.transaction() as session:
            (row,) = await switches.begin(
                session,
                Scope.TOPIC,
                self.topics[topic],
                [Part.SENDS],
                closed=False,
                because="x",
                by="anna",
            )
            # the machine's clock goes on by seconds here: a pause of an hour is asked about rarely
            await session.exec(
                update(SwitchRow)
                .where(col(SwitchRow.id) == row.id)
                .values(since=datetime.now(UTC) - HOUR)
            )
        self.told.paused.add(topic)

    async def _resume(self, _: datetime, topic: str) -> None:
        async with self.store.transaction() as session:
            await switches.end(
                session, Scope.TOPIC, self.topics[topic], [Part.SENDS], because="x", by="anna"
            )
        self.told.paused.discard(topic)
