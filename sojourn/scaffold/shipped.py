"""Find what ships beside the engine: journeys, campaigns, audiences, and a self-hosted Temporal.

They live in the repository's own folders, for the repository is a project itself. A wheel carries
them in ``sojourn/shipped/``, laid out alike (``hatch_build.py``); nothing imports them there.
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
    """The kinds of what can be copied into a project."""

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
    """A journey, a campaign or an audience that ships, as files.

    Args:
        kind: which of them.
        name: ``abandoned-cart``.
        summary: a sentence on it.
        root: the folder that its other paths count from.
        module: the file that declares it. One file may hold several campaigns or audiences.
    """

    kind: Kind
    name: str
    summary: str
    root: Path
    module: Path

    @property
    def test(self) -> Path | None:
        """The file of its test; a journey has one."""
        if self.kind is not Kind.JOURNEY:
            return None
        return TESTS / f"test_{self.module.name}"

    @property
    def templates(self) -> list[Path]:
        """The files of its words, in all languages: of everything that sends in its file."""
        if self.kind is Kind.AUDIENCE:
            return []
        names = self.holds(self.kind, self.module)
        return [file for name in names for file in self._files(Path("templates") / name)]

    @property
    def histories(self) -> list[Path]:
        """The recorded runs that a journey must go on replaying."""
        if self.kind is not Kind.JOURNEY:
            return []
        return self._files(Path("tests") / "histories" / self.name)

    @property
    def topics(self) -> list[str]:
        """The topics that its messages are on."""
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
        """Yield what a file imports from beside the engine.

        Args:
            module: ``workflows/abandoned_cart.py``, or a file that it needs.

        Yields:
            A file that ships, and the name that is imported from it; empty: no single one.
        """
        for module_name, name in imported(parsed(self.root / module)):
            path = Path(*module_name.split("."))
            if path.parts[0] == ENGINE.name:
                continue  # in the repository, the engine lies beside the project
            for file, of_it in ((path.with_suffix(".py"), name), (path / f"{name}.py", "")):
                if (self.root / file).is_file():
                    yield file, of_it
                    break

    def holds(self, kind: Kind, module: Path) -> list[str]:
        """Return the names of what a file declares of a kind."""
        return sorted(_declared(kind, parsed(self.root / module), module))

    def _files(self, folder: Path) -> list[Path]:
        paths = sorted((self.root / folder).rglob("*"))
        return [path.relative_to(self.root) for path in paths if path.is_file()]


def shipped_root() -> Path:
    """Return the folder of what ships: in a wheel ``sojourn/shipped``, else the repository."""
    packaged = ENGINE / "shipped"
    return packaged if packaged.is_dir() else ENGINE.parent


def shipped(*kinds: Kind, root: Path | None = None) -> dict[str, Shipped]:
    """Return what ships, by name.

    Args:
        *kinds: of these; none: of all.
        root: the folder that holds them; None: the one of this installation.
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
    """Return the journey, campaign or audience that ships under a name.

    Raises:
        UnknownName: there is none of this name; the message offers the nearest.
    """
    found = shipped()
    if name not in found:
        raise UnknownName("journey, campaign or audience that ships", name, found)
    return found[name]


def shipped_topics() -> Topics:
    """Return the topics of what ships."""
    return read_topics(tomllib.loads((shipped_root() / TOPICS).read_text()))


def shipped_pools() -> Pools:
    """Return the pools of coupons of what ships."""
    return read_pools(tomllib.loads((shipped_root() / COUPONS).read_text()))


def _declared(kind: Kind, tree: ast.Module, module: Path) -> dict[str, str]:
    """Return what a file declares of a kind: a sentence on each, by its name."""
    first_line = (ast.get_docstring(tree) or "").partition("\n")[0]
    if kind is Kind.JOURNEY:
        name = module.stem.replace("_", "-")  # other files are modules of helpers
        return {name: first_line} if any(one.get("name") == name for one in classes(tree)) else {}
    found = made(tree, kind.capitalize(), "about")
    return {name: about or first_line for name, about in found.items()}
