"""One person under several ids, in memory: by an alias, by an address, and by the call itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.in_memory.world import World
from sojourn.settings import Settings
from tests.support.in_memory import world_of
from tests.support.project import PROJECT, WHOLE

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(PROJECT, Settings(home=tmp_path, quiet_hours=None), AT)


def tell(world: World, **call: Any) -> None:
    given = {"messageId": f"{call}", "timestamp": world.now.isoformat(), **call}
    read = read_call(given, PROJECT.events)
    assert isinstance(read, Track | Identity | Alias)
    world.take(read)


def identify(world: World, who: str, email: str) -> None:
    traits = {"email": email, "marketingConsent": {"email": True}}
    tell(world, type="identify", userId=who, traits=traits)


def fill_cart(world: World, who: str) -> None:
    properties = {"cart_id": "k1", "product_id": "p1"}
    tell(world, type="track", userId=who, event="Product Added", properties=properties)


def buy(world: World, who: str, **also: Any) -> None:
    bought = {"order_id": "o1", "cart_id": "k1", "total": 12, "currency": "EUR"}
    tell(world, type="track", userId=who, event="Order Completed", properties=bought, **also)


def complains(world: World, event: str, complaint: str) -> None:
    about = {"complaint_id": complaint, "order_id": f"o-{complaint}"}
    tell(world, type="track", userId="c1", event=event, properties=about)


def ends(world: World) -> list[str]:
    return [end.value for noted in world.registry.every_run for end in noted.run.outcomes]


def steps_sent(world: World, who: str) -> list[str]:
    return [row.step for row in world.registry.person(who).rows if row.state == "sent"]


def test_without_a_word_two_ids_are_two_people(world: World) -> None:
    identify(world, "guest", "guest@shop.example")
    fill_cart(world, "guest")
    buy(world, "account")
    world.advance(AT + 2 * DAY)
    assert steps_sent(world, "guest") == ["reminder"]


def test_an_order_of_an_id_with_the_same_address_ends_the_guests_cart(world: World) -> None:
    identify(world, "guest", "ada@shop.example")
    identify(world, "account", "Ada@shop.example")
    fill_cart(world, "guest")
    buy(world, "account")
    world.advance(AT + 2 * DAY)
    assert (ends(world), steps_sent(world, "guest")) == (["converted"], [])


def test_an_order_that_names_the_guest_as_well_ends_the_guests_cart(world: World) -> None:
    identify(world, "guest", "guest@shop.example")
    fill_cart(world, "guest")
    buy(world, "account", anonymousId="guest")
    world.advance(AT + 2 * DAY)
    assert (ends(world), steps_sent(world, "guest")) == (["converted"], [])


def test_an_alias_lets_an_open_run_hear_what_the_other_id_did(world: World) -> None:
    identify(world, "guest", "guest@shop.example")
    fill_cart(world, "guest")
    buy(world, "account")
    world.advance(AT + DAY / 2)
    assert ends(world) == []
    tell(world, type="alias", previousId="guest", userId="account")
    assert ends(world) == ["converted"]
    world.advance(AT + 2 * DAY)
    assert steps_sent(world, "account") == []


def test_after_an_alias_either_id_is_the_person(world: World) -> None:
    identify(world, "guest", "guest@shop.example")
    tell(world, type="alias", previousId="guest", userId="account")
    fill_cart(world, "account")
    world.advance(AT + DAY / 2)
    buy(world, "guest")
    world.advance(AT + 2 * DAY)
    assert ends(world) == ["converted"]
    assert world.registry.person("guest") is world.registry.person("account")
    assert world.registry.person("guest").card.email == "guest@shop.example"


def test_a_run_that_begins_under_a_given_up_id_has_the_id_that_is_left(world: World) -> None:
    tell(world, type="alias", previousId="guest", userId="account")
    fill_cart(world, "guest")
    assert [*world.registry.runs] == ["abandoned-cart:account:k1"]


def test_a_settled_complaint_leaves_another_one_alone(tmp_path: Path) -> None:
    """The case of a call is derived from its other fields, as it is in the store."""
    world = world_of(WHOLE, Settings(home=tmp_path, quiet_hours=None), AT)
    identify(world, "c1", "c1@shop.example")
    for complaint in ("x1", "x2"):
        complains(world, "Complaint Received", complaint)
    complains(world, "Complaint Resolved", "x1")
    world.advance(AT + 10 * DAY)
    assert ends(world) == ["converted"]
    left = [row for row in world.registry.person("c1").rows if row.step == "follow-up"]
    assert [(row.workflow_id, row.state) for row in left] == [("service-recovery:c1:x2", "sent")]
