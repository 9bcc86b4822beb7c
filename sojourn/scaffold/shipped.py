"""Find the shipped journeys, campaigns and audiences, and the files for a self-hosted Temporal.

They are in the repository's own folders, since the repository is itself a project. A wheel has them
in ``sojourn/shipped/`` in the same layout (``hatch_build.py``); nothing imports them there.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sojourn.domain.coupons import FILE as COUPONS
from sojourn.domain.coupons import Pools, read_pools
from sojourn.domain.errors import UnknownName
from sojourn.domain.topics import FILE as TOPICS
from sojourn.domain.topics import Topics, read_topics
from sojourn.scaffold.reading import classes, imported, keywords, made, parsed

ENGINE = Path(__file__).resolve().parents[1]
TESTS = Path("tests") / "integration" / "journeys"


class Kind(StrEnum):
    """The kinds of things that can be copied into a project."""

    JOURNEY = "journey"
    CAMPAIGN = "campaign"
    AUDIENCE = "audience"


FOLDERS = {
    Kind.JOURNEY: Path("workflows"),
    Kind.CAMPAIGN: Path("starter") / "campaigns",
    Kind.AUDIENCE: Path("audiences"),
}
"""The folder of each kind."""


@dataclass(frozen=True)
class Shipped:
    """The files of a shipped journey, campaign or audience.

    Args:
        kind: its kind.
        name: its name, such as ``abandoned-cart``.
        summary: a sentence on it.
        root: the folder to which its other paths are relative.
        module: the file that declares it. One file may have several campaigns or audiences.
    """

    kind: Kind
    name: str
    summary: str
    root: Path
    module: Path

    @property
    def test(self) -> Path | None:
        """The file of its test; None except for a journey."""
        if self.kind is not Kind.JOURNEY:
            return None
        return TESTS / f"test_{self.module.name}"

    @property
    def templates(self) -> list[Path]:
        """The templates, in all languages, of every journey or campaign in its file."""
        if self.kind is Kind.AUDIENCE:
            return []
        names = self.holds(self.kind, self.module)
        return [file for name in names for file in self._files(Path("templates") / name)]

    @property
    def histories(self) -> list[Path]:
        """The recorded histories that a journey must be able to replay."""
        if self.kind is not Kind.JOURNEY:
            return []
        return self._files(Path("tests") / "histories" / self.name)

    @property
    def topics(self) -> list[str]:
        """The topics of its messages."""
        if not self.templates:
            return []  # it sends nothing
        tree = parsed(self.root / self.module)
        found = keywords(tree, "topic")
        found += [said.get("topic", said["name"]) for said in classes(tree) if "name" in said]
        return sorted(set(found))

    @property
    def pools(self) -> list[str]:
        """The pools of coupons that its messages hand out."""
        return sorted(set(keywords(parsed(self.root / self.module), "coupon")))

    def needs(self, module: Path) -> Iterator[tuple[Path, str]]:
        """Yield a file's imports from outside the engine.

        Args:
            module: a file such as ``workflows/abandoned_cart.py``, or one that it needs.

        Yields:
            A shipped file, and the name imported from it, empty for the whole module.
        """
        for module_name, name in imported(parsed(self.root / module)):
            path = Path(*module_name.split("."))
            if path.parts[0] == ENGINE.name:
                continue  # in the repository, the engine is next to the project
            for file, of_it in ((path.with_suffix(".py"), name), (path / f"{name}.py", "")):
                if (self.root / file).is_file():
                    yield file, of_it
                    break

    def holds(self, kind: Kind, module: Path) -> list[str]:
        """Return the names of everything of a kind that a file declares."""
        return sorted(_declared(kind, parsed(self.root / module), module))

    def _files(self, folder: Path) -> list[Path]:
        paths = sorted((self.root / folder).rglob("*"))
        return [path.relative_to(self.root) for path in paths if path.is_file()]


def shipped_root() -> Path:
    """Return the folder of the shipped files: ``sojourn/shipped`` in a wheel, or the repository."""
    packaged = ENGINE / "shipped"
    return packaged if packaged.is_dir() else ENGINE.parent


def shipped(*kinds: Kind, root: Path | None = None) -> dict[str, Shipped]:
    """Return the shipped journeys, campaigns and audiences by name.

    Args:
        *kinds: only these kinds; all if there are none.
        root: the folder with the files; None for that of this installation.
    """
    root = root or shipped_root()
    found = {}
    for kind in kinds or Kind:
        for file in sorted((root / FOLDERS[kind]).glob("*.py")):
            module = file.relative_to(root)
            for name, summary in _declared(kind, parsed(file), module).items():
                found[name] = Shipped(kind, name, summary, root, module)
    return found


def shipped_as(name: str) -> Shipped:
    """Return the shipped journey, campaign or audience of a name.

    Raises:
        UnknownName: there is none of this name; the message suggests the nearest.
    """
    found = shipped()
    if name not in found:
        raise UnknownName("journey, campaign or audience that ships", name, found)
    return found[name]


def shipped_topics() -> Topics:
    """Return the shipped topics."""
    return read_topics(tomllib.loads((shipped_root() / TOPICS).read_text()))


def shipped_pools() -> Pools:
    """Return the shipped pools of coupons."""
    return read_pools(tomllib.loads((shipped_root() / COUPONS).read_text()))


def _declared(kind: Kind, tree: ast.Module, module: Path) -> dict[str, str]:
    """Return the sentences on everything of a kind that a file declares, by name."""
    first_line = (ast.get_docstring(tree) or "").partition("\n")[0]
    if kind is Kind.JOURNEY:
        name = module.stem.replace("_", "-")  # other files are helper modules
        return {name: first_line} if any(one.get("name") == name for one in classes(tree)) else {}
    found = made(tree, kind.capitalize(), "about")
    return {name: about or first_line for name, about in found.items()}
