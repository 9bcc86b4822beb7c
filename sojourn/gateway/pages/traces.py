"""Clicks, opens and refusals through our links: events for the journeys, progress in the ledger."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.reports import take
from sojourn.domain.consent import Statement
from sojourn.domain.events import MessageUnsubscribed
from sojourn.domain.links import Click, Open, Preferences, Unsubscribe
from sojourn.domain.made_ids import digest, made_id
from sojourn.domain.measuring.hits import HOLD
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.gateway.pages.robots import Visitor
from sojourn.settings import Opens
from sojourn.store import consents, ledger, settling
from sojourn.store.tables import LedgerRow

SOURCE = "links"
"""The source of our own clicks and opens, in place of a provider's name."""


class Traces:
    """Takes in clicks, opens and refusals.

    Args:
        sojourn: takes the events.
    """

    def __init__(self, sojourn: Sojourn) -> None:
        self._sojourn = sojourn

    async def clicked(self, click: Click, at: datetime, by: Visitor) -> None:
        """Take in a followed link; twice within a minute counts once, since people double-click.

        Its run is told `HOLD` later: the next links may show that a machine follows them all.

        Args:
            click: the link.
            at: when it was followed.
            by: who followed it.

        Raises:
            StoreUnavailable: the click is lost.
        """
        told = _report(Kind.CLICKED, click.reference, at, by, digest(click.url))
        await take(self._sojourn, SOURCE, replace(told, url=click.url), at, hold=HOLD)

    async def opened(self, opened: Open, at: datetime, by: Visitor, measured: Opens) -> None:
        """Take in an opened message, or one that a mail provider fetched; once a minute is enough.

        Customers who have withdrawn their consent meanwhile are not measured.

        Args:
            opened: the message.
            at: when its picture was fetched.
            by: who fetched it.
            measured: the customers whose opens are measured.

        Raises:
            StoreUnavailable: as for `clicked`.
        """
        async with self._sojourn.store.reading() as session:
            row = await ledger.of_reference(session, opened.reference)
            if row is not None:
                stands = await consents.current(session, row.customer_id)
                if not measured.measures(stands.opens):
                    return
        await take(self._sojourn, SOURCE, _report(Kind.OPENED, opened.reference, at, by), at)

    async def unsubscribed(self, wish: Unsubscribe, at: datetime) -> None:
        """Take in a refusal that is on record; a repeated call stores no second event.

        Args:
            wish: the messages that the customer refuses.
            at: when the refusal was recorded.

        Raises:
            StoreUnavailable: as for `clicked`.
        """
        row = await self._moved_on(wish.reference, at)
        who = digest("\0".join((wish.customer_id, wish.channel, wish.topic)))
        await self._sojourn.publish(
            MessageUnsubscribed(
                message_id=made_id("unsubscribe", who, at),
                customer_id=wish.customer_id,
                occurred_at=at,
                topic=wish.topic,
                channel=row.channel if row else wish.channel.value,
                journey=row.journey if row else None,
                run=row.workflow_id if row else None,
                step=row.step if row else None,
            ),
            wait=False,
        )

    async def refused(self, link: Preferences, words: Iterable[Statement], at: datetime) -> None:
        """Take in refusals on the preference page, which are on record.

        Args:
            link: the link by which the customer came.
            words: the refusals.
            at: when they were recorded.

        Raises:
            StoreUnavailable: as for `clicked`.
        """
        row = await self._moved_on(link.reference, at)
        for word in words:
            channel = word.channel.value if word.channel else None
            who = digest("\0".join((link.customer_id, channel or "", word.topic)))
            await self._sojourn.publish(
                MessageUnsubscribed(
                    message_id=made_id("preferences", who, at),
                    customer_id=link.customer_id,
                    occurred_at=at,
                    topic=word.topic or None,
                    channel=channel,
                    journey=row.journey if row else None,
                    run=row.workflow_id if row else None,
                    step=row.step if row else None,
                ),
                wait=False,
            )

    async def _moved_on(self, reference: str, at: datetime) -> LedgerRow | None:
        """Advance the link's message in the ledger, and return it; None if it is not there."""
        if not reference:
            return None
        async with self._sojourn.store.transaction() as session:
            row = await ledger.of_reference(session, reference)
            if row is not None:
                assert row.id is not None
                await settling.advance(session, row.id, Kind.UNSUBSCRIBED, at)
            return row


def _report(kind: Kind, reference: str, at: datetime, by: Visitor, *what: str) -> Report:
    minute = at.replace(second=0, microsecond=0)
    # a machine's hit must not replace a person's within the same minute
    who = digest("\0".join((by.agent, by.network, by.said)))
    return Report(
        event_id=made_id(kind.value, reference, *what, who, minute),
        kind=kind,
        at=at,
        channel=Channel.EMAIL,  # the links of other channels are not tracked
        reference=reference,
        agent=by.agent,
        network=by.network,
        said=by.said,
    )
