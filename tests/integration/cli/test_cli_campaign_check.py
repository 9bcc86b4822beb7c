"""`sojourn campaign check`: what it prints, and how it ends."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.cli_stack import Cli

CAMPAIGNS = """
from sojourn import EMAIL, Audience, Campaign, Message, days, trait

pro = Audience("pro", trait("plan") == "pro")
spring = Campaign(
    "spring-offer", to=pro, message=Message(EMAIL, useful_for=days(2), topic="offers"),
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
        "templates/spring-offer/message.email.en.html": WORDS,
        "templates/spring-offer/message.email.it.html": WORDS.replace("Spring", "Primavera"),
    }.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    return root


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
