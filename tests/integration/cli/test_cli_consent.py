"""`sojourn consent`: show, import and export what customers agreed to and refused."""

import csv
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli.consent import consenting
from sojourn.domain.consent import Evidence, Purpose
from sojourn.domain.errors import StoreUnavailable
from sojourn.domain.messages import Channel
from sojourn.store import consents, people, refusals, suppressions
from sojourn.store.tables import ConsentRow, CustomerRow
from tests.support.cli_stack import Cli

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS
HEAD = "customer_id,email,channel,topic,granted,at,source"


async def rows(cli: Cli, customer_id: str) -> list[ConsentRow]:
    async with cli.store.reading() as session:
        return list(await consents.statements(session, customer_id))


async def agrees(cli: Cli, customer_id: str, channel: Channel = EMAIL) -> bool | None:
    async with cli.store.reading() as session:
        return (await consents.current(session, customer_id)).by_channel.get(channel)


async def known(cli: Cli, customer_id: str, email: str = "", phone: str = "") -> str:
    return await cli.identify(customer_id, email=email, phone=phone, marketingConsent={})


def write(folder: Path, *lines: str, name: str = "words.csv") -> Path:
    file = folder / name
    file.write_text("\n".join((HEAD, *lines, "")))
    return file


async def imported(cli: Cli, file: Path, *options: str) -> Any:
    answer = await cli("consent", "import", file, "--json", *options)
    assert answer.code == (1 if answer.json["refused"] else 0)
    return answer.json


def reasons(report: Any) -> dict[int, str]:
    return {bad["line"]: bad["reason"] for bad in report["refused"]}


# ---- who a row is about -------------------------------------------------------------------


async def test_rows_find_their_customer_by_id_or_address_and_again_change_nothing(
    offline: Cli, tmp_path: Path
) -> None:
    await known(offline, "ada", "Ada@Shop.example")
    await known(offline, "bob")
    file = write(
        tmp_path,
        ",ada@shop.EXAMPLE,email,,true,2026-11-03T12:00:00Z,form",
        "bob,bob@shop.example,email,cart,false,2026-11-03T12:00:00Z,call",
        "new-1,eva@shop.example,email,,yes,2026-11-03T12:00:00Z,till",
        ",nobody@shop.example,email,,no,2026-11-03T12:00:00Z,link",
    )
    dry = await imported(offline, file, "--dry-run")
    assert await rows(offline, "ada") == await rows(offline, "new-1") == []
    first = await imported(offline, file)
    counts = {"read": 4, "new": 4, "known": 0, "created": 1, "by_address": 1, "ignored": 0}
    assert {name: first[name] for name in counts} == counts
    assert {name: dry[name] for name in counts} == counts
    assert await agrees(offline, "ada") is True
    assert await agrees(offline, "new-1") is True
    (row,) = await rows(offline, "bob")
    assert (row.topic, row.granted, row.at, row.source, row.address) == (
        "cart", False, NOON, "call", "bob@shop.example",
    )  # fmt: skip
    async with offline.store.reading() as session:
        eva, bob = [await session.get(CustomerRow, who) for who in ("new-1", "bob")]
    assert eva is not None
    assert bob is not None
    assert (eva.email, eva.identified_at, bob.email) == ("eva@shop.example", NOON, "")
    again = await imported(offline, file)
    assert (again["new"], again["known"], again["created"]) == (0, 4, 0)
    for who in ("ada", "bob", "new-1"):
        assert len(await rows(offline, who)) == 1
    # the no of an address that nobody had yet; the customer's own yes is of 2024
    await offline.identify("later", email="nobody@shop.example")
    assert await agrees(offline, "later") is False


async def test_a_row_that_cannot_be_taken_is_refused_whole_with_its_line_and_reason(
    offline: Cli, tmp_path: Path
) -> None:
    for who in ("twin-1", "twin-2"):
        await known(offline, who, "twin@shop.example")
    async with offline.store.transaction() as session:
        person = await people.lock(session, "gone")
        person.erased_at = NOON
    file = write(
        tmp_path,
        "ada@shop.example,ada@shop.example,email,,true,2026-11-03,form",
        ",nobody@shop.example,email,,true,2026-11-03,form",
        ",twin@shop.example,email,,true,2026-11-03,form",
        "a,,email,,true,,form",
        "a,,email,,true,2026-11-03,",
        "a,,email,,maybe,2026-11-03,form",
        "a,,fax,,true,2026-11-03,form",
        "a,,email,crat,true,2026-11-03,form",
        "a,,email,account,false,2026-11-03,form",
        "a,,,,true,2026-11-03,form",
        "a,,email,,true,2999-01-01,form",
        "a,,email,,true,soon,form",
        "a,no address,email,,true,2026-11-03,form",
        "gone,,email,,true,2026-11-03,form",
        ",,email,,false,2026-11-03,form",
        "a,,email,,true,2026-11-03",
        "a,,email,,,2026-11-03,form",
    )
    report = await imported(offline, file)
    assert reasons(report) == {
        2: "the customer's id is an address, and ids are seen by many: give an id of your own",
        3: "no customer has this address: give the customer's id",
        4: "2 customers have this address: give the customer's id",
        5: "a yes without a date does not count as consent",
        6: "a yes without a source does not count as consent",
        7: 'granted: "maybe" says neither yes (true, yes, 1) nor no (false, no, 0)',
        8: 'no channel "fax": choose one of: email, push, sms, whatsapp',
        9: 'no topic "crat": did you mean "cart"?',
        10: 'the topic "account" is transactional: nobody says yes or no to it',
        11: "names neither channel nor topic",
        12: '"2999-01-01" lies ahead',
        13: '"soon" is not a date: write it as 2026-11-03 or 2026-11-03T10:15:00Z',
        14: "the address is not an e-mail address",
        15: "the customer was erased: nothing of them is kept",
        16: "does not tell who it is about",
        17: "has 6 cells, the header has 7",
    }
    assert (report["new"], report["created"], report["ignored"]) == (0, 0, 1)
    async with offline.store.reading() as session:
        assert await session.get(CustomerRow, "a") is None, "nothing half stored"

    refused = tmp_path / "words.refused.csv"
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    text = refused.read_text()
    lines = list(csv.DictReader(text.splitlines()))
    assert [line["line"] for line in lines] == [str(number) for number in range(2, 18)]
    assert lines[1]["email"] == "nobody@shop.example"
    mended = tmp_path / "mended.csv"
    mended.write_text(
        "\n".join([text.splitlines()[0], text.splitlines()[2].replace(",,", ",eva,")])
    )
    assert "eva" in mended.read_text()


async def test_a_no_of_a_shared_address_holds_for_everybody_who_has_it(
    offline: Cli, tmp_path: Path
) -> None:
    for who in ("one", "two"):
        await offline.identify(who, email="both@shop.example")  # agreed on 2024-01-01
    report = await imported(
        offline, write(tmp_path, ",both@shop.example,email,,false,2026-11-03T12:00:00Z,link")
    )
    assert (report["new"], report["by_address"]) == (1, 0)
    assert await agrees(offline, "one") is await agrees(offline, "two") is False


# ---- when it was said ----------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_an_older_yes_never_beats_a_later_no_in_whatever_order(
    offline: Cli, tmp_path: Path, order: tuple[int, int]
) -> None:
    await known(offline, "ada", "ada@shop.example")
    lines = (
        "ada,,email,,true,2026-11-03T12:00:00Z,form",
        "ada,,email,,false,2026-11-04T12:00:00Z,link",
    )
    await imported(offline, write(tmp_path, *(lines[n] for n in order)))
    assert await agrees(offline, "ada") is False
    # what was said to us since is later still
    async with offline.store.transaction() as session:
        person = await people.lock(session, "ada")
        await consents.record(session, person, EMAIL, granted=True, source="page")
    await imported(offline, write(tmp_path, *lines))
    assert await agrees(offline, "ada") is True


async def test_a_day_without_a_time_is_its_first_moment_for_a_yes_and_its_last_for_a_no(
    offline: Cli, tmp_path: Path
) -> None:
    await known(offline, "ada", "ada@shop.example")
    await imported(
        offline,
        write(
            tmp_path,
            "ada,,email,,true,2026-11-03,form",
            "ada,,email,,false,2026-11-03,link",
        ),
    )
    yes, no = await rows(offline, "ada")
    assert (yes.at, no.at) == (
        datetime(2026, 11, 3, tzinfo=UTC),
        datetime(2026, 11, 4, tzinfo=UTC) - timedelta(microseconds=1),
    )


async def test_a_no_without_a_date_counts_from_the_export_or_from_now(
    offline: Cli, tmp_path: Path
) -> None:
    await known(offline, "ada", "ada@shop.example")
    file = write(tmp_path, "ada,,email,,false,,")
    for _ in range(2):
        report = await imported(offline, file, "--exported", "2026-11-03T12:00:00Z")
    assert report["known"] == 1
    (row,) = await rows(offline, "ada")
    assert (row.at, row.source) == (NOON, "imported")
    for _ in range(2):
        report = await imported(offline, write(tmp_path, "ada,,sms,,false,,"))
    assert report["known"] == 1
    assert (await rows(offline, "ada"))[-1].at > NOON


async def test_an_import_that_was_killed_half_way_is_complete_after_another_run(
    offline: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"k{n},k{n}@shop.example,email,,true,2026-11-03,form" for n in range(6)]
    file, taking = write(tmp_path, *lines), consenting._take
    done: list[int] = []

    async def killed(*arguments: Any, **options: Any) -> Any:
        if len(done) == 4:  # three are committed, the fourth is not
            raise StoreUnavailable("the database went away")
        done.append(1)
        return await taking(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(consenting, "AT_ONCE", 3)
        patch.setattr(consenting, "LONGEST", timedelta(minutes=1))
        patch.setattr(consenting, "_take", killed)
        answer = await offline("consent", "import", file)
    assert answer.code == 1
    assert "read 6 rows; import the same file again to go on" in answer.err
    assert [await agrees(offline, f"k{n}") for n in range(6)] == [True] * 3 + [None] * 3
    report = await imported(offline, file)
    assert (report["new"], report["known"], report["created"]) == (3, 3, 3)
    assert [len(await rows(offline, f"k{n}")) for n in range(6)] == [1] * 6


@pytest.mark.parametrize("at_once", [1, 2, 200])
async def test_a_row_that_fails_spoils_none_of_those_beside_it(
    offline: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(consenting, "AT_ONCE", at_once)
    for who in ("twin-1", "twin-2"):
        await known(offline, who, "twin@shop.example")
    file = write(
        tmp_path,
        "m1,m1@shop.example,email,,true,2026-11-03,form",
        ",twin@shop.example,email,,true,2026-11-03,form",
        "m1,m1@shop.example,email,cart,false,2026-11-03,call",
        "m1@shop.example,,email,,true,2026-11-03,form",
        "m2,m2@shop.example,email,,true,2026-11-03,form",
        "m1,m1@shop.example,email,,true,2026-11-03,form",
    )
    dry = await imported(offline, file, "--dry-run")
    report = await imported(offline, file)
    assert reasons(report).keys() == reasons(dry).keys() == {3, 5}
    assert (report["new"], report["known"], report["created"]) == (3, 1, 2)
    assert (dry["new"], dry["known"]) == (4, 0), "each row by itself"
    assert len(await rows(offline, "m1")) == 2
    assert await agrees(offline, "m2") is True
    assert len(await rows(offline, "twin-1")) == 0


# ---- formats -------------------------------------------------------------------------------

KLAVIYO = (
    "Email,Klaviyo ID,Phone Number,First Name,Email Marketing Consent,"
    "Email Marketing Consent Timestamp,SMS Marketing Consent,SMS Marketing Consent Timestamp\n"
    "ada@shop.example,01A,,Ada,SUBSCRIBED,2026-11-03 12:00:00,NEVER_SUBSCRIBED,\n"
    "bob@shop.example,01B,'+393331234567,Bob,UNSUBSCRIBED,2026-11-03T12:00:00+00:00,"
    "SUBSCRIBED,2026-11-03 12:00:00\n"
    "eva@shop.example,01C,,Eva,NEVER_SUBSCRIBED,,,\n"
)
MAILCHIMP = (
    "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
    "UNSUB_TIME,CLEAN_TIME\n"
    "ada@shop.example,Ada,2,2026-11-02 12:00:00,192.0.2.6,2026-11-03 12:00:00,192.0.2.7,,\n"
    "bob@shop.example,Bob,2,2026-11-02 12:00:00,192.0.2.6,,,2026-11-03 12:00:00,\n"
    "eva@shop.example,Eva,2,2026-11-02 12:00:00,192.0.2.6,,,,2026-11-03 12:00:00\n"
)
BREVO = (
    "EXT_ID;EMAIL;SMS;email_marketing;sms_marketing;ADDED_TIME;MODIFIED_TIME\n"
    "ada;ada@shop.example;;subscribed;;2026-11-03 12:00:00;2026-11-04 12:00:00\n"
    "bob;bob@shop.example;393331234567;unsubscribed;subscribed;2026-11-03 12:00:00;"
    "2026-11-03 12:00:00\n"
    "eva;eva@shop.example;;;;2026-11-03 12:00:00;2026-11-03 12:00:00\n"
)


@pytest.mark.parametrize(
    ("form", "text"), [("klaviyo", KLAVIYO), ("mailchimp", MAILCHIMP), ("brevo", BREVO)]
)
async def test_exports_of_other_tools_are_understood(
    offline: Cli, tmp_path: Path, form: str, text: str
) -> None:
    await known(offline, "ada", "ada@shop.example")
    await known(offline, "bob", "bob@shop.example", "+393331234567")
    await known(offline, "eva", "eva@shop.example")
    file = tmp_path / f"{form}.csv"
    file.write_text(text)
    report = await imported(offline, file, "--format", form)
    assert (report["read"], report["ignored"], report["refused"]) == (3, 1, [])
    (ada,) = await rows(offline, "ada")
    assert (ada.granted, ada.at, ada.source, ada.address) == (
        True, NOON, form.capitalize(), "ada@shop.example",
    )  # fmt: skip
    assert ada.proof == ("192.0.2.7" if form == "mailchimp" else None)
    assert await agrees(offline, "bob") is False
    assert await agrees(offline, "bob", SMS) is (None if form == "mailchimp" else True)
    assert await rows(offline, "eva") == []
    again = await imported(offline, file, "--format", form)
    assert (again["new"], again["known"]) == (0, report["new"])


MAPPING = """
source = "loyalty desk"
timezone = "Europe/Rome"
time_format = "%d/%m/%Y"

[customer]
id = "Tessera"

[[words]]
channel = "email"
topic = "newsletter"
said = "Privacy"
yes = ["SI"]
no = ["NO"]
at = "Data"
wording_version = "Modulo"
"""


async def test_a_mapping_of_ones_own_says_what_columns_mean(offline: Cli, tmp_path: Path) -> None:
    mapping, file = tmp_path / "desk.toml", tmp_path / "desk.csv"
    mapping.write_text(MAPPING)
    file.write_text("Tessera;Privacy;Data;Modulo\nt1;si;03/11/2026;M7\nt2;NO;03/11/2026;M7\n")
    report = await imported(offline, file, "--mapping", str(mapping))
    assert (report["new"], report["created"]) == (2, 2)
    (yes,), (no,) = await rows(offline, "t1"), await rows(offline, "t2")
    assert (yes.topic, yes.wording_version, yes.source) == ("newsletter", "M7", "loyalty desk")
    assert yes.at == datetime(2026, 11, 2, 23, tzinfo=UTC), "the day began in Rome"
    assert no.at == datetime(2026, 11, 3, 23, tzinfo=UTC) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("[customer]", "[costumer]"), "desk.toml: customer: field required"),
        (('topic = "newsletter"', 'topic = "newsleter"'), 'did you mean "newsletter"?'),
        (('channel = "email"', 'channel = "mail"'), 'did you mean "email"?'),
        (("Europe/Rome", "Europe/Roma"), "timezone: "),
        (('said = "Privacy"', ""), "words: name the column that says yes or no"),
        (('yes = ["SI"]\nno = ["NO"]', ""), "words: say what a yes and a no look like"),
        (('at = "Data"', 'when = "Data"'), "words.0.when: no such entry"),
        (("source =", "source ="), 'the file has no column that tells what a customer said ("Pri'),
        (("[customer]", "[customer"), "desk.toml: "),
    ],
)
async def test_a_mapping_or_a_file_that_does_not_fit_is_one_line_and_nothing_is_stored(
    offline: Cli, tmp_path: Path, change: tuple[str, str], fault: str
) -> None:
    mapping, file = tmp_path / "desk.toml", tmp_path / "desk.csv"
    mapping.write_text(MAPPING.replace(*change))
    file.write_text("Tessera;Data;Modulo\nt1;03/11/2026;M7\n")
    answer = await offline("consent", "import", file, "--mapping", mapping)
    assert (answer.code, answer.out) == (2, "")
    assert fault in answer.fault


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nowhere.csv"), "cannot read nowhere.csv"),
        (("import", "x.csv", "--format", "mailchump"), 'did you mean "mailchimp"?'),
        (("import", "x.csv", "--format", "brevo", "--mapping", "y.toml"), "not both"),
        (("import", "x.csv", "--mapping", "nowhere.toml"), "cannot read nowhere.toml"),
        (("import", "x.csv", "--exported", "2199-01-01T00:00:00Z"), "lies ahead"),
        (("show", "nobody"), 'no customer "nobody"'),
    ],
)
async def test_wrong_usage_of_consent_is_one_line(
    offline: Cli, arguments: tuple[str, ...], says: str
) -> None:
    answer = await offline("consent", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.fault


# ---- export and show -----------------------------------------------------------------------


async def test_an_export_is_what_import_takes(offline: Cli, tmp_path: Path) -> None:
    await known(offline, "ada", "ada@shop.example")
    full = Evidence("ada@shop.example", 'Yes, "offers"\nby mail', "7", "en", "form 7", NOON + DAY)
    async with offline.store.transaction() as session:
        person = await people.lock(session, "ada")
        for word in (
            {"channel": EMAIL, "granted": True, "evidence": full},
            {"channel": SMS, "granted": False, "received_at": NOON + DAY},
            {"channel": None, "granted": False, "topic": "cart"},
            {"channel": None, "granted": True, "purpose": Purpose.OPENS},
        ):
            channel = word.pop("channel")
            await consents.record(session, person, channel, at=NOON, source="s", **word)  # type: ignore[arg-type]
        for address in ("eva@shop.example", "gone@shop.example"):
            await refusals.add(session, EMAIL, address, topic="cart", at=NOON, source="a link")
        await suppressions.forget(session, "gone@shop.example")
        before = await consents.current(session, "ada", now=NOON)
    for name in ("out.csv", "out.jsonl"):
        file = tmp_path / name
        done = await offline("consent", "export", file)
        assert (done.code, done.out, done.err) == (0, "", "5 statements exported\n")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "gone@" not in file.read_text()
        again = await imported(offline, file)
        assert (again["new"], again["known"]) == (0, 5)
        async with offline.store.transaction() as session:
            for row in await consents.statements(session, "ada"):
                await session.delete(row)
        assert (await imported(offline, file))["new"] == 4
        async with offline.store.reading() as session:
            assert await consents.current(session, "ada", now=NOON) == before
            first = await consents.last(session, "ada", EMAIL)
        assert first is not None
        assert (first.wording, first.expires_at) == (full.wording, full.expires_at)
    piped = await offline("consent", "export", "-", "--json")
    assert json.loads(piped.out.splitlines()[-1]) == {
        "channel": "email",
        "topic": "cart",
        "granted": False,
        "at": "2026-11-03T12:00:00Z",
        "source": "a link",
        "address": "eva@shop.example",
    }


async def test_show_tells_every_word_and_what_it_amounts_to(offline: Cli) -> None:
    ada = await offline.identify("ada")
    end = datetime.now(UTC) - DAY
    async with offline.store.transaction() as session:
        person = await people.lock(session, ada)
        for channel, topic, granted, evidence in (
            (SMS, "", True, Evidence(wording_version="v7", expires_at=end)),
            (EMAIL, "cart", False, Evidence()),
        ):
            await consents.record(
                session, person, channel, granted=granted, at=NOON, source="form", topic=topic,
                evidence=evidence,
            )  # fmt: skip
    told = (await offline("consent", "show", "ada", "--json")).json
    assert [one["source"] for one in told["statements"]][1:] == ["form", "form"]
    assert told["permitted"]["cart"] == {
        "email": "opted_out", "sms": "no_consent", "push": "no_consent", "whatsapp": "no_consent",
    }  # fmt: skip
    assert told["permitted"]["renewal"]["email"] is None
    assert told["permitted"]["newsletter"]["email"] == "no_consent"
    assert "account" not in told["permitted"]
    shown = (await offline("consent", "show", "ada")).out
    assert f"v7       {end:%Y-%m-%d %H:%M}, over" in shown
    assert "said no to messages on cart by email" in shown
    assert "to be measured when e-mails are opened: never said" in shown
    await known(offline, "bob")
    assert "never said yes or no to anything" in (await offline("consent", "show", "bob")).out
