"""The gateway's rooms: `http` serves the other three, and those three do not know each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

GATEWAY = ROOT / "sojourn" / "gateway"
ROOMS = ("http", "tracking", "webhooks", "pages")
FRAMEWORKS = ("fastapi", "starlette", "uvicorn", "pydantic", "sqlalchemy", "temporalio")


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, by its whole name."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                yield from (name.name for name in node.names)
            case ast.ImportFrom(module=str(module)):
                yield from (f"{module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_itself_and_the_http_edge_alone(room: str) -> None:
    allowed = {room, "http"}
    for path in (GATEWAY / room).rglob("*.py"):
        parts = [name.split(".") for name in imported(path)]
        entered = {part[2] for part in parts if part[:2] == ["sojourn", "gateway"]}
        assert entered <= allowed, f"{path.relative_to(ROOT)} imports {entered - allowed}"


def test_the_protocol_of_a_source_knows_no_framework() -> None:
    names = [name.partition(".")[0] for name in imported(GATEWAY / "webhooks" / "source.py")]
    assert names
    assert not {*FRAMEWORKS, "sojourn"} & {*names}
