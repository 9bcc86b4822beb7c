"""A fact about one customer, judged in the transaction at hand."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.consent import Consents
from sojourn.domain.facts import (
    UNSURE,
    Answers,
    Fact,
    Finding,
    Measure,
    OfEvents,
    Range,
    judge,
    lists_of,
    needs_consents,
    of_events,
    trait_of,
    writers_of,
)
from sojourn.domain.facts.nodes import CountOf, OfCampaign, TimeOf, TotalOf, TraitOf, WrittenTo
from sojourn.domain.facts.of_campaigns import asked_of_campaigns
from sojourn.store import cards, consents, lists
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.clauses import Clauses, wrote
from sojourn.store.facts.of_campaigns import became
from sojourn.store.tables import CustomerRow


async def judged(
    session: AsyncSession,
    person: CustomerRow,
    fact: Fact,
    now: datetime,
    *,
    said: Consents | None = None,
    fields: Mapping[str, Any] | None = None,
    own: Collection[str] = (),
) -> Finding:
    """Judge a fact about one customer.

    It takes one statement for everything that the fact asks of events, whatever their number, those
    of `consents.current` if it asks for consent and ``said`` is not given, one for lists, one for
    all that it asks of campaigns, and one for each journey or campaign that may have written.

    Args:
        session: any session; one that holds the customer sees every acknowledged event.
        person: the row of the person, not a pointer to another one.
        fact: the fact.
        now: the moment at which it is judged, by the journey's clock: events after it do not count.
        said: what the customer agrees to, if that was read already.
        fields: properties of the event at hand, for ``enters_if``.
        own: topics that need a yes of their own.

    Returns:
        The answer, with the clauses that gave it.
    """
    customer = cards.card(person)
    if said is None and needs_consents(fact) and not customer.erased:
        said = await consents.current(session, person.customer_id, now=now)
    found = {} if customer.erased else of_events(fact)
    asked = set() if customer.erased else lists_of(fact)
    writers = set() if customer.erased else writers_of(fact)
    about = () if customer.erased else tuple(asked_of_campaigns(fact))
    answers = Answers(
        now=now,
        customer=customer,
        consents=said or Consents({}),
        events=await _looked_up(session, person.customer_id, found, now),
        fields=fields or {},
        own=own,
        lists=await lists.among(session, person.customer_id, asked),
        written_to=await _written_to(session, person.customer_id, writers, now),
        campaigns=await _of_campaigns(session, person.customer_id, about, now),
    )
    return judge(fact, answers)


async def measured(session: AsyncSession, person: CustomerRow, of: Measure, now: datetime) -> Any:
    """Return the value of a measure of one customer.

    Args:
        session: any session.
        person: the row of the person, not a pointer to another one.
        of: the measure.
        now: the moment at which it is measured.

    Returns:
        A trait as JSON; a number of events; the time since the event; a sum. None if it is unknown.
    """
    customer = cards.card(person)
    if customer.erased:
        return None
    if isinstance(of, TraitOf):
        value = trait_of(customer, of)
        return value if isinstance(value, str | int | float | bool) else None
    assert isinstance(of, OfEvents)
    found = (await _looked_up(session, person.customer_id, {of: None}, now))[of]
    match found:
        case Range(low=low, high=high):
            return low if low == high else None
        case datetime():
            return now - found
    return None if found is UNSURE else found


async def _written_to(
    session: AsyncSession, customer_id: str, asked: Collection[WrittenTo], now: datetime
) -> set[WrittenTo]:
    """Return those of some questions that hold; no question costs no statement."""
    connection = await session.connection()
    return {
        one
        for one in asked
        if (await connection.execute(wrote(one, now, customer_id).limit(1))).first()
    }


async def _of_campaigns(
    session: AsyncSession, customer_id: str, asked: Sequence[OfCampaign], now: datetime
) -> dict[OfCampaign, bool | None]:
    if not asked:
        return {}
    postgresql = is_postgresql(session)
    columns = [
        became(one, now, customer_id, postgresql=postgresql).label(f"c{n}")
        for n, one in enumerate(asked)
    ]
    connection = await session.connection()
    found = (await connection.execute(select(*columns))).one()
    return {
        one: None if holds is None else bool(holds) for one, holds in zip(asked, found, strict=True)
    }


async def _looked_up(
    session: AsyncSession, customer_id: str, wanted: Mapping[OfEvents, int | None], now: datetime
) -> dict[OfEvents, Any]:
    if not wanted:
        return {}
    clauses = Clauses(
        postgresql=is_postgresql(session), now=now, customer_id=customer_id, agrees=_no_consent
    )
    columns: list[Any] = []
    for of, most in wanted.items():
        columns += _columns(clauses, of, most)
    numbered = [column.label(f"c{number}") for number, column in enumerate(columns)]
    connection = await session.connection()
    values = iter((await connection.execute(select(*numbered))).one())
    return {of: _answer(of, values) for of in wanted}


def _columns(clauses: Clauses, of: OfEvents, most: int | None) -> Iterable[Any]:
    match of:
        case CountOf():
            yield clauses.number(of, maybe=False, most=most)
            if of.where is not None:
                yield clauses.number(of, maybe=True, most=most)
        case TimeOf():
            yield from clauses.ends(of) if of.where is not None else clauses.ends(of)[:1]
        case TotalOf():
            yield clauses.sum(of)


def _answer(of: OfEvents, values: Any) -> Any:
    first = next(values)
    second = first if of.where is None or isinstance(of, TotalOf) else next(values)
    match of:
        case CountOf():
            return Range(first, second)
        case TimeOf():
            return first if first == second else UNSURE
        case TotalOf():
            return UNSURE if first is None else first


def _no_consent(fact: object) -> NoReturn:
    raise AssertionError(f"{fact} is not a field of an event")
