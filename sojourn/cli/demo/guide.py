"""`Guide`: plays the customers and moves their time forward."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.cli.local.stack import Stack
from sojourn.cli.travel import forward
from sojourn.dispatch import Sojourn
from sojourn.dispatch.outcomes import enrolments
from sojourn.domain.calendar import zone
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import UnknownName
from sojourn.domain.events import Event
from sojourn.domain.messages import Channel
from sojourn.project import Project
from sojourn.store import ledger, runs
from sojourn.store.tables import ContentRow, LedgerRow

ZONES = (
    "Pacific/Honolulu", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo",
    "Europe/Rome", "Asia/Dubai", "Asia/Kolkata", "Asia/Tokyo", "Pacific/Auckland",
)  # fmt: skip
AGREES = dict.fromkeys(Channel, True)
FIRST_LEAP = timedelta(days=7)
LONGEST = timedelta(days=730)


@dataclass
class Played:
    """One customer of the demo, with the results of their runs.

    Args:
        title: what the customer does, a phrase to follow their name.
        customer_id: the customer.
        timezone: the customer's time zone.
        outcomes: the outcome of each run, such as ``onboarding: converted``.
        messages: rows of the ledger, with the content of sent messages.
    """

    title: str
    customer_id: str
    timezone: str
    outcomes: list[str] = field(default_factory=list)
    messages: list[tuple[LedgerRow, ContentRow | None]] = field(default_factory=list)


class Guide:
    """Plays the customers.

    Args:
        stack: the stack on which the demo runs.
        project: the project with its journeys and events.
    """

    def __init__(self, stack: Stack, project: Project) -> None:
        self._stack = stack
        self._sojourn = Sojourn(stack.client, stack.store, stack.settings, project)
        self.language = project.languages[0]
        self.topics = project.topics
        self.noon = _zone_where_it_is(12)
        self.night = _zone_where_it_is(23)

    async def customer(self, name: str, locale: str, **traits: Any) -> str:
        """Create a customer with every address and every consent.

        Args:
            name: the first name; the id is derived from it.
            locale: the customer's locale.
            traits: traits that replace or add to the defaults.

        Returns:
            The customer's id.
        """
        customer_id = name.lower()
        now = datetime.now(UTC)
        defaults = {
            "firstName": name,
            "email": f"{customer_id}@shop.example",
            "phone": "+393201234567",
            "pushToken": f"device-of-{customer_id}",
            "locale": locale,
            "timezone": self.noon,
            "marketingConsent": AGREES,
        }
        identity = read_identity(
            {**defaults, **traits}, customer_id=customer_id, message_id=f"i-{name}", at=now
        )
        await self._sojourn.identify(identity)
        return customer_id

    async def agree(self, customer_id: str, channel: str, topic: str) -> None:
        """Have a customer agree to a topic on a channel.

        Args:
            customer_id: the customer.
            channel: the name of the channel.
            topic: the topic; empty to agree to the whole channel.
        """
        word = {"channel": channel, "granted": True, **({"topic": topic} if topic else {})}
        identity = read_identity(
            {"consents": [word]},
            customer_id=customer_id,
            message_id=f"agree-{customer_id}",
            at=datetime.now(UTC),
        )
        await self._sojourn.identify(identity)

    async def publish(self, event: Event) -> None:
        """Publish an event of a customer."""
        await self._sojourn.publish(event)

    async def pass_time(self, customer_id: str, by: timedelta) -> bool:
        """Move the clocks of the customer's open runs; return whether there were any."""
        async with self._stack.store.reading() as session:
            started = await runs.of_customer(session, customer_id)
        any_open = False
        for workflow_id in dict.fromkeys(run.workflow_id for run in started):
            try:
                await forward(self._stack.client, workflow_id, by)
            except UnknownName:
                continue  # the run has ended
            any_open = True
        return any_open

    async def pass_all_time(self, customer_id: str) -> None:
        """Move the clocks until every run of the customer has ended, by two years at most."""
        leap, gone = FIRST_LEAP, timedelta(0)
        while gone < LONGEST and await self.pass_time(customer_id, leap):
            gone += leap
            leap *= 2

    async def tell(self, title: str, customer_id: str, timezone: str) -> Played:
        """Read the results of a customer's story.

        Args:
            title: what the customer does.
            customer_id: the customer.
            timezone: the customer's time zone.

        Returns:
            Their messages and the outcomes of their runs.
        """
        played = Played(title, customer_id, timezone)
        async with self._stack.store.reading() as session:
            contents = {
                row.id: kept for row, kept in await ledger.outbox(session, customer_id=customer_id)
            }
            played.messages = [
                (row, contents.get(row.id))
                for row in await ledger.of_customer(session, customer_id)
            ]
            started = await runs.of_customer(session, customer_id)
        for run in started:
            async for ended in enrolments(self._stack.client, run.workflow_id, run.run_id):
                played.outcomes.append(f"{run.journey}: {ended.outcome}")
        return played


def _zone_where_it_is(hour: int) -> str:
    """Return the time zone, of a few around the globe, in which it is nearest to ``hour`` now."""
    now = datetime.now(UTC)

    def away(name: str) -> int:
        difference = abs(now.astimezone(zone(name)).hour - hour)
        return min(difference, 24 - difference)

    return min(ZONES, key=away)
