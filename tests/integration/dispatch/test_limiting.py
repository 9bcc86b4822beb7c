"""Limits count a journey's starts by customer, address and network, and keep none of them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select
from temporalio.client import Client

from sojourn import AUTHENTICATION, SMS, Journey, Limits, Message, minutes
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import read_call
from sojourn.dispatch.forgetting import Forgetting
from sojourn.dispatch.quarantine import keep
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Event, LoginCodeRequested, SignedUp
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, cards, quarantine
from sojourn.store.tables import EventRow, RequestRow, SecretRow
from tests.integration.dispatch.test_entering import NOON, Shop
from tests.support.project import PROJECT

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CODE = "qzx482913"


def limited(**limits: Any) -> Project:
    """Return a project with one journey, which starts no more often than that."""

    async def steps(self: Journey) -> None:
        """Send nothing."""

    body = {
        "steps": steps,
        "code": Message(SMS, message_class=AUTHENTICATION, useful_for=minutes(5)),
    }
    keywords: dict[str, Any] = {"starts_on": LoginCodeRequested, "key": "request_id"}
    made = type("Code", (Journey,), body, name="code", limits=Limits(**limits), **keywords)
    return replace(PROJECT, journeys=Journeys([made]))


class Door(Shop):
    """One customer who asks for codes."""

    def request(self, at: timedelta = timedelta(), **fields: Any) -> Event:
        self.number += 1
        return LoginCodeRequested(
            message_id=f"{self.customer_id}-{self.number}",
            customer_id=self.customer_id,
            occurred_at=NOON + at,
            request_id=f"r{self.number}",
            code=CODE,
            expires_at=NOON + at + 5 * MINUTE,
            **fields,
        )

    async def has(self, phone: str) -> None:
        told = read_identity(
            {"phone": phone}, customer_id=self.customer_id, message_id=uuid4().hex, at=NOON
        )
        async with self.store.transaction() as session:
            await cards.identify(session, told)

    @property
    def started(self) -> int:
        return len(self.runs.begun)


def number() -> str:
    """Return a phone number of this test's own."""
    return f"+39333{uuid4().int % 10**7:07}"


async def test_a_customer_starts_so_many_runs_within_the_time(
    store: Store, customer_id: str
) -> None:
    door = Door(store, customer_id, limited(customer=2, per=HOUR))
    for _ in range(4):
        notes = await door.take(door.request())
    assert door.started == 2
    assert notes == [
        "starts no run of code: there had been as many requests as the journey's limits allow"
    ]
    assert [because for taken, _, because in await door.judged() if not taken] == [
        "customer: 2 of 2 in 1 hour"
    ] * 2
    await door.take(door.request(HOUR + MINUTE))
    assert door.started == 3, "those that were refused do not count"


async def test_a_number_is_counted_over_all_customers_in_any_spelling(
    store: Store, customer_id: str
) -> None:
    project, phone = limited(address=2, per=HOUR), number()
    doors = [Door(store, f"{customer_id}{letter}", project) for letter in "abc"]
    for door, spelling in zip(doors, (phone, phone[1:], f"00{phone[1:]}"), strict=True):
        if spelling == phone:
            await door.has(phone)  # on the card
            await door.take(door.request())
        else:
            await door.take(door.request(phone=spelling))  # in the form
    assert [door.started for door in doors[:2]] == [1, 1]
    async with store.reading() as session:
        query = select(RequestRow.digest).where(RequestRow.customer_id == f"{customer_id}b")
        assert all(phone[1:] not in digest for digest in await session.exec(query))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("203.0.113.{n}", "203.0.113.{n}"),
        ("2001:db8:{n}:1::1", "2001:db8:{n}:1:ffff::2"),
        ("::ffff:203.0.114.{n}", "203.0.114.{n}"),
    ],
)
async def test_a_network_is_counted_over_all_customers(
    store: Store, customer_id: str, first: str, second: str
) -> None:
    project, n = limited(network=1, per=HOUR), uuid4().int % 250
    one, other = (Door(store, f"{customer_id}{letter}", project) for letter in "ab")
    await one.take(one.request(ip=first.format(n=n)))
    await other.take(other.request(ip=second.format(n=n)))
    assert (one.started, other.started) == (1, 0)
    await other.take(other.request(ip=f"10.{n}.{uuid4().int % 250}.1"))
    await other.take(other.request(ip="no address"))
    assert other.started == 2


def test_limits_that_could_never_count_are_refused() -> None:
    async def steps(self: Journey) -> None:
        """Send nothing."""

    keywords: dict[str, Any] = {"starts_on": SignedUp, "limits": Limits(network=3)}
    with pytest.raises(TypeError, match='SignedUp has no field "ip: Counted = None"'):
        type("Code", (Journey,), {"steps": steps}, name="code", **keywords)


async def test_two_gateways_do_not_both_take_the_last_place(store: Store, customer_id: str) -> None:
    project, ip = limited(network=3, per=HOUR), f"192.0.2.{uuid4().int % 250}"
    doors = [Door(store, f"{customer_id}{letter}", project) for letter in "abcdefgh"]
    await asyncio.gather(*(door.take(door.request(ip=ip)) for door in doors))
    assert sum(door.started for door in doors) == 3


# ---- secrets -------------------------------------------------------------------------------


def _sojourn(client: Client, store: Store) -> Sojourn:
    """Return a service of a project without a journey on it: the event is stored all the same."""
    return Sojourn(client, store, Settings(), PROJECT)


async def left(store: Store, customer_id: str) -> list[str]:
    """Return the properties of the customer's events, as text."""
    async with store.reading() as session:
        rows = await session.exec(select(EventRow).where(EventRow.customer_id == customer_id))
        return [f"{row.properties} {row.as_sent}" for row in rows]


def tracked(customer_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "login_code_requested",
        "messageId": uuid4().hex,
        "userId": customer_id,
        "timestamp": datetime.now(UTC).isoformat(),
        "context": {"ip": "203.0.113.9"},
        "properties": {
            "requestId": "r1",
            "code": CODE,
            "expiresAt": (datetime.now(UTC) + 5 * MINUTE).isoformat(),
            "ip": "203.0.113.9",
            "otp": CODE,
            **properties,
        },
    }


async def test_an_event_keeps_its_code_until_it_expires_and_nothing_that_is_counted(
    store: Store, customer_id: str, time_skipping_client: Client
) -> None:
    sojourn = _sojourn(time_skipping_client, store)
    track = read_call(tracked(customer_id), sojourn.project.events)
    await track.into(sojourn)  # type: ignore[union-attr]
    (kept,) = await left(store, customer_id)
    assert kept.count(CODE) == 1
    assert "203.0.113" not in kept
    forgetting = Forgetting(store, sojourn.project.events)
    await forgetting.sweep(datetime.now(UTC) + 7 * MINUTE)
    (kept,) = await left(store, customer_id)
    assert CODE not in kept
    assert "r1" in kept
    async with store.reading() as session:
        query = select(SecretRow).where(SecretRow.customer_id == customer_id)
        assert not (await session.exec(query)).all()


@pytest.mark.parametrize("fault", [{"expiresAt": "soon"}, {"requestId": ""}])
async def test_a_call_that_cannot_be_read_is_kept_without_its_code(
    store: Store, customer_id: str, fault: dict[str, str]
) -> None:
    sent = tracked(customer_id, **fault)
    project = limited(customer=9)
    with pytest.raises(BadEvent) as refused:
        read_call(sent, project.events)
    await keep(store, sent, refused.value, source="key1", known=project.events)
    async with store.reading() as session:
        rows = [row for row in await quarantine.listed(session) if customer_id in str(row.call)]
    assert len(rows) == 1
    told = f"{rows[0].call} {rows[0].reason}"
    assert CODE not in told
    assert "203.0.113" not in told


async def test_an_event_without_a_code_is_refused(
    store: Store, customer_id: str, time_skipping_client: Client
) -> None:
    sojourn = _sojourn(time_skipping_client, store)
    track = read_call(tracked(customer_id, code=""), sojourn.project.events)
    with pytest.raises(BadEvent, match=r"properties\.code: is missing"):
        await track.into(sojourn)  # type: ignore[union-attr]
