"""Find what ships beside the engine: journeys, and the files of a self-hosted Temporal.

They live in the repository's own folders, for the repository is a project itself. A wheel carries
them in ``sojourn/shipped/``, laid out alike (``hatch_build.py``); nothing imports them there.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sojourn.domain.errors import UnknownName
from sojourn.domain.topics import FILE, Topics, read_topics

ENGINE = Path(__file__).resolve().parents[1]
TESTS = Path("tests") / "integration" / "journeys"


def shipped_root() -> Path:
    """Return the folder of what ships: in a wheel ``sojourn/shipped``, else the repository."""
    packaged = ENGINE / "shipped"
    return packaged if packaged.is_dir() else ENGINE.parent


@dataclass(frozen=True)
class ShippedJourney:
    """A journey that ships, as files.

    Args:
        name: ``abandoned-cart``.
        summary: the first line of its file.
        root: the folder that its other paths count from.
    """

    name: str
    summary: str
    root: Path

    @property
    def module(self) -> Path:
        """The file of the journey's class."""
        return Path("workflows") / f"{self._word}.py"

    @property
    def test(self) -> Path:
        """The file of its test."""
        return TESTS / f"test_{self._word}.py"

    @property
    def templates(self) -> list[Path]:
        """The files of its words, in all languages."""
        return self._files(Path("templates") / self.name)

    @property
    def histories(self) -> list[Path]:
        """The recorded runs that it must go on replaying."""
        return self._files(Path("tests") / "histories" / self.name)

    @property
    def helpers(self) -> list[Path]:
        """Modules of the project that the journey imports, and those that they import."""
        found: list[Path] = []
        waiting = [self.module]
        while waiting:
            for module in _imported(self.root / waiting.pop()):
                path = Path(*module.split(".")).with_suffix(".py")
                if path.parts[0] == ENGINE.name:
                    continue  # in the repository, the engine lies beside the project
                if (self.root / path).is_file() and path not in (*found, self.module):
                    found.append(path)
                    waiting.append(path)
        packages = {path.parent / "__init__.py" for path in (self.module, *found)}
        return sorted({*found, *(path for path in packages if (self.root / path).is_file())})

    @property
    def topics(self) -> list[str]:
        """The topics that its messages are on."""
        found: list[str] = []
        if not self.templates:
            return found  # it sends nothing
        for node in ast.walk(ast.parse((self.root / self.module).read_text())):
            if isinstance(node, ast.ClassDef) and "name" in (said := _said(node.keywords)):
                found.append(said.get("topic", said["name"]))
            elif isinstance(node, ast.Call):
                found += [topic for name, topic in _said(node.keywords).items() if name == "topic"]
        return sorted(set(found))

    @property
    def _word(self) -> str:
        return self.name.replace("-", "_")

    def _files(self, folder: Path) -> list[Path]:
        paths = sorted((self.root / folder).rglob("*"))
        return [path.relative_to(self.root) for path in paths if path.is_file()]


def shipped_journeys(root: Path | None = None) -> dict[str, ShippedJourney]:
    """Return the journeys that ship, by name.

    Args:
        root: the folder that holds them; None: the one of this installation.
    """
    root = root or shipped_root()
    found = {}
    for file in sorted((root / "workflows").glob("*.py")):
        name = file.stem.replace("_", "-")
        tree = ast.parse(file.read_text())
        if _declares(tree, name):  # others are modules of helpers
            summary = (ast.get_docstring(tree) or "").partition("\n")[0]
            found[name] = ShippedJourney(name, summary, root)
    return found


def shipped_journey(name: str) -> ShippedJourney:
    """Return a journey that ships.

    Raises:
        UnknownName: there is none of this name; the message offers the nearest.
    """
    journeys = shipped_journeys()
    if name not in journeys:
        raise UnknownName("shipped journey", name, journeys)
    return journeys[name]


def shipped_topics() -> Topics:
    """Return the topics of the journeys that ship."""
    return read_topics(tomllib.loads((shipped_root() / FILE).read_text()))


def _declares(tree: ast.Module, name: str) -> bool:
    """Tell whether a file has a class of this name."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return any(_said(one.keywords).get("name") == name for one in classes)


def _said(keywords: list[ast.keyword]) -> dict[str, str]:
    """Return the keywords that are plain text."""
    return {
        word.arg: word.value.value
        for word in keywords
        if word.arg and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
    }


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
