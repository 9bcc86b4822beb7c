"""`sojourn campaign check` and `test`: what they print and send, and how they end."""

import re
from pathlib import Path
from uuid import uuid4

import pytest

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.domain.errors import BadInput
from sojourn.domain.links import read_unsubscribe
from sojourn.settings import Settings, signing_keys
from sojourn.store import campaigns, coupon_stock, ledger, recipients
from tests.support.cli_stack import Cli

CAMPAIGNS = """
from sojourn import EMAIL, Audience, Campaign, Message, days, trait

pro = Audience("pro", trait("plan") == "pro")
spring = Campaign(
    "spring-offer", to=pro,
    message=Message(EMAIL, useful_for=days(2), topic="offers", coupon="spring"),
    about="The tents.",
)
"""
WORDS = """{% extends "layout/email.html" %}
{% block subject %}Spring{% endblock %}
{% block body %}<p>Look at our tents.</p>{% endblock %}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with a campaign; its module has a name that no other test's has."""
    root, name = tmp_path / "project", f"campaigns_{uuid4().hex[:8]}"
    for file, content in {
        "pyproject.toml": f'[tool.sojourn]\ncampaigns = ["{name}"]\nlanguages = ["en", "it"]\n',
        f"{name}/spring.py": CAMPAIGNS,
        "coupons.toml": '[spring]\npattern = "SPRING-????-????-????"\n',
        "templates/spring-offer/message.email.en.html": WORDS,
        "templates/spring-offer/message.email.it.html": WORDS.replace("Spring", "Primavera"),
    }.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    return root


def write_plan(folder: Path, plan: str) -> None:
    """Have the audience be customers of another plan."""
    file = next(folder.glob("campaigns_*/spring.py"))
    file.write_text(CAMPAIGNS.replace('"pro"', f'"{plan}"'))


def content_of(file: str) -> str:
    return Path(file).read_text()


async def test_it_ends_with_the_command_that_launches(offline: Cli, folder: Path) -> None:
    await offline.identify("ada", plan="pro", timezone="Europe/Rome", locale="it-IT")
    await offline.identify(
        "eva", plan="pro", email="e@x.example", marketingConsent={"email": False}
    )
    answer = await offline("campaign", "check", "spring-offer")
    assert answer.code == 0, answer.err
    assert "2 customers in pro now; asked about all of them" in answer.out
    assert "1          sent by email" in answer.out
    assert "(no_consent)" in answer.out or "(opted_out)" in answer.out
    assert "as fast as the providers take them" in answer.out
    assert "@" not in answer.out
    last = answer.out.splitlines()[-1]
    found = (await offline("campaign", "check", "spring-offer", "--all", "--json")).json
    assert (
        last
        == found["launch"]
        == f"sojourn campaign launch spring-offer --approve {found['digest']}"
    )
    assert found["sent"] == {"email": 1}


async def test_words_that_fail_end_it_with_1_and_name_the_language(
    offline: Cli, folder: Path
) -> None:
    (folder / "templates/spring-offer/message.email.it.html").write_text("{{ nothing }}")
    answer = await offline("campaign", "check", "spring-offer")
    assert answer.code == 1
    assert answer.fault.startswith("spring-offer cannot be rendered in it")
    assert "launch spring-offer" not in answer.out
    named = await offline("campaign", "check", "spring")
    assert (named.code, 'did you mean "spring-offer"?' in named.err) == (2, True)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> list[Parcel]:
    """Return what the provider of e-mail takes."""
    took: list[Parcel] = []

    async def send(self: Outbox, parcel: Parcel) -> str:
        took.append(parcel)
        return "id"

    monkeypatch.setattr(Outbox, "send", send)
    return took


async def test_a_test_is_the_message_itself_and_leaves_no_trace_of_a_customer(
    offline: Cli, folder: Path, mailbox: list[Parcel]
) -> None:
    await offline.identify("ada", plan="pro", locale="it-IT", firstName="Ada")
    (folder / "templates/spring-offer/message.email.it.html").write_text(
        WORDS.replace("Spring", "Primavera, {{ customer.first_name }}: {{ coupon.code }}")
    )
    answer = await offline(
        "campaign", "test", "spring-offer", "--to", "me@shop.example", "--to", "you@shop.example",
        "--as", "ada", "--by", "anna",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "sent to m***@shop.example by email (outbox), in it" in answer.out
    assert [one.address for one in mailbox] == ["me@shop.example", "you@shop.example"]
    content = mailbox[0].content
    assert content.subject.startswith("[Prova] Primavera, Ada: SPRING-")
    assert mailbox[0].ledger_key != mailbox[1].ledger_key
    async with offline.store.reading() as session:
        assert await ledger.of_customer(session, "ada") == []
        assert await recipients.size(session, "spring-offer") == 0
        assert await coupon_stock.free(session, "spring") == 0
        words = await campaigns.words(session, "spring-offer")
    assert [(one.what, one.by, one.because) for one in words] == [
        ("test", "anna", "to m***@shop.example in it"),
        ("test", "anna", "to y***@shop.example in it"),
    ]
    assert "me@shop.example" not in str(words)


async def test_the_links_of_a_test_change_nothing(
    offline: Cli, folder: Path, mailbox: list[Parcel]
) -> None:
    await offline.identify("ada", plan="pro")
    await offline("campaign", "test", "spring-offer", "--to", "me@shop.example", "--as", "ada")
    (parcel,) = mailbox
    links = re.findall(r"/u/([\w.~-]+)", parcel.content.headers["List-Unsubscribe"])
    assert links
    key = Settings(home=offline.home)
    for token in links:
        with pytest.raises(BadInput):
            read_unsubscribe(signing_keys(key), token)
    assert "/c/" not in parcel.content.html
    assert "/o/" not in parcel.content.html


async def test_a_test_goes_in_the_language_that_is_asked_for(
    offline: Cli, folder: Path, mailbox: list[Parcel]
) -> None:
    arguments = ("campaign", "test", "spring-offer", "--to", "me@shop.example")
    answer = await offline(*arguments, "--lang", "it", "--json")
    assert "Questa è una prova" in content_of(answer.json["sent"][0]["page"])
    assert mailbox[0].content.locale == "it"


async def test_a_test_goes_nowhere_that_this_installation_may_not_write_to(
    offline: Cli, folder: Path, mailbox: list[Parcel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_ONLY_TO", "@shop.example")
    arguments = ("campaign", "test", "spring-offer", "--to")
    answer = await offline(*arguments, "me@elsewhere.example")
    assert (answer.code, "SOJOURN_ONLY_TO" in answer.fault) == (2, True)
    assert (await offline(*arguments, "me@shop.example")).code == 0
    unknown = await offline(*arguments, "me@shop.example", "--as", "nobody-known")
    assert unknown.code == 2
    assert [one.address for one in mailbox] == ["me@shop.example"]


async def test_an_approval_is_of_what_it_was_given_for(offline: Cli, folder: Path) -> None:
    found = (await offline("campaign", "check", "spring-offer", "--json")).json
    arguments = ("campaign", "approve", "spring-offer", "--by", "anna")
    answer = await offline(*arguments, "--digest", found["digest"], "--json")
    assert answer.json == {"campaign": "spring-offer", "digest": found["digest"], "by": "anna"}
    (folder / "templates/spring-offer/message.email.it.html").write_text(WORDS)
    late = await offline(*arguments, "--digest", found["digest"])
    assert (late.code, "(words)" in late.fault) == (2, True)
    async with offline.store.reading() as session:
        words = await campaigns.words(session, "spring-offer")
    assert [(one.what, one.by, one.digest) for one in words] == [
        ("approve", "anna", found["digest"])
    ]


async def test_it_leads_open_runs_on_to_the_launch_if_asked_to(cli: Cli, folder: Path) -> None:
    plan = uuid4().hex[:8]
    write_plan(folder, plan)
    await cli.identify(plan=plan, email=f"{plan}@shop.example")
    found = (await cli("campaign", "check", "spring-offer", "--ahead", "--json")).json
    assert found["ahead"] == {"asked": 0, "held": 0, "skipped": 0}
    shown = " ".join((await cli("campaign", "check", "spring-offer", "--ahead")).out.split())
    assert "0 of these customers have open runs; by the launch a cap would hold 0" in shown
