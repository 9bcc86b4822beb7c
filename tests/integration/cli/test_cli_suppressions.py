"""`sojourn suppressions`: list, add, import, export and lift addresses that get nothing."""

import csv
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sojourn.domain.messages import Channel
from sojourn.store import suppressions
from sojourn.store.tables import SuppressionRow
from tests.support.cli_stack import Cli

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS


async def suppress(cli: Cli, channel: Channel, address: str, because: str = "bounced") -> None:
    async with cli.store.transaction() as session:
        await suppressions.add(session, channel, address, because=because, at=NOW, source="r1")


async def is_suppressed(cli: Cli, channel: Channel, address: str) -> bool:
    async with cli.store.reading() as session:
        return bool(await suppressions.suppressed(session, [(channel, address)]))


async def count(cli: Cli) -> int:
    async with cli.store.reading() as session:
        return len([row async for row in suppressions.listed(session, suppressions.Asked())])


async def test_the_list_is_narrowed_down_and_hides_whom_an_erasure_took(offline: Cli) -> None:
    await suppress(offline, EMAIL, "ada@shop.example")
    await suppress(offline, EMAIL, "eva@shop.example", "complained")
    await suppress(offline, SMS, "+393201234567")
    async with offline.store.transaction() as session:
        await suppressions.forget(session, "eva@shop.example")
    every = (await offline("suppressions", "list", "--json")).json
    assert [(row["channel"], row["address"], row["because"]) for row in every] == [
        ("email", "ada@shop.example", "bounced"),
        ("email", None, "complained"),
        ("sms", "+393201234567", "bounced"),
    ]
    shown = (await offline("suppressions", "list", "--because", "complained")).out
    assert "(erased)" in shown
    assert "ada@" not in shown
    found = await offline("suppressions", "list", "EVA@shop.example", "--json")
    assert [row["erased"] for row in found.json] == [True]
    assert len((await offline("suppressions", "list", "--channel", "sms", "--json")).json) == 1
    one = await offline("suppressions", "list", "--limit", "1")
    assert one.out.splitlines()[-1] == "the first 1; --limit lists more"
    assert (await offline("suppressions", "list", "nobody@shop.example")).out == (
        "no such suppression\n"
    )


async def test_an_operator_adds_and_lifts_one(offline: Cli) -> None:
    written = (
        "suppressions",
        "add",
        "sms",
        "0039 320 1234567",
        "--why",
        "asked us",
        "--by",
        "anna",
    )
    assert (await offline(*written)).out == "nothing is sent to +393201234567 by sms\n"
    assert (await offline(*written)).out.endswith(", as before\n")
    (row,) = (await offline("suppressions", "list", "--json")).json
    assert (row["because"], row["source"], row["lifted_at"]) == ("asked us", "anna", None)
    lifted = await offline("suppressions", "lift", "sms", "+39 320 1234567", "--by", "eva")
    assert lifted.out == "+39 320 1234567 may be sent to by sms again\n"
    assert not await is_suppressed(offline, SMS, "+393201234567")
    assert (await offline("suppressions", "list", "--json")).json == []
    (row,) = (await offline("suppressions", "list", "--all", "--json")).json
    assert (row["lifted_by"], row["lifted_at"] is None) == ("eva", False)
    again = await offline("suppressions", "lift", "sms", "+39 320 1234567")
    assert (again.code, "no suppressed address" in again.fault) == (2, True)


ROWS = """channel,address,because,at,source
email,Ada@Shop.example,bounced,2026-11-03T10:00:00Z,old tool
email,ada@shop.example,bounced,2026-11-03T10:00:00Z,old tool
sms,+393201234567,,2026-11-03,
push,tok:1,,,
email,not an address,,,
fax,1234,,,
sms,0320,,,
email,eva@shop.example,bounced,2999-01-01,
email,eva@shop.example,bounced,yesterday,
,eva@shop.example,,,
email,,,,
"""


async def test_a_file_is_imported_row_by_row_and_again_changes_nothing(
    offline: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "dead.csv"
    file.write_text(ROWS)
    dry = await offline("suppressions", "import", file, "--dry-run", "--json")
    assert (dry.code, await count(offline)) == (1, 0)
    first = await offline("suppressions", "import", file, "--json", "--why", "from before")
    assert first.code == 1
    assert {name: first.json[name] for name in ("read", "new", "known")} == {
        "read": 11, "new": 3, "known": 1,
    }  # fmt: skip
    assert dry.json["refused"] == first.json["refused"]
    assert [(bad["line"], bad["reason"]) for bad in first.json["refused"]] == [
        (6, "the address is not an e-mail address"),
        (7, 'no channel "fax": choose one of: email, push, sms, whatsapp'),
        (8, "the number is not a phone number; write it as +39 320 1234567"),
        (9, '"2999-01-01" lies ahead'),
        (10, '"yesterday" is not a date: write it as 2026-11-03 or 2026-11-03T10:15:00Z'),
        (11, "has no channel: name it in the row, or by --channel"),
        (12, "has no address"),
    ]
    async with offline.store.reading() as session:
        row = await session.get(SuppressionRow, ("sms", "+393201234567"))
    assert row is not None
    assert (row.because, row.at) == ("from before", datetime(2026, 11, 3, tzinfo=UTC))
    again = await offline("suppressions", "import", file, "--json")
    assert (again.json["new"], again.json["known"], await count(offline)) == (0, 4, 3)

    refused = tmp_path / "dead.refused.csv"
    assert first.json["file"] == str(refused)
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    text = refused.read_text()
    assert [row["line"] for row in csv.DictReader(text.splitlines())] == [
        "6", "7", "8", "9", "10", "11", "12",
    ]  # fmt: skip
    mended = text.replace("2999-01-01", "2026-01-01")
    (tmp_path / "mended.csv").write_text(mended)
    more = await offline("suppressions", "import", tmp_path / "mended.csv", "--json")
    assert more.json["new"] == 1


async def test_a_list_of_addresses_alone_takes_its_channel_from_the_command(
    offline: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "opt-outs.csv"
    file.write_text("address\nada@shop.example\neva@shop.example\n")
    bare = await offline("suppressions", "import", file)
    assert bare.fault == 'the file has no column "channel": it has address'
    assert await count(offline) == 0
    done = await offline(
        "suppressions", "import", file, "--channel", "email", "--why", "complained"
    )
    assert (done.code, done.out) == (
        0,
        "      2  rows read\n      2  words recorded\n",
    )
    assert not (tmp_path / "opt-outs.refused.csv").exists()
    await offline("suppressions", "lift", "email", "ada@shop.example")
    dated = tmp_path / "dated.csv"
    dated.write_text("channel,address,at\nemail,ada@shop.example,2026-11-03\n")
    await offline("suppressions", "import", dated)
    assert not await is_suppressed(offline, EMAIL, "ada@shop.example"), "it was lifted since"


async def test_an_export_is_what_import_takes(offline: Cli, tmp_path: Path) -> None:
    await suppress(offline, EMAIL, "ada@shop.example")
    await suppress(offline, SMS, "+393201234567", 'said "no", twice')
    await suppress(offline, EMAIL, "eva@shop.example")
    async with offline.store.transaction() as session:
        await suppressions.forget(session, "eva@shop.example")
    for name in ("out.csv", "out.jsonl"):
        file = tmp_path / name
        done = await offline("suppressions", "export", file)
        assert (done.code, done.out) == (0, "")
        assert "2 suppressions exported; 1 of erased people cannot be read" in done.err
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for channel, address in ((EMAIL, "ada@shop.example"), (SMS, "+393201234567")):
            await offline("suppressions", "lift", channel, address)
        fresh = await offline("suppressions", "import", file, "--json")
        assert (fresh.json["new"], fresh.json["known"]) == (0, 2), "they were lifted since"
        async with offline.store.transaction() as session:
            for row in [
                row async for row in suppressions.listed(session, suppressions.Asked(lifted=True))
            ]:
                if row.lifted_at is not None:
                    await session.delete(row)
        fresh = await offline("suppressions", "import", file, "--json")
        assert fresh.json["new"] == 2
    piped = await offline("suppressions", "export", "-", "--json", "--channel", "sms")
    assert json.loads(piped.out) == {
        "channel": "sms",
        "address": "+393201234567",
        "because": 'said "no", twice',
        "at": "2026-11-20T12:00:00Z",
        "source": "r1",
    }
    there = await offline("suppressions", "export", tmp_path / "out.csv")
    assert (there.code, "nothing is written over" in there.fault) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "fax", "a@b.example", "--why", "x"), 'no channel "fax"'),
        (("add", "email", "nobody", "--why", "x"), "the address is not an e-mail address"),
        (("add", "sms", "12", "--why", "x"), "the number is not a phone number; write it as +39"),
        (("add", "push", " ", "--why", "x"), "the address is not a device token"),
        (("add", "email", "a@b.example"), "--why"),
        (("add", "email", "a@b.example", "--why", " "), "--why is empty"),
        (("add", "email", "a@b.example", "--why", "x", "--by", "postmark"), "acts by that name"),
        (("list", "--channel", "emial"), 'did you mean "email"?'),
        (("import", "nowhere.csv"), "cannot read nowhere.csv"),
    ],
)
async def test_wrong_usage_of_suppressions_is_one_line(
    offline: Cli, arguments: tuple[str, ...], says: str
) -> None:
    answer = await offline("suppressions", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.fault
    assert await count(offline) == 0


async def test_a_file_of_somebody_else_is_not_written_over(offline: Cli, tmp_path: Path) -> None:
    file, notes = tmp_path / "dead.csv", tmp_path / "dead.refused.csv"
    file.write_text("channel,address\nfax,1\n")
    notes.write_text("mine")
    answer = await offline("suppressions", "import", file)
    assert (answer.code, "is in the way: name another file by --refused" in answer.fault) == (
        2,
        True,
    )
    assert notes.read_text() == "mine"
