"""Comings and goings of a watched audience are events: one a change, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from sojourn import Audience, Journey, days, did, last, listed
from sojourn.campaigns import watching
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.alias import Alias
from sojourn.domain.audience import Audiences
from sojourn.domain.events import AudienceEntered, OrderCompleted
from sojourn.journeys.registry import Journeys
from sojourn.settings import Settings
from sojourn.store import Store, events, lists, members, runs
from sojourn.store.tables import EventRow
from tests.support.project import PROJECT

OFTEN = timedelta(microseconds=1)
REGULARS = Audience("regulars", did(OrderCompleted, at_least=2), watched=True)


class Welcome(Journey, name="welcome", starts_on=AudienceEntered, key="audience"):
    """Greets who comes in."""

    async def steps(self) -> None:
        """Send nothing."""


class Shop:
    """An installation without a worker."""

    def __init__(self, store: Store, server: Server) -> None:
        self.store = store
        self._server = server
        self._orders = 0
        self.sojourn = self.of(REGULARS)

    def of(self, *audiences: Audience) -> Sojourn:
        project = replace(PROJECT, audiences=Audiences(audiences), journeys=Journeys([Welcome]))
        settings = Settings(home=PROJECT.root)
        return Sojourn(self._server.client, self.store, settings, project, task_queue="nobody")

    async def orders(self, customer_id: str, *, ago: timedelta = timedelta(0)) -> None:
        self._orders += 1
        await self.sojourn.publish(
            OrderCompleted(
                customer_id=customer_id,
                message_id=f"o{self._orders}",
                order_id=f"o{self._orders}",
                occurred_at=datetime.now(UTC) - ago,
            )
        )

    async def join(self, previous_id: str, customer_id: str) -> None:
        await self.sojourn.alias(
            Alias(previous_id, customer_id, message_id="a1", at=datetime.now(UTC)), wait=False
        )

    async def look(self) -> int:
        return await watching.watch(self.sojourn, every=OFTEN)

    async def told(self, customer_id: str) -> list[str]:
        async with self.store.reading() as session:
            rows = await events.of_customer(session, customer_id)
        return [_told(row) for row in rows if row.name.startswith("Audience")]


def _told(row: EventRow) -> str:
    return f"{row.name} {row.properties['audience']}"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server) -> AsyncIterator[Shop]:
    async with await Store.open(migrated_url) as store:
        shop = Shop(store, temporal)
        yield shop
        await shop.sojourn.drain()


async def test_who_is_in_before_the_first_look_is_noted_and_nobody_is_told(shop: Shop) -> None:
    await shop.orders("ada")
    await shop.orders("ada")
    assert await shop.look() == 0
    assert await shop.told("ada") == []
    async with shop.store.reading() as session:
        (row,) = await members.of_customer(session, "ada")
        assert row.inside
        assert (await members.looks(session))["regulars"].size == 1


async def test_each_change_is_one_event_that_starts_a_journey(shop: Shop) -> None:
    await shop.look()
    await shop.orders("ada")
    assert await shop.look() == 0
    await shop.orders("ada")
    assert await shop.look() == 1
    assert await shop.look() == 0
    assert await shop.told("ada") == ["Audience Entered regulars"]
    await shop.sojourn.drain()
    async with shop.store.reading() as session:
        (run,) = await runs.of_customer(session, "ada")
    assert run.workflow_id == "welcome:ada:regulars"


async def test_time_alone_brings_in_and_takes_out(shop: Shop, monkeypatch: Any) -> None:
    asleep = Audience("asleep", last(OrderCompleted) > days(60), watched=True)
    awake = Audience("awake", did(OrderCompleted, within=days(60)), watched=True)
    shop.sojourn = shop.of(asleep, awake)
    await shop.orders("ada", ago=days(59))
    await shop.look()
    await _later(shop, days(2), monkeypatch)
    assert await shop.told("ada") == ["Audience Entered asleep", "Audience Left awake"]


async def _later(shop: Shop, span: timedelta, monkeypatch: Any) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + span

    monkeypatch.setattr(watching, "datetime", Later)
    await shop.look()


async def test_a_question_that_changes_tells_nobody_of_the_difference(shop: Shop) -> None:
    await shop.look()
    await shop.orders("ada")
    shop.sojourn = shop.of(Audience("regulars", did(OrderCompleted), watched=True))
    assert await shop.look() == 0
    await shop.orders("eva")
    assert await shop.look() == 1
    assert await shop.told("ada") == []
    assert await shop.told("eva") == ["Audience Entered regulars"]


async def test_a_question_that_changes_before_a_change_is_told_tells_that_one_alone(
    shop: Shop,
) -> None:
    await shop.look()
    await shop.orders("ada")
    await shop.orders("ada")
    await watching.look(shop.sojourn, REGULARS, datetime.now(UTC), quiet=False)  # and it dies
    shop.sojourn = shop.of(Audience("regulars", did(OrderCompleted, at_least=3), watched=True))
    for _ in range(3):
        await shop.look()
    assert await shop.told("ada") == ["Audience Entered regulars"]
    await shop.orders("ada")
    await shop.look()
    assert await shop.told("ada") == ["Audience Entered regulars", "Audience Entered regulars"]


async def test_a_look_by_a_question_that_was_changed_meanwhile_notes_nothing(shop: Shop) -> None:
    await shop.look()
    await shop.orders("ada")
    await shop.orders("ada")
    shop.sojourn = shop.of(Audience("regulars", did(OrderCompleted, at_least=3), watched=True))
    await shop.look()
    await watching.look(shop.sojourn, REGULARS, datetime.now(UTC), quiet=False)
    assert await shop.look() == 0
    assert await shop.told("ada") == []


async def test_what_a_crash_left_is_told_once(shop: Shop) -> None:
    await shop.look()
    for who in ("ada", "eva"):
        await shop.orders(who)
        await shop.orders(who)
    await watching.look(shop.sojourn, REGULARS, datetime.now(UTC), quiet=False)
    # one of them was told, and that was not noted
    async with shop.store.reading() as session:
        row, _ = await members.untold(session, "regulars", limit=9)
    await shop.sojourn.publish(watching._event(REGULARS, row), wait=False)
    await shop.look()
    for who in ("ada", "eva"):
        assert await shop.told(who) == ["Audience Entered regulars"]


async def test_several_workers_tell_each_change_once(shop: Shop) -> None:
    await shop.look()
    for who in ("ada", "eva", "bo"):
        await shop.orders(who)
        await shop.orders(who)
    await asyncio.gather(*(shop.look() for _ in range(4)))
    for who in ("ada", "eva", "bo"):
        assert await shop.told(who) == ["Audience Entered regulars"]


async def test_a_change_waits_for_the_one_before_it_to_be_told(shop: Shop) -> None:
    shop.sojourn = shop.of(Audience("fair", listed("fair"), watched=True))
    (fair,) = shop.sojourn.project.audiences.watched
    await shop.orders("ada")
    await shop.look()
    now = datetime.now(UTC)
    async with shop.store.transaction() as session:
        await lists.add(session, "fair", ["ada"], at=now, source="test")
    await watching.look(shop.sojourn, fair, now, quiet=False)
    async with shop.store.transaction() as session:
        await lists.remove(session, "fair", ["ada"])
    await watching.look(shop.sojourn, fair, now, quiet=False)  # the coming is not told yet
    await shop.look()
    await shop.look()
    assert await shop.told("ada") == ["Audience Entered fair", "Audience Left fair"]


async def test_pages_see_everybody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAGE", 2)
    await shop.look()
    crowd = [f"c{n}" for n in range(7)]
    for who in crowd:
        await shop.orders(who)
        await shop.orders(who)
    assert await shop.look() == 7
    async with shop.store.reading() as session:
        assert (await members.looks(session))["regulars"].size == 7
    assert [await shop.told(who) for who in crowd] == [["Audience Entered regulars"]] * 7


async def test_ids_that_are_joined_are_one_member_who_came_in_once(shop: Shop) -> None:
    await shop.look()
    await shop.orders("visitor")
    await shop.orders("visitor")
    await shop.look()
    await shop.join("visitor", "ada")
    assert await shop.look() == 0
    async with shop.store.reading() as session:
        (row,) = await members.of_customer(session, "ada")
    assert row.inside


async def test_who_is_on_a_list_under_two_ids_is_on_it_once(shop: Shop) -> None:
    for who in ("visitor", "ada"):
        await shop.orders(who)
    async with shop.store.transaction() as session:
        await lists.add(session, "fair", ["visitor", "ada"], at=datetime.now(UTC), source="test")
        await lists.add(session, "mail", ["visitor"], at=datetime.now(UTC), source="test")
    await shop.join("visitor", "ada")
    async with shop.store.reading() as session:
        assert await lists.sizes(session) == [("fair", 1), ("mail", 1)]
        assert await lists.among(session, "ada", {"fair", "mail"}) == {"fair", "mail"}
