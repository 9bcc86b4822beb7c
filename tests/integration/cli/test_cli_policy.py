"""`sojourn policy` shows what holds where; `sojourn check` and workers refuse a broken file."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sojourn.journeys.registry import Journeys
from tests.support.cli_stack import Cli
from tests.support.project import PROJECT
from tests.support.windows import Hours

RULES = """
[[rules]]
name = "shop"
countries = ["DE", "IT"]
closed = "sun, holidays"

[[rules]]
name = "phones"
channels = ["sms", "whatsapp"]
quiet_hours = "20:00-10:00"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(RULES)
    project = replace(PROJECT, policy=file)
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)
    return file


@pytest.mark.usefixtures("file")
async def test_what_holds_in_a_country_at_a_moment(offline: Cli) -> None:
    answer = await offline(
        "policy", "--country", "de", "--region", "BY", "--at", "2027-01-06T09:30"
    )
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "Wed 6 Jan 2027 09:30 (Europe/Berlin), country DE, BY"
    assert lines[2].split("  ")[0] == "email"
    assert "is held until Thu 7 Jan 2027 00:00" in lines[2]
    assert lines[2].endswith("shop: not on sun, holidays DE-BY")
    sms = next(line for line in lines if line.startswith("sms"))
    assert "is held until Thu 7 Jan 2027 10:00" in sms
    assert sms.endswith("phones: quiet hours 20:00-10:00; shop: not on sun, holidays DE-BY")
    assert lines[-1] == "held messages leave spread over 10 min after their hold"


@pytest.mark.usefixtures("file")
async def test_country_and_zone_are_those_of_the_card(offline: Cli) -> None:
    ada = await offline.identify(
        timezone="Europe/Lisbon", address={"country": "IT", "state": "RM"}, phone="+351912345678"
    )
    told = (await offline("policy", ada, "--at", "2027-03-07T12:00", "--json")).json
    assert (told["zone"], told["country"], told["region"]) == ("Europe/Lisbon", "IT", "RM")
    assert told["at"] == "2027-03-07T12:00:00Z"
    assert told["spread_seconds"] == 600
    email = told["channels"][0]
    assert email == {
        "channel": "email",
        "may_leave": False,
        "held_until": "2027-03-08T00:00:00Z",
        "held_by": ["shop: not on sun"],
        "rules": ["shop: not on sun, holidays IT-RM"],
    }


CAPS = """
[caps]
per_week = 2
distance = "12h"
at_cap = "give_way"

[caps.sms]
per_day = 1

[precedence]
order = ["renewal", "abandoned-cart/offer"]
"""


async def test_caps_and_precedence_are_shown_with_what_uses_them_up(
    offline: Cli, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(file.write_text, CAPS)
    ada = await offline.identify(timezone="Europe/Rome")
    at = datetime(2027, 3, 2, 9, tzinfo=UTC)
    for n, step in enumerate(("reminder", "offer")):
        await offline.decided(ada, at=at + timedelta(days=n), n=n, step=step)
    await offline.decided(ada, at=at - timedelta(days=9), n=9, step="old")
    out = (await offline("policy", ada, "--at", "2027-03-04T12:00")).out
    assert (
        "cap of 2 a week: 2 (reminder, offer), no room".replace(
            "reminder, offer", "abandoned-cart/reminder, abandoned-cart/offer"
        )
        in out
    )
    assert "cap of 1 a day by sms\n" in out
    assert "12h at least between two promotional messages\n" in out
    assert "a message that finds no room gives way: it is skipped" in out
    assert "renewal, abandoned-cart/offer go before all others, in this order" in out
    told = (await offline("policy", "--json")).json
    assert [(one["number"], one["full"]) for one in told["caps"]] == [(2, False), (1, False)]
    assert told["precedence"] == ["renewal", "abandoned-cart/offer"]
    monkeypatch.setenv("SOJOURN_CAPS", "off")
    answer = await offline("policy", ada)
    assert "SOJOURN_CAPS=off" in answer.out
    assert "cap of" not in answer.out


async def test_check_names_a_precedence_of_nothing(offline: Cli, file: Path) -> None:
    await asyncio.to_thread(file.write_text, CAPS.replace("offer", "ofer"))
    answer = await offline("check")
    assert answer.code == 1
    assert 'no journey and no message "abandoned-cart/ofer"' in answer.out


@pytest.mark.usefixtures("file")
async def test_an_unknown_country_has_the_rules_for_everybody(offline: Cli) -> None:
    told = (await offline("policy", "--at", "2027-03-07T12:00+00:00", "--json")).json
    assert told["country"] is None
    assert [one["may_leave"] for one in told["channels"]] == [True] * 4


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "tomorrow"], '--at: cannot read "tomorrow"'),
        (["--zone", "Mars/Olympus"], 'no time zone "Mars/Olympus"'),
        (["--country", "xx"], 'no country "xx": write two letters'),
        (["nobody"], 'no customer has the id "nobody"'),
    ],
)
async def test_what_there_is_not_is_one_line(offline: Cli, arguments: list[str], said: str) -> None:
    answer = await offline("policy", *arguments)
    assert answer.code == 2
    assert said in answer.fault


async def test_check_says_what_is_wrong_with_the_file(offline: Cli, file: Path) -> None:
    assert (await offline("check", "--json")).json["policy"] == ""
    await asyncio.to_thread(
        file.write_text, '[[rules]]\nname = "r"\nchannels = ["fax"]\nclosed = "sun"\n'
    )
    answer = await offline("check")
    assert answer.code == 1
    assert f'{file}: rule "r": channels: no such channel "fax"' in answer.out
    assert (await offline("check", "--json")).json["policy"].startswith(f"{file}: rule")
    assert (await offline("policy")).code == 2


async def test_check_names_a_message_that_could_never_leave(
    offline: Cli, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(file.write_text, 'quiet_hours = "21:00-09:00"')
    project = replace(PROJECT, policy=file, journeys=Journeys([Hours]))
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)
    answer = await offline("check", "--json")
    assert answer.code == 1
    assert answer.json["policy"] == (
        f"{file}: abandoned-cart/reminder: nothing could ever leave by email: quiet hours "
        '21:00-09:00, open mon-fri 22:00-23:00 only of "the message": take one back'
    )
