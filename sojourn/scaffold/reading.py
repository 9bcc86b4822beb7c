"""Read Python files without importing them: what they declare, define and import."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def parsed(file: Path) -> ast.Module:
    """Return a file as a tree."""
    return ast.parse(file.read_text())


def said(keywords: Iterable[ast.keyword]) -> dict[str, str]:
    """Return the keywords that are plain text, by their names."""
    return {
        word.arg: text
        for word in keywords
        if word.arg is not None and (text := _text(word.value)) is not None
    }


def classes(tree: ast.Module) -> list[dict[str, str]]:
    """Return the keywords of the classes of a file, those that are plain text."""
    return [said(node.keywords) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def keywords(tree: ast.Module, name: str) -> list[str]:
    """Return what the calls in a file give as a keyword, where it is plain text."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [text for call in calls for word, text in said(call.keywords).items() if word == name]


def made(tree: ast.Module, kind: str, last: str) -> dict[str, str]:
    """Return the constants of a kind that a file makes.

    ``Audience("regulars", who, "Two orders.")`` is one.

    Args:
        tree: the file.
        kind: the class: ``Audience``.
        last: the field that says what one is; it may be the third argument as well.

    Returns:
        That sentence by the name, which is the first argument or ``name=``.
    """
    found = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == kind):
            continue
        given = said(node.keywords)
        texts = [_text(value) for value in node.args]
        name = given.get("name") or (texts[0] if texts else None)
        if name is not None:
            found[name] = given.get(last) or (texts[2] if len(texts) > 2 else None) or ""
    return found


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what a file imports: a module, and the name from it; empty: the module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def defines(tree: ast.Module, name: str) -> bool:
    """Tell whether something can be imported from a file by a name.

    Args:
        tree: the file.
        name: of a class, a function or a constant. What a ``*`` brings along is not looked at: it
            counts as any name.
    """
    return not name or any(found in (name, "*") for found in _bound(tree.body))


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are bound in a file, outside of its functions and classes."""
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name for alias in node.names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case _:
                yield from _bound(ast.iter_child_nodes(node))


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
