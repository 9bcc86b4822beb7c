"""MJML: e-mails in tags that say what a thing is, compiled to tables that every mailbox shows.

https://documentation.mjml.io; the compiler is https://github.com/jdrouet/mrml.
"""

import re

from jinja2 import TemplateRuntimeError
from mrml import RenderOptions, to_html

# MJML loads its usual fonts from Google, which tells Google who reads; a template may name its own
_OPTIONS = RenderOptions(disable_comments=True, fonts={})

_LEFT_OVER = re.compile(r"<(mj-[\w-]+)")


def compiled(source: str) -> str:
    """Return the HTML of a document in MJML.

    Its styles are where mailboxes want them: they must not be inlined again.

    Raises:
        jinja2.TemplateRuntimeError: the document is not MJML, or has a tag that MJML lacks.
    """
    try:
        html = to_html(source, render_options=_OPTIONS).content
    except OSError as error:  # the compiler has no error of its own
        raise TemplateRuntimeError(f"MJML: {error}") from None
    if unknown := _LEFT_OVER.search(html):
        raise TemplateRuntimeError(f"MJML: there is no <{unknown[1]}>")
    return html
