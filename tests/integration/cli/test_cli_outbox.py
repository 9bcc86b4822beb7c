"""`sojourn outbox` lists sent messages, and shows them as they were rendered."""

import webbrowser
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.cli_stack import Cli

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
MAIL = {
    "channel": "email",
    "subject": "Your cart [1] is waiting",
    "html": "<p>Come back</p>",
    "text": "Come back",
}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    urls: list[str] = []

    def open_it(url: str) -> bool:
        urls.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_it)
    return urls


async def test_an_empty_outbox_says_so(offline: Cli) -> None:
    answer = await offline("outbox")
    assert (answer.code, answer.out) == (0, "no message went out yet\n")
    assert (await offline("outbox", "--json")).json == []


async def test_the_outbox_lists_the_last_sent_message_first(offline: Cli) -> None:
    ada = await offline.identify()
    held = await offline.decided(ada, MAIL, at=NOON, settled_at=NOON + timedelta(hours=9))
    soon = await offline.decided(ada, MAIL, n=2, at=NOON, settled_at=NOON + timedelta(hours=1))
    await offline.decided(ada, n=3, at=NOON, state="skipped", reason="no_consent")
    listed = (await offline("outbox", "--json")).json
    assert [letter["id"] for letter in listed] == [held, soon]
    assert [letter["id"] for letter in (await offline("outbox", "--limit", 1, "--json")).json] == [
        held
    ]


async def test_the_listing_has_all_an_operator_asks_for(offline: Cli) -> None:
    ada = await offline.identify()
    number = await offline.decided(ada, MAIL, at=NOON, settled_at=NOON)
    header, row = (await offline("outbox")).out.splitlines()
    assert header.split()[0] == "ID"
    for part in (
        f"{number}  ",
        "2024-03-05 12:00",
        ada,
        "email",
        "ada@example.com",
        "abandoned-cart/reminder",
        "Your cart [1] is waiting",
    ):
        assert part in row


async def test_the_outbox_is_filtered_by_customer(offline: Cli) -> None:
    ada, bea = await offline.identify(), await offline.identify()
    await offline.decided(ada, MAIL, at=NOON, settled_at=NOON)
    mine = await offline.decided(bea, MAIL, at=NOON, settled_at=NOON)
    assert [letter["id"] for letter in (await offline("outbox", bea, "--json")).json] == [mine]


async def test_the_outbox_refuses_an_unknown_customer(offline: Cli) -> None:
    answer = await offline("outbox", "nobody", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert 'no customer "nobody"' in answer.fault


async def test_the_outbox_as_json_holds_the_full_text(offline: Cli) -> None:
    ada = await offline.identify()
    await offline.decided(ada, MAIL, at=NOON, settled_at=NOON, provider="outbox")
    (letter,) = (await offline("outbox", "--json")).json
    assert letter["content"] == MAIL
    assert letter["at"] == "2024-03-05T12:00:00Z"
    assert letter["address"] == "ada@example.com"


async def test_open_shows_the_mail_as_it_was_rendered(offline: Cli, opened: list[str]) -> None:
    ada = await offline.identify()
    number = await offline.decided(ada, MAIL, at=NOON, settled_at=NOON)
    answer = await offline("outbox", "--open")
    page = offline.home / "outbox" / f"{number}.html"
    assert answer.out == f"{page}\n"
    assert page.read_text() == MAIL["html"]
    assert opened == [page.as_uri()]


async def test_open_shows_the_message_of_a_number(offline: Cli, opened: list[str]) -> None:
    ada = await offline.identify()
    first = await offline.decided(ada, MAIL, at=NOON, settled_at=NOON)
    await offline.decided(ada, MAIL, n=2, at=NOON, settled_at=NOON + timedelta(hours=1))
    answer = await offline("outbox", "--open", "--id", first, "--json")
    assert answer.json["id"] == first
    assert answer.json["file"] == str(offline.home / "outbox" / f"{first}.html")
    assert len(opened) == 1


async def test_a_text_message_opens_as_a_page_and_cannot_inject(
    offline: Cli, opened: list[str]
) -> None:
    ada = await offline.identify()
    number = await offline.decided(
        ada, {"channel": "sms", "text": "Hi <b>Ada</b>\nbye"}, channel="sms", at=NOON,
        settled_at=NOON,
    )  # fmt: skip
    await offline("outbox", "--open")
    page = (offline.home / "outbox" / f"{number}.html").read_text()
    assert "Hi &lt;b&gt;Ada&lt;/b&gt;<br>bye" in page
    assert opened


async def test_open_without_a_browser_says_so_and_exits_with_zero(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    ada = await offline.identify()
    await offline.decided(ada, MAIL, at=NOON, settled_at=NOON)
    answer = await offline("outbox", "--open")
    assert (answer.code, answer.err) == (0, "no browser here: open the file yourself\n")


async def test_open_fails_on_an_empty_outbox(offline: Cli) -> None:
    answer = await offline("outbox", "--open")
    assert answer.code == 2
    assert "no message to open yet" in answer.fault


async def test_a_number_shows_the_whole_message_on_the_terminal(offline: Cli) -> None:
    ada = await offline.identify()
    push = {"channel": "push", "title": "Two left", "body": "Hurry\nup", "url": "https://x.test/c"}
    number = await offline.decided(
        ada, push, channel="push", at=NOON, settled_at=NOON, possible_duplicate=True
    )
    out = (await offline("outbox", "--id", number)).out
    assert "subject     Two left\n" in out
    assert "link        https://x.test/c\n" in out
    assert "a first copy may have arrived before" in out
    assert out.endswith("\nHurry\nup\n")


async def test_an_sms_shows_its_segments(offline: Cli) -> None:
    ada = await offline.identify()
    sms = {"channel": "sms", "text": "ż" * 71, "segments": 2}
    number = await offline.decided(ada, sms, channel="sms", at=NOON, settled_at=NOON)
    await offline.decided(ada, MAIL, n=2, at=NOON, settled_at=NOON)
    assert "\nlength      2 segments, UCS-2\n" in (await offline("outbox", "--id", number)).out
    _, *rows = (await offline("outbox")).out.splitlines()
    assert ["2 segments, UCS-2" in row for row in rows].count(True) == 1


async def test_a_mail_names_its_files(offline: Cli) -> None:
    ada = await offline.identify()
    mail = {
        **MAIL,
        "attachments": [{"name": "event.ics", "media_type": "text/calendar", "data": "eA=="}],
        "files": [{"name": "invoice.pdf", "url": "https://shop.test/1"}],
    }
    number = await offline.decided(ada, mail, at=NOON, settled_at=NOON)
    out = (await offline("outbox", "--id", number)).out
    assert "\nfiles       event.ics, invoice.pdf\n" in out
    assert "length" not in out


async def test_whatsapp_shows_its_words_and_the_approved_template(
    offline: Cli, opened: list[str]
) -> None:
    ada = await offline.identify()
    approved = {"channel": "whatsapp", "approved": "help_v2", "variables": ["Ada", "Tern <&> Oak"]}
    both = {**approved, "text": "Hi Ada,\n\ncan we help?"}
    first = await offline.decided(ada, both, channel="whatsapp", at=NOON, settled_at=NOON)
    out = (await offline("outbox", "--id", first)).out
    assert "\napproved    help_v2 (Ada, Tern <&> Oak)\n" in out
    assert out.endswith("\nHi Ada,\n\ncan we help?\n")
    second = await offline.decided(ada, approved, n=2, channel="whatsapp", at=NOON, settled_at=NOON)
    listed = (await offline("outbox")).out
    assert "Hi Ada, can we help?" in listed
    assert "help_v2\n" in listed
    await offline("outbox", "--open", "--id", second)
    assert opened
    page = (offline.home / "outbox" / f"{second}.html").read_text()
    assert "help_v2 (Ada, Tern &lt;&amp;&gt; Oak)" in page


async def test_the_outbox_refuses_an_unknown_number(offline: Cli) -> None:
    answer = await offline("outbox", "--id", 99)
    assert answer.code == 2
    assert 'no message "99"' in answer.fault
