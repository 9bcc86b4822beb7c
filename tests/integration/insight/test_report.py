"""A report says what an independent count of the rows says, in every split; `sojourn report`."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import pytest_asyncio

from sojourn.cli.commands.report import first_day
from sojourn.domain.calendar import zone
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.measuring.attribution import Model
from sojourn.insight.measuring import Measuring, Source
from sojourn.insight.reporting.figures import Asked, By
from sojourn.insight.reporting.languages import LANGUAGES
from sojourn.insight.reporting.page import page
from sojourn.insight.reporting.reading import read
from sojourn.insight.reporting.speech import WORDINGS
from sojourn.project import Project
from sojourn.store import Store
from sojourn.store.tables import CampaignRow, ExposureRow
from tests.support.cli_stack import Cli
from tests.support.measured import GOALS, WINDOWS, Shop, counted
from tests.support.month import lived
from tests.support.reports import UTC_ZONE, said, summed
from tests.support.wordings import texts

SOURCES = {name: Source(frozenset(some), WINDOWS[name]) for name, some in GOALS.items()}
HAPPENINGS = 300
ODD = "<script>alert(1)</script>\"'&{{ 7*7 }}"


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store of which every row is counted, so that no other test may have it."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def test_a_report_says_what_an_independent_count_of_the_rows_says(alone: Store) -> None:
    shop = Shop(alone, random.Random(5))
    for _ in range(HAPPENINGS):
        await shop.something()
    await Measuring(alone, SOURCES).catch_up()
    counts = await counted(alone)
    last, first = (
        {
            (*of, what.removeprefix(model)): number
            for (*of, what), number in summed(counts, By.STEP, model, "").items()
            if what.startswith(model)
        }
        for model in (Model.LAST, Model.FIRST)
    )
    assert last != first, "the models differ"
    async with alone.reading() as session:
        for by in By:
            for model, since in ((Model.LAST, ""), (Model.FIRST, "2024-01-06")):
                asked = Asked(UTC_ZONE, since=since, by=by, model=model)
                report = await read(session, Project(), asked)
                assert said(report) == summed(counts, by, model, since), (by, model)
                assert report.uncounted == 0
        cart = await read(session, Project(), Asked(UTC_ZONE, names=("cart",), by=By.CHANNEL))
        assert [part.name for part in cart.parts] == ["cart"]
        with pytest.raises(UnknownName, match='did you mean "cart"'):
            await read(session, Project(), Asked(UTC_ZONE, names=("kart",)))
    of_boxes: Counter[str] = Counter()
    for (*cell, what), number in counts.items():
        if cell[1] == "cart" and cell[-1] and what == "due":
            of_boxes[cell[-1]] += number
    assert {one.name: one.counts.due for one in cart.mailboxes} == of_boxes


async def test_all_models_give_each_order_once(alone: Store) -> None:
    shop = Shop(alone, random.Random(3))
    for _ in range(HAPPENINGS):
        await shop.something()
    await Measuring(alone, SOURCES).catch_up()
    async with alone.reading() as session:
        sums = [
            (await read(session, Project(), Asked(UTC_ZONE, model=model))).whole.money
            for model in Model
        ]
    assert sums[0]
    assert sums[0] == sums[1] == sums[2]


async def test_a_campaign_is_entered_by_its_audience_on_the_day_of_its_freeze(alone: Store) -> None:
    late = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    async with alone.transaction() as session:
        for number, state in enumerate((CampaignState.RUNNING, CampaignState.LAUNCHED)):
            session.add(
                CampaignRow(
                    id=f"spring@{number}", name="spring", digest="d", plan={}, state=state,
                    launched_at=late, launched_by="Ada", changed_at=late, size=700 * (1 - number),
                    frozen_at=None if number else late,
                )
            )  # fmt: skip
    rome = zone("Europe/Rome")
    async with alone.reading() as session:
        (spring,) = (await read(session, Project(), Asked(rome, since="2026-11-10"))).parts
        assert spring.is_campaign
        assert [(one.name, one.counts.entered) for one in spring.days] == [("2026-11-10", 700)]
        assert spring.whole.counts.entered == 700
        assert not (await read(session, Project(), Asked(rome, since="2026-11-11"))).parts
        (by_day,) = (await read(session, Project(), Asked(rome, by=By.DAY))).parts
        assert by_day.whole.counts.entered == 700


# ---- the command ---------------------------------------------------------------------------------


async def test_the_command_counts_first_and_shows_bars_or_json(offline: Cli) -> None:
    now = datetime.now(UTC)
    await offline.decided("ada", at=now, content={"subject": "s"})
    await offline.decided("bob", at=now, state="skipped", reason="no_consent", held_for="cap",
                          held_until=now)  # fmt: skip
    before = (await offline("report", "--as-counted")).out
    assert "No message was due" in before
    assert "changes are not counted yet" in before

    shown = (await offline("report", "abandoned-cart")).out
    assert "changes are not counted yet" not in shown
    assert "abandoned-cart (journey)" in shown
    assert "(model: last)" in shown
    lines = {line.split("  ")[1].strip() or line.split("  ")[2]: line
             for line in shown.splitlines() if "█" in line}  # fmt: skip
    assert lines["due"].count("█") == 40
    assert lines["no consent"].split() == ["no", "consent", "-1", "50.0", "%", "of", "due",
                                           "█" * 20]  # fmt: skip
    assert lines["sent"].count("█") == 20
    assert "agreed to promotional messages" in shown
    assert shown.index("Held at least once, and why") < shown.index("Not sent, and why")

    found = (await offline("report", "--json", "--by", "channel", "--model", "linear")).json
    (part,) = found["parts"]
    assert (part["kind"], part["name"], found["model"]) == ("journey", "abandoned-cart", "linear")
    assert part["by"][0]["name"] == "email"
    assert part["by"][0]["counts"]["skipped"] == 1
    assert part["reasons"] == {"no_consent": 1}
    assert part["holds"] == {"cap": 1}
    assert found["uncounted"] == 0


async def test_the_command_refuses_what_makes_no_sense(offline: Cli) -> None:
    for arguments, line in (
        (("abandond-cart",), 'no journey or campaign "abandond-cart": did you mean'),
        (("--by", "steps"), 'no column "steps": did you mean "step"?'),
        (("--model", "middle"), 'no model "middle": choose one of: first, last, linear'),
        (("--since", "1.11.2026"), '"1.11.2026" is not a day: write it as 2026-11-01'),
        (("--since", "2026-11-01", "--days", "3"), "--since and --days: choose one"),
        (("--html", "x.html", "--json"), "--html and --json: choose one"),
        (("--html", offline.home / "no" / "x.html"), "cannot write"),
        (
            ("--html", "x.html", "--language", "de"),
            'no language of reports "de": choose',
        ),
        (("--language", "it"), "--language is that of the page: add --html FILE"),
    ):
        answer = await offline("report", *arguments)
        assert answer.code == 2, arguments
        assert line in answer.err


def test_a_report_is_of_30_days_unless_it_is_told() -> None:
    today = date(2026, 11, 30)
    assert first_day(None, None, today) == "2026-11-01"
    assert first_day(None, 1, today) == "2026-11-30"
    assert first_day("2026-01-05", None, today) == "2026-01-05"
    with pytest.raises(BadInput):
        first_day("2026-02-30", None, today)


# ---- the page ------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """The names of a page's elements, its text, and the addresses that it names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.text = ""
        self.texts: set[str] = set()
        self.addresses: set[str] = set()
        self.labels: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names[tag] += 1
        self.addresses |= {value or "" for key, value in attrs if key in ("src", "href")}
        self.labels |= {value or "" for key, value in attrs if key == "aria-label"}
        assert not [key for key, _ in attrs if key.startswith("on")], "no handler"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.texts.add(data)


async def test_markup_in_every_field_stays_text(alone: Store, tmp_path: Path) -> None:
    await lived(alone, random.Random(2), odd=ODD)
    async with alone.transaction() as session:
        for variant in (f"calm{ODD}", f"loud{ODD}"):
            session.add(
                ExposureRow(experiment=f"tone{ODD}", customer_id=variant, variant=variant,
                            at=datetime(2026, 1, 1, tzinfo=UTC),
                            workflow_id=f"abandoned-cart{ODD}:c")
            )  # fmt: skip
    await Measuring(alone, SOURCES).catch_up()
    pages = []
    async with alone.reading() as session:
        for by in By:
            report = await read(session, Project(), Asked(UTC_ZONE, by=by))
            pages.append(await asyncio.to_thread(page, report, f"Shop {ODD}"))
    for html in pages:
        found = Elements(html)
        assert found.names["script"] == found.names["img"] == 0
        assert all(one.startswith("#part-") for one in found.addresses)
        assert f"newsletter{ODD}" in found.text
        assert f"gmail{ODD}" in found.text
        assert f"EUR{ODD}" in found.text
        assert f"Experiment tone{ODD}" in found.text
        assert f"loud{ODD}" in found.text
        assert f"cap{ODD}" in found.text
        assert f"Shop {ODD}" in found.text
        assert "<svg" in html
    assert f"warm{ODD}" in Elements(pages[0]).text
    assert f"reminder{ODD}" in Elements(pages[0]).text


async def test_a_page_in_another_language_says_nothing_in_english(alone: Store) -> None:
    await lived(alone, random.Random(2))
    english = {text for _, text in texts(WORDINGS["en"])}
    for by in By:
        async with alone.reading() as session:
            report = await read(session, Project(), Asked(UTC_ZONE, since="2026-10-31", by=by))
        for lang in set(LANGUAGES) - {"en"}:
            html = await asyncio.to_thread(page, report, "Negozio", lang)
            assert f'<html lang="{lang}">' in html
            found = Elements(html)
            # what figures and names are called in a project's code stays as it is
            assert not {one.strip() for one in found.texts} & english - {"gmail"}
            assert not found.labels & english
            assert not re.search(r"\d{4}-\d\d-\d\d", found.text), "days are written in words"


async def test_the_command_writes_the_page(offline: Cli) -> None:
    await offline.decided("ada", at=datetime.now(UTC) - timedelta(minutes=1))
    file = offline.home / "report.html"
    answer = await offline("report", "--html", file)
    assert answer.out.strip() == f"the report is in {file}"
    assert "abandoned-cart" in Elements(file.read_text()).text
    await offline("report", "--html", file, "--language", "pl")
    assert "Od wejścia do konwersji" in Elements(file.read_text()).text
