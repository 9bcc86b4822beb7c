"""Every journey that ships has a page, and page and code say the same.

The form of a page is in CONTRIBUTING.md, "Add a journey"; docs/journeys/README.md says what all
pages leave out, because it holds for every journey.
"""

import re
from pathlib import Path

import pytest

from sojourn.composing import load_project
from sojourn.domain.message import Message
from sojourn.domain.messages import Reason
from sojourn.insight.drawing.drawn import draw
from sojourn.insight.drawing.mermaid import mermaid
from sojourn.insight.drawing.picture import Shape
from sojourn.insight.drawing.watching import message_lines
from sojourn.journeys import wording
from sojourn.journeys.journey import Journey
from tests.support.markdown import ROOT, blocks, code, prose, rows, section

JOURNEYS = load_project(ROOT).journeys
FOLDER = ROOT / "docs" / "journeys"
EVENTS = ("starts_on", "goal", "restarts_on", "ends_on", "hears")
FIELDS = ("key", "part", "anchor")
WORDS = ("enters_if", "again", "at_most", "limits", "stays_if", "mutes")
LAST_COLUMNS = 4
"""The columns of the table of messages that the code decides."""


def page(name: str) -> Path:
    return FOLDER / f"{name}.md"


def listed() -> dict[str, list[str]]:
    """Return the table of shipped journeys: what a row says, by the page that it links to."""
    table = rows(section(ROOT / "docs" / "journeys.md", "Journeys that ship"))
    return {cells[0]: cells[1:] for cells in table}


def starts(journey: type[Journey]) -> str:
    return ", ".join(event.event_name for event in journey.terms.starts_on)


def traits(message: Message, journey: type[Journey]) -> list[str]:
    """Return what a page says of a message: channels, class, topic, use."""
    return [
        ", else ".join(message.channels),
        str(message.message_class),
        message.of(journey.topic).topic,
        wording.span(message.useful_for),
    ]


def test_every_page_is_of_a_journey_that_ships() -> None:
    found = {file.stem for file in FOLDER.glob("*.md")} - {"README"}
    assert found == set(JOURNEYS)


@pytest.mark.parametrize("name", JOURNEYS)
def test_the_table_of_journeys_lists_a_journey_with_its_page(name: str) -> None:
    row = listed()[f"[{name}](journeys/{name}.md)"]
    assert row[0] == starts(JOURNEYS[name])
    assert row[1].endswith("."), "a sentence"


@pytest.mark.parametrize("name", JOURNEYS)
def test_the_page_of_a_journey_has_its_parts(name: str) -> None:
    text = prose(page(name))
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:5] == [
        "Picture",
        "What starts, moves and ends it",
        "Messages",
        "Why a message does not leave",
        "Early, late and repeated events",
    ]
    assert "](README.md)" in text, "what holds for every journey"
    reasons = rows(section(page(name), "Why a message does not leave"))
    assert reasons
    assert {code(cells[0]) for cells in reasons} <= set(Reason)


@pytest.mark.parametrize("name", JOURNEYS)
def test_the_page_of_a_journey_says_its_keywords(name: str) -> None:
    terms = JOURNEYS[name].terms
    table = rows(section(page(name), "What starts, moves and ends it"))
    declared = {code(cells[0]): cells[1] for cells in table}
    marks = dict.fromkeys(terms.any_key, " of any key")
    marks |= dict.fromkeys(terms.whole, " as a whole")
    expected = {
        keyword: ", ".join(
            event.event_name + marks.get(event, "") for event in getattr(terms, keyword)
        )
        for keyword in EVENTS
        if getattr(terms, keyword)
    }
    expected |= {field: f"`{value}`" for field in FIELDS if (value := getattr(terms, field))}
    said_in_words = {word for word in WORDS if _is_set(terms, word)}
    assert set(declared) == set(expected) | said_in_words
    assert {keyword: declared[keyword] for keyword in expected} == expected
    assert all(declared[word] for word in said_in_words)


def _is_set(terms: object, keyword: str) -> bool:
    """Tell whether a journey says more than every journey does."""
    value = getattr(terms, keyword, None)
    return value is not None and value != getattr(Journey.terms, keyword, None)


@pytest.mark.parametrize("name", JOURNEYS)
def test_the_page_of_a_journey_says_its_messages(name: str) -> None:
    journey = JOURNEYS[name]
    table = {code(cells[0]): cells[1:] for cells in rows(section(page(name), "Messages"))}
    steps = {}
    for message in journey.messages:
        channels, kind, topic, useful = traits(message, journey)
        steps[message.step] = [channels, kind, f"`{topic}`", useful]
        when = table[message.step][0]
        assert when
        assert not message.within or f"`{message.within}`" in when
        assert not message.at_most or "`at_most`" in when
        assert not message.at_cap or f"`{message.at_cap.name}`" in when
    assert {step: cells[-LAST_COLUMNS:] for step, cells in table.items()} == steps


@pytest.mark.parametrize("name", JOURNEYS)
def test_the_picture_of_a_journey_is_the_one_that_is_drawn_and_leaves_no_message_out(
    name: str,
) -> None:
    journey = JOURNEYS[name]
    picture = draw(journey)
    (shown,) = (block.code for block in blocks(page(name)) if block.language == "mermaid")
    assert shown == mermaid(picture), (
        f"docs/journeys/{name}.md has another picture: put there what `sojourn draw {name}` prints"
    )
    drawn = {node.lines for node in picture.nodes if node.shape is Shape.MESSAGE}
    assert drawn == {message_lines(one, journey.topic) for one in sent_by(journey)}
    ends = [node.lines[0] for node in picture.nodes if node.shape is Shape.END]
    assert set(_ends(journey)) <= set(ends)


def sent_by(journey: type[Journey]) -> list[Message]:
    """Return the messages that a journey sends, each once, in all their words."""
    return list({(one.step, one.words): one for one in journey.messages}.values())


def _ends(journey: type[Journey]) -> list[str]:
    """Return the outcomes that the picture must show."""
    ends = {"converted": journey.terms.goal, "stopped": journey.terms.ends_on}
    return ["exhausted", *(outcome for outcome, events in ends.items() if events)]
