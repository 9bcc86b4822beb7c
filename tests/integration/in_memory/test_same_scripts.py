"""Journeys of a firm that we do not know come to the same in memory and in a store.

``SOJOURN_SAME=500 pytest tests/integration/in_memory/test_same_scripts.py`` plays so many stories
of each journey.
"""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.invariants import Said
from sojourn.journeys.journey import Journey
from sojourn.testkit.fuzzing.drawing import STRICT, Subject, scripts
from sojourn.testkit.fuzzing.memory import Memory
from sojourn.testkit.fuzzing.script import AT_ONCE, Act, Publishes, Script
from sojourn.testkit.fuzzing.stage import Played, stage
from tests.support.drawn import drawn
from tests.support.firm import FIRM
from tests.support.firm_project import project_of
from tests.support.stories import difference, minutes

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 60
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPANS = (HOUR, 6 * HOUR - timedelta(minutes=1), DAY + HOUR, 3 * DAY, 31 * DAY)
POLICY = STRICT.replace("per_week = 2", 'per_week = 3\nat_cap = "give_way"')


def told_in_time(subject: Subject, stories: int) -> list[Script]:
    """Return so many scripts, the same ones each time."""
    return [
        replace(script, acts=tuple([_in_time(act, subject) for act in script.acts]))
        for script in drawn(scripts(subject), stories)
    ]


def _in_time(act: Act, subject: Subject) -> Act:
    """Have a start told at once: a late one, after its end, may ask the gate before it hears it."""
    if isinstance(act, Publishes) and act.event in subject.events[: subject.starts]:
        return replace(act, late=AT_ONCE)
    return act


def decided(played: Played) -> list[Any]:
    """Return what was decided on, and when, from the beginning of the script on."""
    assert played.story is not None, played.breaches
    return sorted(_said(one, played.script) for one in played.story.messages)


def _said(one: Said, script: Script) -> tuple[Any, ...]:
    due, at = (minutes(moment - script.begin) for moment in (one.due, one.at))
    return (one.workflow_id, one.step, str(one.channel), one.state, one.reason, due, at)


@pytest.mark.more
@pytest.mark.parametrize("journey", FIRM, ids=lambda one: one.name)
async def test_the_same_script_has_the_same_end_in_memory(
    journey: type[Journey], tmp_path: Path
) -> None:
    project = project_of(journey, tmp_path / "templates")
    subject = replace(Subject.of(project, POLICY), spans=SPANS, rest=70 * DAY, times=2)
    differ: list[str] = []
    messages = 0
    async with stage(tmp_path) as place:
        memory = Memory(place, project)
        for script in told_in_time(subject, STORIES):
            here = decided(await memory.play(script))
            stored = decided(await place.play(script, project))
            messages += len(stored)
            if here != stored:
                differ.append(f"{script}\n{difference(here, stored, ('memory', 'store'))}")
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
    assert messages
