"""The weekly report: its figures, the e-mail, the schedule, `sojourn weekly`."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client, ScheduleBackfill
from temporalio.service import RPCError

from sojourn.channels.smtp import Smtp
from sojourn.cli.local.processes import HOST
from sojourn.cli.local.stack import Server
from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput, BadSetting
from sojourn.domain.only_to import read_only_to
from sojourn.domain.recurring import weekly
from sojourn.insight.reporting.languages import LANGUAGES
from sojourn.insight.weekly import scheduling
from sojourn.insight.weekly.figures import read_week, week_before
from sojourn.insight.weekly.mail import Mail
from sojourn.insight.weekly.readers import readers
from sojourn.insight.weekly.words import WORDS
from sojourn.insight.weekly.workflow import PREFIX
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store
from tests.support.cli_stack import Cli
from tests.support.mailserver import MailServer
from tests.support.weekly import MONDAY, TO, lived, mailing, serving, settings_of

ROME = zone("Europe/Rome")
EIGHT = weekly("mon", at="08:00")
ODD = "<script>alert(1)</script>\"'&{{ 7*7 }}"


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    store = await Store.open(migrated_url)
    yield store
    await store.close()


def test_the_week_is_the_last_one_that_is_over_where_the_shop_is() -> None:
    sunday_night = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    assert week_before(sunday_night, ROME) == MONDAY, "in Rome it is Monday"
    assert week_before(sunday_night, zone("UTC")) == MONDAY - timedelta(weeks=1)
    assert week_before(sunday_night + timedelta(days=6), ROME) == MONDAY


async def test_the_figures_are_those_of_the_week_alone(alone: Store) -> None:
    await lived(alone)
    async with alone.reading() as session:
        found = await read_week(session, Project(), MONDAY, ROME)
    assert (found.report.whole.counts.sent, found.before.whole.counts.sent) == (6234, 1000)
    assert found.report.whole.reasons == {"no_consent": 10, "cap": 10, "opted_out": 10}
    (money,) = found.report.whole.money
    assert (money.currency, int(money.amount)) == ("EUR", 6234)
    assert [one.counts.bounced for one in found.report.mailboxes] == [150]


# ---- the e-mail ----------------------------------------------------------------------------------


class Elements(HTMLParser):
    """The elements of an e-mail, its text, and the widths of its bars."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        assert not [key for key, _ in attrs if key in ("class", "src", "href", "background")]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_an_email_is_made_of_tables_and_says_the_figures_in_each_language(
    alone: Store, tmp_path: Path
) -> None:
    await lived(alone)
    async with alone.reading() as session:
        found = await read_week(session, Project(), MONDAY, ROME)
    expected = {
        "en": ("Nov 23 – 29, 2026", "6,234", "The week before: 1,000", "€6,234.00", "no consent"),
        "it": ("23–29 nov 2026", "6.234", "Settimana precedente: 1.000", "6.234,00 €",
               "nessun consenso"),
        "pl": ("23–29 lis 2026", "6 234", "Tydzień wcześniej: 1 000", "6 234,00 €", "brak zgody"),
    }  # fmt: skip
    assert set(expected) == set(LANGUAGES)
    for lang, words in expected.items():
        settings = settings_of(tmp_path, "", locale=lang)
        content = Mail(settings, lang).content(found)
        html = Elements(content.html)
        assert not html.names & {"svg", "img", "script", "style", "link", "a"}
        for said in (html.text, content.text):
            flat = re.sub(r"[\s\u2009]+", " ", said)
            for word in words:
                assert re.sub(r"[\s\u2009]+", " ", word) in flat, (lang, word)
        assert content.subject.startswith("Łódź & Figli: ")
        assert f'<html lang="{lang}">' in content.html
        bars = re.findall(r'<tr>\n?<td width="(\d+)%".*?</tr>', content.html, re.DOTALL)
        assert bars, "a bar is a row of cells"
        for bar in re.findall(r"<tr>\s*((?:<td width=\"\d+%\" bgcolor.*?</td>\s*)+)</tr>",
                              content.html, re.DOTALL):  # fmt: skip
            assert sum(map(int, re.findall(r'td width="(\d+)%"', bar))) == 100


async def test_markup_in_names_stays_text(alone: Store, tmp_path: Path) -> None:
    await lived(alone, odd=ODD)
    async with alone.reading() as session:
        found = await read_week(session, Project(), MONDAY, ROME)
    settings = settings_of(tmp_path, "", shop_name=f"Shop\nBcc: x{ODD}")
    content = Mail(settings, "en").content(found)
    assert "script" not in Elements(content.html).names
    assert f"newsletter{ODD}" in Elements(content.html).text
    assert f"newsletter{ODD}" in content.text
    assert "\n" not in content.subject


async def test_a_week_without_messages_says_so(alone: Store, tmp_path: Path) -> None:
    async with alone.reading() as session:
        found = await read_week(session, Project(), MONDAY, ROME)
    for lang in LANGUAGES:
        content = Mail(settings_of(tmp_path, ""), lang).content(found)
        for said in (Elements(content.html).text, content.text):
            assert WORDS[lang].nothing in said
            assert WORDS[lang].parts not in said


# ---- the schedule --------------------------------------------------------------------------------


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mailing() as server:
        yield server


def carrier(mail: MailServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Smtp:
    for name, value in (("HOST", HOST), ("PORT", str(mail.port)), ("SECURITY", "none")):
        monkeypatch.setenv(f"SOJOURN_SMTP_{name}", value)
    return Smtp(settings)


@pytest_asyncio.fixture(loop_scope="session")
async def scheduled(temporal: Server) -> AsyncIterator[Client]:
    yield temporal.client
    with suppress(BadInput):  # the test has ended it
        await scheduling.unschedule(temporal.client)


def some_monday() -> date:
    """Return a Monday whose report no other test on the server has sent."""
    return date(2000, 1, 3) + timedelta(weeks=random.randrange(1000))


async def fired(client: Client, monday: date, at: time = time(8)) -> dict[str, int]:
    """Have the schedule fire as on a Monday; return how that ended."""
    moment = datetime.combine(monday, at, ROME).astimezone(UTC)
    minute = timedelta(minutes=1)
    await client.get_schedule_handle(scheduling.SCHEDULE).backfill(
        ScheduleBackfill(start_at=moment - minute, end_at=moment + minute)
    )
    name = f"{scheduling.SCHEDULE}-{moment:%Y-%m-%dT%H:%M:%SZ}"
    handle = client.get_workflow_handle(name, result_type=dict[str, int])
    for _ in range(300):
        try:
            ended: dict[str, int] = await handle.result()
        except RPCError:  # it has not begun yet
            await asyncio.sleep(0.1)
        else:
            return ended
    raise TimeoutError(name)


async def test_the_schedule_fires_on_mondays_by_the_clocks_of_the_shop(scheduled: Client) -> None:
    set_ = await scheduling.schedule(scheduled, EIGHT, "Europe/Rome", task_queue="nobody")
    local = [one.astimezone(ROME) for one in set_.moments[:30]]
    assert {(one.weekday(), one.time()) for one in local} == {(0, time(8))}
    later = await scheduling.schedule(
        scheduled, weekly("tue", at="09:30"), "Europe/Rome", task_queue="nobody"
    )
    assert {(one.astimezone(ROME).weekday(), one.astimezone(ROME).time())
            for one in later.moments} == {(1, time(9, 30))}  # fmt: skip
    await scheduling.unschedule(scheduled)
    assert await scheduling.scheduled(scheduled) == scheduling.Scheduled()
    with pytest.raises(BadInput, match="is not scheduled"):
        await scheduling.unschedule(scheduled)


async def test_each_reader_gets_the_report_of_a_week_once(
    alone: Store,
    scheduled: Client,
    mail: MailServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monday = some_monday()
    await lived(alone, monday - timedelta(weeks=1))
    settings = settings_of(tmp_path, "", locale="pl")
    sender = carrier(mail, settings, monkeypatch)
    async with serving(scheduled, alone, settings, sender) as queue:
        await scheduling.schedule(scheduled, EIGHT, "Europe/Rome", task_queue=queue)
        assert await fired(scheduled, monday) == {"sent": 2}
        await scheduling.schedule(
            scheduled, weekly("mon", at="09:00"), "Europe/Rome", task_queue=queue
        )
        assert await fired(scheduled, monday, time(9)) == {"sent_before": 2}, "an hour later"
    assert sorted(str(one["To"]) for one in mail.accepted) == sorted(TO)
    assert len({one["Message-ID"] for one in mail.accepted}) == 2
    for one in mail.accepted:
        kinds = [part.get_content_type() for part in one.walk()]
        assert kinds == ["multipart/alternative", "text/plain", "text/html"]
        text = one.get_body(("plain",))
        assert text is not None
        assert "Tydzień wcześniej: 1\N{NO-BREAK SPACE}000" in text.get_content()
    week = scheduled.get_workflow_handle(f"{PREFIX}{monday - timedelta(weeks=1)}")
    history = (await week.fetch_history()).to_json()
    assert not [one for one in TO if one.partition("@")[0] in history], "no address is in it"


async def test_a_reader_who_is_refused_keeps_it_from_nobody_else(
    alone: Store,
    scheduled: Client,
    mail: MailServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readers_of_it = "anna@shop.example,x@elsewhere.example,Anna@SHOP.example"
    settings = settings_of(
        tmp_path, "", weekly_to=SecretStr(readers_of_it), only_to=read_only_to("@shop.example")
    )
    sender = carrier(mail, settings, monkeypatch)
    async with serving(scheduled, alone, settings, sender) as queue:
        await scheduling.schedule(scheduled, EIGHT, "Europe/Rome", task_queue=queue)
        mail.rcpt_reply = "550 5.1.1 no such user"
        assert await fired(scheduled, some_monday()) == {"not_allowed": 1, "refused": 1}
        mail.rcpt_reply = ""
        assert await fired(scheduled, some_monday()) == {"not_allowed": 1, "sent": 1}
    assert [one["To"] for one in mail.accepted] == ["anna@shop.example"]


def test_a_setting_without_addresses_is_one_clear_error(tmp_path: Path) -> None:
    for written, line in (
        ("", "SOJOURN_WEEKLY_TO names nobody"),
        (" , ", "SOJOURN_WEEKLY_TO names nobody"),
        ("anna@shop.example, marco", "SOJOURN_WEEKLY_TO: number 2 is not an e-mail address"),
    ):
        with pytest.raises(BadSetting, match=line) as error:
            readers(settings_of(tmp_path, "", weekly_to=SecretStr(written)))
        assert "marco" not in str(error.value).partition("write")[0], "it quotes no address"


# ---- the command ---------------------------------------------------------------------------------


async def test_the_command_shows_the_email_and_sends_nothing(offline: Cli) -> None:
    await lived(offline.store)
    shown = (await offline("weekly", "show", "--week", "2026-11-25")).out
    assert "Sent: 6,234" in shown
    file = offline.home / "weekly.html"
    answer = await offline(
        "weekly", "show", "--week", "2026-11-29", "--language", "it", "--html", file
    )
    assert answer.out.strip() == f"the e-mail is in {file}"
    assert "Settimana precedente" in file.read_text()
    assert "Nothing" not in shown


async def test_the_command_refuses_what_makes_no_sense(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, line in (
        (("show", "--week", "25.11."), '"25.11." is not a day: write it as 2026-11-25'),
        (("show", "--language", "de"), 'no language of reports "de": choose one of: en, it, pl'),
        (("show", "--html", offline.home / "no" / "x.html"), "cannot write"),
        (("schedule",), "SOJOURN_EMAIL_PROVIDER is outbox"),
        (("test", "--to", "me@shop.example"), "SOJOURN_EMAIL_PROVIDER is outbox"),
        (("test", "--to", "me"), '"me" is not an e-mail address'),
        (("schedule", "--day", "monday"), "the days are mon, tue"),
        (("schedule", "--at", "8"), "write the local time of day"),
    ):
        answer = await offline("weekly", *arguments)
        assert answer.code == 2, (arguments, answer)
        assert line in answer.err
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDER", "smtp")
    answer = await offline("weekly", "schedule")
    assert (answer.code, "SOJOURN_WEEKLY_TO names nobody" in answer.err) == (2, True)


async def test_a_test_goes_to_who_asks_and_says_that_it_is_one(
    offline: Cli, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDER", "smtp")
    carrier(mail, Settings(), monkeypatch)
    answer = await offline("weekly", "test", "--to", "me@shop.example", "--language", "it")
    assert answer.out.strip() == "sent to me@shop.example"
    (one,) = mail.accepted
    assert one["Subject"].startswith("[Prova] ")
    mail.data_reply = "554 5.7.1 no"
    answer = await offline("weekly", "test", "--to", "me@shop.example")
    assert (answer.code, "ContentRejected" in answer.err) == (1, True)


async def test_the_command_schedules_shows_and_ends(
    cli: Cli, scheduled: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDER", "smtp")
    monkeypatch.setenv("SOJOURN_WEEKLY_TO", ",".join(TO))
    monkeypatch.setenv("SOJOURN_TIMEZONE", "Europe/Rome")
    assert "is not scheduled" in (await cli("weekly", "next")).out
    said = (await cli("weekly", "schedule", "--at", "07:30")).out
    assert re.fullmatch(r"next: (\d{4}-\d\d-\d\d 07:30(, )?){3} \(Europe/Rome\), to 2\n", said)
    assert (await cli("weekly", "next")).out == said
    found = (await cli("weekly", "next", "--json")).json
    assert (len(found["next"]), found["timezone"], found["is_paused"]) == (3, "Europe/Rome", False)
    assert (await cli("weekly", "unschedule")).out == "no weekly report is sent any more\n"
    assert "is not scheduled" in (await cli("weekly", "unschedule")).err
