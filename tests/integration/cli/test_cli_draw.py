"""`sojourn draw` draws any project's journeys, without a server or a database."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.own_project import SOJOURN, OwnProject

HELLO = '''
from sojourn import SMS, Event, Journey, Message, days, minutes


class VisitBooked(Event, name="Visit Booked"):
    """A visit was booked."""

    visit_id: str


class VisitOver(Event, name="Visit Over"):
    """A visit is over."""

    visit_id: str


class Visit(Journey, name="visit", starts_on=VisitBooked, key="visit_id", hears=VisitOver):
    """Thanks a visitor, or asks where they were."""

    thanks = Message(SMS, useful_for=days(1))
    missed = Message(SMS, useful_for=days(1))

    async def steps(self) -> None:
        """Wait for the end of the visit."""
        came = await self.wait_for(VisitOver, timeout=days(3))
        await self.send(self.thanks if came else self.missed)
'''
DRAWN = """\
flowchart TD
    n0(["Visit Booked"])
    n1{{"wait for Visit Over<br>for 3 days at most"}}
    n2["missed<br>sms<br>promotional, topic visit<br>useful for 24 h"]
    n3(["exhausted"])
    n4["thanks<br>sms<br>promotional, topic visit<br>useful for 24 h"]
    n0 --> n1
    n1 -->|"time is up"| n2
    n1 -->|"Visit Over"| n4
    n2 --> n3
    n4 --> n3
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> OwnProject:
    own = OwnProject(tmp_path_factory.mktemp("drawn"))
    own.write("workflows/__init__.py", '"""Journeys."""\n')
    own.write("workflows/visit.py", HELLO)
    return own


@pytest.mark.more
def test_a_project_of_ones_own_is_drawn_without_anything_around_it(
    project: OwnProject, tmp_path: Path
) -> None:
    printed = project.run(*SOJOURN, "draw", "visit")
    assert (printed.stdout, printed.returncode) == (DRAWN, 0), printed.stderr
    assert project.run(*SOJOURN, "draw", "visit", "--mermaid").stdout == DRAWN
    file = tmp_path / "visit.svg"
    written = project.run(*SOJOURN, "draw", "visit", "--svg", str(file))
    assert written.stdout == f"{file}\n"
    texts = [one.text for one in ET.parse(file).iter("{http://www.w3.org/2000/svg}text")]
    assert {"Visit Booked", "thanks", "missed", "time is up", "exhausted"} <= set(texts)
    assert not (project.folder / ".sojourn").exists(), "nothing is stored"


@pytest.mark.more
def test_what_cannot_be_drawn_is_one_line_that_names_it(project: OwnProject) -> None:
    unknown = project.run(*SOJOURN, "draw", "visits")
    assert unknown.returncode == 2
    assert unknown.stderr == 'sojourn: no journey "visits": did you mean "visit"?\n'
    both = project.run(*SOJOURN, "draw", "visit", "--mermaid", "--svg", "x.svg")
    assert (both.returncode, both.stderr) == (
        2,
        "sojourn: write --mermaid or --svg FILE, not both\n",
    )
    nowhere = project.run(*SOJOURN, "draw", "visit", "--svg", "nowhere/x.svg")
    assert nowhere.returncode == 1
    assert nowhere.stderr == "sojourn: cannot write nowhere/x.svg: No such file or directory\n"
