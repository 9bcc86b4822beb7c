"""Limits of a journey's start: what a request is counted by, and whether it is one too many.

It is counted in the transaction that stores the event, which holds the customer, and the hashes of
address and network: two gateways that store requests at one moment do not both take the last place.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.abuse import Limits, Subject, network_of
from sojourn.domain.addresses import normalised
from sojourn.domain.customer import Customer
from sojourn.domain.events import Event, fleeting
from sojourn.domain.messages import Channel
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.store import cards, requests
from sojourn.store.digests import digest
from sojourn.store.requests import Counted
from sojourn.store.tables import CustomerRow, EventRow, RequestRow

Pair = tuple[EventRow, Event]
_PHONE, _EMAIL = "phone", "email"
_FIELD = {Channel.SMS: _PHONE, Channel.WHATSAPP: _PHONE, Channel.EMAIL: _EMAIL}
"""The kinds of addresses that reach a person; a device is counted with its customer."""


async def hold(
    session: AsyncSession,
    people: Mapping[str, CustomerRow],
    fresh: Mapping[str, Sequence[Pair]],
    journeys: Journeys,
) -> None:
    """Hold what the requests among new events are counted by, in one order.

    Args:
        session: the transaction that has stored them; it holds their customers.
        people: the customers' rows by the ids that hold everything.
        fresh: the events of each customer.
        journeys: of the project.
    """
    found: list[Counted] = []
    for customer_id, pairs in fresh.items():
        for _, event in pairs:
            for journey in journeys.heard_by(event.event_name).values():
                if journey.terms.limits is not None:
                    found += await counted(session, people[customer_id], journey, event)
    await requests.hold(session, found)


async def hold_one(
    session: AsyncSession, person: CustomerRow, journey: type[Journey], event: Event
) -> None:
    """Hold what one event is counted by, if the journey has limits.

    Args:
        session: a writing transaction that holds the customer.
        person: the customer's row.
        journey: the event could start a run of it.
        event: the request.
    """
    if journey.terms.limits is not None:
        await requests.hold(session, await counted(session, person, journey, event))


async def counted(
    session: AsyncSession, person: CustomerRow, journey: type[Journey], event: Event
) -> list[Counted]:
    """Return what a request is counted by.

    Args:
        session: any session.
        person: the customer's row.
        journey: has limits.
        event: the request.

    Returns:
        The customer, and the hashes of addresses and network, as far as they are limited and known.
    """
    found: list[Counted] = []
    for one in asked_by(cards.card(person), journey, event):
        match one.subject:
            case Subject.CUSTOMER:
                found.append(Counted(one.subject))
            case Subject.ADDRESS:
                assert one.channel is not None, "an address is one of a channel"
                told = await digest(session, one.channel, one.what)
                found.append(Counted(one.subject, told))
            case Subject.NETWORK:
                told = await requests.network_digest(session, one.what)
                found.append(Counted(one.subject, told))
    return found


class Asker(NamedTuple):
    """A subject that a request is counted by, as it is.

    Args:
        subject: its kind.
        what: the address or the network; empty for the customer.
        channel: of an address.
    """

    subject: Subject
    what: str = ""
    channel: Channel | None = None


def asked_by(customer: Customer, journey: type[Journey], event: Event) -> list[Asker]:
    """Return what a request is counted by.

    Args:
        customer: who asks.
        journey: has limits.
        event: the request.

    Returns:
        The customer, addresses and network, as far as they are limited and known.
    """
    limits = journey.terms.limits
    assert limits is not None
    found: list[Asker] = []
    if limits.customer is not None:
        found.append(Asker(Subject.CUSTOMER))
    if limits.address is not None:
        addresses = _addresses(customer, journey, event)
        found += [Asker(Subject.ADDRESS, address, channel) for channel, address in addresses]
    if limits.network is not None and (network := network_of(_said(event, "ip"))):
        found.append(Asker(Subject.NETWORK, network))
    return found


async def refuses(
    session: AsyncSession,
    person: CustomerRow,
    journey: type[Journey],
    event: Event,
    now: datetime,
) -> str:
    """Say why a request is one too many.

    Args:
        session: a transaction that holds what it is counted by; any session to only look.
        person: the customer's row.
        journey: has limits.
        event: the request.
        now: by the journeys' clock.

    Returns:
        The subjects that have reached their limits; empty if none has.
    """
    limits = journey.terms.limits
    assert limits is not None
    things = await counted(session, person, journey, event)
    found = await requests.numbers(
        session, person.customer_id, journey.name, things, since=now - limits.per
    )
    return too_many([(one.subject, found[one]) for one in things], limits)


def too_many(counts: Iterable[tuple[Subject, int]], limits: Limits) -> str:
    """Say which subjects of a request have reached their limits.

    Args:
        counts: each with the number of its requests.
        limits: of the journey.

    Returns:
        The words; empty if none has.
    """
    found: dict[str, None] = {}
    for subject, number in counts:
        most = limits.of(subject)
        assert most is not None, "it is counted"
        if number >= most:
            found[f"{subject}: {number} of {most} in {limits.span}"] = None
    return "; ".join(found)


async def note(
    session: AsyncSession,
    person: CustomerRow,
    journey: type[Journey],
    event: Event,
    *,
    now: datetime,
) -> None:
    """Count a request that starts a run.

    Args:
        session: the transaction that judged it.
        person: the customer's row.
        journey: the journey; without limits nothing is counted.
        event: the request.
        now: by the journeys' clock.
    """
    limits = journey.terms.limits
    if limits is None:
        return
    await requests.put(
        session,
        [
            RequestRow(
                message_id=event.message_id,
                customer_id=person.customer_id,
                journey=journey.name,
                subject=one.subject.value,
                digest=one.digest,
                at=now,
                until=datetime.now(UTC) + limits.per,
            )
            for one in await counted(session, person, journey, event)
        ],
    )


def _addresses(
    customer: Customer, journey: type[Journey], event: Event
) -> list[tuple[Channel, str]]:
    """Return the addresses that a request may reach, each once."""
    channels = dict.fromkeys(channel for one in journey.messages for channel in one.channels)
    found: dict[str, tuple[Channel, str]] = {}
    for channel in channels:
        if channel not in _FIELD:
            continue
        for address in (*customer.addresses(channel), _said(event, _FIELD[channel])):
            plain = normalised(channel, address) if address else ""
            if plain:
                # SMS and WhatsApp reach one number: it is counted once
                found.setdefault(f"{_FIELD[channel]} {plain}", (channel, address))
    return list(found.values())


def _said(event: Event, name: str) -> str:
    counts = name in fleeting.counted_of(type(event))
    return (getattr(event, name, None) or "") if counts else ""
