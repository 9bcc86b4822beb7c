"""Blocks: a template runs once, and each of its blocks keeps what it says."""

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2.runtime import Context
from markupsafe import escape

from sojourn.domain.errors import UnknownName
from sojourn.rendering.words import clean

LINES = ("subject", "preheader")
"""Blocks of one line of text, in a document too: mailboxes show them outside of it."""

Render = Callable[[Context], Iterator[str]]


@dataclass(frozen=True)
class Rendered:
    """The result of a template.

    Args:
        document: all of it.
        said: what each block said; a block of `LINES` as plain text.
    """

    document: str
    said: Mapping[str, str]


def rendered(
    environment: jinja2.Environment, name: str, names: Mapping[str, Any], wanted: Iterable[str]
) -> Rendered:
    """Run a template, and keep what its blocks say.

    Args:
        environment: which finds the template.
        name: of the template.
        names: what it can use.
        wanted: the blocks that must be run even if its layout has no place for them.

    Returns:
        The document and its parts.

    Raises:
        jinja2.TemplateRuntimeError: the template has a block that its layout has no place for.
        Exception: whatever the template raises, with the template's lines in the traceback.
    """
    template = environment.get_template(name)
    context = template.new_context(dict(names))
    said: dict[str, str] = {}
    for block, renders in context.blocks.items():
        # in front, not instead: {{ super() }} looks for the block that follows its own
        renders.insert(0, _noting(said, block, renders[0]))
    try:
        document = "".join(template.root_render_func(context))
        for block in wanted:
            if block not in said and block in context.blocks:
                _say(said, block, context.blocks[block][0], context)
    except Exception:
        environment.handle_exception()  # raises it again, with the lines of the template
    _refuse_lost_blocks(template, context, said)
    return Rendered(document, said)


def _noting(said: dict[str, str], block: str, render: Render) -> Render:
    """Make a block note what it says."""

    def note(context: Context) -> Iterator[str]:
        yield _say(said, block, render, context)

    return note


def _say(said: dict[str, str], block: str, render: Render, context: Context) -> str:
    """Run a block, note what it says, and return it as the document has it."""
    text = "".join(render(context))
    if block in LINES and context.eval_ctx.autoescape:
        said[block] = clean(html.unescape(text))
        return escape(said[block])
    said[block] = text
    return text


def _refuse_lost_blocks(
    template: jinja2.Template, context: Context, said: Mapping[str, str]
) -> None:
    """Raise for a block that has no place in the layout: its words would be lost."""
    of_layouts = {
        block
        for block, renders in context.blocks.items()
        if block not in template.blocks or len(renders) > 2  # ours, what notes it, the layout's
    }
    lost = template.blocks.keys() - of_layouts - said.keys() if of_layouts else ()
    for block in sorted(lost):
        raise jinja2.TemplateRuntimeError(str(UnknownName("block", block, of_layouts)))
