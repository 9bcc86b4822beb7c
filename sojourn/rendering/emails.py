"""E-mails: subject, preheader, HTML and text part, all out of one template."""

from collections.abc import Mapping
from typing import Any

import css_inline
import jinja2

from sojourn.domain.content import Attachment
from sojourn.domain.messages import Channel
from sojourn.rendering import calendars, contents, mjml
from sojourn.rendering.blocks import LINES, rendered
from sojourn.rendering.faults import faults_of
from sojourn.rendering.folders import Folders
from sojourn.rendering.plain_text import text_of, without_marks


class Emails:
    """Renders e-mails.

    Args:
        environment: runs the templates.
        folders: where they are.
    """

    def __init__(self, environment: jinja2.Environment, folders: Folders) -> None:
        self._environment = environment
        self._folders = folders
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def parts(self, name: str, names: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a content that e-mails fill.

        Args:
            name: of the template, without its ending: ``renewal/today.email.it``.
            names: what it can use.

        Returns:
            Subject, preheader, both parts, and the calendar file if there is one.

        Raises:
            TemplateError: one line that names the file.
            NothingToSay: the template declined.
        """
        kind = self._folders.kind(name, Channel.EMAIL)
        with faults_of(f"{name}.{kind}", self._folders.roots):
            made = rendered(
                self._environment, f"{name}.{kind}", names, contents.BLOCKS[Channel.EMAIL]
            )
            contents.check_blocks(made.said, Channel.EMAIL)
            if made.said.get("attachments", "").strip():
                raise jinja2.TemplateRuntimeError('its block "attachments" may only call attach()')
            parts: dict[str, Any] = {part: made.said.get(part, "") for part in LINES}
            # MJML has its styles where they belong
            html = (mjml.compiled if kind == "mjml" else self._inliner.inline)(made.document)
            parts["text"] = self._text(name, {**names, **parts}, html)
            parts["html"] = without_marks(html)
        if self._folders.find(f"{name}.ics"):
            parts["attachments"] = self._calendar(f"{name}.ics", names)
        return parts

    def _text(self, name: str, names: Mapping[str, Any], html: str) -> str:
        """Return the text part: the template's own if there is one, else what the HTML says."""
        if self._folders.find(f"{name}.txt"):
            written = self._environment.get_template(f"{name}.txt").render(names)
            return contents.prose(written)
        text = text_of(html)
        if not text.strip():
            raise jinja2.TemplateRuntimeError(
                "nothing is left of it as text: describe its pictures (alt), or write a .txt beside"
            )
        return text

    def _calendar(self, name: str, names: Mapping[str, Any]) -> tuple[Attachment, ...]:
        with faults_of(name, self._folders.roots):
            return calendars.attachments(self._environment.get_template(name).render(names))
