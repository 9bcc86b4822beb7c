"""`Sojourn`: the client of services. ``await sojourn.publish(event)`` and the journeys know."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from sojourn.composing import load_project, settings_of
from sojourn.dispatch import aliasing, connection, erasing, opting, stopping, twins
from sojourn.dispatch.alone import Alone
from sojourn.dispatch.copies import copies, copy, may_end, may_have_others
from sojourn.dispatch.intake import Intake
from sojourn.dispatch.noting import NOT_ASKED, SAME_ID, USED, as_sent, notes_on
from sojourn.dispatch.published import Published, joined
from sojourn.dispatch.sweeping import sweep
from sojourn.dispatch.telling import Teller, Tells
from sojourn.dispatch.watching import Watch
from sojourn.domain.alias import Alias
from sojourn.domain.customer import (
    ZONE_FIELDS,
    Customer,
    Erasure,
    Errand,
    Identity,
    home_zone,
)
from sojourn.domain.devices import Device
from sojourn.domain.errors import BadEvent, TemporalUnavailable
from sojourn.domain.events import Event, OptInRequested, check_track, fleeting
from sojourn.domain.introduction import cured_by
from sojourn.domain.keys import is_address
from sojourn.domain.messages import Reason
from sojourn.domain.notes import Note, few
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, cards, devices, holds, people, runs, tickets, zones
from sojourn.store.cards import Identified
from sojourn.store.tables import CustomerRow, EventRow

log = logging.getLogger("sojourn.dispatch")

SWEEP_AFTER = timedelta(seconds=10)
SWEEP_BATCH = 500


class Sojourn:
    """Takes customer events and identify calls. Safe to share between tasks.

    Args:
        client: a Temporal client with the pydantic data converter (`dispatch.connection`).
        store: an open store.
        settings: of this installation.
        project: its journeys and events; None: the one that `load_project` finds.
        task_queue: of the journeys.
        now: the clock by which events arrive; another one only in time travel.
        clock: the journeys' clock minus Temporal's; zero except in time travel.
        present: the journeys' present, where the machine's clock does not tell it: in time travel.
        teller: of runs that are not Temporal's; None: they are.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        project: Project | None = None,
        *,
        task_queue: str = TASK_QUEUE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: timedelta = timedelta(0),
        present: Callable[[], datetime] | None = None,
        teller: Tells | None = None,
    ) -> None:
        self.client = client
        self.store = store
        self.settings = settings
        self.project = project or load_project()
        self.task_queue = task_queue
        self.now = now
        self.clock = clock
        self.teller: Tells = teller or Teller(
            client, task_queue, self.project.journeys, delays=settings.delayed_starts
        )
        self._alone = Alone()
        self._intake = Intake(
            store,
            self.teller,
            self.project,
            timezone=settings.timezone,
            clock=clock,
            clock_skew=settings.clock_skew,
            present=present,
        )

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        settings: Settings | None = None,
        project: Project | None = None,
        *,
        lazy: bool = False,
    ) -> AsyncIterator[Self]:
        """Connect to the store and to Temporal as the environment says.

        Args:
            settings: None: as the environment says.
            project: None: as `load_project` finds it.
            lazy: connect to Temporal at the first call: events are stored while it is away.

        Yields:
            The open parts.

        Raises:
            BadSetting: an environment variable makes no sense, or nobody knows its name.
            StoreUnavailable: the database cannot be opened, or is of another version.
            TemporalUnavailable: no server answers.
        """
        project = project or load_project()
        settings = settings or settings_of(project)
        store = await Store.open(settings.store_url, pool_size=settings.database_connections)
        try:
            client = await connection.connect(settings, lazy=lazy)
            sojourn = cls(client, store, settings, project)
            try:
                yield sojourn
            finally:
                await sojourn.drain()
        finally:
            await store.close()

    def watch(self, watch: Watch) -> None:
        """Set the watch that is told how long events take to reach the runs."""
        self._intake.watch = watch

    async def drain(self) -> None:
        """Wait until every event that was taken is routed, or left to the sweep."""
        await self._intake.drain()

    async def identify(self, identity: Identity, *, wait: bool = True) -> Customer:
        """Make or update a customer; record what they consent to.

        The same call again, by its message id and content, says nothing new. A message that waits
        for these words asks the gate again, at once. An open run whose customer lives by other
        clocks now plans by them.

        Args:
            identity: the words.
            wait: return once the runs that they concern are told; else once they are stored.
        """
        return (await self.hear(identity, wait=wait)).customer

    async def hear(self, identity: Identity, *, wait: bool = True) -> Identified:
        """Take an identify call in, as `identify`, and tell what became of it.

        Raises:
            BadEvent: the customer's id is an address.
            BadCustomer: its only trait is a phone number that cannot be read.
        """
        await self._refuse_address(identity.customer_id)
        identity = identity.on_topics(self.project.topics)
        because, at = identity.message_id, identity.at
        async with (
            self._alone.with_(identity.customer_id),
            self.store.transaction() as session,
        ):
            before = await self._zone(session, identity)
            heard = await cards.hear(session, identity, now=self.now())
            customer_id = heard.customer.customer_id
            zone = home_zone(heard.customer, self.settings.timezone)
            cured = cured_by(heard.customer, agrees=any(w.granted for w in identity.words))
            news = [*heard.news]
            news += await holds.end(session, customer_id, because=because, at=at, cured=cured)
            if before not in ("", zone):
                open_runs = await runs.maybe_open(session, customer_id)
                news += await zones.changed(session, open_runs, zone, because=because, at=at)
        if news:
            await self._tell(customer_id, wait=wait)
        return heard

    async def use_device(self, customer_id: str, device: Device, at: datetime, source: str) -> None:
        """Take in that a customer uses a device; a message that waits for one is asked about again.

        Args:
            customer_id: whose device it is.
            device: as the context of a call names it.
            at: when it was used; not later than now.
            source: the message id of the call.

        Raises:
            BadEvent: the customer's id is an address.
        """
        await self._refuse_address(customer_id)
        at = min(at, self.now())
        async with self.store.reading() as session:
            if await devices.is_noted(session, customer_id, device, at):
                return
        async with self._alone.with_(customer_id), self.store.transaction() as session:
            person = await people.lock(session, customer_id)
            new = await devices.hear(session, person, device, at=at, source=source)
            ended = new and await holds.end(
                session, person.customer_id, because=source, at=at, cured=(Reason.NO_ADDRESS,)
            )
        if ended:
            self.tell_soon(person.customer_id)

    async def _zone(self, session: AsyncSession, identity: Identity) -> str:
        """Return the zone before an identify call; empty if the call cannot change it."""
        told = {*identity.card, *identity.context}
        if told.isdisjoint(ZONE_FIELDS) and not (identity.phone or identity.phone2):
            return ""
        person = await people.lock(session, identity.customer_id)
        return home_zone(cards.card(person), self.settings.timezone)

    async def _tell(self, customer_id: str, *, wait: bool) -> None:
        """Tell runs of what is stored; without Temporal the sweep of any worker does."""
        if not wait:
            self.tell_soon(customer_id)
            return
        try:
            await self.route(customer_id)
        except TemporalUnavailable as error:
            log.warning("runs of %s are told by the next sweep: %s", customer_id, error)

    def tell_soon(self, customer_id: str) -> None:
        """Tell the runs of a customer what is stored, in the background.

        Events that cannot be told now are told by the sweep of any worker.
        """
        self._intake.wake_soon(customer_id)

    async def keep_errand(self, errand: Errand) -> None:
        """Keep a request that a person has to carry out, as a ticket."""
        async with self.store.transaction() as session:
            await tickets.keep(
                session,
                name=errand.message_id,
                customer_id=errand.customer_id,
                run="",
                subject=errand.subject,
            )

    async def erase(self, erasure: Erasure, *, by: str = "") -> None:
        """Forget how to reach a person, for good. Open runs go on, and send them nothing.

        With a reason, everything is erased (`dispatch.erasing`): the store at once, and Temporal's
        histories by the sweep of any worker.

        Args:
            erasure: of one customer.
            by: who asks for it.
        """
        if erasure.why:
            async with self._alone.with_(erasure.customer_id):
                await erasing.ask(self.store, erasure.customer_id, why=erasure.why, by=by)
            return
        async with (
            self._alone.with_(erasure.customer_id),
            self.store.transaction() as session,
        ):
            await cards.erase(session, erasure.customer_id, min(erasure.at, self.now()))

    async def alias(self, alias: Alias, *, wait: bool = True) -> tuple[Note, ...]:
        """Join two ids that are one person: history, consents, addresses and open runs follow.

        Args:
            alias: the two ids.
            wait: return once open runs are told; else once the two are joined.

        Returns:
            A note if nothing was joined, because the two ids are the same one.

        Raises:
            BadEvent: the id that is to stay is an address.
            TemporalUnavailable: they are joined, but runs could not be told yet; the sweep of any
                worker will tell them, or the same call again.
        """
        await self._refuse_address(alias.customer_id)
        done = await aliasing.join(
            self.store,
            alias.previous_id,
            alias.customer_id,
            self.project,
            at=alias.at,
            timezone=self.settings.timezone,
            within=self.settings.clock_skew,
        )
        if wait:
            await self._intake.wake(done.customer_id)
        else:
            self.tell_soon(done.customer_id)
        return (SAME_ID,) if alias.previous_id == alias.customer_id else ()

    async def track(
        self,
        name: str,
        properties: Mapping[str, Any],
        *,
        message_id: str,
        customer_id: str,
        occurred_at: datetime | str,
        ask: bool = False,
    ) -> Published:
        """Take in an event by its name; one that no class describes is stored and ignored.

        It is read as the gateway reads a call: a part that is not needed and cannot be read is left
        out.

        Args:
            name: "Order Completed".
            properties: as they were sent.
            message_id: unique; the same id again is the same event.
            customer_id: whose event it is.
            occurred_at: the moment it happened; text as ISO 8601.
            ask: as for `publish`.

        Returns:
            The runs that it reached, and what was left out.

        Raises:
            BadEvent: it does not validate; the path names the field.
            TemporalUnavailable: as for `publish`.
        """
        check_track(name, properties)
        known = self.project.events
        wire = known.known_as(name)
        understood = known.understand(
            wire,
            properties,
            {"message_id": message_id, "customer_id": customer_id, "occurred_at": occurred_at},
        )
        published = await self.take(
            understood.event,
            wire,
            understood.properties,
            ask=ask,
            as_sent=as_sent(name, properties, wire, understood.properties),
        )
        notes = [
            *published.notes,
            *understood.notes,
            *notes_on(wire, understood.event, properties, known),
        ]
        return replace(published, notes=few(notes))

    async def publish(self, event: Event, *, ask: bool = False, wait: bool = True) -> Published:
        """Take an event in. When this returns, no later claim of a message can miss it.

        The event is stored first, then runs are told. Publishing the same message id again does no
        harm, and finishes what an earlier call could not.

        Args:
            event: what happened.
            ask: wait for what it did to each run; `Published.effects` then says so.
            wait: return once runs were told; else once the event is stored, and runs are told
                meanwhile. Either way, no later claim of a message can miss it.

        Returns:
            The fate of the event.

        Raises:
            BadEvent: a text in it is not Unicode, or it is too large.
            TemporalUnavailable: the event is stored, but runs could not be told yet; the sweep of
                any worker will tell them, or publishing it again.
        """
        properties = event.properties()
        check_track(event.event_name, properties)
        return await self.take(event, event.event_name, properties, ask=ask, wait=wait)

    async def stop(self, workflow_id: str, *, because: str, by: str = "") -> None:
        """End a run. When this returns, no later claim of a message of that run can miss it.

        Args:
            workflow_id: the run's: ``abandoned-cart:c42:cart7``.
            because: why; kept, and shown to the next reader.
            by: the operator's name.

        Raises:
            BadInput: the reason is empty, or no run of this id was ever started.
            TemporalUnavailable: the run is stopped and sends nothing, but does not know it yet;
                the sweep of any worker will tell it.
        """
        at = datetime.now(UTC) + self.clock
        stop = await stopping.note(self.store, workflow_id, because=because, by=by, at=at)
        await self.route(stop.customer_id)

    async def route(self, customer_id: str) -> int:
        """Tell the runs of a customer what is stored and was not told to them.

        Returns:
            The number of events that were routed.

        Raises:
            TemporalUnavailable: nobody can be told now.
        """
        return await self._intake.wake(customer_id)

    async def sweep(self) -> int:
        """Route events that a crash left between their row and their signals, oldest first.

        An event that cannot be read, or that Temporal refuses for an hour, is set aside.

        Returns:
            The number of events that were routed.

        Raises:
            TemporalUnavailable: nobody can be told now.
            StoreUnavailable: the database does not answer.
        """
        return await sweep(
            self.store, self.client, self._intake.wake, after=SWEEP_AFTER, page=SWEEP_BATCH
        )

    async def take(
        self,
        event: Event,
        name: str,
        properties: Mapping[str, Any],
        *,
        ask: bool = False,
        wait: bool = True,
        also: Collection[str] = (),
        as_sent: dict[str, Any] | None = None,
    ) -> Published:
        """Take in an event that was read and checked already, as `track` does both.

        An event that ends runs is stored for the other ids of the person too (`dispatch.copies`).
        One that starts a run leaves one run about the same thing, whichever of the call's ids it
        came under (`dispatch.twins`).

        Args:
            event: typed.
            name: on the wire.
            properties: those that it was read from.
            ask: as for `publish`.
            wait: as for `publish`.
            also: ids that the call has beside the customer's.
            as_sent: name and properties as they were sent, if they differ from these.

        Returns:
            The runs that it reached; none if it did not wait for them.

        Raises:
            BadEvent: the customer's id is an address, it asks for a topic that needs no yes, or it
                lacks its secret.
            TemporalUnavailable: as for `publish`.
        """
        opting.check(event, self.project.topics)
        fleeting.check(event)
        await self._refuse_address(event.customer_id)
        heard = bool(self.project.journeys.heard_by(event.event_name))
        arrived = self.now()
        row = EventRow(
            message_id=event.message_id,
            customer_id=event.customer_id,
            name=name,
            # a sender's clock that runs ahead must not put the event after what follows
            occurred_at=min(event.occurred_at, arrived),
            received_at=datetime.now(UTC),
            routed_at=None if heard else arrived,
            properties=fleeting.to_keep(type(event), properties),
            as_sent=None if fleeting.is_fleeting(type(event)) else as_sent,
        )
        # at once, before the store is asked: calls that follow one another keep their order
        own = self._intake.begin(row, event if heard else None, ask=ask, wait=wait)
        holder = await own.kept
        copied = await self._copies(row, event, holder, also) if heard else []
        copied += await self._twins(row, event, also, wait=wait) if heard and also else []
        told = await asyncio.gather(
            own.done, *(self._intake.take(copy, event, ask=ask, wait=wait) for copy in copied)
        )
        published = joined(told)
        if not heard and isinstance(event, OptInRequested):
            published = replace(published, notes=(NOT_ASKED, *published.notes))
        if published.message_id == event.message_id:
            return published
        return replace(published, notes=(USED, *published.notes))

    async def _copies(
        self, row: EventRow, event: Event, holder: CustomerRow, also: Collection[str]
    ) -> list[EventRow]:
        reaches = may_end(event, self.project.journeys)
        if not (reaches and may_have_others(holder, event, also)):
            return []
        async with self.store.reading(brief=True) as session:
            return await copies(session, row, event, holder, reaches, also=also)

    async def _twins(
        self, row: EventRow, event: Event, also: Collection[str], *, wait: bool
    ) -> list[EventRow]:
        """Let one run go on about what the call's ids share; return copies for ids that keep it."""
        async with self.store.reading() as session:
            found = await twins.of(session, row, event, self.project.journeys, also)
        if not found:
            return []
        async with self.store.transaction() as session:
            ended, going_on = await twins.end(session, row, event, found)
        for customer_id in ended:
            await self._tell(customer_id, wait=wait)
        return [copy(row, event, customer_id) for customer_id in going_on]

    async def _refuse_address(self, customer_id: str) -> None:
        """Refuse an address as the id of a new customer.

        Ids appear in Temporal's histories, names and lists, from which nobody can erase them. A
        customer who has such an id from before keeps it: a purchase must reach the open runs.
        """
        if not is_address(customer_id):
            return
        async with self.store.reading() as session:
            known = await cards.find(session, customer_id) is not None
        if not known:
            raise BadEvent(
                "userId",
                "is an address, and ids are seen by many: send an id of your own, or a digest of "
                "the address, and the address itself as a trait",
            )
