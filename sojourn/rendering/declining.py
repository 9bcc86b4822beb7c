"""`Declining`: the part of a template that decides whether it has something to say.

Most templates that can decline do so in their first line, above the layout that they extend::

    {% if not viewed %}{{ nothing_left() }}{% endif %}
    {% extends "layout/email.html" %}

To know what they answer, it is enough to run that line. Nothing in the layout, in the blocks or in
what they include can decline then; where something can, or nobody knows, all of it is run.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import jinja2
import jinja2.meta
from jinja2 import nodes

from sojourn.rendering.folders import Folders
from sojourn.rendering.vocabulary import DECLINING, Vocabulary

_REFERRING = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
_KEEPING = (nodes.Macro, nodes.CallBlock, nodes.Assign, nodes.AssignBlock)
"""Nodes that can hold a word for later, wherever it is used then."""


@dataclass(frozen=True)
class Head:
    """The lines of a file that decide whether it declines.

    Args:
        template: made of them alone; None: there are none.
    """

    template: jinja2.Template | None

    def run(self, words: Vocabulary) -> None:
        """Run the lines.

        Args:
            words: what they can use.

        Raises:
            NothingToSay: they decline.
            Exception: whatever they raise, with the template's lines in the traceback.
        """
        if self.template is not None:
            self.template.render(words.names)


class Declining:
    """Knows of each file whether it can decline, and where.

    Args:
        environment: which finds the templates.
        folders: likewise.
    """

    def __init__(self, environment: jinja2.Environment, folders: Folders) -> None:
        self._environment = environment
        self._folders = folders
        self._doubtful: dict[str, bool] = {}
        self._certain: dict[str, bool] = {}
        self._heads: dict[str, Head | None] = {}

    def may(self, file: str) -> bool:
        """Tell whether a file, or one that it is made of, may decline; if in doubt, it may."""
        known = self._doubtful.get(file)
        if known is None:
            self._doubtful[file] = False  # for files that name each other
            parsed = self._parsed(file)
            parts = jinja2.meta.find_referenced_templates(parsed)
            known = bool(DECLINING & jinja2.meta.find_undeclared_variables(parsed)) or any(
                part is None or self.may(part) for part in parts
            )
            self._doubtful[file] = known
        return known

    def head(self, file: str) -> Head | None:
        """Return the lines of a file that decide; None: all of it has to be run."""
        if file not in self._heads:
            self._heads[file] = self._head(file)
        return self._heads[file]

    def _head(self, file: str) -> Head | None:
        parsed = self._parsed(file)
        above = [one for one in parsed.body if not isinstance(one, nodes.Block | nodes.Extends)]
        blocks = [one for one in parsed.body if isinstance(one, nodes.Block)]
        if (
            any(self._can_by(part) for part in _found([parsed], _REFERRING))
            or _declines([*blocks, *_found(above, _KEEPING)])
            or _found(above, (nodes.Block, nodes.Extends))
        ):
            return None
        deciding = _deciding(above)
        if not deciding:
            return Head(None)
        made = nodes.Template(deciding, lineno=1).set_environment(self._environment)
        assert isinstance(made, nodes.Template)
        code = self._environment.compile(made, file, self._source(file)[1])
        made_of = self._environment.make_globals(None)
        return Head(jinja2.Template.from_code(self._environment, code, made_of))

    def _can(self, file: str) -> bool:
        """Tell whether a file that a template is made of can decline, anywhere in it."""
        known = self._certain.get(file)
        if known is None:
            self._certain[file] = False  # for files that name each other
            try:
                parsed = self._parsed(file)
            except jinja2.TemplateNotFound:
                return False
            known = _declines([parsed]) or any(
                self._can_by(part) for part in _found([parsed], _REFERRING)
            )
            self._certain[file] = known
        return known

    def _can_by(self, node: nodes.Node) -> bool:
        """Tell whether a file that a node names can decline; if nobody knows which, it can."""
        assert isinstance(node, nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport)
        match node.template:
            case nodes.Const(value=str(file)):
                return self._can(file)
            case nodes.Call(node=nodes.Name(name="in_language"), args=[nodes.Const(value=str(of))]):
                folder, _, name = of.rpartition("/")
                stem, dot, kind = name.rpartition(".")
                files = self._folders.files(folder, f"{stem}.*{dot}{kind}")
                return any(self._can(f"{folder}/{file}") for file in files)
        return True

    def _source(self, file: str) -> tuple[str, str | None, object]:
        loader = self._environment.loader
        assert loader is not None
        return loader.get_source(self._environment, file)

    def _parsed(self, file: str) -> nodes.Template:
        source, path, _ = self._source(file)
        return self._environment.parse(source, file, path)


def _found(among: Iterable[nodes.Node], kinds: tuple[type[nodes.Node], ...]) -> list[nodes.Node]:
    """Return the nodes of some kinds, these and those within them."""
    return [one for node in among for one in _within(node) if isinstance(one, kinds)]


def _within(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    yield from node.find_all(nodes.Node)


def _declines(among: Iterable[nodes.Node]) -> bool:
    return not DECLINING.isdisjoint(_used(among))


def _used(among: Iterable[nodes.Node]) -> set[str]:
    """Return the names that nodes use."""
    return {one.name for one in _found(among, (nodes.Name,)) if one.ctx == "load"}  # type: ignore[attr-defined]


def _set_by(node: nodes.Node) -> set[str]:
    """Return the names to which a node gives a meaning."""
    found = {one.name for one in _found([node], (nodes.Name,)) if one.ctx == "store"}  # type: ignore[attr-defined]
    found |= {one.name for one in _found([node], (nodes.NSRef, nodes.Macro))}  # type: ignore[attr-defined]
    found |= {one.target for one in _found([node], (nodes.Import,))}  # type: ignore[attr-defined]
    for one in _found([node], (nodes.FromImport,)):
        assert isinstance(one, nodes.FromImport)
        found |= {name if isinstance(name, str) else name[1] for name in one.names}
    return found


def _deciding(lines: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Return the lines that can decline, and those that give a meaning to a name in these."""
    found: list[nodes.Node] = []
    wanted: set[str] = set()
    for line in reversed(lines):
        if _declines([line]) or not wanted.isdisjoint(_set_by(line)):
            found.append(line)
            wanted |= _used([line])
    return found[::-1]
