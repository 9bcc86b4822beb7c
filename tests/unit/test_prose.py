"""Docstrings, comments and test names are plain English, as far as a test can tell.

ruff's D401 holds the mood of a docstring's first line; this file holds the rest of what is cheap to
hold. The rest needs a reader.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

ARCHAIC = re.compile(
    r"\b(thereby|thereof|therein|thereupon|hereby|hitherto|henceforth|anew|whom|whoever|whomever|"
    r"bears?|befalls?|befallen|shall|lest|ere|whence|thence|whither|amid|betwixt|nought|naught|"
    r"upon|whilst|oft|unto)\b",
    re.IGNORECASE,
)
OPENERS = re.compile(r"^(What|Whoever|Whether|Who|Whose|Nor|Of|But|Else|So|Where|Which|How)\b")
"""A first line that begins like this has a clause for its subject, or leans on another line."""
LEANING = re.compile(r"^test_(but|nor|and|so|or|else|not|nothing_else|only|then|also)_")
FEWEST_WORDS = 3
MANY = 3
"""Parameters from which on a public function says what each is."""

GIVES = re.compile(r"^(Returns|Yields):", re.MULTILINE)

ROOMS = ("sojourn", "workflows", "activities", "starter", "benchmarks", "examples", "tests")
HOLD = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of a statement in which others stand."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def pages() -> list[Path]:
    shown = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
    return sorted(shown)


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a file's statements: nothing within an expression has a docstring or a test's name."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        yield node
        for name in HOLD:
            waiting += getattr(node, name, ())


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef) and isinstance(body, list):
            for statement in body[1:]:  # an attribute's docstring stands under it
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield statement.lineno, text


def comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")


def undescribed(node: Function) -> list[str]:
    """List the parts that the docstring of a public function with many parameters lacks."""
    args = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    args = [name for name in args if name not in ("self", "cls")]
    if node.name.startswith("_") or len(args) < MANY or is_command(node):
        return []
    text = ast.get_docstring(node) or ""
    lacking = [
        name for name in args if not re.search(rf"^\s+\*?\*?{name}\b.*:", text, re.MULTILINE)
    ]
    returns = ast.unparse(node.returns) if node.returns else "None"
    if returns not in ("None", "NoReturn") and not re.search(
        r"^(Returns|Yields):", text, re.MULTILINE
    ):
        lacking.append("Returns")
    own = [n for n in ast.walk(node) if isinstance(n, ast.Raise) and n.exc is not None]
    if own and not re.search(r"^Raises:", text, re.MULTILINE):
        lacking.append("Raises")
    return lacking


def is_command(node: Function) -> bool:
    """Tell a command: its docstring is its help, and each argument has a help text of its own."""
    called = [one.func for one in node.decorator_list if isinstance(one, ast.Call)]
    return any(ast.unparse(one) in ("app.command", "app.callback") for one in called)


def public_functions(tree: ast.AST) -> Iterator[Function]:
    """Yield the functions that others call: of the module and of its public classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node)


def faults(path: Path) -> list[str]:
    source = path.read_text()
    tree = ast.parse(source)
    name = path.relative_to(ROOT).as_posix()
    found = []
    said = list(docstrings(tree))
    spoken = [*said, *comments(source)] if ARCHAIC.search(source) else []  # tokens take their time
    for line, text in spoken:
        if archaic := ARCHAIC.search(text):
            found.append(f'{name}:{line}: "{archaic[0]}" is no modern English')
    for line, text in said:
        if opener := OPENERS.match(text.strip()):
            found.append(f'{name}:{line}: a line that begins with "{opener[0]}"')
    of_names = unreadable_names(tree) if "tests/" in name else undescribed_functions(tree)
    return found + [f"{name}:{fault}" for fault in of_names]


def unreadable_names(tree: ast.Module) -> Iterator[str]:
    for node in statements(tree):
        if isinstance(node, Function) and node.name.startswith("test_"):
            words = node.name.removeprefix("test_").split("_")
            if LEANING.match(node.name) or len(words) < FEWEST_WORDS:
                yield f"{node.lineno}: {node.name} cannot be read alone"


def undescribed_functions(tree: ast.Module) -> Iterator[str]:
    for node in public_functions(tree):
        if lacking := undescribed(node):
            yield f"{node.lineno}: {node.name} lacks {', '.join(lacking)}"


@pytest.mark.parametrize("room", ROOMS)
def test_the_prose_of_every_file_is_plain(room: str) -> None:
    read = files(room)
    assert read
    found = [fault for path in read for fault in faults(path)]
    assert not found, "\n".join(found)


def test_the_words_of_every_page_are_modern() -> None:
    found = [
        f'{page.relative_to(ROOT).as_posix()}:{n}: "{archaic[0]}" is no modern English'
        for page in pages()
        for n, line in enumerate(page.read_text().splitlines(), 1)
        if (archaic := ARCHAIC.search(line))
    ]
    assert not found, "\n".join(found)
