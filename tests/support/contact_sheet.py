"""A contact sheet: all messages of a journey side by side, as phones show them."""

from collections.abc import Iterable
from html import escape

from sojourn.domain.content import Content

PHONE = 375
"""The width of a phone's screen, in CSS pixels."""
_STYLE = f"""
body {{ margin: 0; padding: 12px; background: #777; font: 14px/20px sans-serif; }}
.row {{ display: flex; gap: 12px; align-items: flex-start; margin-bottom: 24px; }}
figure {{ margin: 0; width: {PHONE}px; }}
figcaption {{ color: #fff; padding: 4px 0; overflow-wrap: anywhere; }}
iframe {{ width: {PHONE}px; border: 0; background: #fff; display: block; }}
.bubble {{ background: #fff; border-radius: 12px; padding: 12px; overflow-wrap: anywhere;
  white-space: pre-line; }}
"""
_FIT = "this.style.height = this.contentDocument.documentElement.scrollHeight + 'px'"


def sheet(rows: Iterable[Iterable[Content]]) -> str:
    """Return a page with a row for each message, and a column for each language."""
    figures = (f'<div class="row">{"".join(map(_figure, row))}</div>' for row in rows)
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{''.join(figures)}"


def _figure(content: Content) -> str:
    """Return one message: an e-mail in a frame, any other as a bubble."""
    if content.html:
        title = f"{content.template}: {content.subject} / {content.preheader}"
        shown = f'<iframe srcdoc="{escape(content.html)}" onload="{_FIT}"></iframe>'
    else:
        title = content.template
        parts = (content.title, content.body, content.text, content.url, *content.variables)
        said = "\n".join(part for part in parts if part)
        shown = f'<div class="bubble">{escape(said)}</div>'
    return f"<figure><figcaption>{escape(title)}</figcaption>{shown}</figure>"
