"""Kin: customers who share an address, and so are most likely one person under several ids."""

from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Protocol

from sqlalchemy import (
    ColumnElement,
    Executable,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store import people, prepared
from sojourn.store.people import CUSTOMERS
from sojourn.store.prepared import value, values
from sojourn.store.tables import HAS_EMAIL, HAS_PHONE, HAS_PHONE2, CustomerRow

MOST_IDS = 10
"""The most ids that may share an address: more, as at a cash desk, say nothing about a person."""
_KNOWN = select(CUSTOMERS.c.customer_id).where(
    CUSTOMERS.c.customer_id.in_(values("roots", CUSTOMERS.c.customer_id))
)


class Reached(Protocol):
    """The part of a card by which its customer is reached."""

    @property
    def email(self) -> str | None:
        """The e-mail address."""

    @property
    def phone(self) -> str | None:
        """The first phone number."""

    @property
    def phone2(self) -> str | None:
        """The second phone number."""


async def of(
    session: AsyncSession, customer_id: str, card: Reached | None, *, email: str = ""
) -> list[str]:
    """Return the other ids that have an e-mail address or a phone number of this customer.

    Two people may share a number, a family's or an office's. Ids whose e-mail addresses differ are
    different people, whatever number they share.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        card: the customer's; None: there is none yet.
        email: a further address of the customer, which no card may have yet.

    Returns:
        Their ids that hold everything.
    """
    emails = {address.lower() for address in (email, card.email if card else "") if address}
    numbers = {one for one in (card.phone, card.phone2) if one} if card is not None else set()
    if not (emails or numbers):
        return []
    asked: dict[str, object] = {"same_or_none": ["", *sorted(emails)]}
    asked |= {f"email{n}": one for n, one in enumerate(sorted(emails))}
    asked |= {f"number{n}": one for n, one in enumerate(sorted(numbers))}
    query = _sharing(len(emails), len(numbers), of_anybody=not emails)
    sharing: dict[str, list[str]] = {}
    for row_found in await prepared.rows(session, query, asked):
        sharing.setdefault(row_found.by, []).append(row_found.customer_id)
    few = [ids for ids in sharing.values() if len(ids) <= MOST_IDS]
    return [one for one in dict.fromkeys(chain(*few)) if one != customer_id]


@cache
def _sharing(emails: int, numbers: int, *, of_anybody: bool) -> Executable:
    """Return the statement for the ids with one of some e-mail addresses or phone numbers.

    Args:
        emails: how many addresses, as the parameters ``email0`` and so on.
        numbers: how many numbers, as the parameters ``number0`` and so on.
        of_anybody: the numbers count whatever the e-mail address is; else, only with one of
            ``same_or_none``.

    Returns:
        The statement: the name of the parameter that is shared, and the id.
    """
    lower, customers = func.lower(CUSTOMERS.c.email), CUSTOMERS.c
    parts = [
        (f"email{n}", and_(lower == value(f"email{n}", customers.email), text(HAS_EMAIL)))
        for n in range(emails)
    ]
    nobody_else = lower.in_(values("same_or_none", customers.email))
    for n in range(numbers):
        number = value(f"number{n}", customers.phone)
        has = or_(
            and_(customers.phone == number, text(HAS_PHONE)),
            and_(customers.phone2 == number, text(HAS_PHONE2)),
        )
        parts.append((f"number{n}", has if of_anybody else and_(has, nobody_else)))
    asked = [
        select(literal(name).label("by"), customers.customer_id)
        .where(same, customers.joined_to.is_(None), customers.erased_at.is_(None))
        .limit(MOST_IDS + 1)
        .subquery()
        for name, same in parts
    ]
    return union_all(*(select(one.c.by, one.c.customer_id) for one in asked))


def has_number(written: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a card has a phone number, as its first or second one.

    Args:
        written: the number, in each spelling.
    """
    ways = sorted(written)
    return or_(
        and_(col(CustomerRow.phone).in_(ways), text(HAS_PHONE)),
        and_(col(CustomerRow.phone2).in_(ways), text(HAS_PHONE2)),
    )


async def known(session: AsyncSession, customer_ids: Iterable[str]) -> list[str]:
    """Return the ids that hold everything of these customers, as far as we know of them."""
    roots = {await people.resolve(session, customer_id) for customer_id in customer_ids}
    found = await prepared.rows(session, _KNOWN, {"roots": roots}) if roots else ()
    return [row.customer_id for row in found]
