"""Carry what ships in the wheel: as data, for `sojourn add` and `sojourn new`.

The repository is a project: its journeys, campaigns and audiences live in folders of their own
beside the engine. A wheel has one top-level name, so they travel in ``sojourn/shipped/``, laid out
as they are here. An editable installation reads them where they are.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WHOLE = (
    "workflows",
    "activities",
    "audiences",
    "starter/__init__.py",
    "starter/campaigns",
    "templates",
    "tests/histories",
    "deploy",
    "docker-compose.temporal.yml",
    ".env.example",
    "topics.toml",
    "coupons.toml",
)
TESTS = "tests/integration/journeys"


class ShippedJourneys(BuildHookInterface[Any]):
    """Maps files of the repository into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel, unless it is an editable one.

        Args:
            version: the kind of the wheel: ``standard`` or ``editable``.
            build_data: what hatchling builds, to be changed.
        """
        if version == "editable":
            return
        root = Path(self.root)
        for path in _files(root):
            place = path.relative_to(root).as_posix()
            build_data["force_include"][str(path)] = f"sojourn/shipped/{place}"


def _files(root: Path) -> list[Path]:
    found = [root / place for place in WHOLE if (root / place).is_file()]
    for place in WHOLE:
        found += [path for path in (root / place).rglob("*") if path.is_file()]
    # by the journeys' own files: one that only asks people has no templates
    for journey in sorted((root / "workflows").glob("*.py")):
        if (test := root / TESTS / f"test_{journey.stem}.py").is_file():
            found.append(test)
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)
