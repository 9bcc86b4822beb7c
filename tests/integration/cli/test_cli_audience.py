"""`sojourn audience` and `sojourn start --audience`: who is in, and why."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn.cli import starting
from sojourn.cli.pace import Pace
from sojourn.store import events, lists, runs
from tests.support.cli_stack import Cli


def cities(file: str) -> list[str]:
    with Path(file).open() as rows:
        return [row["city"] for row in csv.DictReader(rows)]


async def test_the_list_has_the_audiences_and_the_lists_that_they_ask_for(offline: Cli) -> None:
    found = (await offline("audience", "list", "--json")).json
    assert {one["name"]: one["watched"] for one in found["audiences"]} == {
        "asleep": False, "fair": False, "lookers": False, "once": False, "pro": False,
        "regulars": True, "spenders": False,
    }  # fmt: skip
    assert found["lists"] == {"fair": 0}
    shown = (await offline("audience", "list")).out
    assert "On the pro plan." in shown
    assert "on the list fair and agrees to email" in shown


async def test_count_show_and_explain_tell_who_is_in(offline: Cli) -> None:
    await offline.identify("ada", plan="pro", timezone="Europe/Rome", locale="it-IT")
    no = {"email": False}
    await offline.identify("eva", plan="pro", email="eva@shop.example", marketingConsent=no)
    await offline.identify("bo", plan="free")
    await offline.identify("dan")
    assert (await offline("audience", "count", "pro")).out == "2 in pro\n"
    assert (await offline("audience", "count", "pro", "--json")).json["number"] == 2
    shown = (await offline("audience", "show", "pro", "--json")).json
    assert shown["number"] == 2
    assert shown["reach"][0] == {"channel": "email", "address": 2, "agreed": 1}
    assert {one["name"]: one["number"] for one in shown["zones"]} == {"Europe/Rome": 1, "": 1}
    assert {one["name"]: one["number"] for one in shown["languages"]} == {"it": 1, "": 1}
    assert {one["email"] for one in shown["sample"]} == {"a***@example.com", "e***@shop.example"}
    plain = (await offline("audience", "show", "pro")).out
    assert "2 in pro" in plain
    assert "ada@" not in plain
    assert "eva@" not in plain
    answer = await offline("audience", "explain", "pro", "bo")
    assert answer.out.splitlines()[0] == 'bo is not in pro: plan: "free", wanted "pro"'
    answer = await offline("audience", "explain", "pro", "dan", "--json")
    assert (answer.json["inside"], answer.json["because"]) == (False, "plan: not known")


async def test_an_unknown_audience_is_one_line_that_offers_the_nearest(offline: Cli) -> None:
    answer = await offline("audience", "count", "regular")
    assert (answer.code, answer.err) == (
        2, 'sojourn: no audience "regular": did you mean "regulars"?\n'
    )  # fmt: skip


async def test_a_list_is_imported_row_by_row_and_can_be_repeated(
    offline: Cli, tmp_path: Path
) -> None:
    await offline.identify("ada")
    await offline.identify("eva", marketingConsent={"email": False})
    file = tmp_path / "fair.csv"
    file.write_text("id,city\nada,Rome\neva,Milan\nnobody,Turin\n,Pisa\nada,Rome\n")
    arguments = ("audience", "import", "fair", file, "--column", "id")
    dry = await offline(*arguments, "--dry-run", "--json")
    assert (dry.code, dry.json["new"], len(dry.json["refused"])) == (1, 2, 2)
    assert (await offline("audience", "list", "--json")).json["lists"] == {"fair": 0}
    first = await offline(*arguments, "--json")
    assert (first.json["read"], first.json["new"], first.json["known"]) == (5, 2, 1)
    assert [bad["line"] for bad in first.json["refused"]] == [4, 5]
    assert cities(first.json["file"]) == ["Turin", "Pisa"]
    again = await offline(*arguments)
    assert "      0  customers put on" in again.out
    assert (await offline("audience", "count", "fair")).out == "1 in fair\n"
    told = await offline("audience", "explain", "fair", "eva")
    assert "consent to email: refused" in told.out.splitlines()[0]
    gone = await offline(*arguments, "--remove", "--json")
    assert gone.json["new"] == 2
    assert (await offline("audience", "count", "fair")).out == "0 in fair\n"


async def test_a_list_of_no_name_or_no_column_is_refused(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "fair.csv"
    file.write_text("id\nada\n")
    named = await offline("audience", "import", "The Fair", file)
    assert (named.code, "small letters" in named.err) == (2, True)
    column = await offline("audience", "import", "fair", file)
    assert (column.code, "customer_id" in column.err) == (2, True)


async def test_start_enrols_who_is_in_an_audience_once(cli: Cli) -> None:
    ada, eva = await cli.identify(), await cli.identify()
    async with cli.store.transaction() as session:
        await lists.add(session, "fair", [ada, eva], at=datetime.now(UTC), source="test")
    arguments = ("start", "onboarding", "--audience", "fair")
    dry = await cli(*arguments, "--dry-run")
    assert dry.out == "2 in fair: each would start onboarding, if it lets them in\n"
    first = (await cli(*arguments, "--json")).json
    assert (first["read"], first["started"], first["event"]) == (2, 2, "Signed Up")
    late = await cli.identify()
    async with cli.store.transaction() as session:
        await lists.add(session, "fair", [late], at=datetime.now(UTC), source="test")
    again = (await cli(*arguments, "--json")).json
    assert (again["read"], again["started"], again["before"] + again["running"]) == (2, 0, 2)
    async with cli.store.reading() as session:
        assert [run.journey for run in await runs.of_customer(session, ada)] == ["onboarding"]
        assert not await events.of_customer(session, late)
    more = (await cli(*arguments, "--as", "second", "--json")).json
    assert (more["read"], more["started"], more["running"]) == (3, 1, 2)


async def test_all_pages_of_an_audience_are_started_at_one_pace(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Pace] = []

    class Noted(Pace):
        async def turn(self) -> None:
            turns.append(self)

    monkeypatch.setattr(starting, "PAGE", 1)
    monkeypatch.setattr(starting, "Pace", Noted)
    crowd = [await cli.identify() for _ in range(3)]
    async with cli.store.transaction() as session:
        await lists.add(session, "fair", crowd, at=datetime.now(UTC), source="test")
    arguments = ("start", "onboarding", "--audience", "fair", "--as", "pages", "--json")
    started = (await cli(*arguments)).json["started"]
    assert started == len(turns) >= 3
    assert len(set(turns)) == 1


async def test_start_by_an_audience_takes_no_customer_and_needs_the_events_fields(
    cli: Cli,
) -> None:
    named = await cli("start", "onboarding", "ada", "--audience", "fair")
    assert (named.code, "leave out CUSTOMER" in named.err) == (2, True)
    lacking = await cli("start", "abandoned-cart", "--audience", "fair")
    assert (lacking.code, "missing" in lacking.err) == (2, True)
    label = await cli("start", "onboarding", "--audience", "fair", "--as", "Second one")
    assert (label.code, "autumn-2026" in label.err) == (2, True)
