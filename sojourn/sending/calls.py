"""A project's own activities as Temporal runs them, and the context that they get."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.domain.calls import Asked, Reply
from sojourn.domain.customer import Customer
from sojourn.domain.errors import BadInput, CallFailed, PermanentError
from sojourn.domain.links import offer_code
from sojourn.domain.topics import Topics
from sojourn.journeys.activities import Activity
from sojourn.sending.whereabouts import whereabouts
from sojourn.settings import Settings, signing_key
from sojourn.store import Store, cards, choices, people, tickets

NO_TOPICS = Topics()


@dataclass(frozen=True)
class Context:
    """The context of an activity: all that it may need beside its arguments.

    Args:
        asked: the call.
        store: an open store.
        settings: the settings of the installation.
        topics: the project's.
    """

    asked: Asked
    store: Store
    settings: Settings
    topics: Topics = NO_TOPICS

    @property
    def customer_id(self) -> str:
        """The id of the customer whose run asks."""
        return self.asked.customer_id

    @property
    def journey(self) -> str:
        """The name of the journey that asks."""
        return self.asked.journey

    @property
    def run(self) -> str:
        """The workflow id of the run that asks."""
        return self.asked.run

    @property
    def key(self) -> str:
        """The run's key, such as the cart's id; empty if the journey has no key."""
        return self.asked.key

    @property
    def part(self) -> str:
        """The part of what the key names, such as a parcel's number; empty: it is the whole."""
        return self.asked.part

    @property
    def now(self) -> datetime:
        """The journey's clock when the call was made."""
        return self.asked.now

    @property
    def idempotency_key(self) -> str:
        """A key that all attempts at this call share with no other call."""
        return self.asked.idempotency_key

    async def customer(self) -> Customer:
        """Read the customer's card. The card is personal: an activity never returns it."""
        async with self.store.reading() as session:
            found = await cards.find(session, self.customer_id)
        return found or Customer(self.customer_id)

    def derive_code(self, prefix: str) -> str:
        """Derive a code to hand out from the call and the installation's key.

        Returns:
            The same code for every attempt at this call: ``SAVE10-7KQ2M8``.
        """
        return offer_code(signing_key(self.settings), self.idempotency_key, prefix)

    async def keep_ticket(self, subject: str) -> str:
        """Keep a ticket in the store, for ``sojourn tickets``; once, whatever is retried.

        Returns:
            The ticket's number.
        """
        async with self.store.transaction() as session:
            number = await tickets.keep(
                session,
                name=self.idempotency_key,
                customer_id=self.customer_id,
                run=self.run,
                subject=subject,
            )
        return str(number)

    async def write_less(self, days: int) -> int:
        """Write to the customer less often, as they could choose on the preference page.

        It concerns every topic of ``topics.toml`` that offers this distance (``cadence``). The gate
        keeps to it from now on, and the page shows it. A choice for more distance stays.

        Args:
            days: the calendar days between two messages on a topic: 1, 7 or 30.

        Returns:
            The number of topics that keep the distance; 0 where none offers it.
        """
        offered = [
            topic.id
            for topic in self.topics.values()
            if days in [cadence.days for cadence in topic.cadence]
        ]
        async with self.store.transaction() as session:
            person = await people.lock(session, self.customer_id)
            if person.erased_at is not None:
                return 0
            return await choices.write_less(
                session, person, offered, days, at=self.now, run=self.run
            )

    async def write_as_before(self) -> int:
        """Take back what `write_less` did, where the customer has chosen nothing since.

        Returns:
            The number of topics that are as they were.
        """
        async with self.store.transaction() as session:
            person = await people.lock(session, self.customer_id)
            if person.erased_at is not None:
                return 0
            return await choices.write_as_before(session, person, at=self.now, run=self.run)


def temporal_activities(
    activities: Iterable[Activity[..., Any]],
    store: Store,
    settings: Settings,
    topics: Topics = NO_TOPICS,
) -> list[Callable[[Asked], Awaitable[Reply]]]:
    """Wrap a project's activities for Temporal's workers.

    Args:
        activities: the project's activities.
        store: an open store.
        settings: the settings of the installation.
        topics: the project's.

    Returns:
        One function for each activity; Temporal knows it by the activity's name.
    """
    return [_temporal(one, store, settings, topics) for one in activities]


def _temporal(
    called: Activity[..., Any], store: Store, settings: Settings, topics: Topics
) -> Callable[[Asked], Awaitable[Reply]]:
    @activity.defn(name=called.name)
    async def perform(asked: Asked) -> Reply:
        context = Context(asked, store, settings, topics)
        try:
            result = await called.function(context, **called.read(asked.arguments))
            return Reply(result=called.written_result(result))
        except CallFailed as failed:
            activity.logger.warning("%s has failed: %s", called.name, failed)
            return Reply(failure=failed.kind, reason=failed.reason)
        except ApplicationError:
            raise
        except Exception as error:
            # The run's history keeps the last failure of an activity, and an error's text may quote
            # an address: Temporal gets the error's kind, and the worker's log its place as well.
            kind = type(error).__name__
            activity.logger.warning(
                "%s has failed: %s at %s", called.name, kind, whereabouts(error)
            )
            raise ApplicationError(
                f"{kind}: see the worker's log",
                type=kind,
                non_retryable=isinstance(error, PermanentError | BadInput),
                next_retry_delay=getattr(error, "retry_after", None),
            ) from None

    return perform
