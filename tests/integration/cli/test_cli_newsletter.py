"""Commands on campaigns tell of a newsletter's articles, and of the answers to a survey."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from sojourn.store import campaigns, surveys
from tests.support.cli_stack import Cli
from tests.support.feeds import Blog, blogging

CAMPAIGNS = """
from sojourn import EMAIL, Audience, Campaign, Feed, Message, days, trait

news = Campaign(
    "news", to=Audience("pro", trait("plan") == "pro"), articles=Feed("CLI_TEST_FEED"),
    message=Message(EMAIL, useful_for=days(2), topic="offers"),
)
"""
WORDS = """{% if not articles %}{{ nothing_to_say("no article is new") }}{% endif %}
{% extends "layout/email.html" %}
{% block subject %}{{ articles[0].title }}{% endblock %}
{% block body %}<p>Look at it.</p>{% endblock %}
"""


@pytest_asyncio.fixture(loop_scope="session", name="blog")
async def served_blog() -> AsyncIterator[Blog]:
    async with blogging() as blog:
        yield blog


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with a newsletter; its module has a name that no other test's has."""
    root, name = tmp_path / "project", f"campaigns_{uuid4().hex[:8]}"
    for file, content in {
        "pyproject.toml": f'[tool.sojourn]\ncampaigns = ["{name}"]\nlanguages = ["en"]\n',
        f"{name}/news.py": CAMPAIGNS,
        "templates/news/message.email.en.html": WORDS,
    }.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    return root


async def test_the_check_lists_the_articles_or_says_why_there_are_none(
    offline: Cli, folder: Path, blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLI_TEST_FEED", raising=False)
    answer = await offline("campaign", "check", "news")
    assert answer.code == 1
    assert answer.fault.startswith("news: CLI_TEST_FEED is not set")
    monkeypatch.setenv("CLI_TEST_FEED", blog.feed())
    blog.post("tents")
    answer = await offline("campaign", "check", "news")
    assert answer.code == 0, answer.err
    assert "About tents" in answer.out
    told = (await offline("campaign", "check", "news", "--json")).json
    assert [one["id"] for one in told["articles"]] == ["tents"]
    blog.down = 503
    answer = await offline("campaign", "check", "news")
    assert (answer.code, answer.fault) == (1, "news: the feed answers HTTP 503")


async def test_the_answers_to_a_survey_are_counted(offline: Cli, folder: Path) -> None:
    async with offline.store.transaction() as session:
        now = datetime.now(UTC)
        for number, score in enumerate((10, 9, 7, 6)):
            surveys.answer(session, "news@1", f"c{number}", score, at=now)
        await campaigns.launch(session, "news@1", name="news", digest="d", plan={}, by="anna")
    answer = await offline("campaign", "show", "news@1")
    assert "4 answers: 2 of 9 or 10, 1 of 7 or 8, 1 of 0 to 6; net +25" in answer.out
    told = (await offline("campaign", "show", "news@1", "--json")).json["survey"]
    assert (told["answers"], told["net"], told["promoters"]) == (4, 25, 2)
