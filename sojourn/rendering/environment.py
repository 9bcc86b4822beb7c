"""Jinja as templates meet it: its sandbox, its filters, and what it refuses before it runs."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from sojourn.rendering.folders import ENGINE, Folders
from sojourn.rendering.formatting import Formats
from sojourn.rendering.plain_text import text_of

T = TypeVar("T")

MARKUP = ("html", "mjml")
"""The kinds of templates in which values are escaped."""

ON_DEMAND = "names on demand"
"""The key of `OnDemand` among the names of a context; no template can write it."""

FORMATS = ("money", "percent", "date", "time", "city", "ics")
"""The filters that follow the customer's habits."""


_OUTSIDE = (
    "stands outside the blocks of a template that extends another, where nothing is shown: "
    "move it into a block, or above {% extends %}"
)


@lru_cache(maxsize=8)  # compiled templates are worth sharing: one renderer a worker, many in tests
def environment(roots: tuple[Path, ...]) -> jinja2.Environment:
    """Return the environment that renders the templates of some folders.

    Args:
        roots: as `Folders.roots` has them, the engine's own last.
    """
    made = _Environment(
        loader=Folders(root for root in roots if root != ENGINE).loader(),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(MARKUP, default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=-1,
    )
    made.filters.update({name: _filter(name) for name in FORMATS}, plain=text_of)
    return made


class OnDemand(Generic[T]):
    """Names whose values are found once a template asks for them: some take their time.

    A context has them under `ON_DEMAND`, and so has each copy of what it knows.

    Args:
        ways: the ways to come to each value.
        of: on which they go.
    """

    def __init__(self, ways: Mapping[str, Callable[[T], Any]], of: T) -> None:
        self._ways = ways
        self._of = of
        self._found: dict[str, Any] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._ways

    def __iter__(self) -> Iterator[str]:
        return iter(self._ways)

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self._ways[name](self._of)
        return self._found[name]


class _Context(Context):
    """A context that looks among the names on demand for what it has no other value of."""

    def resolve_or_missing(self, key: str) -> Any:
        """Return the value of a name; Jinja's mark for nothing if there is none."""
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        more = self.parent.get(ON_DEMAND)
        if more is None or key not in more:
            return missing
        return more[key]

    def __contains__(self, name: str) -> bool:
        return self.resolve_or_missing(name) is not missing


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox that refuses what Jinja would silently leave out."""

    context_class = _Context

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        """Check a template before it becomes code. Jinja has this hook for such uses."""
        if line := _line_outside_blocks(source):
            raise jinja2.TemplateSyntaxError(_OUTSIDE, line, name, filename)
        return super()._generate(source, name, filename, defer_init)


def _line_outside_blocks(template: nodes.Template) -> int:
    """Return the line of the first words or calls outside the blocks of a template with a layout.

    Jinja skips them. A ``nothing_to_say()`` there would not be called, and the message would leave.
    """
    extends = False
    for node in template.body:
        if isinstance(node, nodes.Extends):
            extends = True
        elif extends and (line := _line_of_words(node)):
            return line
    return 0


def _line_of_words(node: nodes.Node) -> int:
    """Return the line on which a node would show something; 0 if it would not."""
    if isinstance(node, nodes.Block | nodes.Macro | nodes.AssignBlock):
        return 0
    if isinstance(node, nodes.Include):
        return node.lineno
    if isinstance(node, nodes.Output):
        shown = (n for n in node.nodes if not isinstance(n, nodes.TemplateData) or n.data.strip())
        return next((part.lineno for part in shown), 0)
    return next(filter(None, map(_line_of_words, node.iter_child_nodes())), 0)


def _filter(name: str) -> Callable[..., str]:
    """Make a filter in the manner of the customer at hand."""

    @jinja2.pass_context
    def apply(context: Context, value: object, *args: object, **named: object) -> str:
        formats = context.get("formats")
        if not isinstance(formats, Formats):
            raise jinja2.TemplateRuntimeError(f'{name} in a macro: import it "with context"')
        if isinstance(value, jinja2.Undefined):
            str(value)  # says which name is undefined
        text: str = getattr(formats, name)(value, *args, **named)
        return text

    return apply
