"""Imports point one way, and journeys are written in the verbs alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.markdown import ROOT, code, rows, section

EDGE = {"settings", "worker"}
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "settings": {"domain"},  # an edge, but one that reads only the words it is made of
    "store": {"domain"},
    "channels": {"domain", "settings"},
    "activities": {"domain", "store", "channels", "settings"},
    # it names its one activity, "send", and thereby needs nothing of what touches the world
    "workflows": {"domain"},
    "dispatch": {"domain", "store", "workflows", "settings"},
    "gateway": {"domain", "store", "channels", "workflows", "dispatch", "settings"},
}
"""Who may import whom, itself aside. `worker`, `starter` and `testkit` put things together."""
COMPOSERS = {"worker", "starter", "testkit"}
OURS = {*MAY_IMPORT, *COMPOSERS}

ENGINE = {"__init__", "journey", "registry", "wording"}
OF_WORKFLOW = {"defn", "run", "patched", "deprecate_patch"}  # the latter two change a live journey
OF_JOURNEYS = {"datetime", "typing", "decimal", "enum", "temporalio", "domain", "workflows"}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Every module that the code imports, wherever in it: the line and the whole name."""
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


def wrong_imports(importer: str, source: str) -> list[str]:
    """Imports that `importer` may not make."""
    if importer in COMPOSERS:
        return []
    allowed = {importer, *MAY_IMPORT[importer]}
    return [
        f"line {line}: {importer} imports {name}"
        for line, name in imported(source)
        if package(name) in OURS - allowed
    ]


def beyond_the_verbs(source: str) -> list[str]:
    """What a journey's file uses that a journey must not."""
    faults = [
        f"line {line}: {name} is not for journeys"
        for line, name in imported(source)
        if package(name) not in OF_JOURNEYS
        or (package(name) == "temporalio" and name != "temporalio.workflow")
        or (package(name) == "workflows" and name != "workflows.journey.Journey")
    ]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="workflow"), attr=attr) if attr not in OF_WORKFLOW:
                faults.append(f"line {node.lineno}: workflow.{attr} is no verb")
    return faults


def python_files(part: str) -> list[Path]:
    single = ROOT / f"{part}.py"
    return [single] if single.exists() else sorted((ROOT / part).rglob("*.py"))


def journey_files() -> list[Path]:
    return [path for path in python_files("workflows") if path.stem not in ENGINE]


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_imports_point_one_way(part: str) -> None:
    faults = {str(p): wrong_imports(part, p.read_text()) for p in python_files(part)}
    assert {path: found for path, found in faults.items() if found} == {}


def test_the_order_of_the_packages_is_one_way() -> None:
    lower: set[str] = set()
    for part, allowed in MAY_IMPORT.items():  # each may import only what stands above it
        assert allowed <= lower, part
        lower.add(part)


def test_every_package_is_in_its_place() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    modules = {path.stem for path in ROOT.glob("*.py")}
    assert modules == EDGE
    assert packages | modules <= OURS


@pytest.mark.parametrize("path", journey_files(), ids=lambda path: path.stem)
def test_journeys_use_the_verbs_alone(path: Path) -> None:
    assert beyond_the_verbs(path.read_text()) == []


def test_there_are_journeys() -> None:
    assert len(journey_files()) >= 3


def test_the_house_in_contributing_is_this_one() -> None:
    table = rows(section(ROOT / "CONTRIBUTING.md", "The house"))
    told = {code(name).rstrip("/").removesuffix(".py"): imports for name, _, imports in table}
    for part, imports in told.items():
        if part not in COMPOSERS:
            assert set(imports.split("`")[1::2]) == MAY_IMPORT[part], part
    assert {*MAY_IMPORT} | COMPOSERS <= set(told)


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("domain", "import settings"),
        ("domain", "from store import Store"),
        ("store", "import activities.gate as gate"),
        ("workflows", "from activities.send import Messages"),
        ("activities", "def late():\n    from workflows.journey import Journey"),
        ("dispatch", "if TYPE_CHECKING:\n    from gateway import app"),
        ("channels", 'importlib.import_module("worker")'),
    ],
)
def test_a_wrong_import_is_found(importer: str, source: str) -> None:
    assert len(wrong_imports(importer, source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from temporalio import activity",
        "import asyncio",
        "import random",
        "from workflows.journey import SEND_TIMEOUT",
        "from store import Store",
        "await workflow.execute_activity('send')",
        "await workflow.sleep(3)",
        "workflow.now()",
    ],
)
def test_more_than_the_verbs_is_found(source: str) -> None:
    wrapped = f"async def steps():\n    {source}"
    assert len(beyond_the_verbs(wrapped)) == 1
