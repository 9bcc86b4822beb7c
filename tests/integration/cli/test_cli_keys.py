"""`sojourn keys` makes, lists and revokes keys, and shows each once."""

import pytest

from sojourn.store import keys
from tests.support.cli_stack import Cli


async def test_a_key_is_shown_once_and_holds_until_it_is_revoked(offline: Cli) -> None:
    made = (await offline("keys", "add", "shop", "--rate", 50, "--json")).json
    assert (made["name"], made["events"], made["rate"]) == ("shop", None, 50)
    async with offline.store.reading() as session:
        row = await keys.valid(session, made["key"])
    assert row is not None
    assert made["key"] not in str(row)
    listed = await offline("keys", "list", "--json")
    assert listed.json == [{name: value for name, value in made.items() if name != "key"}]
    assert made["key"] not in listed.out
    assert row.digest not in listed.out

    assert "is revoked" in (await offline("keys", "revoke", made["id"])).out
    async with offline.store.reading() as session:
        assert await keys.valid(session, made["key"]) is None
    first = (await offline("keys", "list", "--json")).json[0]["revoked_at"]
    assert first
    await offline("keys", "revoke", made["id"])
    assert (await offline("keys", "list", "--json")).json[0]["revoked_at"] == first


async def test_the_key_and_its_id_are_printed_for_people(offline: Cli) -> None:
    said = (await offline("keys", "add", "pos", "--events", "Order Completed, identify")).out
    key, advice = said.splitlines()
    async with offline.store.reading() as session:
        row = await keys.valid(session, key)
    assert row is not None
    assert row.events == ["Order Completed", "identify"]
    assert row.id in advice
    listed = (await offline("keys", "list")).out
    assert row.id in listed
    assert "Order Completed, identify" in listed


async def test_a_browsers_key_has_a_rate_and_no_answers(offline: Cli) -> None:
    web = (await offline("keys", "add", "web", "--browser", "--json")).json
    assert (web["kind"], web["rate"], web["may_wait"]) == ("browser", 50, False)
    slow = (await offline("keys", "add", "web", "--browser", "--rate", 5, "--json")).json
    assert slow["rate"] == 5
    both = await offline("keys", "add", "web", "--browser", "--wait")
    assert both.code == 2
    assert "leave one out" in both.fault


async def test_a_key_gets_answers_if_it_was_made_for_them(offline: Cli) -> None:
    plain = (await offline("keys", "add", "shop", "--json")).json
    assert (plain["kind"], plain["rate"], plain["may_wait"]) == ("server", None, False)
    assert (await offline("keys", "add", "desk", "--wait", "--json")).json["may_wait"] is True


async def test_the_list_says_that_there_is_no_key(offline: Cli) -> None:
    assert "sojourn keys add" in (await offline("keys", "list")).out


async def test_an_unknown_key_cannot_be_revoked(offline: Cli) -> None:
    answer = await offline("keys", "revoke", "key_nobody")
    assert answer.code == 2
    assert 'no key "key_nobody"' in answer.fault


@pytest.mark.parametrize(
    "arguments",
    [("",), ("a\nb",), ("a", "--rate", "0"), ("a", "--events", ""), ("a", "--events", "b,,c")],
)
async def test_wrong_usage_makes_no_key(offline: Cli, arguments: tuple[str, ...]) -> None:
    assert (await offline("keys", "add", *arguments)).code == 2
    assert (await offline("keys", "list", "--json")).json == []
