"""A shop with one journey, in a folder and in a store: its ledger has the past of a few customers.

The journey writes by e-mail after five hours, and by text message a day later.
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sojourn.domain.alias import Alias
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.messages import Channel
from sojourn.domain.preferences import Kind
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, choices, events, people, refusals, suppressions
from sojourn.testkit.engines import in_process
from tests.support.dated import Dated
from tests.support.own_project import OwnProject
from tests.support.project import WHOLE

BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOURNEY = """
from sojourn import EMAIL, SMS, Journey, Message, hours
from sojourn.events import OrderCompleted, ProductAdded

class Basket(Journey, name="basket", topic="cart", starts_on=ProductAdded, key="cart_id",
             goal=OrderCompleted):
    hello = Message(EMAIL, useful_for=hours(24), template="words")
    again = Message(SMS, useful_for=hours(24), template="words")

    async def steps(self):
        await self.sleep(hours(5))
        await self.send(self.hello)
        await self.sleep(hours(24))
        await self.send(self.again)
"""
WORDS = "{% extends 'layout/email.html' %}{% block subject %}Hi{% endblock %}"
WORDS += "{% block body %}Your basket waits.{% endblock %}"
TEXT = "{% block text %}Your basket waits. Reply STOP to opt out.{% endblock %}"


def open_shop(shop: OwnProject) -> None:
    """Write the shop's files."""
    shop.write("pyproject.toml", "[tool.sojourn]\n")
    shop.write("prices.toml", '[sms]\ncurrency = "EUR"\n"+39" = "0.07"\n')
    shop.write("workflows/basket.py", JOURNEY)
    shop.write("templates/basket/words.email.en.html", WORDS)
    shop.write("templates/basket/words.sms.en.txt", TEXT)


def project_of(folder: Path) -> Project:
    """Return the shop as a project of this process; its journey is loaded under its own name."""
    spec = importlib.util.spec_from_file_location("a_basket", folder / "workflows" / "basket.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return replace(
        WHOLE,
        root=folder,
        journeys=Journeys([module.Basket]),
        policy=None,
        templates=(folder / "templates", *WHOLE.templates),
        languages=("en",),
    )


class Shop:
    """Has customers live in a store, one after the other, each in days of their own."""

    def __init__(self, store: Store, folder: Path, url: str) -> None:
        self.store = store
        self.project = project_of(folder)
        self.settings = Settings(
            home=folder / ".sojourn", database_url=url, quiet_hours=None, track_clicks=False
        )

    async def lives(
        self, name: str, begin: datetime, does: "Callable[[Dated], object] | None" = None
    ) -> None:
        """Fill a cart as a customer; do something else; wait for two weeks."""
        async with in_process.serving(self.store, self.settings, self.project) as engine:
            test = Dated(engine, self.store, self.settings, "", name, project=self.project)
            test.begin_at(begin)
            await test.identify(email=f"{name}@shop.example", pushToken="", phone=NUMBERS[name])
            await test.publish(ProductAdded, cart_id=f"k-{name}", product_id="p1")
            if does is not None:
                await does(test)  # type: ignore[misc]
            await test.after(timedelta(days=14))


NUMBERS = {"ada": "+393201234501", "bea": "+393201234502", "cleo": "+393201234503",
           "dora": "+393201234504", "guest": "+393201234505",
           "eva": "+393201234506", "finn": "+393201234507",
           "hana": "+393201234508"}  # fmt: skip


async def buys(test: Dated) -> None:
    """Buy after six hours: between the two messages."""
    await test.after(6 * HOUR)
    cart = f"k-{test.customer_id}"
    await test.publish(OrderCompleted, cart_id=cart, order_id="o1", total=12, currency="EUR")


async def refuses(test: Dated) -> None:
    """Say no to e-mails after an hour."""
    await test.after(HOUR)
    await test.identify(marketingConsent={"email": False})


async def a_past(store: Store, folder: Path, url: str) -> None:
    """Have four customers live: Dora fills her cart the day before the others."""
    shop = Shop(store, folder, url)
    await shop.lives("ada", BEGIN)
    await shop.lives("bea", BEGIN + HOUR, buys)
    await shop.lives("cleo", BEGIN + 2 * HOUR, refuses)
    await shop.lives("dora", BEGIN - 24 * HOUR)


async def becomes_another(test: Dated) -> None:
    """Turn out to be somebody with another id, between the two messages."""
    await test.after(6 * HOUR)
    sojourn = test._sojourn
    assert sojourn is not None
    await sojourn.alias(Alias(test.customer_id, "home", "alias", await test.now()))
    test.customer_id = "home"


async def buys_as_another(test: Dated) -> None:
    """Buy after six hours, by another id: the call names this one as well."""
    await test.after(6 * HOUR)
    sojourn, at = test._sojourn, await test.now()
    assert sojourn is not None
    told = {"cart_id": f"k-{test.customer_id}", "order_id": "o1"}
    event = OrderCompleted(customer_id="home", occurred_at=at, **told)
    await sojourn.take(event, event.event_name, told, also=(test.customer_id,))
    async with test.store.transaction() as session:
        for row in await events.of_customer(session, "home"):
            row.received_at = row.occurred_at
            session.add(row)
    await test.settled()


async def takes_a_break(test: Dated) -> None:
    """Ask after an hour for a break of eight hours, in which the first message falls due."""
    await test.after(HOUR)
    at = await test.now()
    async with test.store.transaction() as session:
        person = await people.lock(session, test.customer_id)
        choices.snooze(person, at + 8 * HOUR)
        until = (at + 8 * HOUR).isoformat()
        await choices.note(
            session, person, Kind.BREAK, was="", became=until, at=at, source="a page"
        )


async def bounces(test: Dated) -> None:
    """Have the e-mail address reported as dead after an hour."""
    await test.after(HOUR)
    async with test.store.transaction() as session:
        await suppressions.add(
            session,
            Channel.EMAIL,
            f"{test.customer_id}@shop.example",
            because="bounced",
            at=await test.now(),
            source="a report",
        )


async def refuses_by_link(test: Dated) -> None:
    """Have the address refuse e-mails after an hour, as a link does that names no customer."""
    await test.after(HOUR)
    async with test.store.transaction() as session:
        await refusals.add(
            session,
            Channel.EMAIL,
            f"{test.customer_id}@shop.example",
            topic="",
            at=await test.now(),
            source="a link",
        )
