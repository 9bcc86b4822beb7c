"""Cards: the fields of a customer, each with the moment and the call that said it last."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.customer import Customer, Identity, Word
from sojourn.store import addresses, consents, people
from sojourn.store.tables import CustomerRow

CARD = ("first_name", *addresses.KINDS, "locale", "timezone")
_TRAIT = "traits."


def card(row: CustomerRow) -> Customer:
    """Return the row as the domain sees it."""
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
    """Return the person's card; None if neither a call nor an event ever named the id."""
    row = await session.get(CustomerRow, await people.resolve(session, customer_id))
    return card(row) if row else None


async def identify(session: AsyncSession, identity: Identity) -> Customer:
    """Make or update a customer.

    The latest word on each field counts, whatever the order of arrival.
    """
    row = await people.lock(session, identity.customer_id)
    given = {**identity.card, **{_TRAIT + name: v for name, v in identity.attributes.items()}}
    heard = {field: Word(v, identity.at, identity.message_id) for field, v in given.items()}
    before = _words(row)
    _write(row, {**before, **_newer(heard, than=before)})
    row.identified_at = max(row.identified_at or identity.at, identity.at)
    session.add(row)
    for kind in heard.keys() & set(addresses.KINDS):
        word, held = heard[kind], before.get(kind)
        if held is None or held.value != word.value or held.at > word.at:
            words = [word, held] if held else [word]
            await addresses.note(session, row.customer_id, kind, words)
    for channel, granted in identity.consents.items():
        await consents.record(
            session,
            row,
            channel,
            granted=granted,
            at=identity.at,
            source=identity.message_id,
        )
    return card(row)


async def merge(session: AsyncSession, old: CustomerRow, new: CustomerRow) -> None:
    """Bring two cards together, field by field, and leave nothing personal on the old one.

    Args:
        session: a writing transaction that holds both rows.
        old: the row that becomes a pointer.
        new: the row that gets the fields.
    """
    theirs, ours = _words(old), _words(new)
    _write(new, {**theirs, **_newer(ours, than=theirs)})
    for kind in addresses.KINDS:
        words = [said[kind] for said in (theirs, ours) if kind in said]
        await addresses.note(session, new.customer_id, kind, words)
    moments = [row.identified_at for row in (old, new) if row.identified_at is not None]
    new.identified_at = max(moments, default=None)
    # erasure under either id erases the person
    forgotten = [row.erased_at for row in (old, new) if row.erased_at is not None]
    new.erased_at = min(forgotten, default=None)
    for name in CARD:
        setattr(old, name, "")
    old.attributes, old.said, old.merged = {}, {}, False


def _words(row: CustomerRow) -> dict[str, Word]:
    """Return the words on a row's fields, each with its moment."""
    fields = {name: getattr(row, name) for name in CARD}
    fields |= {_TRAIT + name: value for name, value in row.attributes.items()}
    words = {}
    for field, value in fields.items():
        if field in row.said:
            at, source = row.said[field]
            words[field] = Word(value, datetime.fromisoformat(at), source)
        elif row.identified_at is not None and (value != "" or field.startswith(_TRAIT)):
            # the row is older than the moments of single fields
            words[field] = Word(value, row.identified_at, "")
    return words


def _newer(heard: dict[str, Word], *, than: dict[str, Word]) -> dict[str, Word]:
    """Return the words that outrank others; at the same moment, the one heard now counts."""
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
