"""What customers do with our links: told to the journeys as events, noted in the ledger."""

from datetime import datetime

from temporalio.service import RPCError

from dispatch.client import Sojourn
from domain.errors import TemporalUnavailable
from domain.events import MessageClicked, MessageOpened, MessageUnsubscribed
from domain.links import Click, Open, Unsubscribe
from domain.reports import Kind
from gateway.source import digest, made_id
from store import ledger
from store.tables import LedgerRow

# Runtime: no first connection to Temporal could be made
STORED = (TemporalUnavailable, RPCError, RuntimeError)
"""What is raised once an event is stored and its runs cannot be told yet: a sweep will."""


class Traces:
    """Tells them.

    Args:
        sojourn: where events go in.
    """

    def __init__(self, sojourn: Sojourn) -> None:
        self._sojourn = sojourn

    async def clicked(self, click: Click, at: datetime) -> None:
        """A link was followed. Twice within a minute is once: people double-click.

        Raises:
            StoreUnavailable: it is lost.
            TemporalUnavailable, RPCError, RuntimeError: see `STORED`.
        """
        row = await self._note(click.reference, Kind.CLICKED, at)
        if row is not None:
            minute = at.replace(second=0, microsecond=0)
            await self._sojourn.publish(
                MessageClicked(
                    message_id=made_id("click", click.reference, digest(click.url), minute),
                    customer_id=row.customer_id,
                    occurred_at=at,
                    url=click.url,
                    **_message(row),
                )
            )

    async def opened(self, opened: Open, at: datetime) -> None:
        """A message was opened, or fetched by a mailbox. Once a minute is enough.

        Raises:
            StoreUnavailable and those of `STORED`: as for `clicked`.
        """
        row = await self._note(opened.reference, Kind.OPENED, at)
        if row is not None:
            minute = at.replace(second=0, microsecond=0)
            await self._sojourn.publish(
                MessageOpened(
                    message_id=made_id("open", opened.reference, minute),
                    customer_id=row.customer_id,
                    occurred_at=at,
                    **_message(row),
                )
            )

    async def unsubscribed(self, wish: Unsubscribe, at: datetime) -> None:
        """A customer said no. The consent is recorded already; told again, it is the same event.

        Args:
            wish: what it says.
            at: when that was recorded.

        Raises:
            StoreUnavailable and those of `STORED`: as for `clicked`.
        """
        row = None
        if wish.reference:
            row = await self._note(wish.reference, Kind.UNSUBSCRIBED, at)
        who = digest("\0".join((wish.customer_id, wish.channel, wish.topic)))
        of_message = _message(row) if row is not None else {"channel": wish.channel.value}
        await self._sojourn.publish(
            MessageUnsubscribed(
                message_id=made_id("unsubscribe", who, at),
                customer_id=wish.customer_id,
                occurred_at=at,
                topic=wish.topic,
                **of_message,
            )
        )

    async def _note(self, reference: str, kind: Kind, at: datetime) -> LedgerRow | None:
        """Move the message on in the ledger; None if it is not there any more."""
        async with self._sojourn.store.transaction() as session:
            row = await ledger.of_reference(session, reference)
            if row is not None:
                assert row.id is not None
                await ledger.advance(session, row.id, kind, at)
            return row


def _message(row: LedgerRow) -> dict[str, str]:
    """Which message it was, as events of messages say it."""
    return {
        "journey": row.journey,
        "run": row.workflow_id,
        "step": row.step,
        "channel": row.channel,
    }
