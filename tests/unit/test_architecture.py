"""Journeys use the verbs alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sojourn
from tests.support.markdown import ROOT

OF_WORKFLOW = {"patched", "deprecate_patch"}  # these verbs change a live journey
PUBLIC = tuple(f"sojourn.{name}" for name in [*sojourn.__all__, "events."])
OF_JOURNEYS = {
    "datetime",
    "typing",
    "decimal",
    "enum",
    "temporalio",
    "sojourn",
    "workflows",
    "activities",
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield every module that the code imports: the line and the whole name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from ((node.lineno, name.name) for name in node.names)
            case ast.ImportFrom():
                assert node.level == 0, "relative imports hide where they lead"
                yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)
            case ast.Call(
                func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=name)]
            ):
                yield node.lineno, str(name)


def package(module: str) -> str:
    return module.partition(".")[0]


def beyond_the_verbs(source: str) -> list[str]:
    """Return what a journey's file uses beyond the verbs."""
    faults = [
        f"line {line}: {name} is not for journeys"
        for line, name in imported(source)
        if package(name) not in OF_JOURNEYS
        or (package(name) == "temporalio" and name != "temporalio.workflow")
        or (package(name) == "sojourn" and not name.startswith(PUBLIC))
    ]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="workflow"), attr=attr) if attr not in OF_WORKFLOW:
                faults.append(f"line {node.lineno}: workflow.{attr} is no verb")
    return faults


def journey_files() -> list[Path]:
    return [path for path in (ROOT / "workflows").glob("*.py") if path.stem != "__init__"]


@pytest.mark.parametrize("path", journey_files(), ids=lambda path: path.stem)
def test_journeys_use_the_verbs_alone(path: Path) -> None:
    assert beyond_the_verbs(path.read_text()) == []


def test_the_folder_of_workflows_has_journeys() -> None:
    assert len(journey_files()) >= 3


@pytest.mark.parametrize(
    "source",
    [
        "from temporalio import activity",
        "import asyncio",
        "import random",
        "from store import Store",
        "await workflow.execute_activity('send')",
        "await workflow.sleep(3)",
        "workflow.now()",
    ],
)
def test_a_step_beyond_the_verbs_is_found(source: str) -> None:
    wrapped = f"async def steps():\n    {source}"
    assert len(beyond_the_verbs(wrapped)) == 1
