"""Double opt-in: requests are kept, judged and answered, each under the customer's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.consent import Evidence, Purpose
from sojourn.domain.events import OptInRequested
from sojourn.domain.messages import Channel
from sojourn.domain.opt_ins import DAY, OptIn, Stage, evidence_of, opt_in_of, requests, stage_at
from sojourn.store import consents, locks, opt_ins, refusals
from sojourn.store.card_addresses import address_of
from sojourn.store.digests import digest
from sojourn.store.ledger import MAYBE_SENT
from sojourn.store.tables import ConsentRow, CustomerRow, EventRow, LedgerRow

SOURCE = "confirmation page"


@dataclass(frozen=True)
class Asked:
    """A request, and the stage that it has reached.

    Args:
        opt_in: the request.
        stage: its stage.
        row: the statement that keeps it.
    """

    opt_in: OptIn
    stage: Stage
    row: ConsentRow


async def ask(
    session: AsyncSession, person: CustomerRow, row: EventRow, event: OptInRequested
) -> None:
    """Keep a request in the log of consents.

    A request that a word has already answered is answered at once.

    Args:
        session: a writing transaction that holds the customer and has stored the event.
        person: the customer's row.
        row: the event.
        event: the same, typed.
    """
    channel = Channel(event.channel)
    await consents.record(
        session,
        person,
        channel,
        granted=False,
        topic=event.topic,
        purpose=Purpose.PENDING,
        at=row.occurred_at,
        received_at=max(row.received_at, row.occurred_at),
        source=row.message_id,
        evidence=evidence_of(event),
    )
    said = await consents.words(session, person.customer_id)
    for request in requests(said):
        if request.source == row.message_id:
            await opt_ins.tell(session, person.customer_id, request, said)


async def of_event(
    session: AsyncSession, person: CustomerRow, message_id: str, now: datetime
) -> Asked | None:
    """Return the request that an event made; None if the customer has none from it.

    Args:
        session: any session.
        person: the customer's row.
        message_id: the event's.
        now: by the clock that ages requests.

    Returns:
        The request.
    """
    said = await consents.words(session, person.customer_id)
    found = [row for row in requests(said) if row.source == message_id]
    return _asked(person, found[-1], said, now) if found else None


async def numbered(
    session: AsyncSession, person: CustomerRow, number: int, now: datetime
) -> Asked | None:
    """Return the request with a number; None if the customer has none with it.

    Args:
        session: any session.
        person: the customer's row.
        number: as a link names it.
        now: by the machine's clock.

    Returns:
        The request.
    """
    said = await consents.words(session, person.customer_id)
    found = [row for row in requests(said) if row.id == number]
    return _asked(person, found[-1], said, now) if found else None


async def confirm(session: AsyncSession, person: CustomerRow, asked: Asked) -> Sequence[EventRow]:
    """Record the consent that a request asked for, with its words.

    Args:
        session: a writing transaction that holds the customer.
        person: the customer's row.
        asked: a request that is open.

    Returns:
        The events that end the runs that ask.
    """
    row, news = asked.row, list[EventRow]()
    proof = f"request {row.id} of {row.at:%Y-%m-%d %H:%M:%S} UTC ({row.source})"
    await consents.record(
        session,
        person,
        asked.opt_in.channel,
        granted=True,
        topic=row.topic,
        source=f"{SOURCE}: yes",
        evidence=Evidence(
            address=row.address or "",
            wording=row.wording or "",
            wording_version=row.wording_version or "",
            locale=row.locale or "",
            proof=f"{proof}; {row.proof}" if row.proof else proof,
            expires_at=row.expires_at,
        ),
        answers=row.id,
        news=news,
    )
    return news


async def decline(
    session: AsyncSession, person: CustomerRow, asked: Asked, *, at: datetime
) -> Sequence[EventRow]:
    """Record a no to a request, both of the person and of the address that was written to.

    Args:
        session: a writing transaction that holds the customer.
        person: the customer's row.
        asked: the request.
        at: when the no is said, by the machine's clock.

    Returns:
        The events that end the runs that ask.
    """
    channel, topic, news = asked.opt_in.channel, asked.opt_in.topic, list[EventRow]()
    source = f"{SOURCE}: no"
    await consents.record(
        session, person, channel, granted=False, topic=topic, source=source, news=news
    )
    address = address_of(person, channel)
    await refusals.add(session, channel, address, topic=topic, at=at, source=source)
    return news


async def counted_as(session: AsyncSession, channel: Channel, address: str) -> str:
    """Return the value under which the ledger counts messages that ask an address to confirm.

    Args:
        session: any session.
        channel: of the address.
        address: in any spelling; the value does not reveal it.

    Returns:
        The value.
    """
    return f"opt-in {await digest(session, channel, address)}"


async def times_asked(
    session: AsyncSession, counted: str, *, besides: str, now: datetime, holding: bool = True
) -> int:
    """Return how many messages within a day have asked, or may have asked, an address to confirm.

    Args:
        session: a transaction that takes no further advisory lock.
        counted: as `counted_as` returns it.
        besides: the id of the message that is about to ask.
        now: by the journey's clock.
        holding: keep others from counting the same address until the transaction ends.

    Returns:
        The number, over all customers, requests and topics.
    """
    if holding:
        await locks.hold(session, locks.number(counted))
    query = select(func.count()).where(
        LedgerRow.counted_as == counted,
        LedgerRow.message_id != besides,
        col(LedgerRow.decided_at) > now - DAY,
        col(LedgerRow.state).in_(MAYBE_SENT),
    )
    return (await session.exec(query)).one()


def _asked(
    person: CustomerRow, row: ConsentRow, said: Sequence[ConsentRow], now: datetime
) -> Asked:
    has = address_of(person, Channel(row.channel))
    return Asked(opt_in_of(row), stage_at(row, said, now, has=has), row)
