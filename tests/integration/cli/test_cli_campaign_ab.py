"""`sojourn campaign` and a campaign with variants: check, test and show name each of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from sojourn import load_project
from sojourn.campaigns.approving import digest_in
from sojourn.campaigns.freezing import freeze
from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.domain.ab_standing import ABResult
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.store import ab_tests, campaigns
from tests.support.cli_stack import Cli

CAMPAIGNS = """
from sojourn import CLICK, EMAIL, ABTest, Audience, Campaign, Message, days, hours, trait

spring = Campaign(
    "spring-offer", to=Audience("pro", trait("plan") == "pro"),
    message=Message(EMAIL, useful_for=days(2), topic="offers"),
    ab=ABTest({"plain": "message", "warm": "warm-words"}, share=1, by=CLICK, after=hours(4)),
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
        "templates/spring-offer/message.email.it.html": WORDS,
        "templates/spring-offer/warm-words.email.en.html": WORDS.replace("Spring", "Warm"),
        "templates/spring-offer/warm-words.email.it.html": WORDS.replace("Spring", "Caldo"),
    }.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    return root


async def test_a_check_renders_each_variant_in_each_language(offline: Cli, folder: Path) -> None:
    await offline.identify("ada", plan="pro")
    found = (await offline("campaign", "check", "spring-offer", "--json")).json
    told = [(one["variant"], one["language"], one["rendered"]) for one in found["words"]]
    assert told == [("plain", "en", 1), ("plain", "it", 1), ("warm", "en", 1), ("warm", "it", 1)]
    words = folder / "templates/spring-offer/warm-words.email.it.html"
    words.write_text("{{ nothing }}")
    answer = await offline("campaign", "check", "spring-offer")
    assert answer.code == 1
    (header,) = [line for line in answer.out.splitlines() if "LANGUAGE" in line]
    assert header.startswith("VARIANT  LANGUAGE")
    later = (await offline("campaign", "check", "spring-offer", "--json")).json
    assert later["digest"] != found["digest"], "an approval is of the words of all variants"


async def test_a_test_goes_in_each_variant_or_in_the_one_that_is_asked_for(
    offline: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took: list[str] = []

    async def send(_: Outbox, parcel: Parcel) -> str:
        took.append(str(parcel.content.subject))
        return "id"

    monkeypatch.setattr(Outbox, "send", send)
    arguments = ("campaign", "test", "spring-offer", "--to", "me@shop.example")
    answer = await offline(*arguments)
    assert answer.code == 0, answer.err
    assert took == ["[Test] Spring", "[Test] Warm"]
    assert ", in en, variant warm" in answer.out
    one = (await offline(*arguments, "--variant", "warm", "--json")).json
    assert [each["variant"] for each in one["sent"]] == ["warm"]
    assert took[2:] == ["[Test] Warm"]
    wrong = await offline(*arguments, "--variant", "worm")
    assert (wrong.code, 'did you mean "warm"?' in wrong.fault) == (2, True)


async def test_show_tells_where_the_test_stands_and_what_it_was_found_by(
    offline: Cli, folder: Path
) -> None:
    await offline.identify("ada", plan="pro")
    project = load_project(folder)
    spring, now = project.campaigns.named("spring-offer"), datetime(2026, 3, 2, 12, tzinfo=UTC)
    plan = CampaignPlan.of(spring, spring.name, now)
    async with offline.store.transaction() as session:
        await campaigns.launch(
            session, spring.name, name=spring.name, digest=digest_in(project, spring),
            plan=plan.model_dump(mode="json"), by="anna",
        )  # fmt: skip
    await freeze(offline.store, spring.name, now, own=frozenset(), default_zone="UTC")
    answer = await offline("campaign", "show", "spring-offer")
    assert answer.code == 0, answer.err
    assert "A/B: plain or warm by click, 4:00:00 after the last of the share had it" in answer.out
    results = [ABResult(variant="plain", sent=100, reached=12),
               ABResult(variant="warm", sent=101, reached=20)]  # fmt: skip
    async with offline.store.transaction() as session:
        row = await ab_tests.find(session, spring.name, hold=True)
        assert row is not None
        row.decides_at = row.decided_at = now + timedelta(hours=4)
        row.winner, row.results = "warm", [one.model_dump() for one in results]
        session.add(row)
    answer = await offline("campaign", "show", "spring-offer")
    assert "A/B: warm wins by click: plain 12 of 100, warm 20 of 101" in answer.out
    assert "found 2026-03-02 16:00 UTC" in answer.out
    assert "19.8%" in answer.out
    told = (await offline("campaign", "show", "spring-offer", "--json")).json["ab"]
    assert (told["winner"], told["results"][0]) == (
        "warm", {"variant": "plain", "sent": 100, "reached": 12},
    )  # fmt: skip
