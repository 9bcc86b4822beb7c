"""`sojourn campaign schedule` and `unschedule`: what they ask, print and keep."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.store import campaigns
from tests.support.cli_stack import Cli

CAMPAIGNS = """
from sojourn import EMAIL, Audience, Campaign, Message, days, trait, weekly

pro = Audience("pro", trait("plan") == "pro")
news = Campaign(
    "{name}", to=pro, message=Message(EMAIL, useful_for=days(2), topic="news"),
    when=weekly("mon", at="10:00"),
)
once = Campaign("once", to=pro, message=Message(EMAIL, useful_for=days(2), topic="news"))
"""
WORDS = """{% extends "layout/email.html" %}
{% block subject %}News{% endblock %}
{% block body %}<p>Our tents.</p>{% endblock %}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def news(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Make a project whose newsletter has a name that nobody else on the server has."""
    root, module = tmp_path / "project", f"campaigns_{uuid4().hex[:8]}"
    name = f"news-{uuid4().hex[:8]}"
    for file, content in {
        "pyproject.toml": f'[tool.sojourn]\ncampaigns = ["{module}"]\n',
        f"{module}/news.py": CAMPAIGNS.format(name=name),
        f"templates/{name}/message.email.en.html": WORDS,
        "templates/once/message.email.en.html": WORDS,
    }.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    yield name
    await cli("campaign", "unschedule", name, "--why", "the test is over")


async def digest_of(cli: Cli, name: str) -> str:
    found = (await cli("campaign", "check", name, "--json")).json
    assert found["launch"] == f"sojourn campaign schedule {name} --approve {found['digest']}"
    return str(found["digest"])


async def done(cli: Cli, name: str) -> list[tuple[str, str, str, str]]:
    async with cli.store.reading() as session:
        words = await campaigns.words(session, name)
    return [(one.what, one.by, one.because, one.digest) for one in words]


async def test_a_schedule_is_approved_listed_and_ended(cli: Cli, news: str) -> None:
    digest = await digest_of(cli, news)
    asked = await cli("campaign", "schedule", news)
    assert asked.code == 2
    assert asked.fault.endswith(f"then schedule it with --approve {digest}")
    other = await cli("campaign", "schedule", news, "--approve", "another")
    assert (other.code, "has changed since another was approved" in other.fault) == (2, True)
    assert "not scheduled" in (await cli("campaign", "list")).out
    assert await done(cli, news) == []

    set_ = await cli("campaign", "schedule", news, "--approve", digest, "--by", "anna", "--json")
    assert set_.code == 0, set_.err
    assert {name: set_.json[name] for name in ("campaign", "digest", "approval_holds")} == {
        "campaign": news, "digest": digest, "approval_holds": True,
    }  # fmt: skip
    first, *others = set_.json["next"]
    assert len(others) == 2
    assert first in (await cli("campaign", "list")).out
    again = await cli("campaign", "schedule", news, "--approve", digest, "--by", "eva")
    assert (again.code, first in again.out) == (0, True)

    ended = await cli("campaign", "unschedule", news, "--why", "summer break", "--by", "eva")
    assert (ended.code, ended.out) == (0, f"no occurrence of {news} is launched any more\n")
    twice = await cli("campaign", "unschedule", news, "--why", "again")
    assert (twice.code, twice.fault) == (2, f"{news} is not scheduled")
    assert await done(cli, news) == [
        ("schedule", "anna", "", digest),
        ("schedule", "eva", "", digest),
        ("unschedule", "eva", "summer break", ""),
    ]
    shown = (await cli("campaign", "show", news)).out
    assert "summer break" in shown
    assert f"{news} itself was not launched" in shown


async def test_the_list_says_that_what_has_changed_is_not_sent(
    cli: Cli, news: str, tmp_path: Path
) -> None:
    digest = await digest_of(cli, news)
    await cli("campaign", "schedule", news, "--approve", digest)
    words = tmp_path / "project" / "templates" / news / "message.email.en.html"
    words.write_text(WORDS + "<!-- more -->")
    assert (
        "it has changed since it was approved; schedule it again"
        in (await cli("campaign", "list")).out
    )
    listed = (await cli("campaign", "list", "--json")).json["campaigns"]
    (found,) = [one for one in listed if one["name"] == news]
    assert (found["approved"], found["approval_holds"]) == (digest, False)


async def test_what_does_not_recur_and_what_is_not_there_is_not_scheduled(
    cli: Cli, news: str
) -> None:
    once = (await cli("campaign", "check", "once", "--json")).json["digest"]
    answer = await cli("campaign", "schedule", "once", "--approve", once)
    assert (answer.code, "launch it, or give it daily()" in answer.fault) == (2, True)
    missing = await cli("campaign", "schedule", news[:-1], "--approve", once)
    assert (missing.code, f'did you mean "{news}"?' in missing.fault) == (2, True)
    bare = await cli("campaign", "unschedule", news)
    assert bare.code == 2, "an operator says why"


async def test_without_temporal_nothing_is_scheduled_and_nothing_is_noted(
    cli: Cli, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await digest_of(cli, news)
    with monkeypatch.context() as away:
        away.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        answer = await cli("campaign", "schedule", news, "--approve", digest)
        listed = (await cli("campaign", "list")).out
    assert answer.code == 1
    assert "Temporal" in answer.fault
    assert "Temporal does not answer, and has the schedule" in listed
    assert await done(cli, news) == []
