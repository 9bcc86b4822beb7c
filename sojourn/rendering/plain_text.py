"""The text part of an e-mail, read from its HTML.

E-mails are laid out with tables inside tables, so a table says little by itself. A row with several
short cells is one line of data; every other row is layout, and its cells follow one another.
"""

import re
from functools import cached_property

from lxml.etree import Comment, ParserError, ProcessingInstruction, strip_elements
from lxml.html import HtmlElement, document_fromstring

MARK = "data-text"
"""The attribute by which a layout addresses the text part. It is removed before the e-mail is sent.

``none`` leaves an element out; ``footer`` sets it off as mailboxes set off a signature.
"""

_MARKS = re.compile(rf' {MARK}="[^"]*"')

_SILENT = frozenset(("head", "script", "style", "template", "title"))
_PARAGRAPHS = frozenset(("blockquote", "dl", "figure", "ol", "p", "table", "ul"))
_LINES = frozenset(
    (
        *("address", "article", "center", "dd", "div", "dt", "figcaption"),
        *("footer", "header", "main", "nav", "section"),
    )
)

_NOT_SHOWN = re.compile(r"display\s*:\s*none")
_READABLE = ("http://", "https://", "mailto:", "tel:")

# Characters that stand for layout until the end. In a document they count as spaces.
_PARAGRAPH, _LINE, _BREAK = "\f", "\n", "\v"
_WHITE = " \f\n\v"
_INDENT = "\x10"
_ADDRESS = re.compile("\x0e(.*?)\x0f")
_SPACES = re.compile(r"[\x00-\x20\x7f]+")
_GAP = re.compile(r"[ \f\n\v]+")
_NUMBER = re.compile(r"\d+\.?")
_SAYS_WHAT_COMES = tuple(":?!.…")
_RULE = "-" * 40


def text_of(html: str) -> str:
    """Return a document as plain text: paragraphs, lists, rows of data, links with addresses.

    Elements that a reader does not see are left out, and so is a picture whose alternative text the
    document says anyway.
    """
    try:
        root = document_fromstring(html.replace("\0", ""))
    except ParserError:  # of a document with nothing in it
        return ""
    _leave_out_what_is_hidden(root)
    return _Writer(root).text()


def without_marks(html: str) -> str:
    """Return a document without its marks for the text part."""
    return _MARKS.sub("", html)


class _Writer:
    """Writes a document as text.

    Args:
        root: of the document.
    """

    def __init__(self, root: HtmlElement) -> None:
        self._root = root

    @cached_property
    def _words(self) -> str:
        """All that the document says beside its pictures."""
        return " ".join(self._root.text_content().split()).casefold()

    def text(self) -> str:
        laid_out = _GAP.sub(_one_gap, self._inside(self._root)).strip(_WHITE)
        paragraphs = (paragraph.split(_LINE) for paragraph in laid_out.split(_PARAGRAPH))
        said = "\n\n".join(map(_with_addresses, paragraphs))
        return said.replace(_INDENT, " ") + "\n"

    def _inside(self, element: HtmlElement) -> str:
        parts = [_collapsed(element.text)]
        for child in element:
            parts += [self._said(child), _collapsed(child.tail)]
        return "".join(parts)

    def _said(self, element: HtmlElement) -> str:
        match element.tag:
            case "br":
                return _BREAK
            case "hr":
                return f"{_PARAGRAPH}{_RULE}{_PARAGRAPH}"
            case "img":
                return self._picture(element)
            case "a":
                return _link(self._inside(element), element.get("href", ""))
            case "tr":
                said = self._row(element)
            case "ol" | "ul":
                said = self._list(element)
            case _:
                said = self._inside(element)
        if element.get(MARK) == "footer":
            said = f"{_PARAGRAPH}--{_LINE}{said.lstrip(_WHITE)}{_PARAGRAPH}"
        return _block(element.tag, said)

    def _picture(self, element: HtmlElement) -> str:
        alternative = _SPACES.sub(" ", element.get("alt", "")).strip()
        known = not alternative or alternative.casefold() in self._words
        return "" if known else alternative

    def _list(self, element: HtmlElement) -> str:
        items = list(element)
        bullets = (f"{n}. " if element.tag == "ol" else "- " for n in range(1, len(items) + 1))
        return _LINE.join(
            _hanging(bullet, self._inside(item))
            for bullet, item in zip(bullets, items, strict=True)
        )

    def _row(self, element: HtmlElement) -> str:
        # cells of a space that does not break keep others apart
        said = (self._said(cell).strip(f"{_WHITE}\N{NO-BREAK SPACE}") for cell in element)
        cells = [cell for cell in said if cell]
        if len(cells) > 1 and not any(_LINE in cell or _PARAGRAPH in cell for cell in cells):
            return _data(cells)
        if len(cells) == 2 and _NUMBER.fullmatch(cells[0]):
            cells = [_hanging(f"{cells[0].rstrip('.')}. ", cells[1])]
        return f"{_PARAGRAPH}{_PARAGRAPH.join(cells)}{_PARAGRAPH}"


def _leave_out_what_is_hidden(root: HtmlElement) -> None:
    """Remove what no reader sees: nobody asks for it again then."""
    for element in root.iterdescendants():
        if _is_hidden(element):
            element.tag = "template"
    strip_elements(root, Comment, ProcessingInstruction, *_SILENT, with_tail=False)


def _is_hidden(element: HtmlElement) -> bool:
    told = dict(element.items())
    return bool(told) and (
        told.get(MARK) == "none"
        or "hidden" in told
        or told.get("aria-hidden") == "true"
        or (
            "none" in (style := told.get("style", "").casefold()) and bool(_NOT_SHOWN.search(style))
        )
    )


def _collapsed(text: str | None) -> str:
    """Return text with the white space that a reader sees."""
    return _SPACES.sub(" ", text) if text else ""


def _block(tag: str, said: str) -> str:
    """Set an element off from what stands around it, as far as its tag does that."""
    if tag == "h1" and (title := said.strip(_WHITE)):
        underline = "=" * len(_ADDRESS.sub("", title))
        return f"{_PARAGRAPH}{title}{_LINE}{underline}{_PARAGRAPH}"
    if tag in ("h2", "h3", "h4", "h5", "h6"):  # these stand on the text that they head
        return f"{_PARAGRAPH}{said}{_LINE}"
    if tag in _PARAGRAPHS:
        return f"{_PARAGRAPH}{said}{_PARAGRAPH}"
    if tag in _LINES:
        return f"{_LINE}{said}{_LINE}"
    return said


def _hanging(bullet: str, said: str) -> str:
    """Write a list's entry, its further lines under the first one's words."""

    def indented(gap: re.Match[str]) -> str:
        return _LINE + _INDENT * len(bullet) if gap[0].strip(" ") else " "

    return bullet + _GAP.sub(indented, said.strip(_WHITE))


def _data(cells: list[str]) -> str:
    """Write a row of data as one line, and the addresses of its links beneath."""
    addresses = [found for cell in cells for found in _ADDRESS.findall(cell)]
    cells = [_ADDRESS.sub("", cell) for cell in cells]
    values = [value.strip() for cell in cells for value in cell.split(_BREAK) if value.strip()]
    if len(values) == len(cells) == 2:
        line = f"{values[0].removesuffix(':')}: {values[1]}"
    else:
        line = " · ".join(values)
    around = _PARAGRAPH if addresses else _LINE
    return around + _LINE.join([line, *addresses]) + around


def _link(label: str, address: str) -> str:
    """Write a link: its label, and where it leads unless the label says that."""
    address = _SPACES.sub("%20", address.strip())
    bare = label.strip(_WHITE)
    if not bare or not address.lower().startswith(_READABLE):
        return label
    shown, leads = bare.rstrip("/").casefold(), address.rstrip("/").casefold()
    if shown == leads:
        return label
    if leads in (f"mailto:{shown}", f"tel:{shown}"):
        return label
    if leads in (f"https://{shown}", f"http://{shown}"):
        return label.replace(bare, address)
    return label.rstrip(_WHITE) + f"\x0e{address}\x0f" + (" " if label.endswith(" ") else "")


def _one_gap(found: re.Match[str]) -> str:
    """Make one gap of several: the widest. Two ``<br>`` end a paragraph."""
    gap = found[0]
    if _PARAGRAPH in gap or gap.count(_BREAK) > 1:
        return _PARAGRAPH
    return _LINE if _LINE in gap or _BREAK in gap else " "


def _with_addresses(lines: list[str]) -> str:
    return "\n".join(_with_address(line, alone=len(lines) == 1) for line in lines)


def _with_address(line: str, *, alone: bool) -> str:
    """Put the addresses of a line's links where they interrupt least.

    Args:
        line: with its addresses marked.
        alone: the line is a paragraph of its own, so that an address can go on one, too.

    Returns:
        The line. Addresses within it are in brackets; one that ends it follows a colon.
    """
    label, start, end = line.rpartition("\x0e")
    if start and end.endswith("\x0f"):
        colon = "" if label.endswith(_SAYS_WHAT_COMES) else ":"
        gap = "\n" if alone else " "
        line = f"{label}{colon}{gap}{end[:-1]}"
    return _ADDRESS.sub(r" (\1)", line)
