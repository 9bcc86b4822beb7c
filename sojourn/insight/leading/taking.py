"""Taking a snapshot: open runs from Temporal, their customers from the store, many at a time."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.devices import Device
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.states import MessageState
from sojourn.in_memory.course import Course
from sojourn.in_memory.loading import Entered, Kept, Muted
from sojourn.in_memory.people import Happened, Row, Spoken
from sojourn.insight.leading.snapshot import Writer, writing
from sojourn.store import Store, cards, snapshots
from sojourn.store.snapshots import PAGE, Page
from sojourn.store.tables import ConsentRow, EventRow, LedgerRow

LOOKED_BACK = timedelta(days=400)
"""Messages that are older count for no cap."""


@dataclass(frozen=True)
class Taken:
    """The size of a snapshot.

    Args:
        now: its moment, by the journeys' clock.
        runs: that are open.
        customers: whose they are, and those who share an address with them.
    """

    now: datetime
    runs: int
    customers: int


async def take(courses: AsyncIterator[Course], store: Store, now: datetime, into: Path) -> Taken:
    """Take a snapshot.

    The runs are read first: the store may know more of them than their histories, not less.

    Args:
        courses: the open runs.
        store: has their customers.
        now: by Temporal's clock.
        into: the file.

    Returns:
        Its size.
    """
    whose: dict[str, None] = {}
    clock = timedelta(0)
    with writing(into) as writer:
        async for course in courses:
            writer.course(course)
            whose[course.enrolment.customer_id] = None
            clock = max(clock, course.enrolment.clock, key=abs)
        async with store.reading() as session:
            await _customers(session, whose, now + clock, writer)
        writer.end(now + clock)
    return Taken(now + clock, writer.courses, writer.customers)


async def _customers(
    session: AsyncSession, asked: Iterable[str], now: datetime, writer: Writer
) -> None:
    done: set[str] = set()
    wanted, akin = list(asked), set[str]()
    for first in range(0, len(wanted), PAGE):
        roots = await snapshots.roots(session, wanted[first : first + PAGE])
        ids: dict[str, list[str]] = {}
        for one, root in roots.items():
            ids.setdefault(root, []).append(one)
        new = [one for one in ids if one not in done]
        done.update(new)
        page = await snapshots.page(session, new, since=now - LOOKED_BACK)
        for one in new:
            writer.customer(_kept(page, one, ids[one]))
        akin |= await snapshots.kin(session, page.cards.values())
        session.expunge_all()  # a long list of customers is not kept in memory
    others = sorted(akin - done)
    for first in range(0, len(others), PAGE):
        page = await snapshots.page(session, others[first : first + PAGE], since=now - LOOKED_BACK)
        for one in others[first : first + PAGE]:
            writer.customer(_kept(page, one, ()))
        session.expunge_all()


def _kept(page: Page, customer_id: str, asked: Iterable[str]) -> Kept:
    """Return a customer.

    Args:
        page: their rows.
        customer_id: the id that holds everything.
        asked: ids that runs have of the customer: an erased one is found by no other row.

    Returns:
        The customer.
    """
    ids = dict.fromkeys([*page.ids.get(customer_id, ()), *asked])
    ids.pop(customer_id, None)
    row = page.cards.get(customer_id)
    if row is None:  # of another database
        return Kept(customer_id, tuple(ids))
    card = cards.card(row)
    devices = [
        Device(one.token, one.platform, one.used_at) for one in page.devices.get(customer_id, ())
    ]
    if row.push_token and row.push_token not in {one.token for one in devices}:
        devices.append(Device(row.push_token))
    pairs: list[tuple[Channel, str]] = [
        (channel, one) for channel in Channel for one in card.addresses(channel)
    ]
    pairs += [(Channel.PUSH, one.token) for one in devices]
    entered = [
        Entered(one.journey, one.enrolment, one.key, one.started_at)
        for one in page.runs.get(customer_id, ())
    ]
    entered += [
        Entered(one.journey, one.message_id, one.key, one.at)
        for one in page.entries.get(customer_id, ())
    ]
    variants: dict[str, list[str]] = {}
    for one in sorted(page.exposures.get(customer_id, ()), key=lambda each: each.at):
        variants.setdefault(one.experiment, []).append(one.variant)
    return Kept(
        customer_id,
        tuple(ids),
        known=card.known,
        merged=row.merged,
        words=cards.words(row),
        erased=card.erased,
        restricted=card.restricted,
        snoozed_until=card.snoozed_until,
        least_days=dict(card.least_days),
        devices=tuple(devices) or None,
        dead=tuple(pair for pair in dict.fromkeys(pairs) if pair in page.suppressed),
        said=tuple(_said(one) for one in page.said.get(customer_id, ())),
        events=tuple(_event(one) for one in page.events.get(customer_id, ())),
        rows=tuple(_row(one) for one in page.ledger.get(customer_id, ())),
        entered=tuple(entered),
        variants=variants,
        mutes=tuple(
            Muted(one.message_id, one.journey, one.workflow_id, one.key, one.until)
            for one in page.mutes.get(customer_id, ())
        ),
    )


def _said(row: ConsentRow) -> Spoken:
    return Spoken(
        row.id or 0,
        row.channel,
        row.topic,
        row.granted,
        row.at,
        row.received_at,
        row.purpose,
        row.expires_at,
        row.wording,
        source=row.source,
        address=row.address,
    )


def _event(row: EventRow) -> Happened:
    assert row.seq is not None, "it is stored"
    return Happened(
        row.seq,
        row.message_id,
        row.customer_id,
        row.name,
        row.occurred_at,
        row.received_at,
        row.properties,
        routed_at=row.routed_at,
        sent_as=row.sent_as,
    )


def _row(row: LedgerRow) -> Row:
    assert row.id is not None, "it is stored"
    # handed over, and its answer is still to come: it most likely leaves
    left = row.state is MessageState.SUBMITTING
    return Row(
        row.id,
        row.message_id,
        row.customer_id,
        row.workflow_id,
        row.enrolment,
        row.journey,
        row.step,
        row.n,
        MessageClass(row.message_class),
        row.topic,
        row.counted_as or "",
        row.due_at,
        Channel(row.channel),
        MessageState.SENT if left else row.state,
        row.decided_at,
        Reason(row.reason) if row.reason else None,
        row.detail,
        row.held_until,
        row.attempt,
        row.caused_by,
    )
