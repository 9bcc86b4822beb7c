"""Customers: their lock, their card, what they consented to, which ids are one person.

An alias call joins one id to another. The row that was given up stays as a pointer, and everything
that is stored moves to the row it points to. `lock` and `find` follow pointers, chains of them too:
who asks by an old id gets the row of the person, whose ``customer_id`` holds from there on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calendar import zone
from sojourn.domain.customer import Customer, Identity, home_zone
from sojourn.domain.messages import Channel
from sojourn.domain.policy import Consents, Recipient
from sojourn.store import suppressions
from sojourn.store.tables import AddressRow, ConsentRow, CustomerRow, EventRow, LedgerRow, RunRow

ADDRESSES = ("email", "phone", "push_token")
CARD = ("first_name", *ADDRESSES, "locale", "timezone")
ALIAS_LOCK = 0x50_10_A1_1A  # any number that no other program locks in our database
_TRAIT = "traits."


@dataclass(frozen=True)
class Word:
    """What was said last of one field.

    Args:
        value: of the field.
        at: when it was said.
        source: the message id of the call.
    """

    value: Any
    at: datetime
    source: str


@dataclass(frozen=True)
class Joined:
    """What a join moved.

    Args:
        customer_id: the id that holds everything now.
        moved: False if both ids were one person before.
    """

    customer_id: str
    moved: bool


CUSTOMERS = SQLModel.metadata.tables["customers"]


async def lock(session: AsyncSession, customer_id: str) -> CustomerRow:
    """Hold the customer until the transaction ends; make the row if there is none.

    An event and a claim on the same customer thereby happen one after the other: on PostgreSQL
    READ COMMITTED alone would let a claim slip past a purchase that is being committed.

    Returns:
        The row of the person: where ``customer_id`` was joined to another id, that one's.
    """
    row = await _hold(session, customer_id)
    # a pointer is never taken back, so who holds one and waits for what it points to cannot be
    # waited for by somebody who holds that
    while row.joined_to is not None:
        row = await _hold(session, row.joined_to)
    return row


async def _hold(session: AsyncSession, customer_id: str) -> CustomerRow:
    # what the session read before it waited may have been joined meanwhile
    locked = (
        select(CustomerRow)
        .where(CustomerRow.customer_id == customer_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = (await session.exec(locked)).first()
    if row is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        await session.exec(
            dialect.insert(CustomerRow)
            .values(CustomerRow(customer_id=customer_id).model_dump())
            .on_conflict_do_nothing()
        )
        row = (await session.exec(locked)).one()
    return row


async def lock_all(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, CustomerRow]:
    """Hold several customers until the transaction ends, as `lock` does; the rows by id asked for.

    They are locked in the order of their ids, so that two transactions do not wait for each other;
    what pointers lead to comes after, so of two such one may have to be tried again.
    """
    asked = sorted(set(customer_ids))
    query = (
        select(CustomerRow)
        .where(col(CustomerRow.customer_id).in_(asked))
        .order_by(col(CustomerRow.customer_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = (await session.exec(query)).all()
    if len(found) < len(asked):
        known = {row.customer_id for row in found}
        new = [CustomerRow(customer_id=i).model_dump() for i in asked if i not in known]
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        connection = await session.connection()
        await connection.execute(dialect.insert(CUSTOMERS).on_conflict_do_nothing(), new)
        found = (await session.exec(query)).all()
    rows = {row.customer_id: row for row in found}
    for asked_id, row in rows.items():
        if row.joined_to is not None:
            rows[asked_id] = await lock(session, row.joined_to)
    return rows


async def resolve(session: AsyncSession, customer_id: str) -> str:
    """The id that ``customer_id`` leads to; itself if it was never joined to another."""
    while True:
        pointer = select(CustomerRow.joined_to).where(CustomerRow.customer_id == customer_id)
        joined_to = (await session.exec(pointer)).first()
        if joined_to is None:
            return customer_id
        customer_id = joined_to


async def joined(session: AsyncSession, customer_id: str) -> list[CustomerRow]:
    """The pointers that lead to this id, directly or by others; oldest first."""
    found: list[CustomerRow] = []
    ends = [customer_id]
    while ends:
        query = select(CustomerRow).where(col(CustomerRow.joined_to).in_(ends))
        rows = (await session.exec(query)).all()
        found += rows
        ends = [row.customer_id for row in rows]
    # rows bear no number: the moments, then the ids, so that every listing has the same order
    return sorted(found, key=lambda row: (str(row.joined_at), row.customer_id))


async def ids(session: AsyncSession, customer_id: str) -> list[str]:
    """Every id of the person, the one that holds everything first."""
    root = await resolve(session, customer_id)
    return [root, *(row.customer_id for row in await joined(session, root))]


def card(row: CustomerRow) -> Customer:
    """The row as the domain sees it."""
    return Customer(
        customer_id=row.customer_id,
        known=row.identified_at is not None,
        erased=row.erased_at is not None,
        first_name=row.first_name,
        email=row.email,
        phone=row.phone,
        push_token=row.push_token,
        locale=row.locale,
        timezone=row.timezone,
        attributes=row.attributes,
    )


async def find(session: AsyncSession, customer_id: str) -> Customer | None:
    """The person's card, or None if neither call nor event ever named the id."""
    row = await session.get(CustomerRow, await resolve(session, customer_id))
    return card(row) if row else None


async def identify(session: AsyncSession, identity: Identity) -> Customer:
    """Make or update a customer. Of each field the latest word holds, whichever came in first."""
    row = await lock(session, identity.customer_id)
    given = {**identity.card, **{_TRAIT + name: v for name, v in identity.attributes.items()}}
    heard = {field: Word(v, identity.at, identity.message_id) for field, v in given.items()}
    before = _words(row)
    _write(row, {**before, **_newer(heard, than=before)})
    row.identified_at = max(row.identified_at or identity.at, identity.at)
    session.add(row)
    for kind in heard.keys() & set(ADDRESSES):
        word, held = heard[kind], before.get(kind)
        if held is None or held.value != word.value or held.at > word.at:
            words = [word, held] if held else [word]
            await _note_addresses(session, row.customer_id, kind, words)
    said = await _latest(session, row.customer_id)
    for channel, granted in identity.consents.items():
        last = said.get((channel.value, ""))
        # the same word said again later is news: one from between may still be on its way
        nothing_new = last is not None and last.granted == granted and last.at >= identity.at
        if not nothing_new:
            session.add(
                ConsentRow(
                    customer_id=row.customer_id,
                    channel=channel.value,
                    granted=granted,
                    at=identity.at,
                    source=identity.message_id,
                )
            )
    return card(row)


def _words(row: CustomerRow) -> dict[str, Word]:
    """What a row's fields say, and since when."""
    fields = {name: getattr(row, name) for name in CARD}
    fields |= {_TRAIT + name: value for name, value in row.attributes.items()}
    words = {}
    for field, value in fields.items():
        if field in row.said:
            at, source = row.said[field]
            words[field] = Word(value, datetime.fromisoformat(at), source)
        elif row.identified_at is not None and (value != "" or field.startswith(_TRAIT)):
            # from before moments were kept field by field
            words[field] = Word(value, row.identified_at, "")
    return words


def _newer(heard: dict[str, Word], *, than: dict[str, Word]) -> dict[str, Word]:
    """The words that hold against others; at the same moment what is heard now holds."""
    return {
        field: word
        for field, word in heard.items()
        if field not in than or word.at >= than[field].at
    }


def _write(row: CustomerRow, words: dict[str, Word]) -> None:
    traits = {field for field in words if field.startswith(_TRAIT)}
    for field in words.keys() - traits:
        setattr(row, field, words[field].value)
    row.attributes = {
        field.removeprefix(_TRAIT): word.value for field, word in words.items() if field in traits
    }
    row.said = {field: [word.at.isoformat(), word.source] for field, word in words.items()}


# ---- addresses -----------------------------------------------------------------------------


async def addresses(session: AsyncSession, customer_id: str) -> list[AddressRow]:
    """Every address the customer had, in the order in which they were said, once a change."""
    found: list[AddressRow] = []
    last: dict[str, str] = {}
    for row in await _versions(session, customer_id):
        if last.get(row.kind, "") != row.value:
            found.append(row)
        last[row.kind] = row.value
    return found


async def _versions(session: AsyncSession, customer_id: str) -> Sequence[AddressRow]:
    query = select(AddressRow).where(AddressRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(AddressRow.at), col(AddressRow.id)))).all()


async def _note_addresses(
    session: AsyncSession, customer_id: str, kind: str, words: Iterable[Word]
) -> None:
    """Put addresses into the history, each in its place.

    An address that is said again is no row of its own, so it is given along with one from before
    it: the later one still has the last word in the history, as it has on the card.
    """
    rows = [row for row in await _versions(session, customer_id) if row.kind == kind]
    for word in sorted(words, key=lambda word: word.at):
        held = [row.value for row in rows if row.at <= word.at]
        if word.value == (held[-1] if held else ""):
            continue
        row = AddressRow(
            customer_id=customer_id, kind=kind, value=word.value, at=word.at, source=word.source
        )
        session.add(row)
        rows.insert(len(held), row)


# ---- joining -------------------------------------------------------------------------------


async def join(
    session: AsyncSession, previous_id: str, customer_id: str, *, at: datetime
) -> Joined:
    """Make two ids one person: everything of ``previous_id`` moves to ``customer_id``.

    Ids that nobody has named yet are joined too. Two ids that lead to the same row are one person
    already, an id and itself among them: nothing happens, also not in the other direction.

    Args:
        session: a writing transaction that holds no customer.
        previous_id: stays as a pointer.
        customer_id: or where it leads.
        at: when it was said.
    """
    if session.get_bind().dialect.name == "postgresql":
        # one join at a time: no id becomes a pointer while we wait for it, so nobody can wait for
        # us to let go of one
        await session.exec(text("SELECT pg_advisory_xact_lock(:n)").bindparams(n=ALIAS_LOCK))  # type: ignore[call-overload]
    old_id, new_id = await resolve(session, previous_id), await resolve(session, customer_id)
    if old_id == new_id:
        return Joined(new_id, moved=False)
    # in the order of their ids, as everybody does who needs two
    rows = {each: await _hold(session, each) for each in sorted((old_id, new_id))}
    old, new = rows[old_id], rows[new_id]
    await _move(session, old_id, new_id)
    await _merge(session, old, new)
    old.joined_to, old.joined_at, new.merged = new_id, at, True
    session.add_all([old, new])
    return Joined(new_id, moved=True)


async def _move(session: AsyncSession, old_id: str, new_id: str) -> None:
    await session.exec(
        update(EventRow)
        .where(col(EventRow.customer_id) == old_id, col(EventRow.sent_as).is_(None))
        .values(sent_as=old_id)
    )
    for table in (EventRow, ConsentRow, AddressRow, RunRow, LedgerRow):
        await session.exec(
            update(table).where(col(table.customer_id) == old_id).values(customer_id=new_id)
        )


async def _merge(session: AsyncSession, old: CustomerRow, new: CustomerRow) -> None:
    """Bring two cards together field by field; leave nothing personal on the old one."""
    theirs, ours = _words(old), _words(new)
    _write(new, {**theirs, **_newer(ours, than=theirs)})
    for kind in ADDRESSES:
        words = [said[kind] for said in (theirs, ours) if kind in said]
        await _note_addresses(session, new.customer_id, kind, words)
    moments = [row.identified_at for row in (old, new) if row.identified_at is not None]
    new.identified_at = max(moments, default=None)
    # who asked to be forgotten under either id is forgotten
    forgotten = [row.erased_at for row in (old, new) if row.erased_at is not None]
    new.erased_at = min(forgotten, default=None)
    for name in CARD:
        setattr(old, name, "")
    old.attributes, old.said, old.merged = {}, {}, False


# ---- consent -------------------------------------------------------------------------------


async def consents(session: AsyncSession, customer_id: str) -> Consents:
    """What the customer agreed to and refused, the latest word on each."""
    said = await _latest(session, customer_id)
    return Consents(
        by_channel={Channel(c): row.granted for (c, topic), row in said.items() if not topic},
        refused=frozenset(
            (Channel(c) if c else None, topic)
            for (c, topic), row in said.items()
            if topic and not row.granted
        ),
    )


async def statements(session: AsyncSession, customer_id: str) -> Sequence[ConsentRow]:
    """All that the customer ever said on consent, in the order in which it was said."""
    query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
    return (
        await session.exec(
            query.order_by(col(ConsentRow.at), col(ConsentRow.granted).desc(), col(ConsentRow.id))
        )
    ).all()


async def recipient(session: AsyncSession, customer: Customer, default_zone: str) -> Recipient:
    """What the gate needs to know of a customer."""
    addresses = [(channel, customer.address(channel)) for channel in customer.reachable]
    dead = await suppressions.suppressed(session, addresses)
    return Recipient(
        known=customer.known,
        erased=customer.erased,
        reachable=customer.reachable,
        consents=await consents(session, customer.customer_id),
        tz=_zone(customer, default_zone),
        suppressed=frozenset(channel for channel, _ in dead),
    )


def _zone(customer: Customer, default_zone: str) -> ZoneInfo:
    return zone(home_zone(customer, default_zone))


async def _latest(session: AsyncSession, customer_id: str) -> dict[tuple[str, str], ConsentRow]:
    """The statement that counts, by channel and topic: the latest said, not the latest received.

    Of two said at the same moment the refusal stands.
    """
    rows = await statements(session, customer_id)
    return {(row.channel, row.topic): row for row in rows}


async def record_consent(
    session: AsyncSession,
    customer_id: str,
    channel: Channel | None,
    *,
    granted: bool,
    at: datetime,
    source: str,
    topic: str = "",
) -> None:
    """Append one statement of consent or refusal.

    Args:
        session: a writing transaction.
        customer_id: whose.
        channel: None: every channel (with a topic).
        granted: agreed or refused.
        at: when it was said.
        source: what recorded it.
        topic: empty: promotional messages whatever the topic.
    """
    row = await lock(session, customer_id)
    session.add(
        ConsentRow(
            customer_id=row.customer_id,
            channel=channel.value if channel else "",
            topic=topic,
            granted=granted,
            at=at,
            source=source,
        )
    )
