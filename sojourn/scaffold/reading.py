"""Read Python files without importing them: what they declare, define and import."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(file.read_text())


def said(keywords: Iterable[ast.keyword]) -> dict[str, str]:
    """Return the keyword arguments that are plain text, by name."""
    return {
        word.arg: text
        for word in keywords
        if word.arg is not None and (text := _text(word.value)) is not None
    }


def classes(tree: ast.Module) -> list[dict[str, str]]:
    """Return the plain-text keywords of each class in a file."""
    return [said(node.keywords) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def keywords(tree: ast.Module, name: str) -> list[str]:
    """Return the plain-text values of a keyword in all calls in a file."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [text for call in calls for word, text in said(call.keywords).items() if word == name]


def made(tree: ast.Module, kind: str, last: str) -> dict[str, str]:
    """Return the constants of a class that a file creates.

    An example is ``Audience("regulars", who, "Two orders.")``.

    Args:
        tree: the syntax tree of the file.
        kind: the name of the class: ``Audience``.
        last: the field with the description; it may also be the third argument.

    Returns:
        The descriptions by name, which is the first argument or ``name=``.
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
    """Yield a file's imports: a module, and the name from it, empty for the module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def defines(tree: ast.Module, name: str) -> bool:
    """Return whether a name can be imported from a file.

    Args:
        tree: the syntax tree of the file.
        name: the name of a class, a function or a constant. An import of ``*`` counts as any name.
    """
    return not name or any(found in (name, "*") for found in _bound(tree.body))


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are bound in a file outside its functions and classes."""
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
