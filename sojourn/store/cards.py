"""Cards: the fields of a customer, each with the moment and the call that said it last."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.card_words import TRAIT, heard_in, newer
from sojourn.domain.consent import Statement
from sojourn.domain.customer import Customer, Identity, Word, read_phone_of
from sojourn.domain.errors import BadCustomer
from sojourn.domain.events import EARLIEST
from sojourn.domain.traits import NUMBERS
from sojourn.store import addresses, consents, devices, hearing, people, tombstones
from sojourn.store.tables import CustomerRow, EventRow

CARD = ("first_name", *addresses.KINDS, "locale", "timezone")


@dataclass(frozen=True)
class Identified:
    """The result of an identify call.

    Args:
        customer: the card.
        faults: why traits were left out; the path is like ``traits.phone``.
        left: the traits that were left out, as they were sent.
        repeated: the call was heard before, and changed nothing.
        ended: the person was deleted, and nothing of the call is kept.
        news: events that end runs, which are still to be told.
    """

    customer: Customer
    faults: tuple[BadCustomer, ...] = ()
    left: dict[str, Any] = field(default_factory=dict)
    repeated: bool = False
    ended: bool = False
    news: tuple[EventRow, ...] = ()


def card(row: CustomerRow) -> Customer:
    """Return the row as the domain sees it."""
    return Customer(
        customer_id=row.customer_id,
        known=row.identified_at is not None,
        erased=row.erased_at is not None,
        restricted=row.restricted_at is not None,
        first_name=row.first_name,
        email=row.email,
        phone=row.phone,
        phone2=row.phone2,
        push_token=row.push_token,
        locale=row.locale,
        timezone=row.timezone,
        attributes=row.attributes,
        snoozed_until=row.snoozed_until,
        in_care_until=row.in_care_until,
        in_care_of=row.in_care_of or "",
        least_days=row.least_days or {},
    )


async def find(session: AsyncSession, customer_id: str) -> Customer | None:
    """Return the person's card; None if neither a call nor an event ever named the id."""
    row = await session.get(CustomerRow, await people.resolve(session, customer_id))
    return card(row) if row else None


async def identify(
    session: AsyncSession, identity: Identity, *, now: datetime | None = None
) -> Customer:
    """Create or update a customer, as `hear` does.

    Args:
        session: a writing transaction that holds no customer.
        identity: the call.
        now: by the clock by which calls arrive.

    Returns:
        The card.
    """
    return (await hear(session, identity, now=now)).customer


async def hear(
    session: AsyncSession, identity: Identity, *, now: datetime | None = None
) -> Identified:
    """Take in an identify call.

    The latest word on each field counts, whatever the order of arrival; no word is later than its
    arrival. The same call sent again is no new word.

    Args:
        session: a writing transaction that holds no customer.
        identity: the call.
        now: by the clock by which calls arrive; None: its own arrival or moment is believed.

    Returns:
        The card, and what is left out of the call.

    Raises:
        BadCustomer: its only trait is a phone number that cannot be read.
    """
    row = await people.lock(session, identity.customer_id)
    arrived = identity.received_at or now or identity.at
    arrived = min(arrived, now or arrived)
    at = min(identity.at, arrived)
    if row.erased_at is not None:
        return await _ended(session, row)
    new = await hearing.is_new(session, identity, arrived, row.customer_id)
    if not new:
        told = await _repeated(session, row, identity, at=at, received_at=arrived)
        return Identified(card(row), repeated=True, news=tuple(told))
    before = words(row, now=now)
    heard = heard_in(identity, at)
    _write(row, {**before, **newer(heard, than=before)})
    faults, left = identity.faults, identity.left
    for name in NUMBERS:
        if not (written := getattr(identity, name)):
            continue
        try:
            number = read_phone_of(card(row), written, name)
        except BadCustomer as fault:
            faults, left = (*faults, fault), {**left, name: written}
        else:
            heard[name] = Word(number, at, identity.message_id)
            _write(row, {**before, **newer(heard, than=before)})
    if faults and not (heard or identity.words):
        raise faults[-1]
    row.identified_at = _identified_at(row, identity, at)
    session.add(row)
    if identity.device is not None:
        await devices.hear(session, row, identity.device, at=at, source=identity.message_id)
    await _note_addresses(session, row, heard, before)
    news: list[EventRow] = []
    for statement in identity.words:
        said_at = at if identity.dated or not statement.granted else EARLIEST
        source = identity.message_id
        news += await _say(session, row, statement, at=said_at, received_at=arrived, source=source)
    customer = replace(card(row), devices=(identity.device,) if identity.device else None)
    return Identified(customer, faults=faults, left=left, news=tuple(news))


async def _note_addresses(
    session: AsyncSession, row: CustomerRow, heard: dict[str, Word], before: dict[str, Word]
) -> None:
    for kind in addresses.KINDS:  # in this order: rows of one moment are sorted by their number
        if (word := heard.get(kind)) is None:
            continue
        held = before.get(kind)
        if held is None or held.value != word.value or held.at > word.at:
            said = [word, held] if held else [word]
            await addresses.note(session, row.customer_id, kind, said)


def _identified_at(row: CustomerRow, identity: Identity, at: datetime) -> datetime | None:
    """Return when somebody last said who the customer is; our own words do not count."""
    return max(row.identified_at or at, at) if identity.introduces else row.identified_at


async def _ended(session: AsyncSession, row: CustomerRow) -> Identified:
    """Keep nothing of a call about a person who is gone."""
    if tombstones.is_tombstone(row.customer_id):
        await tombstones.count_dropped(session, row.customer_id)
    return Identified(card(row), ended=True)


async def _say(
    session: AsyncSession,
    row: CustomerRow,
    word: Statement,
    *,
    at: datetime,
    received_at: datetime,
    source: str,
) -> list[EventRow]:
    news: list[EventRow] = []
    await consents.record(
        session,
        row,
        word.channel,
        granted=word.granted,
        topic=word.topic,
        purpose=word.purpose,
        at=at,
        received_at=received_at,
        source=source,
        evidence=word.evidence,
        news=news,
    )
    return news


async def _repeated(
    session: AsyncSession,
    row: CustomerRow,
    identity: Identity,
    *,
    at: datetime,
    received_at: datetime,
) -> list[EventRow]:
    """Take in a call that may have been sent again: in doubt, a refusal counts."""
    news: list[EventRow] = []
    for word in identity.words:
        if not word.granted and not identity.sure:
            source = identity.message_id
            news += await _say(session, row, word, at=at, received_at=received_at, source=source)
    return news


async def erase(session: AsyncSession, customer_id: str, at: datetime) -> None:
    """Forget how to reach a person, for good: no call brings an address back.

    Args:
        session: a writing transaction that holds no customer.
        customer_id: any id of the person.
        at: when we were told that they are gone.
    """
    row = await people.lock(session, customer_id)
    row.erased_at = min(row.erased_at or at, at)
    _clear(row)
    session.add(row)
    await addresses.forget(session, row.customer_id)
    await devices.forget(session, row.customer_id)
    await consents.forget(session, row.customer_id)


async def merge(session: AsyncSession, old: CustomerRow, new: CustomerRow) -> None:
    """Bring two cards together, field by field, and leave nothing personal on the old one.

    Args:
        session: a writing transaction that holds both rows.
        old: the row that becomes a pointer.
        new: the row that gets the fields.
    """
    theirs, ours = words(old), words(new)
    _write(new, {**theirs, **newer(ours, than=theirs)})
    for kind in addresses.KINDS:
        heard = [said[kind] for said in (theirs, ours) if kind in said]
        await addresses.note(session, new.customer_id, kind, heard)
    moments = [row.identified_at for row in (old, new) if row.identified_at is not None]
    new.identified_at = max(moments, default=None)
    # erasure under either id erases the person
    forgotten = [row.erased_at for row in (old, new) if row.erased_at is not None]
    new.erased_at = min(forgotten, default=None)
    # so does a restriction: nobody may be written to by the other id
    restricted = [row.restricted_at for row in (old, new) if row.restricted_at is not None]
    new.restricted_at = min(restricted, default=None)
    # what either id was promised holds
    breaks = [row.snoozed_until for row in (old, new) if row.snoozed_until is not None]
    new.snoozed_until = max(breaks, default=None)
    new.least_days = _longest(old.least_days or {}, new.least_days or {}) or None
    _clear(old)
    old.merged = False
    if new.erased_at is not None:
        _clear(new)
        await addresses.forget(session, new.customer_id)
        await devices.forget(session, new.customer_id)
        await consents.forget(session, new.customer_id)


def _clear(row: CustomerRow) -> None:
    for name in CARD:
        setattr(row, name, "")
    row.attributes, row.said = {}, {}
    row.snoozed_until = row.least_days = None
    row.in_care_until = row.in_care_of = None


def _longest(theirs: Mapping[str, int], ours: Mapping[str, int]) -> dict[str, int]:
    return {topic: max(theirs.get(topic, 0), ours.get(topic, 0)) for topic in {**theirs, **ours}}


def words(row: CustomerRow, *, now: datetime | None = None) -> dict[str, Word]:
    """Return the words on a row's fields, each with its moment, which is not later than ``now``."""
    values = {name: getattr(row, name) for name in CARD}
    values |= {TRAIT + name: value for name, value in row.attributes.items()}
    words = {}
    for name, value in values.items():
        if name in row.said:
            at, source = row.said[name]
            said_at = datetime.fromisoformat(at)
            words[name] = Word(value, min(said_at, now or said_at), source)
        elif row.identified_at is not None and (value != "" or name.startswith(TRAIT)):
            # the row is older than the moments of single fields
            words[name] = Word(value, row.identified_at, "")
    return words


def _write(row: CustomerRow, words: dict[str, Word]) -> None:
    traits = {name for name in words if name.startswith(TRAIT)}
    for name in words.keys() - traits:
        setattr(row, name, words[name].value)
    row.attributes = {
        name.removeprefix(TRAIT): word.value for name, word in words.items() if name in traits
    }
    row.said = {name: [word.at.isoformat(), word.source] for name, word in words.items()}
