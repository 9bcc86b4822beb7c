"""A conversation: the messages between a customer and us, from the store alone."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import MessageReplied
from sojourn.domain.surveys import BEST
from sojourn.insight.letters import letter_of
from sojourn.store import ledger, surveys
from sojourn.store.tables import EventRow

MOST_LINES = 12
LONGEST_LINE = 1000


class Said(BaseModel):
    """One line of the conversation.

    Args:
        at: the moment.
        by_customer: the customer wrote it; False: we did.
        channel: the channel it came or left by; empty: it is a comment on a survey's answer.
        text: the words, or the subject of an e-mail of ours.
    """

    at: datetime
    by_customer: bool
    channel: str
    text: str


async def latest(session: AsyncSession, customer_id: str) -> Sequence[Said]:
    """Return the newest lines of the conversation with a customer, oldest first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
    """
    query = (
        select(EventRow)
        .where(
            EventRow.customer_id == customer_id,
            EventRow.name == MessageReplied.event_name,
        )
        .order_by(col(EventRow.occurred_at).desc(), col(EventRow.seq).desc())
        .limit(MOST_LINES)
    )
    replies = [
        Said(
            at=row.occurred_at,
            by_customer=True,
            channel=str(row.properties.get("channel") or ""),
            text=str(row.properties.get("text") or "")[:LONGEST_LINE],
        )
        for row in await session.exec(query)
    ]
    comments = [
        Said(
            at=row.commented_at or row.answered_at,
            by_customer=True,
            channel="",
            text=f"{row.score}/{BEST}: {row.comment}"[:LONGEST_LINE],
        )
        for row in await surveys.of_customer(session, customer_id, limit=MOST_LINES)
    ]
    sent = [
        Said(
            at=letter.at,
            by_customer=False,
            channel=letter.channel.value,
            text=letter.content.get("text", "") if letter.length else letter.headline,
        )
        for letter in (
            letter_of(row, kept)
            for row, kept in await ledger.outbox(session, customer_id=customer_id, limit=MOST_LINES)
        )
    ]
    return sorted([*replies, *comments, *sent], key=lambda one: one.at)[-MOST_LINES:]
