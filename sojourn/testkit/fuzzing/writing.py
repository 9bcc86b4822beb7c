"""Write a story that breaks an invariant as a timeline, and as a test."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sojourn.domain.events import ENVELOPE, Event
from sojourn.domain.events.samples import made_up_ids
from sojourn.domain.invariants import Said, Story
from sojourn.journeys.journey import Journey
from sojourn.testkit.fuzzing.code import Code
from sojourn.testkit.fuzzing.script import Publishes, Says
from sojourn.testkit.fuzzing.searching import Found
from sojourn.testkit.fuzzing.stage import NIGHT, Done


def timeline(found: Found) -> list[str]:
    """Return a story in lines, by the customer's clock: what was done, and what was decided on."""
    story = found.played.story or Story()
    lines = [(one.at, 0, _done(one, story)) for one in found.played.done]
    lines += [(one.at, 1, _decided(one)) for one in story.messages]
    return [
        f"{_clock(story, at)}  {said}" for at, _, said in sorted(lines, key=lambda one: one[:2])
    ]


def as_test(found: Found) -> str:
    """Return a file with a test that plays the story and fails.

    It needs the fixtures of the test kit, and nothing else of this search.
    """
    played = found.played
    breach = played.breaches[0]
    name = re.sub(r"\W+", "_", breach.invariant.lower()).strip("_")
    code = Code()
    body = list(_body(found, code))
    held = played.script.policy is not None
    lines = [
        f'"""{breach.sentence}"""',
        "",
        "from dataclasses import replace",
        *_imports(found, code, held=held),
        "",
        "",
        *_fixtures(found, held=held),
        "",
        "",
        f"async def test_{name}(journey: JourneyTest) -> None:",
        *(f"    {line}" for line in body),
        "    assert await journey.breaches() == []",
        "",
    ]
    return "\n".join(lines)


def _body(found: Found, code: Code) -> Iterator[str]:
    played = found.played
    begin = code.of(played.script.begin)
    yield f"journey.begin_at({begin})"
    if played.script.traits:
        yield f"await journey.identify({code.arguments(played.script.traits)})"
    ids = [one.act.id for one in played.done if isinstance(one.act, Publishes)]
    for one in played.done:
        if one.waited:
            yield f"await journey.after({code.of(one.waited)})"
        match one.act:
            case Publishes() as act:
                assert one.event is not None
                fields = _fields(one.event)
                if act.late:
                    fields["occurred_at"] = one.event.occurred_at
                if act.id and ids.count(act.id) > 1:
                    fields["message_id"] = act.id
                said = "".join(f", {part}" for part in code.parts(fields))
                yield f"await journey.publish({act.event.__name__}{said})"
            case Says() as act:
                yield f"await journey.identify({code.arguments(act.traits)})"
            case _:
                yield 'await journey.stop("a test")'
    if played.rested:
        yield f"await journey.after({code.of(played.rested)})"


def _imports(found: Found, code: Code, *, held: bool) -> Iterator[str]:
    names = {*code.names, *(["time"] if held else [])}
    yield f"from datetime import {', '.join(sorted(names, key=str.lower))}"
    if held:
        yield "from pathlib import Path"
    modules: dict[str, set[str]] = {}
    kinds: list[type[Any]] = [type(one.event) for one in found.played.done if one.event]
    kinds += _journeys(found)
    for kind in kinds:
        module = kind.__module__
        if module.startswith("sojourn.domain.events"):
            module = "sojourn.events"
        modules.setdefault(module, set()).add(kind.__name__)
    modules.setdefault("sojourn", set()).add("Project")
    if held:
        modules["sojourn"] |= {"QuietHours", "Settings"}
    modules["sojourn.journeys.registry"] = {"Journeys"}
    modules["sojourn.testkit"] = {"JourneyTest"}
    yield ""
    yield "import pytest"
    yield ""
    for module in sorted(modules):
        yield f"from {module} import {', '.join(sorted(modules[module]))}"


def _fixtures(found: Found, *, held: bool) -> Iterator[str]:
    names = ", ".join(one.__name__ for one in _journeys(found))
    replaced = f"replace(journey_project, journeys=Journeys([{names}])"
    yield "@pytest.fixture"
    if not held:
        yield "def journey_project(journey_project: Project) -> Project:"
        yield f"    return {replaced})"
        return
    yield "def journey_project(journey_project: Project, tmp_path: Path) -> Project:"
    yield '    policy = tmp_path / "policy.toml"'
    yield "    policy.write_text(POLICY)"
    yield f"    return {replaced}, policy=policy)"
    yield ""
    yield ""
    night = ", ".join(f"time({at.hour})" for at in NIGHT)
    yield "@pytest.fixture"
    yield "def journey_settings(journey_settings: Settings) -> Settings:"
    yield f"    night = QuietHours({night})"
    yield '    return journey_settings.model_copy(update={"quiet_hours": night})'
    yield ""
    yield ""
    yield f'POLICY = """\\\n{found.played.script.policy}"""'


def _journeys(found: Found) -> list[type[Journey]]:
    return sorted(found.project.journeys.values(), key=lambda one: one.__name__)


def _fields(event: Event) -> dict[str, Any]:
    """Return the fields that must be given: those that the kit would not make up all the same."""
    kind = type(event)
    defaults = {name: info.get_default() for name, info in kind.model_fields.items()}
    usual = {**defaults, **made_up_ids(kind)}
    given = {name: getattr(event, name) for name in kind.model_fields if name not in ENVELOPE}
    return {
        name: value
        for name, value in given.items()
        if name in event.model_fields_set and value != usual[name]
    }


def _clock(story: Story, at: datetime) -> str:
    shown = story.local(at)
    return f"{shown:%a} {shown.day:>2} {shown:%b %Y %H:%M}"


def _done(one: Done, story: Story) -> str:
    match one.act:
        case Publishes() as act:
            assert one.event is not None
            fields = " ".join(Code().parts(_fields(one.event)))
            late = f", which happened on {story.told(one.event.occurred_at)}" if act.late else ""
            again = f" (id {act.id})" if act.id else ""
            return f"{act.event.event_name} {fields}{late}{again}".strip()
        case Says() as act:
            return f"identify {Code().arguments(act.traits)}"
        case _:
            return "an operator stops the run"


def _decided(message: Said) -> str:
    fate = message.state + (f", {message.reason.replace('_', ' ')}" if message.reason else "")
    return f"  -> {message.name} by {message.channel}: {fate}"
