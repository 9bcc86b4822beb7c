"""The parts of our own documentation: code blocks, sections, tables, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/journeys/*.md")])


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Args:
        language: ``python``.
        caption: the line before it, if it names a file: "At the end of `docs/journeys.md`:".
        file: that file; empty if there is none.
        code: the code, with a newline at its end.
        line: the number of its first line.
    """

    language: str
    caption: str
    file: str
    code: str
    line: int


_FENCE = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_CAPTION = re.compile(r"^[^`\n]*`([\w./-]+)`:\n+\Z", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = []
    for fence in _FENCE.finditer(text):
        caption = _CAPTION.search(text, 0, fence.start())
        found.append(
            Block(
                language=fence[2],
                caption=caption[0].strip() if caption else "",
                file=caption[1] if caption else "",
                code=fence[3],
                line=text.count("\n", 0, fence.start()) + 2,
            )
        )
    return found


def section(page: Path, heading: str) -> str:
    """Return the text under a heading, up to the next one of its level or above."""
    text = prose(page)
    begin = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert begin, f'{page.name} has no section "{heading}"'
    rest = text[begin.end() :]
    end = re.search(rf"^#{{1,{len(begin[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables, without the heading rows."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        is_head = following.startswith("|---")
        if line.startswith("|") and not line.startswith("|---") and not is_head:
            found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def code(cell: str) -> str:
    """Return the text of the first code span in a cell."""
    span = re.search(r"`([^`]*)`", cell)
    return span[1] if span else ""


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    """Return the page without its code blocks."""
    return _FENCE.sub("", page.read_text())
